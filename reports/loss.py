"""Data loss: how far back the workload's data was set, by the client's own ledger. One formula for every drill."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from probes.history import Operation
from reports.bounds import NS_PER_S, Edge, seconds
from reports.ledger import Fate, Ledger, lost_writes
from reports.model import DataLoss, Judgement
from reports.recovery import Recovery
from reports.words import interval
from reports.words import seconds as seconds_words

# Acknowledged writes in the last second before the impact below which "nothing was lost" is weak evidence.
FEW = 10


class Loss(msgspec.Struct, frozen=True):
    """What was lost, in ns and in holes. `upper_ns` is None where no write is known that is older than every lost one.

    `before_impact` and `after_impact` split the lost writes at the impact. A hole is a run of lost writes between two
    that survived.
    """

    lower_ns: int
    upper_ns: int | None
    lost: tuple[Operation, ...]
    holes: int
    before_impact: int
    after_impact: int


def loss(found: Ledger, recovered: Recovery) -> Loss:
    """Loss = max(impact, newest lost write) - recovery point, with both edges of each carried.

    The recovery point lies in [sent(newest write before all lost ones), done(oldest lost)]. An impact that clients
    never saw bounds nothing; then the newest lost write alone is the end of what was lost.
    """
    lost = sorted(lost_writes(found.fates), key=lambda o: o.sent_ns)
    kept = [f.write for f in found.fates if f.acknowledged and f.judged and f.loss_class in (None, "duplicated")]
    impact = recovered.impact
    if not lost:
        return Loss(0, _unseen(kept, impact), (), 0, 0, 0)
    first_sent = lost[0].sent_ns
    older = [o.sent_ns for o in kept if o.done_ns < first_sent]
    point_upper = min(o.done_ns for o in lost)
    end = Edge(lost[-1].sent_ns, max(o.done_ns for o in lost))
    if impact is not None:
        end = Edge(max(end.lower_ns, impact.lower_ns), max(end.upper_ns, impact.upper_ns))
    before = sum(impact is None or o.done_ns <= impact.upper_ns for o in lost)
    return Loss(
        lower_ns=max(0, end.lower_ns - point_upper),
        upper_ns=end.upper_ns - max(older) if older else None,
        lost=tuple(lost),
        holes=_holes(found.fates),
        before_impact=before,
        after_impact=len(lost) - before,
    )


def _unseen(kept: Sequence[Operation], impact: Edge | None) -> int | None:
    """How much may be missing though no write is: from the newest write known to be older than the impact, to it.

    Without an impact, the longest time in which no write can show a loss.
    """
    if impact is None:
        ordered = sorted(kept, key=lambda o: o.sent_ns)
        return max((b.done_ns - a.sent_ns for a, b in pairwise(ordered)), default=None)
    older = [o.sent_ns for o in kept if o.done_ns <= impact.lower_ns]
    return impact.upper_ns - max(older) if older else None


def _holes(fates: Sequence[Fate]) -> int:
    """Runs of lost writes with a surviving acknowledged write on both sides, in the order of sending."""
    gone = [f.gone for f in fates if f.acknowledged and f.judged]
    inner = "".join("x" if g else "." for g in gone).strip("x")
    return sum(1 for run in inner.split(".") if run)


def near_impact(found: Ledger, impact: Edge | None) -> tuple[int, int]:
    """How many writes were in flight at the impact, and how many were acknowledged in the second before it."""
    if impact is None:
        return 0, 0
    writes = [f.write for f in found.fates]
    flying = sum(o.sent_ns <= impact.upper_ns and o.done_ns >= impact.lower_ns for o in writes)
    fresh = sum(
        f.acknowledged and f.judged and impact.lower_ns - NS_PER_S <= f.write.done_ns <= impact.upper_ns
        for f in found.fates
    )
    return flying, fresh


def judge_loss(found: Ledger, measured: Loss, impact: Edge | None, rpo_s: float | None) -> DataLoss:
    """The data loss against its objective, before any gate of validity is asked."""
    lower_s = seconds(measured.lower_ns)
    upper_s = None if measured.upper_ns is None else seconds(measured.upper_ns)
    judged = [f for f in found.fates if f.judged or not found.audits.all]
    unread = len(found.fates) if not found.audits.all else len(found.of_class("unread"))
    integrity = len(found.of_class("corrupt", "duplicated"))
    verdict = _verdict(measured, unread, integrity, rpo_s)
    return DataLoss(
        objective_s=rpo_s,
        lower_s=lower_s if found.audits.all else None,
        upper_s=upper_s if found.audits.all else None,
        acknowledged=sum(f.acknowledged for f in judged),
        lost=len(found.of_class("lost")),
        late=len(found.of_class("late")),
        rolled_back=len(found.of_class("rolled back")),
        corrupt=len(found.of_class("corrupt")),
        duplicated=len(found.of_class("duplicated")),
        in_doubt=sum(f.write.outcome == "in-doubt" for f in judged),
        in_doubt_recovered=len(found.of_class("in-doubt recovered")),
        unexpected=len(found.unexpected),
        phantom=len(found.of_class("phantom")),
        unread=unread,
        lost_for_good=sum(f.for_good for f in found.fates),
        in_flight_at_impact=near_impact(found, impact)[0],
        verdict=verdict,
        says=_says(found, measured, impact, rpo_s),
    )


def _verdict(measured: Loss, unread: int, integrity: int, rpo_s: float | None) -> Judgement:
    """An RPO of zero is judged by count, any other by the interval. Corrupt and duplicated data never pass."""
    if rpo_s is None:
        return "not judged"
    if integrity or (rpo_s == 0 and measured.lost):
        return "fail"
    if rpo_s > 0 and seconds(measured.lower_ns) > rpo_s:
        return "fail"
    if unread or (rpo_s > 0 and (measured.upper_ns is None or seconds(measured.upper_ns) > rpo_s)):
        return "inconclusive"
    return "pass"


def _says(found: Ledger, measured: Loss, impact: Edge | None, rpo_s: float | None) -> str:
    if not found.audits.all:
        return "No audit read the workload's data back, so nothing is known of it."
    flying, fresh = near_impact(found, impact)
    evidence = f"{flying} writes were in flight at the impact, {fresh} acknowledged in the second before it"
    weak = "" if fresh >= FEW or impact is None else ": weak evidence"
    return f"{_what(found, measured, rpo_s)} {_which(found)} {evidence}{weak}."


def _what(found: Ledger, measured: Loss, rpo_s: float | None) -> str:
    lower_s = seconds(measured.lower_ns)
    upper_s = None if measured.upper_ns is None else seconds(measured.upper_ns)
    how_long = interval(lower_s, upper_s, rpo_s or None)
    acknowledged = sum(f.acknowledged and f.judged for f in found.fates)
    objective = "" if rpo_s is None else f"; the objective is {'0 lost' if rpo_s == 0 else seconds_words(rpo_s)}"
    if not measured.lost:
        return f"None of {acknowledged} acknowledged writes was lost, which bounds the loss at {how_long}{objective}."
    good = sum(f.for_good for f in found.fates)
    split = f"{measured.before_impact} acknowledged before the impact, {measured.after_impact} after it"
    return (
        f"{len(measured.lost)} of {acknowledged} acknowledged writes were lost ({split}; {measured.holes} holes; "
        f"{good} for good): {how_long}{objective}."
    )


def _which(found: Ledger) -> str:
    """Which audits this rests on, where it is not the usual two."""
    audits = found.audits
    if audits.at_failover is None and audits.after_heal is not None:
        return f'There was only audit "{audits.after_heal.name}", after healing: what was missing before is not known.'
    if audits.after_heal is None and audits.at_failover is not None:
        return f'There was only audit "{audits.at_failover.name}": what came back after healing is not known.'
    return "Read back at the failover and again after healing."
