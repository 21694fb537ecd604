"""Gates on the evidence for data loss: enough writes, close enough together, all of them read back."""

from collections.abc import Sequence
from itertools import pairwise

from reports.bounds import NS_PER_S, Edge, seconds
from reports.gates import Gate, broken, held
from reports.ledger import Audit, Fate, Ledger
from reports.loss import FEW, near_impact
from reports.model import Finding, Judgement
from reports.phases import Phases
from reports.series import names_of

# The write gap may be this share of the RPO (docs/measuring.md): coarser writes cannot see a loss that small.
GAP_SHARE = 0.1
_ANOMALIES = {
    "phantom": "writes were refused, yet they are there.",
    "resurrected": "acknowledged deletes came back.",
}


def loss_gates(found: Ledger, phases: Phases, impact: Edge | None, rpo_s: float | None) -> list[Gate]:
    """What the data loss rests on. All can hide a loss and none can make one up, so a proven loss stands."""
    gates = [_audits(found), *_findings(found)]
    if impact is not None and rpo_s is not None:
        gates.append(_near(found, impact))
    if rpo_s and phases.since_ns is not None:
        gates.append(_gap(found, impact, phases.since_ns, rpo_s))
    return gates


def _audits(found: Ledger) -> Gate:
    check = "audits complete"
    audits = found.audits
    if not audits.all:
        return broken(check, "No audit read the data back.", taints=("data loss",), spares_fail=True)
    problems = [p for a in audits.all if (p := _uncovered(found, a))]
    if problems:
        return broken(check, " ".join(problems), taints=("data loss",), spares_fail=True)
    late = sum(f.acknowledged and not f.judged for f in found.fates)
    rest = f" {late} acknowledged ones, sent after that or overwritten since, are not judged." if late else ""
    names = " and ".join(f'"{a.name}"' for a in audits.all)
    return held(check, f"Every write that came before {names} was read back there.{rest}")


def _uncovered(found: Ledger, audit: Audit) -> str:
    asked = [f for f in found.fates if f.write.sent_ns < audit.began_ns]
    unread = [f for f in asked if f.write.key not in audit.answers]
    if not unread:
        return ""
    return f'"{audit.name}" read {len(asked) - len(unread)} of {len(asked)} writes; {len(unread)} were never answered.'


def _near(found: Ledger, impact: Edge) -> Gate:
    check = "writes near the impact"
    flying, fresh = near_impact(found, impact)
    says = f"{flying} writes were in flight at the impact and {fresh} were acknowledged in the second before it"
    if fresh == 0:
        return broken(check, f"{says}, so a loss would not have shown.", taints=("data loss",), spares_fail=True)
    return held(check, f"{says}: {'weak' if fresh < FEW else 'good'} evidence.")


def _gap(found: Ledger, impact: Edge | None, since_ns: int, rpo_s: float) -> Gate:
    """The longest time without a write in the last two RPOs before the impact (or the fault, if nobody saw any)."""
    check = "write gap"
    end_ns = impact.upper_ns if impact is not None else since_ns
    begin_ns = end_ns - round(max(2 * rpo_s, 1.0) * NS_PER_S)
    sent = [f.write.sent_ns for f in found.fates if begin_ns <= f.write.sent_ns <= end_ns]
    gaps = [b - a for a, b in pairwise(sorted([*sent, end_ns]))]
    longest_s = seconds(max(gaps, default=round(rpo_s * NS_PER_S)))
    says = f"Before the impact up to {longest_s:.3f} s passed without a write; an RPO of {rpo_s:g} s"
    if longest_s > GAP_SHARE * rpo_s:
        says = f"{says} needs one every {GAP_SHARE * rpo_s:g} s."
        return broken(check, says, taints=("data loss",), spares_fail=True)
    return held(check, f"{says} allows {GAP_SHARE * rpo_s:g} s.")


def _findings(found: Ledger) -> list[Gate]:
    """What the audits found besides loss. Integrity failures are a fail; anomalies are told and judge nothing."""
    gates = []
    broken_data = found.of_class("corrupt", "duplicated")
    if broken_data:
        says = (
            f"{len(found.of_class('corrupt'))} writes came back with another checksum, "
            f"{len(found.of_class('duplicated'))} took effect more than once."
        )
        gates.append(_told("integrity", says, broken_data, verdict="fail"))
    for name, says in _ANOMALIES.items():
        fates = [f for f in found.fates if f.loss_class == name]
        if fates:
            gates.append(_told(f"anomaly: {name}", f"{len(fates)} {says}", fates))
    if found.unexpected:
        says = f"{len(found.unexpected)} keys or versions were read back that were never sent."
        finding = Finding(
            check="anomaly: unexpected", verdict="not judged", says=says, operations=names_of(found.unexpected)
        )
        gates.append(Gate(finding))
    return gates


def _told(check: str, says: str, fates: Sequence[Fate], *, verdict: Judgement = "not judged") -> Gate:
    return Gate(Finding(check=check, verdict=verdict, says=says, operations=names_of(f.write for f in fates)))
