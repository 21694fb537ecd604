"""Recovery time against its objective."""

from probes.history import History
from reports.bounds import seconds
from reports.declared import Declared
from reports.model import Judgement, RecoveryTime
from reports.objectives import FASTEST_PERIOD_S, Clock, Objectives
from reports.recovery import Recovery, longest_unseen_ns, measured
from reports.words import interval
from reports.words import seconds as seconds_words

_FROM_TO: dict[Clock, str] = {
    "total": "from the impact until service was good and stayed good",
    "from_decision": "from the decision until service was good and stayed good",
    "first_success": "from the impact until the first success",
    "audited": "from the impact until the data was audited",
}


_DOUBT = (
    "That is not proof enough for a verdict: what errs only once in a million drills says {}, because few operations "
    "failed. Ask more often, or over more streams."
)


def judge_recovery(history: History, declared: Declared, found: Recovery) -> RecoveryTime:
    """The recovery time by the objective's clock, before any gate of validity is asked.

    The interval that is shown errs in 5% of drills where it is not certain; the verdict rests on one that errs in one
    of a million (docs/adr/0006-certain.md).
    """
    objectives = declared.objectives
    if found.impact is None:
        return _unseen(history, declared, found)
    bounds = measured(found, history, objectives.clock)
    lower_s, upper_s = _in_s(bounds)
    verdict = compare(lower_s, upper_s, objectives.rto_s)
    doubt = ""
    if found.cautious is not None and bounds is not None:
        cautious = _in_s(measured(found.cautious, history, objectives.clock))
        beyond = compare(*cautious, objectives.rto_s)
        if beyond != verdict:
            doubt = f" {_DOUBT.format(interval(*cautious, objectives.rto_s))}"
        verdict = beyond
    return RecoveryTime(
        objective_s=objectives.rto_s,
        lower_s=lower_s,
        upper_s=upper_s,
        confidence=1.0 if found.certain else 0.95,
        clock=objectives.clock,
        verdict=verdict,
        says=_says(found, objectives, lower_s, upper_s, verdict) + doubt,
        seen_s=_seen(found),
    )


def _seen(found: Recovery) -> list[float]:
    """What the operations saw, where that is less than what may have been."""
    if found.certain or not found.recovered or found.seen_upper_ns is None:
        return []
    return [seconds(found.seen_lower_ns), seconds(found.seen_upper_ns)]


def _in_s(bounds: tuple[int, int | None] | None) -> tuple[float | None, float | None]:
    if bounds is None:
        return None, None
    return seconds(bounds[0]), None if bounds[1] is None else seconds(bounds[1])


def compare(lower_s: float | None, upper_s: float | None, objective_s: float | None) -> Judgement:
    """Pass if all of the interval meets the objective, fail if none of it does, else inconclusive."""
    if objective_s is None:
        return "not judged"
    if lower_s is not None and lower_s > objective_s:
        return "fail"
    if upper_s is not None and upper_s <= objective_s:
        return "pass"
    return "inconclusive"


def _unseen(history: History, declared: Declared, found: Recovery) -> RecoveryTime:
    """No operation met an outage. Where that is fine, one may still have hidden between two successes."""
    objectives = declared.objectives
    began = found.phases.since_ns is not None
    longest_ns = longest_unseen_ns(history, found) if began and declared.expects != "impact" else None
    upper_s = None if longest_ns is None else seconds(longest_ns)
    lower_s = None if upper_s is None else 0.0
    if upper_s is None:
        says = "Clients saw no outage, so no recovery time was measured."
        return _recovery_time(
            objectives, None, None, "not judged" if objectives.rto_s is None else "inconclusive", says
        )
    says = f"Clients saw no outage; one that hid between two successes lasted {interval(lower_s, upper_s)} at most."
    return _recovery_time(objectives, lower_s, upper_s, compare(lower_s, upper_s, objectives.rto_s), says)


def _recovery_time(
    objectives: Objectives, lower_s: float | None, upper_s: float | None, verdict: Judgement, says: str
) -> RecoveryTime:
    return RecoveryTime(
        objective_s=objectives.rto_s,
        lower_s=lower_s,
        upper_s=upper_s,
        confidence=1.0,
        clock=objectives.clock,
        verdict=verdict,
        says=says,
    )


def _says(
    found: Recovery, objectives: Objectives, lower_s: float | None, upper_s: float | None, verdict: Judgement
) -> str:
    rto_s = objectives.rto_s
    objective = "there is no RTO" if rto_s is None else f"the RTO is {seconds_words(rto_s)}"
    if lower_s is None:
        why = "its mark is missing, or came when it could not begin or end anything"
        return f"The clock {objectives.clock} cannot be measured ({why}); {objective}."
    took = interval(lower_s, upper_s, rto_s)
    if not found.recovered:
        return f"{_endless(found, took)}; {objective}.{_advice(found, objectives, verdict)}"
    again = f" The service was lost {len(found.groups)} times; this is the longest." if len(found.groups) > 1 else ""
    hold = f"for {seconds_words(objectives.hold_s)}"
    return (
        f"It took {took} ({sure_words(found)}) {_FROM_TO[objectives.clock]} {hold}; {objective}.{again}"
        f"{_ask_more(found, objectives, lower_s, upper_s, verdict)}"
    )


def _endless(found: Recovery, took: str) -> str:
    if not found.held:
        return f"Service was not seen to recover: bad for {took}"
    return (
        f"Service was good again at the end, but so few operations failed that its end cannot be told: bad for {took}"
    )


def sure_words(found: Recovery) -> str:
    """How sure, and what that rests on."""
    if found.certain:
        return "certain, whatever share of the requests failed"
    episodes = [e for g in found.groups for e in g.episodes]
    if any(not e.exact for e in episodes):
        return "95% sure, because single bad operations are tolerated"
    if any(e.good_inside for e in episodes):
        return "95% sure, because only part of the operations failed"
    asked = min(sum(len(e.bad) for e in g.episodes) for g in found.groups)
    return f"95% sure, because all {asked} operations asked meanwhile failed and more were not asked"


def _advice(found: Recovery, objectives: Objectives, verdict: Judgement) -> str:
    if verdict != "inconclusive" or objectives.rto_s is None or found.held:
        return ""
    return " Undo began, or the history ended, before the RTO had passed: wait longer to decide."


def _ask_more(
    found: Recovery, objectives: Objectives, lower_s: float, upper_s: float | None, verdict: Judgement
) -> str:
    """How often to ask so that the same recovery would be decided: the interval shrinks with the period."""
    if verdict != "inconclusive" or objectives.rto_s is None or upper_s is None:
        return ""
    if not lower_s <= objectives.rto_s <= upper_s:
        return ""  # the 95% would decide; why that is not enough is said beside it
    period_s = max(seconds(e.series.stream.period_ns) for g in found.groups for e in g.episodes)
    nearest = min(objectives.rto_s - lower_s, upper_s - objectives.rto_s)
    needed_s = max(FASTEST_PERIOD_S, period_s * nearest / (upper_s - lower_s))
    return f" The RTO lies within that; ask every {needed_s:.2g} s to decide."
