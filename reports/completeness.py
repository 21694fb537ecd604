"""Whether a drill's record may be called final, and whether the drill counts for the period in which a test is due.

A record is a draft as long as one of these is open; nothing that people have to say is assumed to be well.
"""

from typing import NamedTuple

from reports.actions import actions
from reports.advice import open_findings
from reports.audit_field import mark
from reports.facts import Facts
from reports.model import Judgement, Verdict


class Condition(NamedTuple):
    """One condition of a final record: what it asks, and what is open about it ("" for nothing)."""

    asks: str
    open: str


class Discharge(NamedTuple):
    """Whether a drill counts for the period in which one is due, and why."""

    counts: bool
    says: str


def conditions(facts: Facts) -> list[Condition]:
    """Every condition of a final record, in a fixed order."""
    return [
        Condition("start and end are recorded", _start_and_end(facts)),
        Condition("there is an outcome, with its reason if it is no pass", _outcome(facts)),
        Condition("every objective is scored, or listed as not measured with a reason", _scored(facts)),
        Condition("every override is listed", _overrides(facts)),
        Condition("every action carried over has a disposition", _carried(facts)),
        Condition("what failed has a finding with an owner and a due date", _findings(facts)),
        Condition("no attendance is unknown", _attendance(facts)),
    ]


def is_final(facts: Facts) -> bool:
    """Whether nothing is open."""
    return not any(one.open for one in conditions(facts))


def discharge(verdict: Verdict | None) -> Discharge:
    """A drill that decided nothing discharges no period; nor, whatever it decided, one of an emulated AWS.

    Nor does one that breaks nothing by design ("no fault"): it looks, and nothing has to recover. A switchover that is
    planned is a test that was carried out.
    """
    if verdict is None or verdict.verdict not in ("pass", "fail"):
        word = "no verdict" if verdict is None else verdict.verdict
        return Discharge(False, f"No ({word}): it decides nothing, so it discharges no period in which a test is due.")
    if verdict.environment != "aws":
        says = "No: it took place in the lab, and shows nothing of the workload on AWS. It discharges no period."
        return Discharge(False, says)
    if verdict.expects == "no fault":
        says = "No: nothing was broken, so there was nothing to recover from. It discharges no period."
        return Discharge(False, says)
    missed = " What it missed has to be corrected and drilled again." if verdict.verdict == "fail" else ""
    return Discharge(True, f"Yes, as a test that was carried out and decided.{missed}")


def not_measured(verdict: Verdict) -> dict[str, str]:
    """The objectives that were set and not scored, with the reason; "" where there is none."""
    recovery, loss = verdict.recovery_time, verdict.data_loss
    found: dict[str, tuple[float | None, Judgement, str]] = {
        "RTO": (recovery.objective_s, recovery.verdict, recovery.says),
        "RPO": (loss.objective_s, loss.verdict, loss.says),
    }
    if verdict.failback is not None:
        home = verdict.failback
        found["RTO on the way home"] = (
            home.recovery_time.objective_s,
            home.recovery_time.verdict,
            home.recovery_time.says,
        )
        found["RPO on the way home"] = home.data_loss.objective_s, home.data_loss.verdict, home.data_loss.says
    return {
        name: says or _reason(verdict)
        for name, (objective_s, judged, says) in found.items()
        if objective_s is not None and judged not in ("pass", "fail")
    }


def unscored_tolerances(facts: Facts) -> dict[str, str]:
    """The objectives of the context file that no check scores, with the reason."""
    told = facts.of_run.context.objectives
    names = {
        "work recovery time (WRT)": (told.wrt_s, "What people do after the recovery is not a part of the drill."),
        "objective for detection": (told.detection_s, "The drill marks the detection, and holds it against nothing."),
        "data integrity": (told.data_integrity, "In words; corrupt, rolled back and doubled writes are counted."),
    }
    return {name: reason for name, (value, reason) in names.items() if value is not None}


def _reason(verdict: Verdict) -> str:
    """Why an objective without a word of its own was not scored: the worst of what is open."""
    found = open_findings(verdict)
    return found[0].says if found else ""


def _start_and_end(facts: Facts) -> str:
    run = facts.of_run.run
    if run is None or not run.started_utc or not run.ended_utc:
        return "The run's start or end is not recorded."
    return "" if mark(facts, "start") and mark(facts, "end") else "The drill's start or end is not marked."


def _outcome(facts: Facts) -> str:
    verdict = facts.record.verdict
    if verdict is None:
        return "The drill has no verdict."
    if verdict.verdict == "pass" or open_findings(verdict):
        return ""
    return "" if mark(facts, "interrupted", "error") else f"It is {verdict.verdict}, and nothing says why."


def _scored(facts: Facts) -> str:
    if facts.record.verdict is None:
        return "Nothing was scored."
    without = [name for name, reason in not_measured(facts.record.verdict).items() if not reason]
    return f"Not scored, and nothing says why: {', '.join(without)}." if without else ""


def _overrides(facts: Facts) -> str:
    return "" if facts.kept is not None else "workload.json is missing: it is not known what was overridden."


def _carried(facts: Facts) -> str:
    carried = facts.of_run.context.carried
    if carried is None:
        return "It is not recorded what the last drill left open (carried in the context file, [] for nothing)."
    left = [one.id for one in carried if one.disposition is None]
    return f"No disposition: {', '.join(left)}." if left else ""


def _findings(facts: Facts) -> str:
    found, verdict = actions(facts), facts.record.verdict
    if not found:
        return "" if verdict is not None and verdict.verdict != "fail" else "It failed, and there is no finding."
    nobodys = [one.id for one in found if not one.owner or not one.due]
    return f"No owner or no due date: {', '.join(nobodys)}." if nobodys else ""


def _attendance(facts: Facts) -> str:
    seats = facts.of_run.context.people.roles
    if seats is None:
        return "It is not recorded which roles were expected (people.roles in the context file, [] for none)."
    unknown = [seat.role for seat in seats if seat.present is None]
    return f"Not recorded whether they were there: {', '.join(unknown)}." if unknown else ""
