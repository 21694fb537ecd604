"""Made-up verdicts, of one drill each, for what holds many of them beside each other."""

from pathlib import Path

import msgspec

from reports.evidence import RunInfo, write_run
from reports.folder import write_verdict
from reports.model import Finding, MarkRow, Overall, Verdict
from tests.reports.synthetic import make


def verdict(
    lower_s: float | None, upper_s: float | None, *, run: str = "run-1", overall: Overall = "pass", zone: str = "a",
    workload: str = "orders", rto_s: float | None = 30.0, findings: tuple[Finding, ...] = (), loss_s: float = 0.1,
) -> Verdict:  # fmt: skip
    """A drill that recovered within these edges."""
    made = make("pass", 20).verdict
    judged = "not judged" if overall == "aborted" else overall
    recovery = msgspec.structs.replace(
        made.recovery_time, lower_s=lower_s, upper_s=upper_s, objective_s=rto_s, verdict=judged
    )
    loss = msgspec.structs.replace(made.data_loss, lower_s=0.0, upper_s=loss_s, objective_s=0.0)
    return msgspec.structs.replace(
        made, run_id=run, parameters={"zone": zone}, workload=workload, verdict=overall, recovery_time=recovery,
        data_loss=loss, findings=list(findings), undo="clean",
        marks=[MarkRow(name="start", at_s=0.0, utc=f"2026-01-{_day(run):02d}T12:00:00.000Z", source="runner",
                       uncertainty_s=0.0)],
    )  # fmt: skip


def _day(run: str) -> int:
    return int(run.rpartition("-")[2]) if run.rpartition("-")[2].isdecimal() else 1


def keep(folder: Path, *verdicts: Verdict, lab: dict[str, float] | None = None) -> Path:
    """Each in a run of its own below `folder`."""
    for one in verdicts:
        run = folder / one.run_id
        drill = run / "-".join((one.drill, one.workload, *one.parameters.values()))
        drill.mkdir(parents=True)
        write_verdict(drill, one)
        write_run(run, RunInfo(
            run=one.run_id, harness="0.1.0", commit="abc", environment="lab", workload=one.workload,
            started_utc=one.marks[0].utc, lab=lab or {},
        ))  # fmt: skip
    return folder
