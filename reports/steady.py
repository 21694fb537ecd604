"""The baseline: how the workload answered before anything was broken. Every later "bad" is measured against it."""

import msgspec

from probes.history import History, Role
from reports.bounds import NS_PER_S
from reports.phases import phases_of
from reports.series import Series, StreamId, series_of, settled_ns

# A bound on the longest success that fewer successes than this support would be luck.
LEAST_SUCCESSES = 10
# The same for witnesses and the control, which only have to be seen answering.
LEAST_ANSWERS = 3
# More bad operations than this, with nothing broken, is no baseline that an outage could be told from.
MOST_BAD = 0.05
# A p99 limit allows one good operation of a hundred to take longer.
SLOW_SHARE = 0.01


class Steady(msgspec.Struct, frozen=True):
    """One stream before the fault.

    `longest_ns` is the longest success of all streams of its probe (its timeout where there was none): they ask the
    same service, and the longest of a few hundred operations is soon exceeded by the next. `allowed` is the share of
    bad operations with which service still counts as good: what was bad here plus the objective's tolerance; 0 makes
    every single bad operation count.
    """

    operations: int
    bad: int
    longest_ns: int
    allowed: float


class Baseline(msgspec.Struct, frozen=True):
    """Every stream before the fault, and why that is not a baseline, in sentences (none: it is one)."""

    streams: dict[StreamId, Steady]
    problems: list[str]


def baseline(
    history: History, *, tolerance: float = 0.0, p99_s: float | None = None, until_ns: int | None = None
) -> Baseline:
    """The baseline by the operations that were over before `until_ns` (default: the mark `requested`, else all).

    `tolerance` and `p99_s` are the objective's: a workload that misses its own limit is no baseline. Cheap enough to
    ask several times a second while the drill waits to become steady.
    """
    if until_ns is None:
        until_ns = phases_of(history).since_ns
    streams: dict[StreamId, Steady] = {}
    problems: list[str] = []
    for role in ("workload", "witness", "control"):
        asked = series_of(history, role)
        seen = {series.id: _steady(series, tolerance, until_ns) for series in asked}
        for series in asked:
            longest_ns = max(seen[s.id].longest_ns for s in asked if _alike(s, series, role))
            steady = msgspec.structs.replace(seen[series.id], longest_ns=longest_ns)
            streams[series.id] = steady
            problems += _problems(series, steady, role, tolerance)
            if p99_s is not None and role == "workload":
                problems += _slow(series, p99_s, until_ns)
    if not series_of(history, "workload"):
        problems.append("No stream asks the workload anything.")
    return Baseline(streams, problems)


def _alike(one: Series, other: Series, role: Role) -> bool:
    """Whether both ask the same service. Each witness asks a target of its own, however slow that is."""
    return one.id == other.id or (role == "workload" and one.stream.probe == other.stream.probe)


def _steady(series: Series, tolerance: float, until_ns: int | None) -> Steady:
    timeout_ns = series.stream.timeout_ns
    before = [o for o in series.operations if until_ns is None or settled_ns(o, timeout_ns) < until_ns]
    bad = sum(not o.good for o in before)
    longest_ns = max((o.done_ns - o.sent_ns for o in before if o.good), default=timeout_ns)
    # One more than was seen of each, so that one bad operation by chance does not pass for the whole truth.
    usual = (bad + 1) / (len(before) + 2) if bad else 0.0
    return Steady(len(before), bad, longest_ns, usual + tolerance)


def _problems(series: Series, steady: Steady, role: Role, tolerance: float) -> list[str]:
    name, good = series.stream.name, steady.operations - steady.bad
    least = LEAST_SUCCESSES if role == "workload" else LEAST_ANSWERS
    if steady.bad > max(MOST_BAD, tolerance) * steady.operations:
        most = f"at most {max(MOST_BAD, tolerance):.0%} can be a baseline"
        return [f"Stream {name} failed {steady.bad} of {steady.operations} times before the fault; {most}."]
    if good < least:
        return [f"Stream {name} answered well {good} times before the fault; a baseline needs {least}."]
    return []


def _slow(series: Series, p99_s: float, until_ns: int | None) -> list[str]:
    """Why the good operations before the fault do not meet the limit that 99% of them must meet."""
    took = [o.done_ns - o.sent_ns for o in series.operations if o.good and (until_ns is None or o.done_ns < until_ns)]
    slow = sum(ns > p99_s * NS_PER_S for ns in took)
    if slow <= SLOW_SHARE * len(took):
        return []
    late = f"{slow} of {len(took)} good operations before the fault took longer than {p99_s:g} s"
    return [f"Stream {series.stream.name}: {late}; a p99 limit allows {SLOW_SHARE:.0%}."]
