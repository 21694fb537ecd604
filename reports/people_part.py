"""What people did in a drill, as they said it themselves: notified, acknowledged, decided, and how long each took."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from probes.history import History, Mark
from reports.bounds import Edge, seconds
from reports.model import Finding
from reports.phases import phases_of
from reports.recovery import Recovery
from reports.steps import StepRecord
from reports.words import interval

CHECK = "people's part"
STAYED: Literal["decided not to fail over"] = "decided not to fail over"
# That somebody was told or answered, or decided to leave things as they are, helps no service.
NO_HELP = ("notified", "acknowledged", STAYED)
PART = (*NO_HELP, "decided")


def parts_of(history: History) -> list[Mark]:
    """The marks of people's part, in time order. One of a plan's own `wait` step counts among them."""
    found = (mark for mark in history.marks if mark.source == "person" and mark.name in PART)
    return sorted(found, key=lambda mark: mark.at_ns)


def people_clocks(history: History, found: Recovery) -> dict[str, list[float]]:
    """How long it took from each moment to the next, as [lower, upper] in s by `<from>_to_<to>`; {} without people.

    It begins with `detected`, the moment at which a plan's own watch saw enough; where there is none, with the impact.
    Each moment is the first of its kind. One that came before the moment that it should follow has no length: [].
    """
    first = [(name, mark) for name, mark in _first_of(history) if mark is not None]
    if not first:
        return {}
    moments = [(name, _edge(mark)) for name, mark in first]
    detected = history.mark("detected")
    if detected is not None:
        moments.insert(0, ("detected", _edge(detected)))
    elif found.impact is not None:
        moments.insert(0, ("impact", found.impact))
    return {
        f"{one}_to_{other}".replace(" ", "_"): _between(start, end) for (one, start), (other, end) in pairwise(moments)
    }


def judge_people(history: History, steps: Sequence[StepRecord], found: Recovery) -> Finding | None:
    """What they did and when, beside what the plan did; None where nobody said anything. It judges nothing."""
    parts = parts_of(history)
    if not parts:
        return None
    start_ns = phases_of(history).start_ns
    told = "; ".join(
        f"{mark.name} at {seconds(mark.at_ns - start_ns):.1f} s (± {seconds(mark.uncertainty_ns):.1f} s): {mark.says}"
        for mark in parts
    )
    lengths = ", ".join(
        f"{name.replace('_', ' ')} {interval(*edges) if edges else 'not measured: it did not come after'}"
        for name, edges in people_clocks(history, found).items()
    )
    says = [f"By their own word: {told}.", f"{lengths[:1].upper()}{lengths[1:]}." if lengths else ""]
    says.append(_stayed(parts, steps, found))
    return Finding(check=CHECK, verdict="not judged", says=" ".join(filter(None, says)))


def _stayed(parts: Sequence[Mark], steps: Sequence[StepRecord], found: Recovery) -> str:
    """Beside the decision not to fail over, whether anything failed over."""
    decisions = [mark for mark in parts if mark.name == STAYED]
    if not decisions:
        return ""
    decided = decisions[0]
    begun = [step for step in steps if step.plan == "recovery" and step.outcome != "not reached"]
    if not begun:
        return f"The drill began no step of a plan, as was decided; {_became(found)}."
    later = [step.name for step in begun if step.began_ns > decided.at_ns + decided.uncertainty_ns]
    if later:
        return f"The plan's steps {', '.join(later)} were begun after that decision all the same."
    return "The plan's steps had been begun before that decision."


def _became(found: Recovery) -> str:
    if found.impact is None:
        return "clients saw nothing"
    if found.recovered:
        return "service came back without any"
    return "service was not seen to come back before things were put back"


def _first_of(history: History) -> Iterator[tuple[str, Mark | None]]:
    parts = parts_of(history)
    for name in ("notified", "acknowledged", "decided", STAYED):
        yield name, next((mark for mark in parts if mark.name == name), None)


def _edge(mark: Mark) -> Edge:
    return Edge(mark.at_ns - mark.uncertainty_ns, mark.at_ns + mark.uncertainty_ns)


def _between(start: Edge, end: Edge) -> list[float]:
    if end.upper_ns < start.lower_ns:
        return []
    return [seconds(max(0, end.lower_ns - start.upper_ns)), seconds(end.upper_ns - start.lower_ns)]
