"""Data loss: how far back the workload's data was set, by the client's own ledger. One formula for every drill."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from probes.history import Operation
from reports.bounds import NS_PER_S, Edge, seconds, unseen_sends
from reports.coverage import Coverage, covered
from reports.ledger import MISSING, Fate, Ledger, counts, lost_writes
from reports.model import DataLoss, Judgement
from reports.recovery import Recovery
from reports.words import interval
from reports.words import seconds as seconds_words

# Acknowledged writes in the last second before the impact below which "nothing was lost" is weak evidence.
FEW = 10
# What the upper bound of a sampled audit's loss may miss.
_MISS = 0.05


class Loss(msgspec.Struct, frozen=True):
    """What was lost, in ns and in holes. `upper_ns` is None where no write is known that is older than every lost one.

    `before_impact` and `after_impact` split the lost writes at the impact. A hole is a run of lost writes between two
    that survived. `vanished`: writes in doubt that are not there are among `lost`. `proof` are the writes that bound
    it from above. `coverage` is that of the audits where they were samples: then the upper bound is 95% sure. `sure` is
    the same by an impact that errs in one drill of a million (`Recovery.cautious`); None: the impact is certain.
    """

    lower_ns: int
    upper_ns: int | None
    lost: tuple[Operation, ...]
    holes: int
    before_impact: int
    after_impact: int
    vanished: bool = False
    proof: tuple[Operation, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    sure: "Loss | None" = None

    @property
    def sampled(self) -> bool:
        """Whether there are acknowledged keys that the audits left out by design."""
        return any(c.read < c.keys for c in self.coverage)


def loss(found: Ledger, recovered: Recovery, *, vanished: bool = False) -> Loss:
    """Loss = max(impact, newest lost write) - recovery point, with both edges of each carried.

    The recovery point lies in [sent(newest write before all lost ones), done(oldest lost)]. An impact that clients
    never saw bounds nothing; then the newest lost write alone is the end of what was lost. `vanished`: a write in doubt
    that is not there counts as one that was acknowledged and lost.
    """
    measured = _loss(found, recovered, vanished=vanished)
    if recovered.cautious is None:
        return measured
    return msgspec.structs.replace(measured, sure=_loss(found, recovered.cautious, vanished=vanished))


def _loss(found: Ledger, recovered: Recovery, *, vanished: bool) -> Loss:
    lost = sorted(lost_writes(found.fates, vanished=vanished), key=lambda o: o.sent_ns)
    kept = sorted((f.write for f in found.fates if f.kept), key=lambda o: o.sent_ns)
    left_out = [f.write for f in found.fates if f.acknowledged and "not sampled" in (f.at_failover, f.after_heal)]
    impact, coverage = recovered.impact, covered(found)
    if not lost:
        upper_ns, proof = _unseen(kept, impact)
        if left_out and (not proof or max(o.sent_ns for o in left_out) >= proof[0].sent_ns):
            upper_ns, proof = None, ()  # what was left out since then may be lost
        return Loss(0, upper_ns, (), 0, 0, 0, vanished, proof, coverage)
    stretches = [_stretch(found, which, vanished, left_out) for which in (0, 1)]
    reached = [s for s in stretches if s is not None]
    points = [s.point for s in reached]
    point = None if None in points else min((p for p in points if p is not None), key=lambda o: o.sent_ns)
    end = Edge(lost[-1].sent_ns, max(s.newest_ns for s in reached))
    if impact is not None:
        end = Edge(max(end.lower_ns, impact.lower_ns), max(end.upper_ns, impact.upper_ns))
    before = sum(impact is None or o.done_ns <= impact.upper_ns for o in lost)
    return Loss(
        lower_ns=max(0, end.lower_ns - min(o.done_ns for o in lost)),
        upper_ns=None if point is None else end.upper_ns - point.sent_ns,
        lost=tuple(lost),
        holes=_holes(found.fates, vanished=vanished),
        before_impact=before,
        after_impact=len(lost) - before,
        vanished=vanished,
        proof=() if point is None else (point,),
        coverage=coverage,
    )


class _Stretch(msgspec.Struct, frozen=True):
    """What one audit may miss: the newest write known to be older (None: none), and the end of the newest missing."""

    point: Operation | None
    newest_ns: int


def _stretch(found: Ledger, which: int, vanished: bool, left_out: Sequence[Operation]) -> _Stretch | None:  # noqa: FBT001
    """What one audit (0: at the failover, 1: after healing) misses, by what that same audit holds; None: nothing.

    What the other one holds proves nothing here: a key that was written and deleted is absent before both and after.
    Of a sample, older and newer ones that were left out may be missing, too. If each write of a stretch is lost with
    some probability, the runs of kept ones on either side of the known lost ones and between them are exchangeable, so
    `unseen_sends` bounds how many kept ones lie between the known end and the true one (95% for both ends).
    """
    said = [(f, (f.at_failover, f.after_heal)[which]) for f in found.fates]
    lost = [f.write for f, says in said if says in MISSING and counts(f, vanished=vanished)]
    if not lost:
        return None
    kept = [f.write for f, says in said if says == "present" and f.acknowledged and not f.gone]
    oldest_ns, newest_ns = lost[0].sent_ns, max(o.done_ns for o in lost)
    before = [o for o in kept if o.sent_ns < oldest_ns]
    after = [o for o in kept if o.sent_ns > lost[-1].sent_ns]
    sends = len(kept) + 1
    if left_out and len(lost) > 1:
        sends = unseen_sends(len(kept) - len(before) - len(after), len(lost) - 1, _MISS / 2)
    since_ns = before[-sends].sent_ns if sends <= len(before) else 0
    until_ns = after[sends - 1].sent_ns if sends <= len(after) else max((o.sent_ns for o in left_out), default=0)
    may_be = [o for o in left_out if since_ns <= o.sent_ns <= until_ns]
    oldest_ns = min((oldest_ns, *(o.sent_ns for o in may_be)))
    point = next((o for o in reversed(before) if o.done_ns < oldest_ns), None)
    return _Stretch(point, max((newest_ns, *(o.done_ns for o in may_be))))


def _unseen(kept: Sequence[Operation], impact: Edge | None) -> tuple[int | None, tuple[Operation, ...]]:
    """How much may be missing though no write is: from the newest write known to be older than the impact, to it.

    Without an impact, the longest time in which no write can show a loss. With the writes that prove it.
    """
    if impact is None:
        longest = max(pairwise(kept), key=lambda ab: ab[1].done_ns - ab[0].sent_ns, default=None)
        return (None, ()) if longest is None else (longest[1].done_ns - longest[0].sent_ns, longest)
    # One that was done by the impact at the latest was sent by it; beyond that nobody needs to look.
    until = bisect_left(kept, impact.lower_ns + 1, key=lambda o: o.sent_ns)
    newest = next((o for o in reversed(kept[:until]) if o.done_ns <= impact.lower_ns), None)
    return (None, ()) if newest is None else (impact.upper_ns - newest.sent_ns, (newest,))


def _holes(fates: Sequence[Fate], *, vanished: bool) -> int:
    """Runs of lost writes with a surviving acknowledged write on both sides, in the order of sending."""
    gone = [lost for f in fates if (lost := counts(f, vanished=vanished)) or f.kept]
    inner = "".join("x" if g else "." for g in gone).strip("x")
    return sum(1 for run in inner.split(".") if run)


def near_impact(found: Ledger, impact: Edge | None) -> tuple[list[Operation], list[Operation]]:
    """The writes in flight at the impact; and those acknowledged in the second before it that a loss would show in."""
    if impact is None:
        return [], []
    since_ns = impact.lower_ns - NS_PER_S
    flying = [f.write for f in found.fates if f.write.sent_ns <= impact.upper_ns and f.write.done_ns >= impact.lower_ns]
    fresh = [
        f.write for f in found.fates if (f.kept or f.gone) and since_ns <= f.write.done_ns <= impact.upper_ns
    ]  # fmt: skip
    return flying, fresh


_DOUBT = (
    "That is not proof enough for a verdict: with an impact that errs only once in a million drills it is {}, because "
    "few operations failed. Ask more often, or over more streams."
)


def judge_loss(found: Ledger, measured: Loss, impact: Edge | None, rpo_s: float | None) -> DataLoss:
    """The data loss against its objective, before any gate of validity is asked.

    The verdict rests on `measured.sure` where there is one (docs/adr/0006-certain.md); where that is another interval
    than the one that is shown, this one is 95% sure.
    """
    judged_by = measured.sure or measured
    certain = (judged_by.lower_ns, judged_by.upper_ns) == (measured.lower_ns, measured.upper_ns)
    lower_s = seconds(measured.lower_ns)
    upper_s = None if measured.upper_ns is None else seconds(measured.upper_ns)
    judged = [f for f in found.fates if f.judged or not found.audits.all]
    unread = len(found.fates) if not found.audits.all else len(found.of_class("unread"))
    corrupt, duplicated = sum(f.corrupt for f in found.fates), sum(f.duplicated for f in found.fates)
    shown, verdict = (_verdict(one, unread, corrupt + duplicated, rpo_s) for one in (measured, judged_by))
    answers = [answer for audit in found.audits.all for answer in audit.answers.values()]
    compared = any(answer.observed_checksum is not None for answer in answers)
    counted = any(answer.effects is not None for answer in answers)
    doubt = "" if shown == verdict else f" {_DOUBT.format(_how_long(judged_by, rpo_s))}"
    return DataLoss(
        objective_s=rpo_s,
        lower_s=lower_s if found.audits.all else None,
        upper_s=upper_s if found.audits.all else None,
        acknowledged=sum(f.acknowledged for f in judged),
        lost=len(found.of_class("lost")),
        late=len(found.of_class("late")),
        rolled_back=len(found.of_class("rolled back")),
        resurrected=len(found.of_class("resurrected")),
        corrupt=corrupt if corrupt or compared else None,
        duplicated=duplicated if duplicated or counted else None,
        in_doubt=sum(f.write.outcome == "in-doubt" for f in judged),
        in_doubt_recovered=len(found.of_class("in-doubt recovered")),
        in_doubt_vanished=len(found.of_class("in-doubt vanished")),
        unexpected=len(found.unexpected),
        phantom=len(found.of_class("phantom")),
        unread=unread,
        lost_for_good=_for_good(found),
        in_flight_at_impact=len(near_impact(found, impact)[0]),
        confidence=1.0 if certain and not measured.sampled else 0.95,
        coverage=min((c.share for c in measured.coverage), default=1.0),
        verdict=verdict,
        says=_says(found, measured, impact, rpo_s) + doubt,
    )


def _verdict(measured: Loss, unread: int, integrity: int, rpo_s: float | None) -> Judgement:
    """An RPO of zero is judged by count, any other by the interval. Corrupt and duplicated data never pass.

    A sample cannot show that nothing at all was lost. That no more than the RPO was, it shows of data that is lost in
    the order of time, if every write since then was read.
    """
    if rpo_s is None:
        return "not judged"
    if integrity or (rpo_s == 0 and measured.lost):
        return "fail"
    if rpo_s > 0 and seconds(measured.lower_ns) > rpo_s:
        return "fail"
    if unread or (rpo_s == 0 and measured.sampled):
        return "inconclusive"
    if rpo_s > 0 and (measured.upper_ns is None or seconds(measured.upper_ns) > rpo_s):
        return "inconclusive"
    return "pass"


def _says(found: Ledger, measured: Loss, impact: Edge | None, rpo_s: float | None) -> str:
    if not found.audits.all:
        return "No audit read the workload's data back, so nothing is known of it."
    flying, fresh = near_impact(found, impact)
    evidence = f"{len(flying)} writes were in flight at the impact, {len(fresh)} acknowledged in the second before it"
    weak = "" if len(fresh) >= FEW or impact is None else ": weak evidence"
    sampled = " Only a sample of the keys was read." if measured.sampled else ""
    return f"{loss_sentence(found, measured, rpo_s)} {_which(found)}{sampled} {evidence}{weak}."


def loss_sentence(found: Ledger, measured: Loss, rpo_s: float | None) -> str:
    """What was lost, how much that is in time, and what the objective is."""
    how_long = _how_long(measured, rpo_s)
    acknowledged = sum(f.acknowledged and f.judged for f in found.fates)
    objective = "" if rpo_s is None else f"; the objective is {'0 lost' if rpo_s == 0 else seconds_words(rpo_s)}"
    if not measured.lost and measured.upper_ns is None:
        return f"None of {acknowledged} acknowledged writes was lost; nothing bounds what was not read{objective}."
    if not measured.lost:
        return f"None of {acknowledged} acknowledged writes was lost, which bounds the loss at {how_long}{objective}."
    doubt = len(found.of_class("in-doubt vanished")) if measured.vanished else 0
    gone = f"{len(measured.lost) - doubt} of {acknowledged} acknowledged writes were lost"
    also = f", and {doubt} in doubt are not there, which this objective counts as lost" if doubt else ""
    split = f"{measured.before_impact} done before the impact, {measured.after_impact} after it"
    return f"{gone}{also} ({split}; {measured.holes} holes; {_for_good_words(found)}): {how_long}{objective}."


def _how_long(measured: Loss, rpo_s: float | None) -> str:
    upper_s = None if measured.upper_ns is None else seconds(measured.upper_ns)
    return interval(seconds(measured.lower_ns), upper_s, rpo_s or None)


def _for_good(found: Ledger) -> int | None:
    """How many of the lost writes were still gone when the data was last read back; None: nobody did after the heal."""
    return None if found.audits.final is None else sum(f.for_good for f in found.fates)


def _for_good_words(found: Ledger) -> str:
    good = _for_good(found)
    return "whether for good is not known" if good is None else f"{good} for good"


def _which(found: Ledger) -> str:
    """Which audits this rests on, where it is not the usual two."""
    audits = found.audits
    if audits.at_failover is None and audits.after_heal is not None:
        return f'There was only audit "{audits.after_heal.name}", after healing: what was missing before is not known.'
    if audits.last is not None and audits.after_heal is None:
        return f'Read back at the failover, and after the way home ("{audits.last.name}").'
    if audits.after_heal is None and audits.at_failover is not None:
        return f'There was only audit "{audits.at_failover.name}": what came back after healing is not known.'
    home = "" if audits.last is None else f', and after the way home ("{audits.last.name}")'
    return f"Read back at the failover and again after healing{home}."
