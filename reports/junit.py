"""The numbers of a drill as properties of its JUnit XML test case."""

from reports.model import Verdict


def junit_properties(verdict: Verdict) -> list[tuple[str, str]]:
    """Names and values for `item.user_properties`. A number that was not measured is an empty value, never a zero."""
    recovery, loss = verdict.recovery_time, verdict.data_loss
    values: dict[str, object] = {
        "run_id": verdict.run_id,
        "workload": verdict.workload,
        "environment": verdict.environment,
        "verdict": verdict.verdict,
        "undo": verdict.undo,
        "recovery_time.verdict": recovery.verdict,
        "recovery_time.objective_s": recovery.objective_s,
        "recovery_time.lower_s": recovery.lower_s,
        "recovery_time.upper_s": recovery.upper_s,
        "recovery_time.confidence": recovery.confidence,
        "data_loss.verdict": loss.verdict,
        "data_loss.objective_s": loss.objective_s,
        "data_loss.lower_s": loss.lower_s,
        "data_loss.upper_s": loss.upper_s,
        "data_loss.acknowledged": loss.acknowledged,
        "data_loss.lost": loss.lost,
        "data_loss.late": loss.late,
        "data_loss.rolled_back": loss.rolled_back,
        "data_loss.corrupt": loss.corrupt,
        "data_loss.duplicated": loss.duplicated,
        "data_loss.in_doubt": loss.in_doubt,
        "data_loss.unread": loss.unread,
        "data_loss.lost_for_good": loss.lost_for_good,
    }
    return [(f"drill.{name}", "" if value is None else str(value)) for name, value in values.items()]
