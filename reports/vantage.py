"""Gates on the instrument itself: the vantage was alive and asking all the time, and its history is whole."""

from collections.abc import Iterator

from probes.history import History, VantageRecord
from reports.bounds import NS_PER_S, seconds
from reports.gates import Gate, broken, held
from reports.objectives import Objectives, allowed_period_s
from reports.pauses import MOST_PERIODS, Pause, pauses_of
from reports.people import unaided
from reports.recovery import Recovery
from reports.series import Series, names_of, series_of
from reports.wall_clock import Moved, clock_gates, standstills

# Operations that one finding names.
_SHOWN = 5


def vantage_gates(history: History, found: Recovery, objectives: Objectives) -> list[Gate]:
    """Control stream, gaps, slip, history, clocks, and whether a person helped."""
    hold_ns = round(objectives.hold_s * NS_PER_S)
    until_ns = _judged_until(found, hold_ns)
    return [
        _control(history, found, until_ns),
        _gaps(history, found, until_ns, hold_ns, objectives.rto_s),
        _slip(history, objectives.rto_s),
        _complete(history),
        _ended(history),
        *clock_gates(history, found.phases, until_ns),
        unaided(history, found),
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


def _gaps(history: History, found: Recovery, until_ns: int | None, hold_ns: int, rto_s: float | None) -> Gate:
    """Whether anybody was asking.

    Every interval is widened over the pauses in it; here it is asked whether one was so long that a schedule this
    coarse would not have been allowed for the objective.
    """
    check = "asked all the time"
    still = [s for s in standstills(history) if _overlaps(s, found, until_ns)]
    gaps = [
        (s, pause)
        for role in ("workload", "control")
        for s in series_of(history, role)
        for pause in pauses_of(s.operations, _most_ns(s, rto_s))
        if _matters(pause, s, found, until_ns, hold_ns)
    ]
    stood = "".join(f" {_stood(one, found.phases.start_ns)}" for one in still[:_SHOWN])
    if not gaps:
        return held(check, f"No stream paused for longer than the objective can bear where it matters.{stood}")
    series, longest = max(gaps, key=lambda g: g[1].end_ns - g[1].begin_ns)
    start_ns = found.phases.start_ns
    says = (
        f"Nothing was sent for up to {seconds(longest.end_ns - longest.begin_ns):.3f} s (stream {series.stream.name}, "
        f"from {seconds(longest.begin_ns - start_ns):.1f} s) where the edges of the outage or its hold lie, "
        f"longer than the objective can bear.{stood}"
    )
    around = names_of(o for o in series.operations if o.sent_ns in (longest.begin_ns, longest.end_ns))
    return broken(check, says, taints=("recovery time",), operations=around)


def _overlaps(still: Moved, found: Recovery, until_ns: int | None) -> bool:
    since_ns = found.phases.since_ns
    return since_ns is not None and still.end_ns >= since_ns and (until_ns is None or still.begin_ns <= until_ns)


def _stood(still: Moved, start_ns: int) -> str:
    begin_s, end_s = seconds(still.begin_ns - start_ns), seconds(still.end_ns - start_ns)
    return (
        f"Vantage {still.vantage} stood still from {begin_s:.1f} s to {end_s:.1f} s: it sent nothing and read no clock."
    )


def _most_ns(series: Series, rto_s: float | None) -> int:
    """Two periods: this stream's own, or the longest that the RTO allows a stream to have."""
    allowed_ns = 0 if rto_s is None else int(allowed_period_s(rto_s) * NS_PER_S)
    return MOST_PERIODS * max(series.stream.period_ns, allowed_ns)


def _matters(pause: Pause, series: Series, found: Recovery, until_ns: int | None, hold_ns: int) -> bool:
    """Whether it lies between `requested` and the end of the hold, and not inside this stream's own outage.

    Between two bad operations a pause hides nothing, unless a whole hold would fit into it.
    """
    since_ns = found.phases.since_ns
    if since_ns is None or pause.end_ns < since_ns or (until_ns is not None and pause.begin_ns > until_ns):
        return False
    own = [e for g in found.groups for e in g.episodes if e.series.id == series.id]
    sent = {o.sent_ns for e in own for o in e.bad}
    inside = any(e.bad[0].sent_ns <= pause.begin_ns and pause.end_ns <= e.bad[-1].sent_ns for e in own)
    both_bad = pause.begin_ns in sent and pause.end_ns in sent
    return not (inside and both_bad and pause.end_ns - pause.begin_ns < hold_ns)


def _slip(history: History, rto_s: float | None) -> Gate:
    """Sending late does not falsify an edge (the formulas use `sent`), but a vantage that is late as a rule is ill.

    Late is later than the next operation was due, or would be due on the coarsest schedule that the RTO allows.
    """
    check = "schedule kept"
    streams = [s for s in series_of(history, "workload") if s.operations]
    if not streams:
        return broken(check, "Nothing was sent to the workload.", verdict="invalid")
    late = sorted(o.sent_ns - o.due_ns for s in streams for o in s.operations)
    p99 = late[int(0.99 * (len(late) - 1))]
    says = f"99% of operations were sent within {p99 / 1e6:.1f} ms of their time, the latest {late[-1] / 1e6:.1f} ms."
    if p99 * MOST_PERIODS <= min(_most_ns(s, rto_s) for s in streams):
        return held(check, says)
    latest = sorted((o for s in streams for o in s.operations), key=lambda o: o.due_ns - o.sent_ns)[:_SHOWN]
    return broken(check, says + " The vantage could not keep its schedule.", operations=names_of(latest))


def _complete(history: History) -> Gate:
    check = "history complete"
    problems = [p for v in history.vantages for p in _vantage_problems(v, history)]
    if not history.vantages:
        problems = ["No vantage left a history."]
    if history.torn_marks:
        problems.append("The last mark was torn and is lost: the runner died while it wrote it.")
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
    count = sum(len(operations) for (vantage, _), operations in history.by_stream.items() if vantage == name)
    if count != record.end.operations:
        yield f"Vantage {name} wrote {record.end.operations} operations, but {count} were read."


def _ended(history: History) -> Gate:
    check = "harness sound"
    error = history.mark("error")
    if error is not None:
        says = f"The harness itself failed ({error.says or 'no details'}), so nothing can pass."
        return broken(check, says, verdict="invalid", spares_fail=True)
    return held(check, "The harness ran without an error of its own.")
