"""Gates on the instrument itself: the vantage was alive and asking all the time, and its history is whole."""

from collections.abc import Iterator
from itertools import pairwise

from probes.clock import ClockBase
from probes.history import History, VantageRecord
from reports.bounds import NS_PER_S, seconds
from reports.gates import Gate, broken, held
from reports.recovery import Recovery
from reports.series import Series, names_of, series_of

# Sends further apart than this many periods leave a stretch in which nothing was asked.
MOST_PERIODS = 2
# UTC may run this much faster or slower than the monotonic clock while a daemon slews it (ntpd: 500 ppm), ...
SLEW = 500e-6
# ... and reading the two clocks costs less than this.
STEP_NS = 50_000_000


def vantage_gates(history: History, found: Recovery, hold_ns: int) -> list[Gate]:
    """Control stream, gaps, slip, history and wall clock."""
    until_ns = _judged_until(found, hold_ns)
    return [
        _control(history, found, until_ns),
        _gaps(history, found, until_ns, hold_ns),
        _slip(history),
        _complete(history),
        _ended(history),
        _wall_clock(history),
    ]


def _judged_until(found: Recovery, hold_ns: int) -> int | None:
    """The end of the last hold window; None: to the end of the history."""
    ends = [g.stable_upper_ns for g in found.groups]
    known = [e for e in ends if e is not None]
    if not ends or len(known) < len(ends):
        return found.phases.until_ns
    return max(known) + hold_ns


def _control(history: History, found: Recovery, until_ns: int | None) -> Gate:
    check = "vantage alive"
    controls = series_of(history, "control")
    since_ns = found.phases.since_ns or 0
    asked = [
        o
        for s in controls
        for o in s.operations
        if o.done_ns >= since_ns and (until_ns is None or o.sent_ns <= until_ns)
    ]  # fmt: skip
    if not asked:
        return broken(check, "No control stream shows that the vantage could ask anything at all.")
    bad = [o for o in asked if not o.good]
    if bad:
        says = (
            f"{len(bad)} of {len(asked)} questions to the control target, which nothing broke, failed: "
            f"the vantage itself was in trouble."
        )
        return broken(check, says, operations=names_of(bad))
    return held(check, f"The control target answered all {len(asked)} times.")


def _gaps(history: History, found: Recovery, until_ns: int | None, hold_ns: int) -> Gate:
    check = "asked all the time"
    gaps = [
        (name, begin, end)
        for role in ("workload", "control")
        for s in series_of(history, role)
        for name, begin, end in _series_gaps(s, found, until_ns, hold_ns)
    ]
    if not gaps:
        return held(check, "No stream paused for more than two periods where it matters.")
    name, begin, end = max(gaps, key=lambda g: g[2] - g[1])
    start_ns = found.phases.start_ns
    says = (
        f"Nothing was sent for up to {seconds(end - begin):.3f} s (stream {name}, from "
        f"{seconds(begin - start_ns):.1f} s) "
        f"where the edges of the outage or its hold lie: {len(gaps)} gaps of more than two periods."
    )
    return broken(check, says)


def _series_gaps(series: Series, found: Recovery, until_ns: int | None, hold_ns: int) -> Iterator[tuple[str, int, int]]:
    """Gaps between `requested` and the end of the hold, but for those inside this stream's own outage.

    Between two bad operations a pause hides nothing, unless a whole hold would fit into it.
    """
    most_ns = MOST_PERIODS * series.stream.period_ns
    since_ns = found.phases.since_ns
    if since_ns is None:
        return
    own = [e for g in found.groups for e in g.episodes if e.series.id == series.id]
    for a, b in pairwise(series.operations):
        begin, end = a.sent_ns, b.sent_ns
        if end - begin <= most_ns or end < since_ns or (until_ns is not None and begin > until_ns):
            continue
        inside = any(e.bad[0].sent_ns <= begin and end <= e.bad[-1].sent_ns for e in own)
        if not (inside and not a.good and not b.good and end - begin < hold_ns):
            yield series.stream.name, begin, end


def _slip(history: History) -> Gate:
    """Sending late does not falsify an edge (the formulas use `sent`), but a vantage that is late as a rule is ill."""
    check = "schedule kept"
    late: list[float] = sorted(
        (o.sent_ns - o.due_ns) / s.stream.period_ns for s in series_of(history, "workload") for o in s.operations
    )
    if not late:
        return broken(check, "Nothing was sent to the workload.", verdict="invalid")
    p99 = late[int(0.99 * (len(late) - 1))]
    says = f"99% of operations were sent within {max(0.0, p99):.3f} periods of their time, the latest {late[-1]:.3f}."
    return held(check, says) if p99 <= 1 else broken(check, says + " The vantage could not keep its schedule.")


def _complete(history: History) -> Gate:
    check = "history complete"
    problems = [p for v in history.vantages for p in _vantage_problems(v, history)]
    if not history.vantages:
        problems = ["No vantage left a history."]
    # What was due and could not be sent leaves a gap, and the gaps have a gate of their own.
    unsent = sum(v.end.unsent for v in history.vantages if v.end is not None)
    says = f"{unsent} due operations could not be sent." if unsent else ""
    if problems:
        return broken(check, " ".join([*problems, says]).strip(), spares_fail=True)
    return held(check, f"Every vantage ended in order and every line of its history was read. {says}".strip())


def _vantage_problems(record: VantageRecord, history: History) -> Iterator[str]:
    name = record.header.vantage
    if record.torn:
        yield f"{record.torn} lines of vantage {name} were torn and are lost."
    if record.end is None:
        yield f"Vantage {name} did not end in order, so its last operations may be missing."
        return
    count = sum(o.vantage == name for o in history.operations)
    if count != record.end.operations:
        yield f"Vantage {name} wrote {record.end.operations} operations, but {count} were read."


def _ended(history: History) -> Gate:
    check = "harness sound"
    error = history.mark("error")
    if error is not None:
        says = f"The harness itself failed ({error.says or 'no details'}), so nothing can pass."
        return broken(check, says, verdict="invalid", spares_fail=True)
    return held(check, "The harness ran without an error of its own.")


def _wall_clock(history: History) -> Gate:
    """Durations come from the monotonic clock; only where a vantage runs on another machine does UTC join the axes."""
    check = "wall clock steady"
    for record in history.vantages:
        if record.end is None:
            continue
        moved_ns = _moved(record.header.base, record.end.base)
        lasted_ns = record.end.base.mono_ns - record.header.base.mono_ns
        if abs(moved_ns) > STEP_NS + SLEW * lasted_ns:
            one = record.header.base.boot == history.base.boot
            name, moved_s = record.header.vantage, moved_ns / NS_PER_S
            says = f"The wall clock of vantage {name} moved by {moved_s:+.3f} s in the drill; "
            says += "times in UTC are off by that, durations are not." if one else "its times cannot be compared."
            return broken(check, says, taints=() if one else ("recovery time", "data loss"))
    offset = history.base.offset
    return held(check, f"No wall clock stepped in the drill; its own offset from UTC is {offset}.")


def _moved(first: ClockBase, last: ClockBase) -> int:
    return (last.utc_ns - first.utc_ns) - (last.mono_ns - first.mono_ns)
