"""A plan's steps: in the verdict, and a failed one first on every screen."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from fixtures.outcome import said
from reports.advice import next_steps, open_findings
from reports.allure_content import description_html
from reports.folder import BrokenEvidence, load
from reports.model import Finding, Verdict
from reports.page import write_page
from reports.steps import STEPS, StepRecord
from reports.summary import summary_lines
from reports.verdict import Undoing, judge
from tests.reports.synthetic import make, write_folder
from tests.reports.test_folder import write_folder as judged_folder
from tests.truth.simulated import END, IMPACT, NS, Outage, declared_of, drill
from tests.truth.two_sites import marked, step

FENCE = step("fence", 5.5, 6.0, kind="fence")
PROMOTE = step(
    "promote", 6.0, 8.1, outcome="failed", error="The cluster is not in the global cluster.",
    calls=(msgspec.structs.replace(FENCE.calls[0], answer="refused (GlobalClusterNotFoundFault)"),),
)  # fmt: skip
ROUTE = step("route", 8.1, 8.1, kind="route", outcome="not reached", calls=())
FAILED = (
    "The plan's step promote failed after 2.1 s: rds FailoverGlobalCluster in eu-central-1 answered refused "
    "(GlobalClusterNotFoundFault). The cluster is not in the global cluster. Not reached: route."
)


def judged(*steps: StepRecord, gone: bool = False, rto_s: float = 10.0) -> Verdict:
    history = drill((Outage(IMPACT, END, "swallow"),)) if gone else drill()
    return judge(history, declared_of(rto_s=rto_s), Undoing("clean", "Put back."), "1", steps)


def plan_of(verdict: Verdict) -> Finding:
    return next(f for f in verdict.findings if f.check == "plan")


def test_steps_that_were_done_pass_and_their_control_planes_are_counted() -> None:
    verdict = judged(step("promote", 6.0, 8.1), FENCE)
    assert verdict.verdict == "pass"
    assert [(s.name, s.began_s, s.ended_s) for s in verdict.steps] == [("fence", 5.5, 6.0), ("promote", 6.0, 8.1)]
    assert verdict.steps[0].calls[0].plane == "control"
    told = plan_of(verdict)
    assert told.verdict == "pass"
    assert "2 steps were done in 2.6 s" in told.says
    assert "2 of them to control planes (rds in eu-central-1 2)" in told.says


def test_data_planes_are_no_control_planes() -> None:
    call = msgspec.structs.replace(FENCE.calls[0], plane="data")
    assert "none of them to a control plane" in plan_of(judged(msgspec.structs.replace(FENCE, calls=(call,)))).says


def test_a_drill_without_a_plan_says_nothing_of_one() -> None:
    assert not [f for f in judged().findings if f.check == "plan"]
    assert judged().steps == []


def test_recovery_although_a_step_failed_is_not_the_plans() -> None:
    verdict = judged(FENCE, PROMOTE, ROUTE)
    assert (verdict.verdict, verdict.recovery_time.verdict, verdict.data_loss.verdict) == (
        "inconclusive", "inconclusive", "pass",
    )  # fmt: skip
    assert plan_of(verdict).says.startswith(FAILED)
    assert plan_of(verdict).verdict == "inconclusive"


def test_a_failed_step_is_a_part_of_the_miss() -> None:
    verdict = judged(FENCE, PROMOTE, ROUTE, gone=True)
    assert (verdict.verdict, plan_of(verdict).verdict) == ("fail", "fail")


def test_a_step_that_made_no_call_says_why_it_failed() -> None:
    lost = step("promote", 6, 6.5, outcome="failed", calls=(), error="eu-west-1 was declared lost: nothing was sent")
    says = plan_of(judged(lost)).says
    assert "step promote failed after 0.5 s in eu-central-1: eu-west-1 was declared lost: nothing was sent." in says


def test_a_plan_that_was_ended_early_is_not_done() -> None:
    told = plan_of(judged(FENCE, ROUTE))
    assert told.verdict == "inconclusive"
    assert "was ended before its steps were done. Not reached: route." in told.says


def test_the_failed_step_is_the_first_thing_on_every_screen(tmp_path: Path) -> None:
    verdict = judged(FENCE, PROMOTE, ROUTE, gone=True)
    assert open_findings(verdict)[0].check == "plan"
    lines = summary_lines(verdict, Path("out"), width=400)
    first = next(line for line in lines if line.startswith("  fail"))
    assert FAILED in first
    assert said(verdict).splitlines()[1].startswith(f"fail: plan: {FAILED}")
    assert "Step promote of the recovery plan failed in eu-central-1: repair that call" in next_steps(verdict)[0]
    table = description_html(verdict, "")
    assert table.index("promote failed") < table.index("Recovery time")
    assert table.count("promote failed") == 1
    made = dataclasses.replace(make("fail", 400), verdict=verdict)
    write_folder(tmp_path / "run-1" / "one", made, "<svg/>")
    page = write_page(tmp_path / "run-1").read_text(encoding="utf-8")
    assert page.index("promote failed after 2.1 s") < page.index("What to do next")
    assert "rds FailoverGlobalCluster in eu-central-1 (control plane): accepted" in page


def test_the_page_shows_no_step_where_there_was_none(tmp_path: Path) -> None:
    write_folder(tmp_path / "run-1" / "one", make("pass", 400), "<svg/>")
    assert "Steps of the plan" not in write_page(tmp_path / "run-1").read_text(encoding="utf-8")


def switchover(*steps: StepRecord, outages: tuple[Outage, ...] = (), rpo_s: float = 0.0) -> Verdict:
    history = marked(drill(outages, bitten=(), undo=None), "failback start", 21 * NS)
    history = marked(history, "failback end", 22 * NS)
    declared = declared_of(expects="none", fault=False, rpo_s=rpo_s)
    return judge(history, declared, Undoing("clean", "Put back."), "1", steps)


def test_a_planned_switchover_needs_no_fault_but_a_step() -> None:
    verdict = switchover(FENCE)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("pass", "pass")
    assert verdict.verdict == "pass"
    nothing = switchover()
    assert (nothing.verdict, plan_of(nothing).says) == ("invalid", "No step of the planned switchover was done.")
    assert switchover(step("promote", 6, 7, plan="failback")).verdict == "invalid"


def test_what_clients_see_of_a_planned_switchover_is_judged() -> None:
    short = switchover(FENCE, outages=(Outage(5 * NS, 6 * NS, "refuse"),))
    assert short.recovery_time.lower_s is not None
    assert short.recovery_time.lower_s <= 1.0 <= (short.recovery_time.upper_s or 0)
    assert short.verdict == "pass"
    assert any("None was expected" in f.says for f in short.findings)


def test_the_steps_are_read_from_the_drills_folder(tmp_path: Path) -> None:
    folder = judged_folder(tmp_path / "drill")
    assert load(folder).steps == ()
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in (FENCE, PROMOTE))
    (folder / STEPS).write_bytes(lines + b'{"plan": "reco')
    assert load(folder).steps == (FENCE, PROMOTE)
    (folder / STEPS).write_bytes(b"{}\n" + lines)
    with pytest.raises(BrokenEvidence, match=r"steps\.jsonl"):
        load(folder)
