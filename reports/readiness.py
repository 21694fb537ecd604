"""The readiness checks: what AWS said of the recovery site before it was needed, as the marks `ready` have it."""

from probes.history import History, Mark
from reports.model import Finding, Judgement

PREFIX = "ready: "
_VERDICTS: dict[str, Judgement] = {
    "held": "pass", "broken": "fail", "unknown": "inconclusive", "does not apply": "not judged"
}  # fmt: skip


def judge_readiness(history: History) -> list[Finding]:
    """A finding for each check: what could not be told is neither a pass nor a fail."""
    return [_finding(mark) for mark in history.marks if mark.name == "ready"]


def _finding(mark: Mark) -> Finding:
    verdict = _VERDICTS.get(str(mark.data["outcome"]), "inconclusive")
    says = f"Could not be told: {mark.says}" if verdict == "inconclusive" else mark.says
    return Finding(check=f"{PREFIX}{mark.data['check']} ({mark.data['site']})", verdict=verdict, says=says)
