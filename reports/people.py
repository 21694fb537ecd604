"""Whether the service came back by itself: a person's help that the plan does not have is no recovery of the plan's."""

from probes.history import History
from reports.bounds import seconds
from reports.gates import Gate, broken, held
from reports.people_part import NO_HELP
from reports.recovery import Recovery


def unaided(history: History, found: Recovery) -> Gate:
    """No mark by a person from the first impact until the service was good for good.

    A mark whose data say `planned` is a step that the plan gives to a person; who says beside it that he decided has
    said it twice. One that ended the drill helped nobody, nor did one that only tells who knew.
    Help can shorten a recovery and never makes one up that was missed, so a proven miss stands.
    """
    check = "recovered without help"
    if found.impact is None:
        return held(check, "There was nothing to recover from.")
    ends = [g.stable_upper_ns for g in found.groups]
    known = [e for e in ends if e is not None]
    until_ns = max(known) if len(known) == len(ends) else found.phases.until_ns
    begin_ns = found.impact.lower_ns
    given = any(m.name == "decided" and m.data.get("planned") is True for m in history.marks)
    harmless = ("interrupted", *NO_HELP, *(("decided",) if given else ()))
    helped = [
        m
        for m in history.marks
        if m.source == "person"
        and m.name not in harmless
        and m.data.get("planned") is not True
        and m.at_ns + m.uncertainty_ns >= begin_ns
        and (until_ns is None or m.at_ns - m.uncertainty_ns <= until_ns)
    ]
    if not helped:
        return held(check, "Between the impact and the return no person did anything that the plan does not have.")
    start_ns = found.phases.start_ns
    told = "; ".join(f'"{m.says or m.name}" at {seconds(m.at_ns - start_ns):.1f} s' for m in helped[:3])
    says = f"A person helped where the plan has none ({told}), so the recovery is not the workload's own."
    return broken(check, says, taints=("recovery time",), spares_fail=True)
