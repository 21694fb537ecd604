"""How late the pacer sends, beside how late this machine wakes anybody: the ratio is the pacer's own share.

A vantage as in a drill (its own process, its HTTP probe, its recorder) asks a server on this machine; its slip is what
its own history says, due to sent. The machine's timer jitter is that of a loop that does nothing but sleep until the
next moment of the same schedule. Both take turns in the same run, in halves, so that they meet the same machine.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.answering import answering
from bench.figures import Spread, ratio, spread
from probes.client import VantageProcess
from probes.clock import start_clock
from probes.history import MarksHeader, Stream
from probes.load import load_history
from probes.spec import HttpProbe, HttpRequest, Resolver, VantageSpec

NS_PER_S = 1_000_000_000
# Operations a second, and for how many seconds: long enough that a p99 is more than the worst.
RATES: tuple[tuple[int, float], ...] = ((10, 12.0), (100, 6.0), (500, 6.0))
TIMEOUT_NS = NS_PER_S
# The first operation connects, and what is imported late is imported by then.
WARM_UP_NS = NS_PER_S // 2


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. Slip and jitter in ms; `ratio` is slip over jitter."""

    rate: int
    slip_ms: Spread
    jitter_ms: Spread
    ratio: Spread
    unsent: int
    good: int


def measure(rates: Sequence[tuple[int, float]] = RATES) -> list[Pacing]:
    """All rates, one after the other."""
    with answering() as port:
        return [_measure(port, rate, seconds) for rate, seconds in rates]


def _measure(port: int, rate: int, seconds: float) -> Pacing:
    before = jitter_ns(rate, seconds / 2)
    slip, unsent, good = slip_ns(port, rate, seconds)
    jitter = [*before, *jitter_ns(rate, seconds / 2)]
    slip_ms, jitter_ms = spread([n / 1e6 for n in slip]), spread([n / 1e6 for n in jitter])
    return Pacing(
        rate=rate, slip_ms=slip_ms, jitter_ms=jitter_ms, ratio=ratio(slip_ms, jitter_ms), unsent=unsent, good=good
    )


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


def slip_ns(port: int, rate: int, seconds: float) -> tuple[list[int], int, int]:
    """How late a vantage sends; how many operations it could not send; how many were answered well."""
    with tempfile.TemporaryDirectory(prefix="dr-drills-bench-") as name:
        folder = Path(name)
        with VantageProcess(_spec(folder, port, rate), folder / "vantage.log") as vantage:
            time.sleep(seconds + WARM_UP_NS / NS_PER_S)
            unsent = vantage.stop().unsent
        operations = load_history(folder).operations
    first_ns = operations[0].due_ns + WARM_UP_NS
    counted = [o for o in operations if o.due_ns >= first_ns]
    return [o.sent_ns - o.due_ns for o in counted], unsent, sum(o.good for o in counted)


def _spec(folder: Path, port: int, rate: int) -> VantageSpec:
    # `load_history` wants the marks of a runner; here there is none but their header.
    header = msgspec.json.encode(MarksHeader(base=start_clock(), run="bench", drill="bench"))
    (folder / "marks.jsonl").write_bytes(header + b"\n")
    stream = Stream(
        name="read", probe="answering", role="workload", kind="read", connection="pooled",
        period_ns=NS_PER_S // rate, timeout_ns=TIMEOUT_NS,
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
    counts = f"{slip.count} sent, {one.unsent} unsent, {slip.count - one.good} bad"
    return (
        f"  {one.rate:4}/s  {' / '.join((*figures, f'{slip.worst:.2f} ({times.worst:.1f}x)'))}   "
        f"jitter {jitter.p50:.2f} / {jitter.p99:.2f} / {jitter.worst:.2f}   {counts}"
    )
