"""What is true of the losses of a simulated drill (`tests.truth.stores`), and where judging contradicts it.

The class of each change, by the order of the changes of its key; the loss in seconds, by the moments at which they came
into effect: from the recovery point to the impact or the newest lost change, whichever is later. The recovery point is
where the replica stood, or (where single changes are missing) the moment of the oldest missing one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from reports.coverage import Coverage
from reports.gates import Gate
from reports.ledger import ledger
from reports.loss import Loss, judge_loss, loss
from reports.loss_gates import loss_gates
from reports.losses import Class
from reports.model import DataLoss
from reports.recovery import recovery
from reports.steady import baseline
from tests.truth.simulated import declared_of
from tests.truth.stores import FAILOVER, HEAL, NS, Answer, Change, World, plan_of, world

# "silent": the audit says nothing of a change.
Seen = Literal["there", "spoilt", "gone", "older", "back", "unread", "silent"]


@dataclass
class Judged:
    """One case against its truth. `problems` are contradictions that may never be.

    Of `said`, the statements that are made with 95%, `sampled_misses` are wrong.
    """

    seed: int
    mix: str
    changes: int
    lost: int
    sampled: bool
    bounded: bool
    width_s: float | None
    verdict: str
    problems: list[str] = field(default_factory=list)
    said: int = 0
    sampled_misses: list[str] = field(default_factory=list)


def seen(case: World, change: Change, which: int) -> Seen:
    """What an audit can know of a change, by the order of its key's changes and nothing else."""
    audit, began, sent = case.audits[which], (FAILOVER, HEAL)[which], change.operation
    if sent.sent_ns >= began or sent.key not in audit:
        return "silent"
    answer = audit[sent.key]
    if answer is None:
        return "unread"
    mine = case.keys[sent.key]
    if answer.shows is change and sent.kind != "delete":
        return "spoilt" if answer.spoilt else "there"
    place, shown = mine.index(change), -1 if answer.shows is None else mine.index(answer.shows)
    absent = shown < 0 or mine[shown].operation.kind == "delete"
    if absent and _may_be_deleted(mine[place:], answer):
        # Absent is what it is to be: had the change been lost before it was deleted, the same would be seen.
        return "there" if sent.kind == "delete" else "silent"
    if shown > place or answer.operation.sent_ns < sent.done_ns:
        return "silent"
    return "gone" if absent else "back" if sent.kind == "delete" else "older"


def _may_be_deleted(changes: Sequence[Change], answer: Answer) -> bool:
    first, *later = changes
    deletes = [c for c in (first, *later) if c.operation.kind == "delete" and c.operation.outcome != "fail"]
    return any(c.operation.sent_ns < answer.operation.done_ns for c in deletes) or first.operation.kind == "delete"


MISSING = {"gone": "lost", "older": "rolled back", "back": "resurrected"}


def class_of(case: World, change: Change) -> Class | None:
    """The class by the table of docs/measuring.md."""
    found: tuple[Seen, Seen] = (seen(case, change, 0), seen(case, change, 1))
    outcome = change.operation.outcome
    twice = outcome != "fail" and any(
        a is not None and a.twice and a.shows is change for a in (x.get(change.operation.key) for x in case.audits)
    )
    if outcome == "fail" and change.operation.kind == "delete":
        return "unread" if "unread" in found and set(found) <= {"unread", "silent"} else None
    plain = {"ok": _acknowledged, "in-doubt": _in_doubt, "fail": _refused}[outcome](*found)
    if plain == "in-doubt recovered" and change.operation.kind == "delete" and twice:
        return plain
    return "duplicated" if twice and plain in (None, "in-doubt recovered") else plain


def _acknowledged(first: Seen, last: Seen) -> Class | None:
    if last in MISSING:
        return MISSING[last]  # type: ignore[return-value]  # classes, by their names
    if "spoilt" in (first, last):
        return "corrupt"
    if first in MISSING:
        return "late" if last == "there" else MISSING[first]  # type: ignore[return-value]  # as above
    return "unread" if first == "unread" or (first, last) == ("silent", "unread") else None


def _in_doubt(first: Seen, last: Seen) -> Class | None:
    newest = last if last not in ("silent", "unread") else first
    if newest in MISSING:
        return "in-doubt vanished"
    if newest == "silent":
        return "unread" if last == "unread" else None
    kinds: dict[Seen, Class] = {"there": "in-doubt recovered", "spoilt": "corrupt", "unread": "unread"}
    return kinds[newest]


def _refused(first: Seen, last: Seen) -> Class | None:
    if {"there", "spoilt"} & {first, last}:
        return "phantom"
    return "unread" if "unread" in (first, last) and {first, last} <= {"unread", "silent"} else None


def lost_changes(case: World, *, vanished: bool) -> list[tuple[Change, int]]:
    """What counts as lost, and when it came into effect (in doubt and never: when the client gave it up)."""
    found = []
    for change in case.changes:
        missing = any(seen(case, change, which) in MISSING for which in (0, 1))
        doubted = vanished and class_of(case, change) == "in-doubt vanished"
        if (change.operation.outcome == "ok" and missing) or doubted:
            found.append((change, change.operation.done_ns if change.at is None else change.at))
    return found


def true_loss(case: World, lost: Sequence[tuple[Change, int]]) -> int:
    """In ns. Where nothing is lost: none."""
    if not lost:
        return 0
    oldest = min(at for _, at in lost)
    # A stretch is missing as a whole: the data went back to its beginning, whether or not a write came just then.
    whole = case.plan.mix not in ("holes", "nothing") and oldest > case.plan.point
    point = case.plan.point if whole else oldest
    return max(seen_impact(case), *(at for _, at in lost)) - point


def seen_impact(case: World) -> int:
    """When clients could first see it: not while an old primary still answers every one of them."""
    bad = min((c.operation.sent_ns for c in case.changes if not c.operation.good), default=0)
    return max([case.plan.impact, *(c.at or 0 for c in case.changes if c.cut_off and c.operation.sent_ns < bad)])


def judged(seed: int) -> Judged:
    """Make one drill of that seed, judge it, and hold it against its truth."""
    random = Random(seed)
    case = world(plan_of(random), random)
    vanished = random.random() < 0.2
    declared = declared_of(hold_s=0.2)
    found = recovery(case.history, declared, baseline(case.history))
    book = ledger(case.history)
    measured = loss(book, found, vanished=vanished)
    lost = lost_changes(case, vanished=vanished)
    truth = true_loss(case, lost)
    told = Judged(
        seed, case.plan.mix, len(case.changes), len(lost), measured.sampled, measured.upper_ns is not None,
        None if measured.upper_ns is None else (measured.upper_ns - measured.lower_ns) / NS, "",
    )  # fmt: skip
    by_operation = {id(c.operation): c for c in case.changes}
    for fate in book.fates:
        expected = class_of(case, by_operation[id(fate.write)])
        if fate.loss_class != expected:
            told.problems.append(f"{fate.write.key} v{fate.write.version} is {expected}, judged {fate.loss_class}")
    if len(book.unexpected) != case.strangers:
        told.problems.append(f"{case.strangers} strangers, judged {len(book.unexpected)}")
    if {id(o) for o in measured.lost} != {id(c.operation) for c, _ in lost}:
        told.problems.append(f"{len(lost)} lost, judged {len(measured.lost)}")
    _interval(case, measured, truth, told)
    _coverage(case, measured.coverage, told)
    rpo_s = random.choice([0.0, 0.3, max(0.001, truth / NS + random.choice([-0.05, -0.001, 0.001, 0.05]))])
    data_loss = judge_loss(book, measured, found.impact, rpo_s)
    gates = loss_gates(book, measured, found.phases, found.impact, rpo_s)
    told.verdict = _verdict(data_loss, gates)
    _false_verdict(case, (truth, rpo_s), len(lost), told)
    return told


def _all_lost(case: World) -> tuple[int, int]:
    """The truth if nothing had been left out: a sample's own misses are no part of it."""
    lost = [(c, c.at or 0) for c in case.changes if c.operation.outcome == "ok" and c.at and _undone(case, c)]
    return true_loss(case, lost), len(lost)


def _undone(case: World, change: Change) -> bool:
    """Whether an audit of everything would have found it missing: the newest change of its key by then, not stored."""
    for which, began in ((0, FAILOVER), (1, HEAL)):
        before = [c for c in case.keys[change.operation.key] if c.operation.sent_ns < began]
        if before and before[-1] is change and change.operation.done_ns < began and not change.stored[which]:
            created = any(c.stored[which] and c.operation.kind != "delete" for c in before)
            return change.operation.kind != "delete" or created
    return False


def _interval(case: World, measured: Loss, truth: int, told: Judged) -> None:
    upper = measured.upper_ns
    if measured.lower_ns > truth:
        told.problems.append(f"lower edge {measured.lower_ns} above the truth {truth}")
    if measured.sampled:
        whole, _ = _all_lost(case)
        told.said += upper is not None
        if upper is not None and whole > upper:
            told.sampled_misses.append(f"upper edge {upper} below the truth of all {whole}")
    elif upper is not None and truth > upper:
        told.problems.append(f"upper edge {upper} below the truth {truth}")


def _coverage(case: World, coverage: Sequence[Coverage], told: Judged) -> None:
    """No more keys may have a loss than the sample's bound says."""
    for which, one in enumerate(coverage):
        began = (FAILOVER, HEAL)[which]
        whole = began - round(case.plan.whole_s * NS)
        count = 0
        for changes in case.keys.values():
            before = [c for c in changes if c.operation.sent_ns < began]
            if any(c.operation.sent_ns >= whole for c in before) or not any(c.operation.good for c in before):
                continue
            last = before[-1]
            count += last.operation.good and last.operation.kind != "delete" and not last.stored[which]
        told.said += 1
        if count > one.most_lost:
            told.sampled_misses.append(f"{count} keys with a loss, at most {one.most_lost} said")


def _verdict(told: DataLoss, gates: Sequence[Gate]) -> str:
    verdict = told.verdict
    for gate in gates:
        verdict = gate.applied("data loss", verdict)
    return verdict


def _false_verdict(case: World, against: tuple[int, float], lost: int, told: Judged) -> None:
    truth, rpo_s = against
    damaged = any(_damaged(a) for audit in case.audits for a in audit.values())
    # A sample that passes an RPO above zero is as sure as its upper edge, which is counted there.
    if told.sampled and told.verdict == "pass" and (rpo_s == 0 or damaged):
        told.problems.append(f"a sample passed an RPO of {rpo_s}, damaged: {damaged}")
    missed = lost > 0 if rpo_s == 0 else truth / NS > rpo_s
    if told.verdict == "pass" and not told.sampled and (missed or damaged):
        told.problems.append(f"false pass of {rpo_s} with {lost} lost, {truth} ns")
    if told.verdict == "fail" and not (missed or damaged):
        told.problems.append(f"false fail of {rpo_s} with {lost} lost, {truth} ns")


def _damaged(answer: Answer | None) -> bool:
    """Of what was refused nothing was promised: there twice, it is a phantom and no more."""
    if answer is None or answer.shows is None:
        return False
    return answer.spoilt or (answer.twice and answer.shows.operation.outcome != "fail")
