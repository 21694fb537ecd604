"""A blip must not fail over: whether everything stayed where it was while something short was wrong."""

from collections.abc import Sequence

from probes.history import History
from reports.automated import automated, step_of
from reports.declared import Declared
from reports.model import Finding
from reports.phases import phases_of
from reports.series import names_of, region_of, series_of
from reports.steps import StepRecord

CHECK = "no failover"
# Operations that the finding names.
_SHOWN = 20


def judge_staying(history: History, declared: Declared, steps: Sequence[StepRecord]) -> Finding | None:
    """Fail if a step of a plan was begun, or if another Region answered than before; None where it is not asked.

    By who says that it answered: an automatism that turns names is seen by that alone.
    """
    since_ns = phases_of(history, declared).since_ns
    if declared.expects != "no failover" or since_ns is None:
        return None
    begun = [step.name for step in steps if step.outcome != "not reached"]
    begun += [step_of(mark.says) for mark in automated(history)]
    if begun:
        says = f"A blip started the plan: {', '.join(begun)}. Let it wait longer (`after` of the plan)."
        return Finding(check=CHECK, verdict="fail", says=says)
    answers = [o for one in series_of(history, "workload") for o in one.operations if region_of(o)]
    before = {region_of(o) for o in answers if o.done_ns <= since_ns}
    after = [o for o in answers if o.sent_ns > since_ns]
    moved = [o for o in after if region_of(o) not in before]
    if moved:
        where, known = ", ".join(sorted({region_of(o) for o in moved})), ", ".join(sorted(before))
        says = (
            f"A blip moved the workload: {len(moved)} answers came from {where}, before only from {known or 'nobody'}."
        )
        return Finding(check=CHECK, verdict="fail", says=says, operations=names_of(moved[:_SHOWN]))
    if not before or not after:
        says = "No answer says which Region it came from, so whether the workload moved is not known."
        return Finding(check=CHECK, verdict="inconclusive", says=says)
    says = f"No step of a plan was begun, and all {len(after)} answers since came from {', '.join(sorted(before))}."
    return Finding(check=CHECK, verdict="pass", says=says)
