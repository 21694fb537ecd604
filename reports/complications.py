"""What else was broken, so that recovery is harder: whether it was there all the time, and what came of it.

A complication is asked for and seen before the fault is, and clients do not notice it by itself: if they did, the
drill's baseline would not be good. One that was not seen, or ended too early, makes no miss up, but a recovery under
it proves nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from probes.history import History, Mark
from reports.bounds import seconds
from reports.declared import Declared, DeclaredFault
from reports.effects import refused_launches
from reports.gates import Gate, broken, held
from reports.lag import lags_between
from reports.model import Finding, Judgement
from reports.phases import Phases, phases_of
from reports.series import names_of
from reports.steps import StepRecord
from reports.witness import effect_of
from reports.words import interval

EFFECTIVE = "complication effective"
CAPACITY = "static stability"
STANDSTILL = "replication when the site was lost"
# Whose word a mark `sign` is that an alarm rang.
_ALARM = "CloudWatch alarm"
# What a step's call answers that was not sent, because its Region is not to be called.
REFUSED = "lost ("
# Step kinds of which what they call on AWS is not seen.
_UNSEEN = "run"


def complication_gates(history: History, declared: Declared) -> list[Gate]:
    """A gate for each: it was seen before the fault was asked for, and was there until that was put back."""
    phases = phases_of(history, declared)
    if phases.since_ns is None:
        return []
    return [_gate(history, fault, phases) for fault in declared.complications]


def _gate(history: History, fault: DeclaredFault, phases: Phases) -> Gate:
    since_ns = phases.since_ns or 0
    asked, lasted = _marks(history, "complication asked", fault), _marks(history, "complication held", fault)
    if not asked or _at(asked[0]) >= since_ns:
        says = f"{fault.says}: it was not asked for before the fault."
        return broken(EFFECTIVE, says, verdict="invalid", spares_fail=True)
    seen = _refusing(history) if fault.proved_by == "refused calls" else _seen(history, fault, _at(asked[0]), phases)
    if not seen:
        says = f"{fault.says}: nothing showed it in time, so recovery was as easy as ever."
        return broken(EFFECTIVE, says, verdict="invalid", spares_fail=True)
    if not lasted:
        says = f"{fault.says}: {seen} Whether it was still there when the fault was put back is not known."
        return broken(EFFECTIVE, says, spares_fail=True)
    return held(EFFECTIVE, f"{fault.says}: {seen} It was still there when the fault was put back.")


def _seen(history: History, fault: DeclaredFault, begun_ns: int, phases: Phases) -> str:
    """When it was seen, in a sentence; "" where it was not, or where it reached what it should spare.

    A launch that recovery tried and could not have proves the want of capacity as well as one before it.
    """
    before = effect_of(history, fault, begun_ns, phases.since_ns)
    edge = before.effective
    if edge is None and fault.proved_by == "failed launches":
        edge = effect_of(history, fault, begun_ns, phases.until_ns).effective
    if edge is None or before.spilled:
        return ""
    when = interval(max(0.0, seconds(edge.lower_ns - begun_ns)), max(0.0, seconds(edge.upper_ns - begun_ns)))
    return f"it was seen {when} after it was asked for."


def _refusing(history: History) -> str:
    """The runner's own rule shows in its own mark: a call as a step makes it was refused."""
    found = [m.says for m in history.marks if m.name == "complication effective" and m.source == "runner"]
    return f"{found[0]}." if found else ""


def judge_complications(
    history: History, declared: Declared, steps: Sequence[StepRecord], recovery: Judgement
) -> list[Finding]:
    """What came of each, one finding; `recovery` is how the recovery time was judged. None before the fault."""
    return [
        finding
        for fault in declared.complications
        if phases_of(history, declared).since_ns is not None
        for finding in _consequence(history, declared, fault, steps, recovery)
    ]


def _consequence(
    history: History, declared: Declared, fault: DeclaredFault, steps: Sequence[StepRecord], recovery: Judgement
) -> Iterator[Finding]:
    if fault.proved_by == "failed launches":
        yield _static_stability(history, declared, fault, recovery)
    elif fault.proved_by == "refused calls":
        yield from (_control_plane(region, steps) for region in fault.bites)
    elif fault.proved_by == "heartbeats":
        yield from _standstill(history, declared, fault)


# --- capacity --------------------------------------------------------------------------------------------------------


def _static_stability(history: History, declared: Declared, fault: DeclaredFault, recovery: Judgement) -> Finding:
    """Whether recovery tried to launch what could not be had: a statically stable workload needs no launch.

    A launch that failed is a part of the miss where the RTO was missed. Where it was kept all the same it is told, and
    the findings of the plan and of capacity say what that was worth.
    """
    phases, regions = phases_of(history, declared), sorted({target.site for target in fault.targets})
    where = ", ".join(regions)
    failed = refused_launches(history, regions, phases.since_ns, phases.until_ns)
    if not failed:
        says = f"Recovery tried no launch in {where} that failed for want of capacity: it needs none that it has not."
        return Finding(check=CAPACITY, verdict="pass", says=says)
    first_s = seconds(min(mark.at_ns for mark in failed) - (phases.since_ns or 0))
    says = (
        f"Recovery needs capacity that it does not have: {len(failed)} launches in {where} failed for want of it, the "
        f"first {first_s:.1f} s after the fault was asked for. Keep what recovery needs running there, or reserve it."
    )
    return Finding(check=CAPACITY, verdict="fail" if recovery == "fail" else "not judged", says=says)


# --- control planes --------------------------------------------------------------------------------------------------


def _control_plane(region: str, steps: Sequence[StepRecord]) -> Finding:
    """Fail if a step of the plan called the Region: it was refused, and would be where its control plane is gone."""
    check = f"control plane of {region}"
    own = [step for step in steps if step.plan == "recovery" and step.outcome != "not reached"]
    if not own:
        says = f"No step of a plan was begun, so that none called {region}; what AWS does by itself there is not seen."
        return Finding(check=check, verdict="not judged", says=says)
    refused = [(step.name, call) for step in own for call in step.calls if call.answer.startswith(REFUSED)]
    unseen = "" if all(step.kind != _UNSEEN for step in own) else (
        " What run steps start makes calls of its own, which are neither refused nor seen."
    )  # fmt: skip
    if refused:
        named = "; ".join(f"{name} called {call.service} {call.operation} in {call.region}" for name, call in refused)
        says = f"The plan needs it while it cannot be called: {named}. Have the step call another Region, or leave it."
        return Finding(check=check, verdict="fail", says=says + unseen)
    calls = Counter(call.region for step in own for call in step.calls)
    went = ", ".join(f"{count} to {where}" for where, count in sorted(calls.items())) or "none was made"
    says = f"No step of the plan called it: of {sum(calls.values())} calls {went}."
    return Finding(check=check, verdict="pass", says=says + unseen)


# --- replication -----------------------------------------------------------------------------------------------------


def _standstill(history: History, declared: Declared, fault: DeclaredFault) -> Iterator[Finding]:
    """How far behind a site was when the fault was asked for, and whether an alarm had told of it by then.

    Judged by nothing of its own: what was lost by it, the ledger says.
    """
    since_ns, asked = phases_of(history, declared).since_ns, _marks(history, "complication asked", fault)
    begun_ns = _at(asked[0]) if asked else None
    rang = [
        m.says for m in history.marks
        if m.name == "sign" and m.source.startswith(_ALARM) and since_ns and begun_ns and begun_ns < m.at_ns < since_ns
    ]  # fmt: skip
    heard = f"Alarms by then: {'; '.join(rang[:3])}." if rang else "No alarm had told of it."
    for found in lags_between(history, None, since_ns):
        behind = max(found.waiting, key=lambda write: write.lower_ns, default=None)
        if behind is None:
            continue
        says = (
            f"When the fault was asked for, a write was not at {found.site} {seconds(behind.lower_ns):.1f} s after it "
            f"was acknowledged: a failover loses it, and all since. {heard}"
        )
        yield Finding(check=STANDSTILL, verdict="not judged", says=says, operations=names_of(behind.proof))


def _marks(history: History, name: str, fault: DeclaredFault) -> list[Mark]:
    """The marks of that name that are about that complication: they say what it does."""
    return [mark for mark in history.marks if mark.name == name and mark.says == fault.says]


def _at(mark: Mark) -> int:
    return mark.at_ns - mark.uncertainty_ns
