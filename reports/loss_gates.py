"""Gates on the evidence for data loss: enough writes, close enough together, all of them read back (or a sample)."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from probes.history import Operation
from reports.bounds import NS_PER_S, Edge, seconds
from reports.coverage import Coverage
from reports.gates import Gate, broken, held
from reports.ledger import Audit, Fate, Ledger
from reports.loss import FEW, Loss, near_impact
from reports.model import Finding, Judgement
from reports.phases import Phases
from reports.series import names_of

# The write gap may be this share of the RPO (docs/measuring.md): coarser writes cannot see a loss that small.
GAP_SHARE = 0.1
# What is not judged, too, where several sites take writes.
_TOO_NEW = ", too new for every site to have them"
_ANOMALIES = {
    "phantom": "writes were refused, yet they are there.",
    "resurrected": "acknowledged deletes were undone: what they deleted is there again. They count as lost changes.",
}


def loss_gates(
    found: Ledger, measured: Loss, phases: Phases, impact: Edge | None, rpo_s: float | None, *, good_ns: int = 0
) -> list[Gate]:
    """What the data loss rests on. All can hide a loss and none can make one up, so a proven loss stands.

    `good_ns`: from when on service had been good before what is judged here.
    """
    gates = [_audits(found), *(_coverage(c, rpo_s) for c in measured.coverage), *_findings(found)]
    if impact is not None and rpo_s is not None:
        gates.append(_near(found, impact))
    if rpo_s and phases.since_ns is not None:
        gates.append(_gap(found, impact, phases.since_ns, rpo_s, good_ns))
    return gates


def _proved(gate: Gate, operations: Iterable[Operation]) -> Gate:
    return Gate(msgspec.structs.replace(gate.finding, operations=names_of(operations)), gate.spares_fail)


def _audits(found: Ledger) -> Gate:
    check = "audits complete"
    audits = found.audits
    if not audits.all:
        return broken(check, "No audit read the data back.", taints=("data loss",), spares_fail=True)
    unread = [(a, [f.write for f in found.fates if _unread(f, a, found)]) for a in audits.all]
    problems = [f'{len(writes)} writes were never answered in "{a.name}".' for a, writes in unread if writes]
    if problems:
        gate = broken(check, " ".join(problems), taints=("data loss",), spares_fail=True)
        return _proved(gate, (w for _, writes in unread for w in writes))
    late = sum(f.acknowledged and not f.judged for f in found.fates)
    new = _TOO_NEW if any(r.trail_ns for a in audits.all for r in a.readings.values()) else ""
    rest = f" {late} acknowledged ones, sent after that, overwritten since{new} or not sampled, are not judged."
    names = " and ".join(f'"{a.name}"' for a in audits.all)
    what = "Every write" if all(r.share >= 1.0 for a in audits.all for r in a.readings.values()) else "The whole sample"
    gate = held(check, f"{what} that came before {names} was read back there.{rest if late else ''}")
    return _proved(gate, (o for a in audits.all for o in (a.first, a.last)))


def _unread(fate: Fate, audit: Audit, found: Ledger) -> bool:
    return (fate.at_failover if audit is found.audits.at_failover else fate.after_heal) == "unread"


def _coverage(coverage: Coverage, rpo_s: float | None) -> Gate:
    """How much a sample says. It never makes a loss up, and never shows that nothing at all was lost."""
    check = "audit coverage"
    most = coverage.most_lost
    none = "no loss" if coverage.missing == 0 else f"{coverage.missing} with a loss"
    says = (
        f'"{coverage.name}" read {coverage.read} of {coverage.keys} acknowledged keys, {coverage.share:.2%}. Among the '
        f"{coverage.sample} that were drawn from {coverage.population} there is {none}: with 95% confidence at most "
        f"{most} of these {coverage.population} have one."
    )
    if rpo_s == 0 and coverage.read < coverage.keys:
        says = f"{says} An RPO of zero is only shown by reading all."
        return _proved(broken(check, says, taints=("data loss",), spares_fail=True), coverage.operations)
    return _proved(held(check, says), coverage.operations)


def _near(found: Ledger, impact: Edge) -> Gate:
    check = "writes near the impact"
    flying, fresh = near_impact(found, impact)
    says = (
        f"{len(flying)} writes were in flight at the impact and {len(fresh)} were acknowledged in the second before it"
    )
    if not fresh:
        gate = broken(check, f"{says}, so a loss would not have shown.", taints=("data loss",), spares_fail=True)
        return _proved(gate, flying)
    gate = held(check, f"{says}: {'weak' if len(fresh) < FEW else 'good'} evidence.")
    return _proved(gate, [*fresh[-10:], *flying])


def _gap(found: Ledger, impact: Edge | None, since_ns: int, rpo_s: float, good_ns: int) -> Gate:
    """The longest time without a write in the last two RPOs before the impact (or the fault, if nobody saw any).

    Not before `good_ns`: there an outage that has its own verdict may lie.
    What was acknowledged and tells nothing (overwritten, deleted, not in the sample) is no write here.
    """
    check = "write gap"
    end_ns = impact.upper_ns if impact is not None else since_ns
    begin_ns = max(good_ns, end_ns - round(max(2 * rpo_s, 1.0) * NS_PER_S))
    near = [f.write for f in found.fates if begin_ns <= f.write.sent_ns <= end_ns and _tells(f, found)]
    sent = sorted(o.sent_ns for o in near)
    longest_ns, since = max(
        ((b - a, a) for a, b in pairwise([*sent, end_ns])), default=(round(rpo_s * NS_PER_S), begin_ns)
    )
    longest_s = seconds(longest_ns)
    says = f"Before the impact up to {longest_s:.3f} s passed without a write; an RPO of {rpo_s:g} s"
    around = [o for o in near if since <= o.sent_ns <= since + longest_ns]
    if longest_s > GAP_SHARE * rpo_s:
        says = f"{says} needs one every {GAP_SHARE * rpo_s:g} s."
        return _proved(broken(check, says, taints=("data loss",), spares_fail=True), around)
    return _proved(held(check, f"{says} allows {GAP_SHARE * rpo_s:g} s."), around)


def _tells(fate: Fate, found: Ledger) -> bool:
    return fate.kept or fate.gone or not fate.acknowledged or not found.audits.all or fate.loss_class is not None


def _findings(found: Ledger) -> list[Gate]:
    """What the audits found besides loss. Integrity failures are a fail; anomalies are told and judge nothing."""
    gates = []
    damaged = [f for f in found.fates if f.corrupt or f.duplicated]
    if damaged:
        says = (
            f"{sum(f.corrupt for f in damaged)} writes came back with another checksum or version, "
            f"{sum(f.duplicated for f in damaged)} took effect more than once."
        )
        gates.append(_told("integrity", says, damaged, verdict="fail"))
    spoilt = [f for f in damaged if f.at_failover == "corrupt"]
    if spoilt:
        gates.append(_not_right(spoilt))
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


def _not_right(spoilt: Sequence[Fate]) -> Gate:
    """Service that is good because nobody asks for what is spoilt has not recovered; how long it was bad still stands.

    What an audit finds spoilt only after everything was put back says nothing of the recovery before that.
    """
    says = (
        f"When recovery was over, {len(spoilt)} writes still came back with another checksum or version: service was "
        "good again only for clients that did not ask for them."
    )
    gate = broken("recovered data", says, taints=("recovery time",), spares_fail=True)
    return _proved(gate, (f.write for f in spoilt))


def _told(check: str, says: str, fates: Sequence[Fate], *, verdict: Judgement = "not judged") -> Gate:
    return Gate(Finding(check=check, verdict=verdict, says=says, operations=names_of(f.write for f in fates)))
