"""Whether a plan kept to the limit that its team set for control planes, and which of their operations it called.

AWS advises not to need control planes in a disaster: [Well-Architected REL11-BP04]. A call that is made again and again
is no more of a dependency than one that is made once, so operations are counted, not calls: each once in each Region.
"""

from collections.abc import Sequence

from reports.declared import Declared
from reports.model import Finding, Judgement
from reports.steps import StepRecord, latest

CHECK = "control planes"
# Step kinds of which what they call on AWS is not seen.
_UNSEEN = "run"


def judge_control_planes(declared: Declared, steps: Sequence[StepRecord]) -> Finding | None:
    """The finding; None where no limit was set, or no plan was run. The way home is not in it: the disaster is over."""
    planned = declared.fault is None and declared.expects == "none"
    limit = declared.control_plane.get("switchover" if planned else "recovery")
    own = [step for step in steps if step.plan == "recovery"]
    if limit is None or not own:
        return None
    used = _used(own)
    count = sum(len(operations) for operations in used.values())
    says = f"The plan called {count} operations of control planes, and its limit is {limit}."
    if used:
        says = f"{says} {'; '.join(f'{region}: {_listed(operations)}' for region, operations in sorted(used.items()))}."
    if any(step.kind == _UNSEEN and step.outcome != "not reached" for step in own):
        says = f"{says} What run steps start makes calls of its own, which are not seen and not in it."
    return Finding(check=CHECK, verdict=_verdict(count, limit, own), says=says)


def _verdict(count: int, limit: int, steps: Sequence[StepRecord]) -> Judgement:
    """More is more, however the plan ended; of one that did not come to its end nobody knows how many it takes."""
    if count > limit:
        return "fail"
    return "pass" if all(step.outcome == "done" for step in latest(steps)) else "inconclusive"


def _used(steps: Sequence[StepRecord]) -> dict[str, set[str]]:
    """The operations by Region, as `service Operation`. A call that was not sent, to a lost Region, is one as well."""
    found: dict[str, set[str]] = {}
    for call in (call for step in steps for call in step.calls if call.plane == "control"):
        found.setdefault(call.region, set()).add(f"{call.service} {call.operation}")
    return found


def _listed(operations: set[str]) -> str:
    return ", ".join(sorted(operations))
