"""The way home, judged by itself: how long service was bad on it, and what was lost on it.

Recovery time: all the time for which service was bad from `failback start` on, with the edges and the predicate of the
main recovery time; the longest gap between two successes bounds what nobody saw. Data loss: acknowledged writes that
the audit after the way home does not find, and that the last audit before it did not miss.
"""

import msgspec

from probes.history import History
from reports.bounds import NS_PER_S
from reports.declared import Declared
from reports.gates import Gate
from reports.ledger import MISSING, Audits, Ledger, all_audits, audits_of, ledger_by
from reports.loss import Loss, judge_loss, loss, loss_sentence
from reports.loss_gates import loss_gates
from reports.model import DataLoss, Failback, Finding, Judgement, RecoveryTime
from reports.phases import Phases, main_mark, phases_of
from reports.recovery import Recovery, recovery_within
from reports.recovery_time import compare, judge_recovery, sure_words
from reports.series import names_of
from reports.steady import Baseline
from reports.steps import StepRecord
from reports.vantage import vantage_gates
from reports.words import interval
from reports.words import seconds as seconds_words

CHECK = "failback"


class WayHome(msgspec.Struct, frozen=True):
    """What is known of the way home: `found` from its start on, `book` without what was lost before it.

    The numbers rest on `gates`: the same as for the main drill, asked of the way home.
    """

    found: Recovery
    book: Ledger
    lost: Loss
    gates: tuple[Gate, ...]
    ended: bool


def way_home(history: History, service: History, declared: Declared, base: Baseline) -> WayHome | None:
    """What happened from `failback start` on, `service` as recovery time is judged by it; None without a way home."""
    phases = phases_of(history, declared)
    if phases.failback_ns is None:
        return None
    found = recovery_within(service, declared, base, Phases(phases.start_ns, phases.failback_ns, None))
    summed = _in_all(found)
    book = _book(history, phases.failback_ns)
    lost = loss(book, summed, vanished=declared.objectives.vanished_counts)
    gates = _gates(history, declared, summed, book, lost)
    return WayHome(summed, book, lost, gates, history.mark("failback end") is not None)


def _in_all(found: Recovery) -> Recovery:
    """The same with the bounds of all bad time together, not of the longest."""
    uppers = [None if g.stable_upper_ns is None else g.stable_upper_ns - g.impact.lower_ns for g in found.groups]
    known = [u for u in uppers if u is not None]
    return msgspec.structs.replace(
        found,
        lower_ns=found.sum_lower_ns,
        upper_ns=sum(known) if len(known) == len(uppers) else None,
        cautious=None if found.cautious is None else _in_all(found.cautious),
    )


def _book(history: History, since_ns: int) -> Ledger:
    """The ledger by the last audit of all, less the writes that the last audit before the way home missed already."""
    judged = audits_of(history)
    before = judged.after_heal or judged.at_failover
    later = [a for a in all_audits(history) if a.began_ns >= since_ns]
    after = later[-1] if later else None
    gone = {
        (f.write.vantage, f.write.stream, f.write.seq)
        for f in ledger_by(history, Audits(before, None)).fates
        if f.at_failover in MISSING
    }
    book = ledger_by(history, Audits(after, None, after))  # nothing is healed later: what it misses, it misses for good
    fates = tuple(f for f in book.fates if (f.write.vantage, f.write.stream, f.write.seq) not in gone)
    return msgspec.structs.replace(book, fates=fates)


def _gates(history: History, declared: Declared, found: Recovery, book: Ledger, lost: Loss) -> tuple[Gate, ...]:
    good_ns, rpo_s = _good_since_ns(history, declared), declared.objectives.rpo_s
    return (
        *vantage_gates(history, found, declared.objectives),
        *loss_gates(book, lost, found.phases, found.impact, rpo_s, good_ns=good_ns),
    )


def _good_since_ns(history: History, declared: Declared) -> int:
    """From when on service had held before the way home, ns; 0 where it was not seen to."""
    confirmed = main_mark(history, "confirmed")
    return 0 if confirmed is None else confirmed.at_ns - round(declared.objectives.hold_s * NS_PER_S)


def judge_failback(
    history: History, declared: Declared, home: WayHome, steps: tuple[StepRecord, ...], *, interrupted: bool = False
) -> Failback:
    """The failback against the drill's own RTO and RPO. Of a drill that somebody ended only a proven miss counts."""
    recovery, lost = _recovery_time(history, declared, home), _data_loss(declared, home)
    for gate in home.gates:
        recovery = msgspec.structs.replace(recovery, verdict=_applied(gate, "recovery time", recovery.verdict))
        lost = msgspec.structs.replace(lost, verdict=_applied(gate, "data loss", lost.verdict))
    failed = any(s.plan == "failback" and s.outcome != "done" for s in steps)
    verdict = _worst(recovery.verdict, lost.verdict, done=home.ended and not failed)
    if interrupted and verdict != "fail":
        verdict = "not judged"
    return Failback(recovery_time=recovery, data_loss=lost, verdict=verdict)


def _applied(gate: Gate, objective: str, verdict: Judgement) -> Judgement:
    if verdict == "not judged":
        return verdict
    return gate.applied("recovery time" if objective == "recovery time" else "data loss", verdict)


def _worst(*verdicts: Judgement, done: bool) -> Judgement:
    """Fail > invalid > inconclusive > pass. A way home that did not come to its end passes nothing."""
    order: tuple[Judgement, ...] = ("fail", "invalid", "inconclusive")
    found = next((one for one in order if one in verdicts), None)
    if found is not None:
        return found
    if not done:
        return "inconclusive"
    return "pass" if "pass" in verdicts else "not judged"


def _recovery_time(history: History, declared: Declared, home: WayHome) -> RecoveryTime:
    """By the clock "total" whatever the objective's is: the others have their marks on the way there."""
    objectives = msgspec.structs.replace(declared.objectives, clock="total")
    anyway = msgspec.structs.replace(declared, objectives=objectives, expects="any")
    judged = judge_recovery(history, anyway, home.found)
    if home.found.impact is None:
        return judged
    return msgspec.structs.replace(judged, says=_bad_words(home.found, judged, objectives.rto_s), seen_s=[])


def _bad_words(found: Recovery, judged: RecoveryTime, rto_s: float | None) -> str:
    bad = interval(judged.lower_s, judged.upper_s, rto_s)
    times = "" if len(found.groups) == 1 else f" ({len(found.groups)} times)"
    objective = "there is no RTO" if rto_s is None else f"the RTO is {seconds_words(rto_s)}"
    if not found.recovered:
        return f"On the way home service was bad for {bad}{times} and not seen to come back; {objective}."
    sure = sure_words(found)
    doubt = ""
    if judged.verdict == "inconclusive" and compare(judged.lower_s, judged.upper_s, rto_s) != "inconclusive":
        doubt = " That is not proof enough for a verdict, because few operations failed."
    return f"On the way home service was bad for {bad} in all{times} ({sure}); {objective}.{doubt}"


def _data_loss(declared: Declared, home: WayHome) -> DataLoss:
    rpo_s = declared.objectives.rpo_s
    judged = judge_loss(home.book, home.lost, home.found.impact, rpo_s)
    if home.book.audits.at_failover is None:
        return msgspec.structs.replace(judged, says="No audit read the data back after the way home.")
    audit = home.book.audits.at_failover.name
    says = f'{loss_sentence(home.book, home.lost, rpo_s)} By "{audit}", without what was lost before the way home.'
    return msgspec.structs.replace(judged, says=says)


def failback_findings(home: WayHome, judged: Failback) -> list[Finding]:
    """Both numbers with the operations that prove them, and every gate of the way home that does not hold."""
    bad = sorted((o for g in home.found.groups for e in g.episodes for o in e.bad), key=lambda o: o.sent_ns)
    recovery, lost = judged.recovery_time, judged.data_loss
    found = [
        Finding(
            check=f"{CHECK}: recovery time", verdict=recovery.verdict, says=recovery.says, operations=names_of(bad)
        ),
        Finding(
            check=f"{CHECK}: data loss",
            verdict=lost.verdict,
            says=lost.says,
            operations=names_of(home.lost.lost or home.lost.proof),
        ),
    ]
    if not home.ended:
        says = "The way home began and was not seen to end, so the drill may have ended in the wrong place."
        found.append(Finding(check=f"{CHECK} ended", verdict="inconclusive", says=says))
    open_gates = [g.finding for g in home.gates if g.finding.verdict != "pass"]
    return found + [msgspec.structs.replace(f, check=f"{CHECK}: {f.check}", taints=()) for f in open_gates]
