"""How late the pacer sends, beside how late this machine wakes anybody: the ratio is the pacer's own share.

A vantage as in a drill (its own process, its HTTP probe, its recorder) asks a server on this machine; its slip is what
its own history says, due to sent. The machine's timer jitter is that of a loop that does nothing but sleep until the
next moment of the same schedule. Both take turns in the same run, in halves, so that they meet the same machine.

The highest rate is that of one stream on one core: the fastest schedule that the vantage keeps by the gate that every
drill is held to (99% sent within a period of their time, `reports/vantage.py`), with nothing unsent and nothing bad.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from bench.answering import answering
from bench.figures import Spread, ratio, spread, write
from probes.client import VantageLost, VantageProcess
from probes.clock import start_clock
from probes.history import MarksHeader, Stream
from probes.load import load_history
from probes.spec import HttpProbe, HttpRequest, Resolver, VantageSpec

NS_PER_S = 1_000_000_000
# Operations a second, and for how many seconds: long enough that a p99 is more than the worst.
RATES: tuple[tuple[int, float], ...] = ((10, 12.0), (100, 6.0), (500, 6.0))
TIMEOUT_NS = NS_PER_S
# In the search the vantage is driven beyond what it can do: with a second to answer each, it would have thousands
# of threads at work, which slows down whatever else runs on the machine and tells nothing more.
SEARCH_TIMEOUT_NS = NS_PER_S // 20
# The first operation connects, and what is imported late is imported by then.
WARM_UP_NS = NS_PER_S // 2
# The search for the highest rate: where it begins, how long each try lasts and
# how many a rate gets, how close it comes, and where it gives up.
FROM_RATE, TRY_S, TRIES, CLOSE, MOST_RATE = 125, 2.0, 2, 0.1, 8_000


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. Slip and jitter in ms; `ratio` is slip over jitter; `cpu_us` is CPU time of the vantage's process an
    operation, in us, with its recorder and its clocks (the operating system counts in steps of 10 ms)."""

    rate: int
    slip_ms: Spread
    jitter_ms: Spread
    ratio: Spread
    unsent: int
    good: int
    cpu_us: float


class Slipped(msgspec.Struct, frozen=True, kw_only=True):
    """What one vantage did: how late it sent, in ns; what it could not send; what was answered well; its CPU time."""

    slip_ns: list[int]
    unsent: int
    good: int
    cpu_s: float

    def keeps(self, period_ns: int) -> bool:
        """Whether it kept its schedule by the gate, sent all and was answered each time."""
        if not self.slip_ns:
            return False
        p99 = sorted(self.slip_ns)[int(0.99 * (len(self.slip_ns) - 1))]
        return p99 <= period_ns and self.unsent == 0 and self.good == len(self.slip_ns)


class Highest(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate a second that was kept, and the lowest that was not (None: none was tried that was not).

    `one_core` says whether the vantage had one core for itself alone; `cpu_us` is as in `Pacing`.
    """

    kept: int
    missed: int | None
    one_core: bool
    cpu_us: float


def measure(rates: Sequence[tuple[int, float]] = RATES) -> list[Pacing]:
    """All rates, one after the other."""
    with answering() as port:
        return [_measure(port, rate, seconds) for rate, seconds in rates]


def _measure(port: int, rate: int, seconds: float) -> Pacing:
    before = jitter_ns(rate, seconds / 2)
    found = slipped(port, rate, seconds)
    jitter = [*before, *jitter_ns(rate, seconds / 2)]
    slip_ms, jitter_ms = spread([n / 1e6 for n in found.slip_ns]), spread([n / 1e6 for n in jitter])
    return Pacing(
        rate=rate,
        slip_ms=slip_ms,
        jitter_ms=jitter_ms,
        ratio=ratio(slip_ms, jitter_ms),
        unsent=found.unsent,
        good=found.good,
        cpu_us=1e6 * found.cpu_s / len(found.slip_ns),
    )


def highest() -> Highest:
    """Search for the highest rate on one core; the server has the others."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    tried: dict[int, Slipped] = {}

    def kept(rate: int, port: int) -> bool:
        try:
            tried[rate] = slipped(port, rate, TRY_S, SEARCH_TIMEOUT_NS)
        except VantageLost:
            return False
        return tried[rate].keeps(NS_PER_S // rate)

    # The server starts on the other cores before the vantage gets its own.
    with _on(cores[1:]), answering() as port, _on(cores[:1]):
        # What was kept once can be kept: a miss may have been the machine's.
        best, missed = search(lambda rate: any(kept(rate, port) for _ in range(TRIES)))
    cpu_s, count = (tried[best].cpu_s, len(tried[best].slip_ns)) if best else (0.0, 1)
    return Highest(kept=best, missed=missed, one_core=len(cores) > 1, cpu_us=1e6 * cpu_s / count)


def search(kept: Callable[[int], bool]) -> tuple[int, int | None]:
    """The highest rate that is kept (0: not even the first) and the lowest that is not, by doubling and halving."""
    best, rate = 0, FROM_RATE
    while rate <= MOST_RATE and kept(rate):
        best, rate = rate, 2 * rate
    if rate > MOST_RATE:
        return best, None
    missed = rate
    while best and missed - best > CLOSE * best:
        rate = (best + missed) // 2
        best, missed = (rate, missed) if kept(rate) else (best, rate)
    return best, missed


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """What is started inside runs on these cores alone, where the operating system can; on all if none are given."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def jitter_ns(rate: int, seconds: float) -> list[int]:
    """How late a bare loop wakes that sleeps until each moment of a schedule."""
    period_ns = NS_PER_S // rate
    start_ns = time.monotonic_ns() + period_ns
    late = []
    for number in range(max(1, round(rate * seconds))):
        due_ns = start_ns + number * period_ns
        time.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
        late.append(time.monotonic_ns() - due_ns)
    return late


def slipped(port: int, rate: int, seconds: float, timeout_ns: int = TIMEOUT_NS) -> Slipped:
    """Have a vantage ask the server on `port` at that rate for so long, and some more to warm up."""
    with tempfile.TemporaryDirectory(prefix="dr-drills-bench-") as name:
        folder = Path(name)
        with VantageProcess(_spec(folder, port, rate, timeout_ns), folder / "vantage.log") as vantage:
            process = psutil.Process(vantage.pid)
            time.sleep(WARM_UP_NS / NS_PER_S)
            before = process.cpu_times()
            time.sleep(seconds)
            after = process.cpu_times()
            unsent = vantage.stop().unsent
        operations = load_history(folder).operations
    first_ns = operations[0].due_ns + WARM_UP_NS
    counted = [o for o in operations if o.due_ns >= first_ns]
    cpu_s = after.user + after.system - before.user - before.system
    good = sum(o.good for o in counted)
    return Slipped(slip_ns=[o.sent_ns - o.due_ns for o in counted], unsent=unsent, good=good, cpu_s=cpu_s)


def _spec(folder: Path, port: int, rate: int, timeout_ns: int) -> VantageSpec:
    # `load_history` wants the marks of a runner; here there is none but their header.
    header = msgspec.json.encode(MarksHeader(base=start_clock(), run="bench", drill="bench"))
    (folder / "marks.jsonl").write_bytes(header + b"\n")
    stream = Stream(
        name="read", probe="answering", role="workload", kind="read", connection="pooled",
        period_ns=NS_PER_S // rate, timeout_ns=timeout_ns,
    )  # fmt: skip
    probe = HttpProbe(read=HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/"))
    return VantageSpec(
        name="bench", run="bench", drill="bench", folder=str(folder), zone="", key_prefix="bench-", seed=1,
        resolver=Resolver(), dial_map=None, streams=(stream,), probes={"answering": probe},
    )  # fmt: skip


def shown(found: Sequence[Pacing]) -> str:
    """A table for a reader."""
    lines = ["pacer: slip due to sent, p50 / p99 / worst in ms (in brackets: times the machine's own timer jitter)"]
    return "\n".join([*lines, *map(_line, found)])


def _line(one: Pacing) -> str:
    slip, jitter, times = one.slip_ms, one.jitter_ms, one.ratio
    figures = (f"{slip.p50:.2f} ({times.p50:.1f}x)", f"{slip.p99:.2f} ({times.p99:.1f}x)")
    counts = f"{slip.count} sent, {one.unsent} unsent, {slip.count - one.good} bad, CPU {one.cpu_us:.0f} us each"
    return (
        f"  {one.rate:4}/s  {' / '.join((*figures, f'{slip.worst:.2f} ({times.worst:.1f}x)'))}   "
        f"jitter {jitter.p50:.2f} / {jitter.p99:.2f} / {jitter.worst:.2f}   {counts}"
    )


def shown_highest(found: Highest) -> str:
    """A line for a reader."""
    where = "on one core" if found.one_core else "with the server on the same cores"
    missed = "the search ended there" if found.missed is None else f"{found.missed}/s was not kept"
    return f"pacer: highest rate of one stream {where}: {found.kept}/s ({missed}), CPU {found.cpu_us:.0f} us each"


def main() -> int:
    """Measure, print, write."""
    rates, most = measure(), highest()
    print(shown(rates))
    print(shown_highest(most))
    write("pacing", rates=rates, highest=most)
    return 0


if __name__ == "__main__":
    sys.exit(main())
