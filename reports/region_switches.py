"""What ARC says of the Region switches of a plan, beside what clients saw. It judges nothing.

ARC's "actual recovery time" begins with the execution and ends when its plan is done and the plan's application-health
alarms are green: [ARC Region switch API: GetPlanExecution]. So what came before, detection and the decision, is not in
it, and its end is as coarse as those alarms. That it is shorter than the recovery time of clients is as it has to be.
"""

from collections.abc import Iterable

import msgspec

from probes.history import History
from reports.bounds import seconds
from reports.model import Finding
from reports.recovery import Recovery
from reports.steps import StepRecord, Switched, latest
from reports.words import interval
from reports.words import seconds as seconds_words

CHECK = "ARC's recovery time"
MARK = "region switch"
# ARC's durations are whole seconds, and it does not say which way it rounds: [ARC Region switch API: Duration].
COUNTS_IN_S = 1.0


def told_later(steps: Iterable[StepRecord], history: History) -> tuple[StepRecord, ...]:
    """The steps with what ARC said of their Region switches when the drill ended, where it was asked again then."""
    later = {str(mark.data["execution"]): mark.data for mark in history.marks if mark.name == MARK}

    def now(switched: Switched) -> Switched:
        told = later.get(switched.execution, {})
        return msgspec.convert({**msgspec.to_builtins(switched), **told}, Switched)

    return tuple(
        step if step.switched is None else msgspec.structs.replace(step, switched=now(step.switched)) for step in steps
    )


def switch_findings(steps: Iterable[StepRecord], found: Recovery) -> list[Finding]:
    """A finding for each Region switch that was done on the way there."""
    return [
        Finding(check=CHECK, verdict="not judged", says=_says(step, step.switched, found))
        for step in latest(steps)
        if step.switched is not None and step.plan == "recovery" and step.outcome == "done"
    ]


def _says(step: StepRecord, switched: Switched, found: Recovery) -> str:
    of = f"execution {switched.execution} (step {step.name}, {switched.region})"
    if switched.recovery_s is None:
        return (
            f"ARC had told no recovery time of {of} when the drill ended: it was {switched.state}. ARC tells it once "
            f"the plan's application-health alarms are green, in GetPlanExecution."
        )
    return (
        f"ARC says {seconds_words(switched.recovery_s)} for {of}: from its start until its plan was done and the "
        f"plan's application-health alarms were green. Not in it: detection and the decision. It is as coarse as these "
        f"alarms, and nothing is judged by it. {_beside(step, switched.recovery_s, found)}"
    )


def _beside(step: StepRecord, arc_s: float, found: Recovery) -> str:
    """What clients saw from the same start on, and why the two may differ."""
    if not found.groups:
        return "Clients saw no bad service."
    last = found.groups[-1]
    if last.stable_upper_ns is None:
        return "Clients were not seen to be served well again: such alarms do not see what clients see."
    lower_s = max(0.0, seconds(last.stable_lower_ns - step.began_ns))
    upper_s = max(0.0, seconds(last.stable_upper_ns - step.began_ns))
    total_s = None if found.upper_ns is None else (seconds(found.lower_ns), seconds(found.upper_ns))
    since = "" if total_s is None else f", {interval(*total_s)} after the impact"
    saw = f"Clients were served well again {interval(lower_s, upper_s)} after the step began{since}."
    if arc_s + COUNTS_IN_S < lower_s:
        return f"{saw} ARC's is shorter: its plan was done, and its alarms green, before clients were served."
    if arc_s - COUNTS_IN_S > upper_s:
        return f"{saw} ARC's is longer: its plan was done, or its alarms green, only after clients were served."
    return f"{saw} To the second that ARC counts in, both say the same."
