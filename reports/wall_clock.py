"""What a vantage's clocks tell: a wall clock that steps, a machine that sleeps, a vantage that stands still."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter

import msgspec

from probes.clock import shift_ns
from probes.history import ClockReading, History, VantageRecord
from reports.bounds import NS_PER_S, seconds
from reports.gates import Gate, Objective, broken, held
from reports.phases import Phases

# UTC may run this much faster or slower than the monotonic clock while a daemon slews it (ntpd: 500 ppm), ...
SLEW = 500e-6
# ... and reading the two clocks costs less than this.
STEP_NS = 50_000_000
# The clocks are read every second; a vantage that gave no sign of life for so long did not run.
STILL_NS = 1_500_000_000
# Moments that one sentence names.
_SHOWN = 3


class Moved(msgspec.Struct, frozen=True):
    """Between two readings of one vantage's clocks: by how much the one gained on the other, ns."""

    vantage: str
    begin_ns: int
    end_ns: int
    by_ns: int

    def says(self, start_ns: int, number: str) -> str:
        """`+2.000 s between 4.0 s and 5.0 s (vantage client)`, in s since the drill's start."""
        begin_s, end_s = seconds(self.begin_ns - start_ns), seconds(self.end_ns - start_ns)
        return f"{seconds(self.by_ns):{number}} s between {begin_s:.1f} s and {end_s:.1f} s (vantage {self.vantage})"


def clock_gates(history: History, phases: Phases, judged_until_ns: int | None) -> list[Gate]:
    """The wall clock, and whether the machine was awake. `judged_until_ns`: the end of what the recovery rests on."""
    return [_wall_clock(history, phases), _awake(history, phases, judged_until_ns)]


def standstills(history: History) -> list[Moved]:
    """When a vantage gave no sign of life: nothing sent, nothing answered, no clock read. `by_ns` is for how long.

    Only a vantage that reads its clocks can be seen to stand still.
    """
    return [still for record in history.vantages for still in _standstills(record, history)]


def wandered_ns(history: History) -> int:
    """By how much UTC and the monotonic clock parted in the drill, at most: by steps, slewing and sleep. Ns.

    By so much a moment of the drill may be another one in UTC than its base says. Of the vantage of which most is seen.
    """
    return max((_wandered_ns(record, history) for record in history.vantages), default=0)


def _wandered_ns(record: VantageRecord, history: History) -> int:
    zeros = [history.base.utc_ns, *(reading.utc_ns - reading.at_ns for reading in _readings(record, history))]
    return max(zeros) - min(zeros)


def _standstills(record: VantageRecord, history: History) -> Iterator[Moved]:
    name, sent = record.header.vantage, attrgetter("sent_ns")
    for a, b in pairwise(record.clocks):
        if b.at_ns - a.at_ns < STILL_NS:
            continue
        longest_ns = max((s.timeout_ns for s in record.header.streams), default=0)
        first = bisect_left(history.operations, a.at_ns - longest_ns, key=sent)
        last = bisect_right(history.operations, b.at_ns, key=sent)
        own = [o for o in history.operations[first:last] if o.vantage == name]
        alive = sorted(t for o in own for t in (o.sent_ns, o.done_ns) if a.at_ns < t < b.at_ns)
        for begin_ns, end_ns in pairwise([a.at_ns, *alive, b.at_ns]):
            if end_ns - begin_ns >= STILL_NS:
                yield Moved(name, begin_ns, end_ns, end_ns - begin_ns)


def _wall_clock(history: History, phases: Phases) -> Gate:
    """Durations come from the monotonic clock; only where a vantage runs on another machine does UTC join the axes."""
    check = "wall clock steady"
    steps = [step for record in history.vantages for step in _steps(record, history)]
    if steps:
        foreign = {v.header.vantage for v in history.vantages if v.header.base.boot != history.base.boot}
        apart = sorted(foreign & {step.vantage for step in steps})
        says = f"The wall clock moved by {_listed(steps, phases.start_ns, '+.3f')}; "
        says += f"times of {', '.join(apart)} cannot be compared." if apart else _ONLY_UTC
        return broken(check, says, taints=("recovery time", "data loss") if apart else ())
    return held(check, f"No wall clock stepped in the drill; its own offset from UTC is {history.base.offset}.")


_ONLY_UTC = "times in UTC are off by that, durations are not."


def _listed(moves: list[Moved], start_ns: int, number: str) -> str:
    more = f" and {len(moves) - _SHOWN} times more" if len(moves) > _SHOWN else ""
    return " and by ".join(move.says(start_ns, number) for move in moves[:_SHOWN]) + more


def _steps(record: VantageRecord, history: History) -> Iterator[Moved]:
    """Every time that UTC gained or lost more than slewing explains and sleep does; or all in all, if no single time.

    A clock that steps back between two readings is not seen.
    """
    readings = _readings(record, history)
    found = [_step(record, a, b) for a, b in pairwise(readings)]
    single = [step for step in found if _too_much(step)]
    whole = Moved(
        record.header.vantage, readings[0].at_ns, readings[-1].at_ns, sum(step.by_ns for step in found)
    )  # fmt: skip
    yield from single or [step for step in [whole] if _too_much(step)]


def _too_much(step: Moved) -> bool:
    return abs(step.by_ns) > STEP_NS + SLEW * (step.end_ns - step.begin_ns)


def _step(record: VantageRecord, a: ClockReading, b: ClockReading) -> Moved:
    by_ns = (b.utc_ns - a.utc_ns) - (b.at_ns - a.at_ns) - _slept_ns(a, b)
    return Moved(record.header.vantage, a.at_ns, b.at_ns, by_ns)


def _slept_ns(a: ClockReading, b: ClockReading) -> int:
    return b.asleep_ns - a.asleep_ns if a.asleep_ns is not None and b.asleep_ns is not None else 0


def _readings(record: VantageRecord, history: History) -> list[ClockReading]:
    """What the vantage's clocks said from its base to its end, on the history's axis."""
    by_ns = shift_ns(record.header.base, history.base)
    known = bool(record.clocks) and record.clocks[0].asleep_ns is not None
    first = ClockReading(at_ns=by_ns, utc_ns=record.header.base.utc_ns, asleep_ns=0 if known else None)
    readings = [first, *record.clocks]
    if record.end is not None:
        at_ns = record.end.base.mono_ns - record.header.base.mono_ns + by_ns
        readings.append(ClockReading(at_ns=at_ns, utc_ns=record.end.base.utc_ns))
    return readings


def _awake(history: History, phases: Phases, judged_until_ns: int | None) -> Gate:
    """The monotonic clock stands still while the machine sleeps, so whatever is measured across a sleep is too short.

    What failed when it woke may be its own network's fault, so a miss is not proved either.
    """
    check = "machine awake"
    slept = [s for record in history.vantages for s in _sleeps(record, history)]
    if not slept:
        known = any(c.asleep_ns is not None for v in history.vantages for c in v.clocks)
        return held(
            check, "No vantage's machine slept." if known else "Whether a vantage's machine slept is not known."
        )
    touched = [s for s in slept if phases.since_ns is not None and s.end_ns >= phases.since_ns]
    says = f"The machine slept for {_listed(touched or slept, phases.start_ns, '.3f')}"
    if not touched:
        return held(check, f"{says}: before the fault was asked for, so nothing that is judged.")
    early = judged_until_ns is None or any(s.begin_ns <= judged_until_ns for s in touched)
    taints: tuple[Objective, ...] = ("recovery time", "data loss") if early else ("data loss",)
    return broken(
        check, f"{says}: no clock of ours ran then, so what is measured across it is too short.", taints=taints
    )


def _sleeps(record: VantageRecord, history: History) -> Iterator[Moved]:
    for a, b in pairwise(_readings(record, history)):
        slept_ns = _slept_ns(a, b)
        if slept_ns > NS_PER_S // 20:
            yield Moved(record.header.vantage, a.at_ns, b.at_ns, slept_ns)
