"""A recovery that was called off in its middle: what was done by then, and whether the plan could be begun again."""

from collections.abc import Sequence

from probes.history import History
from reports.bounds import NS_PER_S
from reports.model import Finding
from reports.phases import main_mark
from reports.steps import StepRecord, latest

CHECK = "recovery begun again"


def judge_called_off(history: History, steps: Sequence[StepRecord]) -> Finding | None:
    """Fail if a step failed when the plan was begun again; None where no recovery was called off.

    A step that had been done must bear to be done again: who takes over does not know how far the other one came.
    """
    mark, requested = main_mark(history, "called off"), main_mark(history, "requested")
    if mark is None:
        return None
    own = [step for step in steps if step.plan == "recovery"]
    before = [step for step in own if step.began_ns <= mark.at_ns]
    again = [step for step in latest(own) if step.began_ns > mark.at_ns]
    since_s = (mark.at_ns - (requested.at_ns if requested is not None else 0)) / NS_PER_S
    done = ", ".join(step.name for step in before if step.outcome == "done") or "nothing"
    cut = ", ".join(step.name for step in before if step.outcome == "failed")
    said = f"The recovery was called off {since_s:.1f} s after the fault was asked for: {done} done"
    said += f", {cut} cut short." if cut else ", and nothing under way."
    if not again:
        return Finding(check=CHECK, verdict="not judged", says=f"{said} It was not begun again.")
    began_s = (min(step.began_ns for step in again) - mark.at_ns) / NS_PER_S
    said += f" Begun again {began_s:.1f} s later,"
    failed = [step for step in again if step.outcome != "done"]
    if failed:
        named = "; ".join(f"{step.name}: {step.error or step.outcome}" for step in failed)
        says = f"{said} it did not come to its end: {named}. Let each step bear to be done again."
        return Finding(check=CHECK, verdict="fail", says=says)
    took_s = (max(step.ended_ns for step in again) - min(step.began_ns for step in again)) / NS_PER_S
    return Finding(check=CHECK, verdict="pass", says=f"{said} all its {len(again)} steps were done in {took_s:.1f} s.")
