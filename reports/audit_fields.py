"""What an auditor asks of every run, and which of it this run did not record.

The fields are the mandatory ones that frameworks for continuity and recovery have in common (ISO 22301 8.5, NIST
800-53 CP-4, SOC 2 A1.3, FFIEC BCM VII, DORA 24 and 25). A field that is not recorded is named as missing; it is never
filled with a guess, and "none" is not the same as "not recorded".
"""

from collections.abc import Iterable

from reports.declared import Declared
from reports.evidence import RunInfo
from reports.model import Verdict
from reports.words import find_mark

# No part of the harness records these yet; whoever files the report adds them.
_BY_HAND: dict[str, tuple[str, ...]] = {
    "identity": ("hash of the lock file",),
    "scope": ("criticality tier", "components out of scope", "exercise type", "assumptions"),
    "objectives": ("longest tolerable outage (MTD)", "work recovery time (WRT)", "objective for detection"),
    "authority": ("plan version and hash", "change ticket", "approval before the start"),
    "people": ("facilitator", "observers", "roles expected and present"),
    "preconditions": ("open actions of the last drill",),
    "failback": ("steps and time of the way home",),
    "cleanup": ("removal of the drill's own data",),
    "findings": ("owner, due date and retest of each finding",),
    "integrity": ("signature and key id", "receipt of write-once storage"),
    "sign-off": ("reviewer and date",),
    "retention": ("class and date until which this is kept",),
}


def missing_fields(run: RunInfo | None, verdict: Verdict | None, declared: Declared | None) -> dict[str, list[str]]:
    """The mandatory fields that were not recorded, by group."""
    missing: dict[str, list[str]] = {}
    for group, name, value in (*_run(run), *_declared(declared), *_verdict(verdict)):
        if not value:
            missing.setdefault(group, []).append(name)
    for group, names in _BY_HAND.items():
        missing.setdefault(group, []).extend(names)
    return missing


Field = tuple[str, str, object]


def _run(run: RunInfo | None) -> Iterable[Field]:
    yield "identity", "harness version", run and run.harness
    yield "identity", "harness commit", run and run.commit
    yield "identity", "environment", run and run.environment
    yield "identity", "account", run and run.account
    yield "identity", "Regions", run and run.regions
    yield "people", "operator", run and run.operator
    yield "authority", "approval", run and run.approval
    yield "preconditions", "state of the clock", run and run.clock
    yield "timeline", "end of the run", run and run.ended_utc


def _declared(declared: Declared | None) -> Iterable[Field]:
    yield "scope", "workload", declared and declared.workload
    yield "scope", "strategy", declared and declared.strategy
    yield "scope", "what was to be shown", declared and declared.says
    yield "objectives", "RTO", declared and declared.objectives.rto_s is not None
    yield "objectives", "RPO", declared and declared.objectives.rpo_s is not None
    yield "objectives", "where the objectives are written", declared and declared.objectives.source
    yield "objectives", "who approved the objectives", declared and declared.objectives.approved_by
    yield "objectives", "when the objectives were approved", declared and declared.objectives.approved_on
    yield "fault", "fault", declared and declared.fault
    yield "fault", "targets", declared and declared.fault and declared.fault.targets


def _verdict(verdict: Verdict | None) -> Iterable[Field]:
    yield "verdict", "verdict", verdict
    marks = verdict.marks if verdict else []
    for name in ("requested", "effective", "undone"):
        yield "fault", f"time of `{name}`", find_mark(marks, name)
    yield "data", "audit", find_mark(marks, "audited", "audit")
    yield "limits", "what the run does not show", verdict and verdict.does_not_show
