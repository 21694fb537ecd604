"""What ARC says of a Region switch: told beside what clients saw, with what is in it; it judges nothing."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from probes.history import History, Mark
from reports.model import Finding, Verdict
from reports.page import write_page
from reports.region_switches import CHECK
from reports.steps import StepRecord, Switched
from reports.summary import summary_lines
from reports.verdict import Undoing, judge
from tests.reports.synthetic import make, write_folder
from tests.truth.simulated import END, IMPACT, NS, Outage, declared_of, drill
from tests.truth.two_sites import step

# Service is bad from 5 s to 9 s of the drill, and the step begins at 6 s.
SWITCHED = Switched(
    plan="arn:aws:arc-region-switch::123456789012:plan/orders:a1b2c3", execution="eu-central-1/0a",
    region="eu-central-1", state="completedMonitoringApplicationHealth",
)  # fmt: skip


def switch(recovery_s: float | None = None, **given: Any) -> StepRecord:
    told = msgspec.structs.replace(SWITCHED, recovery_s=recovery_s)
    return msgspec.structs.replace(step("switch", 6.0, 8.0, kind="run", calls=()), **({"switched": told} | given))


def mark(execution: str = SWITCHED.execution, recovery_s: float | None = 252.0) -> Mark:
    data: dict[str, str | int | float | bool | None] = {
        "execution": execution, "state": "completed", "recovery_s": recovery_s
    }  # fmt: skip
    return Mark(name="region switch", at_ns=30 * NS, source="ARC, eu-central-1", data=data)


def judged(*steps: StepRecord, marks: tuple[Mark, ...] = (), history: History | None = None) -> Verdict:
    history = history or drill()
    history = msgspec.structs.replace(history, marks=(*history.marks, *marks))
    return judge(history, declared_of(), Undoing("clean", "Put back."), "1", steps)


def finding(verdict: Verdict) -> Finding:
    (found,) = [one for one in verdict.findings if one.check == CHECK]
    return found


def test_it_is_told_with_what_is_in_it_and_beside_what_clients_saw() -> None:
    told = finding(judged(switch(4.0)))
    assert told.verdict == "not judged"
    assert told.says.startswith(
        "ARC says 4 s for execution eu-central-1/0a (step switch, eu-central-1): from its start"
    )
    assert "until its plan was done and the plan's application-health alarms were green" in told.says
    assert "Not in it: detection and the decision." in told.says
    assert "Clients were served well again 2.9" in told.says
    assert " after the step began, 3.9" in told.says
    assert " after the impact." in told.says


@pytest.mark.parametrize(
    ("arc_s", "says"),
    [
        (1.0, "ARC's is shorter: its plan was done, and its alarms green, before clients were served."),
        (2.0, "To the second that ARC counts in, both say the same."),
        (4.0, "To the second that ARC counts in, both say the same."),
        (252.0, "ARC's is longer: its plan was done, or its alarms green, only after clients were served."),
    ],
)
def test_why_it_differs_is_said(arc_s: float, says: str) -> None:
    assert finding(judged(switch(arc_s))).says.endswith(says)


@pytest.mark.parametrize("arc_s", [None, 0.0, 3.0, 1e6])
def test_whatever_arc_says_judges_nothing(arc_s: float | None) -> None:
    without = judged(switch(switched=None))
    told = judged(switch(arc_s))
    assert (told.verdict, told.recovery_time, told.clocks) == (without.verdict, without.recovery_time, without.clocks)
    assert [one for one in told.findings if one.check != CHECK] == list(without.findings)


def test_service_that_is_not_back_is_not_back_whatever_its_alarms_say() -> None:
    gone = drill((Outage(IMPACT, END, "swallow"),))
    verdict = judged(switch(60.0), history=gone)
    assert verdict.recovery_time.upper_s is None
    assert finding(verdict).says.endswith("such alarms do not see what clients see.")


def test_what_clients_did_not_see_is_said() -> None:
    assert finding(judged(switch(60.0), history=drill(()))).says.endswith("Clients saw no bad service.")


def test_what_arc_told_when_the_drill_ended_stands_in_the_step() -> None:
    verdict = judged(switch(), marks=(mark("eu-central-1/0b", 7.0), mark()))
    assert verdict.steps[0].switched == msgspec.structs.replace(SWITCHED, state="completed", recovery_s=252.0)
    assert "ARC says 252 s" in finding(verdict).says


def test_what_it_had_not_told_by_then_is_no_number() -> None:
    verdict = judged(switch(), marks=(mark(recovery_s=None),))
    assert verdict.steps[0].switched is not None
    assert verdict.steps[0].switched.recovery_s is None
    assert finding(verdict).says.startswith("ARC had told no recovery time of execution eu-central-1/0a")
    assert "it was completed." in finding(verdict).says


@pytest.mark.parametrize("given", [{"outcome": "failed"}, {"plan": "failback"}, {"switched": None}])
def test_no_other_step_has_a_finding(given: Any) -> None:
    assert CHECK not in {one.check for one in judged(switch(4.0, **given)).findings}


def test_it_stands_in_the_summary_and_on_the_page(tmp_path: Path) -> None:
    left = msgspec.structs.replace(SWITCHED, state="completedWithExceptions", skipped=("drain",), recovery_s=252.0)
    verdict = judged(switch(switched=left))
    lines = summary_lines(verdict, tmp_path, width=400)
    assert any(line.strip().startswith(f"not judged     {CHECK}: ARC says 252 s") for line in lines)
    write_folder(tmp_path / "run-1" / "one", dataclasses.replace(make("pass", 400), verdict=verdict), "<svg/>")
    page = write_page(tmp_path / "run-1").read_text(encoding="utf-8")
    assert "ARC says completedWithExceptions, skipped drain, actual recovery time 252 s (without detection)" in page
