"""Capacity after a recovery: whether the recovery site serves what production did, or less of it.

A standby has recovered only when it serves production's load; until then it is "recovered at reduced capacity", or
serves at reduced capacity where it was not seen to recover at all. Two
times are compared, both asked at the same rate by the same streams: the baseline, and the time from when service was
good again until putting back began. Where it did not become good, the last hold before that stands for the second.
"""

from collections.abc import Iterator, Sequence

import msgspec

from probes.history import History, Operation
from reports.bounds import NS_PER_S, seconds
from reports.declared import Declared
from reports.lag import nearest_rank
from reports.model import Finding
from reports.objectives import Objectives
from reports.recovery import Recovery
from reports.series import series_of

CHECK = "capacity"
# Strategies whose recovery site is smaller than production while it is passive.
SMALLER = ("warm-standby", "pilot-light", "backup-restore")


class Served(msgspec.Struct, frozen=True):
    """How one time was served. `p99_ns` is of the good operations, None without one; `instances` as they say."""

    asked: int
    good: int
    p99_ns: int | None
    instances: frozenset[str]

    @property
    def share(self) -> float:
        """The share of the operations that were good, 0..1."""
        return self.good / self.asked if self.asked else 0.0


def judge_capacity(history: History, declared: Declared, found: Recovery) -> Finding | None:
    """None for other strategies, where nothing was lost or meant to be, or where nothing at all was served afterwards.

    Fail if an objective for it (`capacity`, `p99`) is missed; without one, less than before is told and not judged.
    """
    since_ns = found.phases.since_ns
    if declared.strategy not in SMALLER or declared.expects not in ("impact", "any", "none"):
        return None
    if found.impact is None or since_ns is None:
        return None
    before = _served(history, 0, since_ns)
    after = _served(history, *_afterwards(history, declared, found, since_ns))
    if not before.good or not after.good:
        return None
    less = list(_less(declared.objectives, before, after))
    missed = list(_missed(declared.objectives, before, after))
    figures = _figures(history, before, after)
    reduced = "Recovered at reduced capacity" if found.recovered else "Not recovered, and serves at reduced capacity"
    if missed:
        return Finding(check=CHECK, verdict="fail", says=f"{reduced}: {' '.join(missed)} {figures}")
    if less or not found.recovered:
        why = " ".join(less) or "Service was not good for the whole hold."
        return Finding(check=CHECK, verdict="not judged", says=f"{reduced}: {why} {figures}")
    return Finding(check=CHECK, verdict="pass", says=f"Recovered at the capacity that was asked before. {figures}")


def _afterwards(history: History, declared: Declared, found: Recovery, since_ns: int) -> tuple[int, int]:
    """From when service was good until putting back began; of a service that was not, the last hold before that."""
    last_ns = max((o.sent_ns for o in history.operations), default=since_ns)
    until_ns = found.phases.until_ns if found.phases.until_ns is not None else last_ns
    stable_ns = found.groups[-1].stable_upper_ns
    if stable_ns is not None:
        return stable_ns, until_ns
    return max(since_ns, until_ns - round(declared.objectives.hold_s * NS_PER_S)), until_ns


def _served(history: History, since_ns: int, until_ns: int) -> Served:
    """What was sent in that time and had its whole timeout in it, so that nothing is cut off."""
    inside = [
        o
        for series in series_of(history, "workload")
        for o in series.operations
        if since_ns <= o.sent_ns and o.sent_ns + series.stream.timeout_ns <= until_ns
    ]
    took = sorted(o.done_ns - o.sent_ns for o in inside if o.good)
    return Served(len(inside), len(took), nearest_rank(took, 0.99) if took else None, _instances(inside))


def _instances(operations: Sequence[Operation]) -> frozenset[str]:
    return frozenset(o.served_by.instance for o in operations if o.served_by is not None and o.served_by.instance)


def _less(objectives: Objectives, before: Served, after: Served) -> Iterator[str]:
    """In what the recovery site gave less, whatever was promised."""
    if before.share - after.share > objectives.tolerance:
        yield "A smaller share of what was asked was done well."
    if len(after.instances) < len(before.instances) and after.instances:
        yield f"{len(after.instances)} instances answered, before {len(before.instances)}."


def _missed(objectives: Objectives, before: Served, after: Served) -> Iterator[str]:
    if objectives.capacity is not None and after.share < objectives.capacity * before.share:
        yield f"Less than {objectives.capacity:.0%} of what was done well before."
    if objectives.p99_s is not None and after.p99_ns is not None and after.p99_ns > objectives.p99_s * NS_PER_S:
        yield f"The p99 is beyond its objective of {objectives.p99_s:g} s."


def _figures(history: History, before: Served, after: Served) -> str:
    rate = sum(NS_PER_S / one.stream.period_ns for one in series_of(history, "workload"))
    return (
        f"Of {rate:g} operations a second that are asked, {after.share:.1%} were done well after the recovery "
        f"({after.good} of {after.asked}) and {before.share:.1%} before ({before.good} of {before.asked}); "
        f"p99 {_p99(after)}, before {_p99(before)}; {_machines(before, after)}"
        "Production's own load is not among them."
    )


def _machines(before: Served, after: Served) -> str:
    if not before.instances or not after.instances:
        return ""
    return f"{len(after.instances)} instances answered, before {len(before.instances)}. "


def _p99(served: Served) -> str:
    return "unknown" if served.p99_ns is None else f"{seconds(served.p99_ns) * 1000:.0f} ms"
