"""Which of a drill's numbers may be held against those of other runs, and why others may not."""

from collections.abc import Iterable

from reports.gates import Objective
from reports.last_release import Earlier, Span
from reports.model import DataLoss, Finding, RecoveryTime, Verdict

_DOUBTFUL = ("invalid", "inconclusive")


def why_not(judged: RecoveryTime | DataLoss, what: Objective, findings: Iterable[Finding]) -> str:
    """Why this number does not count, in words; "" if it does. An objective inside the interval is no reason.

    A number counts unless a check says that what it rests on does not hold; `findings` are those of its drill.
    """
    doubts = [f for f in findings if f.verdict in _DOUBTFUL and (what in f.taints or _spoils(f))]
    if doubts:
        return f"{doubts[0].check}: {doubts[0].says}"
    return f"the {what} was not measured" if judged.lower_s is None else ""


def _spoils(finding: Finding) -> bool:
    """Whether a finding says that the whole drill was not what it is said to be."""
    return finding.verdict == "invalid" and not finding.taints and finding.check not in ("recovery time", "data loss")


def recovery_span(verdict: Verdict) -> tuple[Span | None, str]:
    """A drill's recovery time where it counts, and why it does not."""
    return _span(verdict, verdict.recovery_time, "recovery time")


def loss_span(verdict: Verdict) -> tuple[Span | None, str]:
    """A drill's data loss where it counts, and why it does not."""
    return _span(verdict, verdict.data_loss, "data loss")


def _span(verdict: Verdict, judged: RecoveryTime | DataLoss, what: Objective) -> tuple[Span | None, str]:
    if verdict.verdict == "aborted":
        return None, "the drill was ended before its end"
    why = why_not(judged, what, verdict.findings)
    if why or judged.lower_s is None:
        return None, why
    return (judged.lower_s, judged.upper_s), ""


def earlier(verdict: Verdict) -> Earlier:
    """A run as it is held beside later ones."""
    return Earlier(run=verdict.run_id, recovery_s=recovery_span(verdict)[0], loss_s=loss_span(verdict)[0])
