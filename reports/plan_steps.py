"""What the steps of the plans say: rows for the verdict, and a finding that names the step that failed and its call."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from reports.bounds import NS_PER_S
from reports.declared import Declared
from reports.gates import Gate, broken, held
from reports.model import CallRow, Finding, Judgement, StepRow, Verdict
from reports.steps import CallMade, StepRecord, latest

PlanName = Literal["recovery", "failback"]
# What its finding is called, and the plan in a sentence.
CHECKS: dict[PlanName, str] = {"recovery": "plan", "failback": "failback plan"}
_CALLED: dict[PlanName, str] = {"recovery": "The plan", "failback": "The failback plan"}


def step_rows(steps: Iterable[StepRecord], start_ns: int) -> list[StepRow]:
    """The steps for the verdict, by when they began: times in s since the drill's start."""
    ordered = sorted(steps, key=lambda s: (s.began_ns, s.ended_ns, s.name))
    return [
        StepRow(
            plan=s.plan,
            name=s.name,
            kind=s.kind,
            says=s.says,
            region=s.region,
            began_s=(s.began_ns - start_ns) / NS_PER_S,
            ended_s=(s.ended_ns - start_ns) / NS_PER_S,
            outcome=s.outcome,
            error=s.error,
            calls=[
                CallRow(
                    service=c.service,
                    operation=c.operation,
                    region=c.region,
                    plane=c.plane,
                    at_s=(c.at_ns - start_ns) / NS_PER_S,
                    answer=c.answer,
                )
                for c in s.calls
            ],
            copy=s.copy,
            template=s.template,
            switched=s.switched,
        )
        for s in ordered
    ]


def plan_gates(declared: Declared, steps: Sequence[StepRecord]) -> list[Gate]:
    """A gate for each plan that was run, and one for a planned switchover that did nothing.

    Recovery although a step failed is not the plan's, so it cannot pass; a miss stays the miss that it is. What the way
    home did says nothing of the recovery: its own verdict takes it up.
    """
    gates = []
    planned = declared.fault is None and declared.expects == "none"
    if planned and not any(s.plan == "recovery" and s.outcome == "done" for s in steps):
        gates.append(broken(CHECKS["recovery"], "No step of the planned switchover was done.", verdict="invalid"))
    for plan, check in CHECKS.items():
        own = [s for s in latest(steps) if s.plan == plan]
        if not own:
            continue
        if all(s.outcome == "done" for s in own):
            gates.append(held(check, _done(plan, own)))
        elif plan == "recovery":
            gates.append(broken(check, _failed(plan, own), taints=("recovery time",), spares_fail=True))
        else:
            gates.append(broken(check, _failed(plan, own), taints=()))
    return gates


def _done(plan: PlanName, steps: Sequence[StepRecord]) -> str:
    took_s = (max(s.ended_ns for s in steps) - min(s.began_ns for s in steps)) / NS_PER_S
    return f"{_CALLED[plan]}'s {len(steps)} steps were done in {took_s:.1f} s. {_calls(steps)}"


def _calls(steps: Iterable[StepRecord]) -> str:
    """How much of a plan rests on control planes, which AWS advises not to rely on in a disaster (static stability)."""
    calls = [c for s in steps for c in s.calls]
    control = Counter(f"{c.service} in {c.region}" for c in calls if c.plane == "control")
    if not control:
        return f"They made {len(calls)} calls, none of them to a control plane."
    named = ", ".join(f"{where} {count}" for where, count in sorted(control.items()))
    return f"They made {len(calls)} calls, {sum(control.values())} of them to control planes ({named})."


def _failed(plan: PlanName, steps: Sequence[StepRecord]) -> str:
    failed = sorted((s for s in steps if s.outcome == "failed"), key=lambda s: s.ended_ns)
    missed = [s.name for s in steps if s.outcome == "not reached"]
    says = " ".join(_step_failed(plan, s) for s in failed) or f"{_CALLED[plan]} was ended before its steps were done."
    if missed:
        says = f"{says} Not reached: {', '.join(missed)}."
    return f"{says} {_calls(steps)}".strip()


def _step_failed(plan: PlanName, step: StepRecord) -> str:
    took_s = (step.ended_ns - step.began_ns) / NS_PER_S
    says = f"{_CALLED[plan]}'s step {step.name} failed after {took_s:.1f} s"
    last = step.calls[-1] if step.calls else None
    if last is None:
        return f"{says} in {step.region or 'no Region'}: {_ended(step.error or 'it made no call')}"
    return f"{says}: {_call(last)}. {_ended(step.error)}".rstrip()


def _call(call: CallMade) -> str:
    return f"{call.service} {call.operation} in {call.region} answered {call.answer or 'nothing'}"


def _ended(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def named(finding: Finding, recovery: Iterable[Judgement], failback: Iterable[Judgement]) -> Finding:
    """A plan's finding as what it is: where that plan's objective was missed, the failed step is a part of the miss."""
    judged = {CHECKS["recovery"]: recovery, CHECKS["failback"]: failback}.get(finding.check, ())
    if finding.verdict == "inconclusive" and "fail" in judged:
        return msgspec.structs.replace(finding, verdict="fail", taints=())
    return finding


def is_plan(finding: Finding) -> bool:
    """Whether the finding is about a plan's steps."""
    return finding.check in CHECKS.values()


def plan_advice(verdict: Verdict) -> list[str]:
    """What to do about each step that failed, and was not done when its plan was begun again."""
    ended = {(step.plan, step.name): step for step in sorted(verdict.steps, key=lambda step: step.began_s)}
    return [
        f"Step {step.name} of the {step.plan} plan failed in {step.region or 'no Region'}: repair that call, or the "
        f"step in the workload file, and run the drill again."
        for step in ended.values()
        if step.outcome == "failed"
    ]
