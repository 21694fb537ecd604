"""What has to be corrected after a drill: each finding that is not a pass, with its severity, owner and due date.

The dates are the usual defaults by severity, counted from the day of the drill; whoever reviews the record may set
others. Cause, retest and closure come later, from people.
"""

from datetime import date, timedelta
from typing import Literal, NamedTuple

from reports.advice import open_findings
from reports.facts import Facts
from reports.model import Finding, Verdict
from reports.plan_steps import is_plan
from reports.words import interval, seconds

Severity = Literal["critical", "high", "medium", "low"]
DAYS: dict[Severity, int] = {"critical": 30, "high": 60, "medium": 90, "low": 180}
_OBJECTIVES = ("recovery time", "data loss", "failback recovery time", "failback data loss")


class Action(NamedTuple):
    """One thing to correct. `id` is unique within the drill; owner and due date are None where nobody knows them."""

    id: str
    severity: Severity
    kind: str
    check: str
    says: str
    owner: str | None
    due: date | None


def actions(facts: Facts) -> list[Action]:
    """What one drill found wrong, the worst first. None where everything passed and is put back."""
    verdict = facts.record.verdict
    if verdict is None:
        found: list[_Found] = [("high", "no verdict", "verdict", "The drill was ended before it could be judged.")]
    else:
        found = _of_verdict(verdict, facts.of_run.context.objectives.mtd_s)
    order = list(DAYS)
    ranked = sorted(found, key=lambda one: order.index(one[0]))
    owner, day = _owner(facts), _day(facts)
    return [
        Action(f"F{number}", severity, kind, check, says, owner, day and day + timedelta(days=DAYS[severity]))
        for number, (severity, kind, check, says) in enumerate(ranked, start=1)
    ]


_Found = tuple[Severity, str, str, str]


def _of_verdict(verdict: Verdict, mtd_s: float | None) -> list[_Found]:
    found = [(*_ranked(one), one.check, one.says) for one in open_findings(verdict) if one.verdict != "not judged"]
    if mtd_s is not None and tolerable(verdict, mtd_s) is False:
        lasted = interval(*outage(verdict), mtd_s)
        says = f"The service was bad for {lasted}; the longest tolerable outage is {seconds(mtd_s)}."
        found.append(("critical", "longest tolerable outage exceeded", "longest tolerable outage", says))
    if verdict.undo == "dirty" and "not put back" not in [kind for _, kind, *_ in found]:
        found.append(("high", "not put back", "putting back", "Something is not proved to be put back."))
    return found


def _ranked(finding: Finding) -> tuple[Severity, str]:
    if finding.verdict != "fail":
        return "low", "no verdict: the drill has to be repeated"
    if finding.check in _OBJECTIVES:
        return "high", "objective missed"
    if is_plan(finding):
        return "high", "step could not be carried out"
    if finding.check == "putting back":
        return "high", "not put back"
    return "medium", "check failed"


def tolerable(verdict: Verdict, mtd_s: float) -> bool | None:
    """Whether the outage kept within the longest tolerable one; None where the interval allows both, or is unknown."""
    if verdict.recovery_time.verdict not in ("pass", "fail"):
        return None
    lower_s, upper_s = outage(verdict)
    if lower_s is not None and lower_s > mtd_s:
        return False
    return True if upper_s is not None and upper_s <= mtd_s else None


def outage(verdict: Verdict) -> tuple[float | None, float | None]:
    """From the first bad operation until service was stable, in s, whatever clock the RTO is held against.

    Where that clock has no end, service was not seen to recover, and only the lower edge is known.
    """
    total = verdict.clocks.get("total") or []
    if len(total) == 2:  # noqa: PLR2004 -- an interval
        return total[0], total[1]
    return (verdict.recovery_time.lower_s, None) if verdict.recovery_time.upper_s is None else (None, None)


def _owner(facts: Facts) -> str | None:
    return facts.of_run.context.findings.owner or (facts.kept.owner if facts.kept else "") or None


def _day(facts: Facts) -> date | None:
    """The day on which the drill ended, as its last mark says; else the run's own."""
    verdict, run = facts.record.verdict, facts.of_run.run
    marks = [mark.utc for mark in verdict.marks] if verdict else []
    known = [max(marks, default=""), run.ended_utc if run else "", run.started_utc if run else ""]
    for moment in known:
        try:
            return date.fromisoformat(moment[:10])
        except ValueError:
            continue
    return None
