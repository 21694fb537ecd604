"""The record that an auditor reads: every field is there with a value or as missing, and nothing of it is invented."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest

from reports.actions import actions, tolerable
from reports.audit_fields import FIELDS, GROUPS, filled, missing_fields
from reports.audit_table import controls_table, fields_table
from reports.completeness import conditions, discharge, is_final, not_measured
from reports.context import (
    Authority,
    Carried,
    Context,
    Exercise,
    FindingsOf,
    People,
    PlanTested,
    Retention,
    RoleSeat,
    Tolerances,
    write_context,
)
from reports.controls import CAUTION, CONTROLS, SUPPORTED
from reports.evidence import RunInfo, write_run
from reports.facts import Facts, drill_facts, run_facts
from reports.model import Finding, StepRow
from reports.record import read_record
from tests.reports.synthetic import Case, make, write_folder

DOC = Path(__file__).parents[2] / "docs/audit.md"
WORKLOAD = {
    "owner": "orders team",
    "sites": [{"name": "primary"}, {"name": "recovery"}],
    "stores": [{"name": "orders-db"}],
    "plans": {"az": {"steps": [{"name": "promote"}]}},
    "limits": {"max_targets": 4},
    "approval": {"by": "Head of Operations", "on": "2025-02-28T09:00:00Z", "until": "2025-04-01T00:00:00Z"},
}
FULL = Context(
    exercise=Exercise(
        type="component", threat="loss of power", scenario="once in some years", service="Order taking", tier="1",
        out_of_scope=(), assumptions=(), exclusions=("payments",),
    ),
    objectives=Tolerances(mtd_s=3600.0, wrt_s=60.0, detection_s=60.0),
    plan=PlanTested(id="BCP-7", version="12"),
    authority=Authority(change_ticket="CHG-1", notified=("service desk",)),
    people=People(
        facilitator="lead", observers=(), key_person_absent=False,
        roles=(RoleSeat(role="on-call", id="p-1", present=True), RoleSeat(role="commander", present=False)),
    ),
    carried=(Carried(id="F2", says="raise a quota", disposition="done"),),
    retention=Retention(kind="records", until="2032-12-31"),
)  # fmt: skip


def facts_of(
    out: Path, case: Case = "pass", context: Context | None = None, *, ended: str = "2025-03-01T12:01:01Z"
) -> Facts:
    """What is known of a made-up drill, and of its run."""
    run = out / "run-1"
    run.mkdir()
    info = RunInfo(
        run="run-1", harness="0.1.0", commit="abc", environment="lab", workload="orders", account="123456789012",
        started_utc="2025-03-01T12:00:00Z", ended_utc=ended, operator="somebody", regions=("eu-west-1",), lock="ff",
    )  # fmt: skip
    write_run(run, info)
    if context is not None:
        write_context(run, context)
    folder = write_folder(run / f"drill-{case}", make(case, 400), "<svg/>")
    (folder / "workload.json").write_bytes(msgspec.json.encode(WORKLOAD))
    return drill_facts(run_facts(run), read_record(folder))


def values(facts: Facts) -> dict[str, str | None]:
    return {f"{field.group}: {field.name}": value for field, value in filled(facts)}


def changed(facts: Facts, **fields: object) -> Facts:
    """The same with another verdict."""
    assert facts.record.verdict is not None
    verdict = msgspec.structs.replace(facts.record.verdict, **fields)
    record = type(facts.record)(**{**facts.record.__dict__, "verdict": verdict})
    return Facts(of_run=facts.of_run, record=record, kept=facts.kept, clocks=facts.clocks)


def test_each_field_of_the_page_in_docs_is_in_a_record_and_each_of_a_record_is_there(tmp_path: Path) -> None:
    text = DOC.read_text(encoding="utf-8")
    assert fields_table() in text, "python -m reports.audit_table prints the tables of docs/audit.md"
    assert controls_table() in text
    listed = [line.split("|")[1:3] for line in text.split("## The fields")[1].splitlines() if line.startswith("| ")]
    named = {(group.strip(), name.strip()) for group, name in listed if group.strip() in GROUPS}
    assert named == {(field.group, field.name) for field, _ in filled(facts_of(tmp_path))}


def test_every_group_supports_known_controls_and_never_complies() -> None:
    assert {field.group for field in FIELDS} == set(GROUPS) == set(SUPPORTED)
    assert {ref for refs in SUPPORTED.values() for ref in refs} == set(CONTROLS)
    assert len({(field.group, field.name) for field in FIELDS}) == len(FIELDS)
    assert "compl" not in DOC.read_text(encoding="utf-8").lower().replace("complete", "")
    assert all(CAUTION[one.known] for one in CONTROLS.values() if not one.ref.startswith(("NIST 800-53", "FFIEC")))


def test_a_run_without_a_context_is_missing_what_only_people_know(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    told = values(facts)
    for name in ("authority: change ticket", "people: facilitator", "people: roles expected and present",
                 "people: key person absent on purpose", "scope: exercise type",
                 "preconditions: open actions of the last drill",
                 "scope: exclusions", "objectives: longest tolerable outage (MTD)", "results: outage against the MTD",
                 "retention: class", "sign-off: reviewer and date", "integrity: signature and key id"):  # fmt: skip
        assert told[name] is None, name
    assert told["authority: approver"] == "Head of Operations"
    assert told["authority: approved at"] == "2025-02-28T09:00:00Z (before the start)"
    assert told["authority: approver is not the operator"] == "yes"
    assert told["identity: run before this one"] == "none: the first of its folder"
    assert "clock offsets" in missing_fields(facts)["preconditions"]


def test_none_no_and_zero_are_values(tmp_path: Path) -> None:
    told = values(facts_of(tmp_path, context=FULL))
    assert told["people: key person absent on purpose"] == "no"
    assert told["people: observers"] == "none"
    assert told["scope: assumptions"] == "none"
    assert told["people: roles expected and present"] == "on-call (p-1): present; commander: absent"
    assert told["results: outage against the MTD"] == "kept"
    assert "0 rolled back" in (told["data: writes by what became of them"] or "")


def test_whoever_approves_his_own_drill_is_told(tmp_path: Path) -> None:
    mine = Context(authority=Authority(approver="Somebody", approved_at="2025-03-01T13:00:00+01:30"))
    told = values(facts_of(tmp_path, context=mine))
    assert told["authority: approver is not the operator"] == "no: self-attested"
    assert told["authority: approved at"] == "2025-03-01T13:00:00+01:30 (before the start)"


def test_an_approval_after_the_start_is_told(tmp_path: Path) -> None:
    late = Context(authority=Authority(approver="x", approved_at="2025-03-01T12:00:01Z"))
    assert (
        values(facts_of(tmp_path, context=late))["authority: approved at"] == "2025-03-01T12:00:01Z (AFTER the start)"
    )


def test_a_killed_drill_has_a_record_that_says_what_is_missing(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, context=FULL)
    facts.record.folder.joinpath("verdict.json").unlink()
    killed = drill_facts(facts.of_run, read_record(facts.record.folder))
    told = values(killed)
    assert told["verdict: per objective and overall"] is None
    assert told["timeline: start and end"] is None
    assert told["fault: type and parameters"]
    assert discharge(killed.record.verdict).counts is False
    assert not is_final(killed)
    (only,) = actions(killed)
    assert (only.kind, only.owner) == ("no verdict", "orders team")


# --- findings --------------------------------------------------------------------------------------------------------


def test_a_miss_has_a_finding_with_the_workloads_owner_and_the_usual_date(tmp_path: Path) -> None:
    (found,) = actions(facts_of(tmp_path, "fail"))
    assert (found.id, found.severity, found.kind, found.owner) == ("F1", "high", "objective missed", "orders team")
    assert found.due == date(2025, 4, 30)  # sixty days from 1 March


def test_an_outage_beyond_what_is_tolerable_is_critical_and_comes_first(tmp_path: Path) -> None:
    short = Context(objectives=Tolerances(mtd_s=36.0), findings=FindingsOf(owner="platform"))
    worst, miss = actions(facts_of(tmp_path, "fail", short))
    assert (worst.severity, worst.due, worst.owner) == ("critical", date(2025, 3, 31), "platform")
    assert miss.severity == "high"


@pytest.mark.parametrize(("mtd_s", "kept"), [(37.0, None), (36.9, False), (10_000.0, None)])
def test_what_never_recovered_cannot_be_shown_to_be_tolerable(tmp_path: Path, mtd_s: float, kept: bool | None) -> None:  # noqa: FBT001
    verdict = facts_of(tmp_path, "fail").record.verdict
    assert verdict is not None
    assert tolerable(verdict, mtd_s) is kept


@pytest.mark.parametrize(("mtd_s", "kept"), [(4.38, True), (4.2, None), (4.0, False)])
def test_the_outage_is_held_against_the_tolerable_one_as_an_interval(
    tmp_path: Path,
    mtd_s: float,
    kept: bool | None,  # noqa: FBT001
) -> None:
    verdict = facts_of(tmp_path, "pass").record.verdict
    assert verdict is not None
    assert tolerable(verdict, mtd_s) is kept


def test_the_recovery_point_is_counted_back_from_what_the_loss_ends_with(tmp_path: Path) -> None:
    name, facts = "data: recovery point", facts_of(tmp_path, "fail")
    verdict = facts.record.verdict
    assert verdict is not None

    def told(*, unseen: bool = False, **changes: int) -> str | None:
        loss = msgspec.structs.replace(verdict.data_loss, **changes)
        episodes = [] if unseen else verdict.episodes
        record = replace(facts.record, verdict=msgspec.structs.replace(verdict, data_loss=loss, episodes=episodes))
        return values(replace(facts, record=record))[name]

    lost = "0.000..0.020 s before the later of the impact and the newest lost write"
    assert told() == "0.000..0.020 s before the impact"
    assert (told(lost=1), told(in_doubt_vanished=1), told(late=1, unseen=True)) == (lost, lost, lost)
    assert told(unseen=True) == "no impact was seen and nothing was lost, so there is nothing that it could lie before"


def test_findings_are_ranked(tmp_path: Path) -> None:
    step = StepRow(
        plan="recovery", name="promote", kind="promote", says="", region="", began_s=0, ended_s=1, outcome="failed"
    )
    rows = [
        Finding(check="schedule kept", verdict="inconclusive", says="late"),
        Finding(check="convergence", verdict="fail", says="3 differ"),
        Finding(check="plan", verdict="fail", says="step promote failed"),
        Finding(check="synthetic data", verdict="not judged", says="left behind"),
    ]
    found = actions(changed(facts_of(tmp_path, "fail"), findings=rows, steps=[step]))
    assert [(one.severity, one.check) for one in found] == [
        ("high", "plan"), ("medium", "convergence"), ("low", "schedule kept"),
    ]  # fmt: skip


def test_what_is_not_put_back_is_a_finding_of_its_own(tmp_path: Path) -> None:
    found = actions(changed(facts_of(tmp_path, "pass"), undo="dirty"))
    assert [(one.severity, one.kind) for one in found] == [("high", "not put back")]


# --- final, and whether it counts ------------------------------------------------------------------------------------


def open_of(facts: Facts) -> list[str]:
    return [one.asks for one in conditions(facts) if one.open]


def test_a_whole_record_is_final(tmp_path: Path) -> None:
    assert open_of(facts_of(tmp_path, "pass", FULL)) == []


def test_a_miss_is_final_too_once_its_findings_are_somebodys(tmp_path: Path) -> None:
    assert is_final(facts_of(tmp_path, "fail", FULL))


@pytest.mark.parametrize(
    ("context", "asks"),
    [
        (msgspec.structs.replace(FULL, carried=None), "every action carried over has a disposition"),
        (
            msgspec.structs.replace(FULL, carried=(Carried(id="F2", says="x"),)),
            "every action carried over has a disposition",
        ),
        (msgspec.structs.replace(FULL, people=People(roles=(RoleSeat(role="on-call"),))), "no attendance is unknown"),
        (msgspec.structs.replace(FULL, people=People()), "no attendance is unknown"),
    ],
)
def test_each_thing_that_nobody_wrote_down_keeps_it_a_draft(tmp_path: Path, context: Context, asks: str) -> None:
    assert open_of(facts_of(tmp_path, "pass", context)) == [asks]


def test_a_run_that_has_not_ended_is_a_draft(tmp_path: Path) -> None:
    assert open_of(facts_of(tmp_path, "pass", FULL, ended="")) == ["start and end are recorded"]


def test_a_miss_without_an_owner_is_a_draft(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, "fail", FULL)
    nobodys = Facts(of_run=facts.of_run, record=facts.record, kept=None)
    assert "what failed has a finding with an owner and a due date" in open_of(nobodys)
    assert "every override is listed" in open_of(nobodys)


def test_an_objective_that_nothing_explains_is_not_scored(tmp_path: Path) -> None:
    facts = changed(facts_of(tmp_path, "invalid", FULL), findings=[])
    assert facts.record.verdict is not None
    assert not_measured(facts.record.verdict) == {"RTO": ""}
    assert "every objective is scored, or listed as not measured with a reason" in open_of(facts)


@pytest.mark.parametrize("case", ["pass", "fail", "inconclusive", "invalid", "aborted"])
def test_only_what_was_decided_on_aws_counts_for_a_period(tmp_path: Path, case: Case) -> None:
    verdict = facts_of(tmp_path, case).record.verdict
    assert verdict is not None
    assert discharge(verdict).counts is False
    on_aws = discharge(msgspec.structs.replace(verdict, environment="aws"))
    assert on_aws.counts is (case in ("pass", "fail"))


@pytest.mark.parametrize("case", ["pass", "fail"])
def test_a_drill_that_breaks_nothing_counts_for_no_period(tmp_path: Path, case: Case) -> None:
    verdict = facts_of(tmp_path, case).record.verdict
    assert verdict is not None
    looked = discharge(msgspec.structs.replace(verdict, environment="aws", expects="no fault"))
    assert looked.counts is False
    assert looked.says.startswith("No: nothing was broken")
    switched = discharge(msgspec.structs.replace(verdict, environment="aws", expects="none"))
    assert switched.counts is True, "a planned switchover is a test"
