"""What a reader should do next, for each thing that is not a pass."""

from reports.model import Finding, Judgement, Verdict
from reports.plan_steps import is_plan, plan_advice
from reports.words import interval, seconds

_BY_VERDICT: dict[Judgement, str] = {
    "fail": "Find the cause in the timeline and the operations named here, correct it, and run the drill again.",
    "invalid": "Correct the drill or its surroundings, then run it again: until this holds, the numbers say nothing.",
    "inconclusive": "The evidence allows both pass and fail. Get more of it as said here, and run the drill again.",
}


def next_steps(verdict: Verdict) -> list[str]:
    """One sentence for each thing to do, the most urgent first. None if everything passed and is put back."""
    steps: list[str] = []
    if verdict.undo == "dirty":
        steps.append(
            "Put the rest back now: `python -m fixtures.journal list` shows what is open, "
            "`python -m fixtures.journal undo` tries again."
        )
    steps += plan_advice(verdict)
    recovery, loss = _recovery(verdict), _loss(verdict)
    steps += [*recovery, *loss]
    told = {"recovery time": bool(recovery), "data loss": bool(loss)}
    steps += _findings(verdict, {check for check, is_told in told.items() if is_told})
    if verdict.verdict == "aborted":
        steps.append("The drill was ended before its end. It proves nothing and does not count as done: run it again.")
    return list(dict.fromkeys(steps))


def _findings(verdict: Verdict, told: set[str]) -> list[str]:
    """One sentence for all findings of a kind, but for those that have one of their own: what to do is the same."""
    checks: dict[Judgement, list[str]] = {}
    for found in (one for one in open_findings(verdict) if one.check not in told):
        checks.setdefault(found.verdict, []).append(found.check)
    return [
        f"{_BY_VERDICT[judged]} (Found by: {', '.join(names)}.)"
        for judged, names in checks.items()
        if judged in _BY_VERDICT
    ]


def open_findings(verdict: Verdict) -> list[Finding]:
    """The findings that are not a pass: first what a plan's step says, which is a cause; then the worst first."""
    order: list[Judgement] = ["fail", "invalid", "inconclusive", "not judged"]
    found = (f for f in verdict.findings if f.verdict in order)
    return sorted(found, key=lambda f: (not is_plan(f), order.index(f.verdict)))


def _recovery(verdict: Verdict) -> list[str]:
    recovery = verdict.recovery_time
    if recovery.verdict == "fail" and recovery.objective_s is not None:
        late = interval(recovery.lower_s, recovery.upper_s, recovery.objective_s)
        return [
            (
                f"The RTO of {seconds(recovery.objective_s)} was missed (recovery time {late}): "
                "see between which marks the time went and shorten that, or have the objective's owner set it anew."
            )
        ]
    if recovery.objective_s is None or recovery.lower_s is None or recovery.upper_s is None:
        return []
    if recovery.verdict == "inconclusive" and recovery.lower_s <= recovery.objective_s < recovery.upper_s:
        return [
            (
                f"The RTO of {seconds(recovery.objective_s)} lies inside what was measured: "
                "ask more often or with more streams, so that the interval gets narrower."
            )
        ]
    return []


def _loss(verdict: Verdict) -> list[str]:
    loss = verdict.data_loss
    if loss.verdict == "fail":
        return ["More acknowledged writes were lost than allowed, or came back wrong: losses.csv names each of them."]
    if loss.verdict == "inconclusive" and loss.unread:
        return [f"{loss.unread} acknowledged writes were never read back: see why the audit could not read them."]
    return []
