"""What people said of their part: told with its lengths, held against nobody, and nothing made of what it is not."""

import msgspec
import pytest

from probes.history import History, Mark, MarkName
from reports.people_lane import people_lane
from reports.people_part import CHECK, STAYED
from reports.scene import Scale
from reports.steps import StepRecord
from reports.timeline import timeline_svg
from reports.verdict import judge
from tests.reports.test_validity_gates import CLEAN, finding, judged
from tests.truth.simulated import END, IMPACT, MS, NS, Outage, declared_of, drill

KIM = "Kim: all hands"


def said(history: History, *told: tuple[MarkName, int], planned: bool = False, source: str = "person") -> History:
    data: dict[str, str | int | float | bool | None] = {"planned": True} if planned else {"by": "Kim"}
    marks = tuple(
        Mark(name=name, at_ns=at_ns, source=source, uncertainty_ns=100 * MS, says=KIM, data=data)
        for name, at_ns in told
    )
    return msgspec.structs.replace(history, marks=tuple(sorted((*history.marks, *marks), key=lambda mark: mark.at_ns)))


def test_nobody_said_anything_and_nothing_is_said_of_it() -> None:
    verdict = judged(drill())
    assert all(found.check != CHECK for found in verdict.findings)
    assert set(verdict.clocks) == {"total", "from_decision", "first_success", "audited"}


def test_how_long_each_took_is_an_interval_as_wide_as_both_moments_are_unsure() -> None:
    told = said(drill(), ("notified", 6 * NS), ("acknowledged", 7 * NS), (STAYED, 8 * NS))
    verdict = judged(said(told, ("detected", 5 * NS), source="probe"))
    assert verdict.clocks["detected_to_notified"] == pytest.approx([0.8, 1.2])
    assert verdict.clocks["notified_to_acknowledged"] == pytest.approx([0.8, 1.2])
    assert verdict.clocks["acknowledged_to_decided_not_to_fail_over"] == pytest.approx([0.8, 1.2])
    found = finding(verdict, CHECK)
    assert found.verdict == "not judged"
    assert f"notified at 6.0 s (± 0.1 s): {KIM}" in found.says
    assert "Detected to notified 0.8" in found.says


def test_without_a_watch_that_saw_it_the_length_begins_with_the_impact() -> None:
    verdict = judged(said(drill(), ("notified", IMPACT + 2 * NS)))
    lower, upper = verdict.clocks["impact_to_notified"]
    assert lower <= 2.0 <= upper
    assert upper - lower < 1.0


def test_a_moment_that_came_before_the_one_that_it_should_follow_has_no_length() -> None:
    verdict = judged(said(drill(), ("acknowledged", 6 * NS), ("notified", 8 * NS)))
    assert verdict.clocks["notified_to_acknowledged"] == []
    assert "notified to acknowledged not measured: it did not come after" in finding(verdict, CHECK).says


@pytest.mark.parametrize("name", ["notified", "acknowledged", STAYED])
def test_knowing_of_it_is_no_help(name: MarkName) -> None:
    verdict = judged(said(drill(), (name, 7 * NS)))
    assert finding(verdict, "recovered without help").verdict == "pass"
    assert verdict.verdict == "pass"


def test_a_decision_is_help_unless_the_plan_gives_it_to_a_person() -> None:
    alone = judged(said(drill(), ("decided", 7 * NS)))
    assert finding(alone, "recovered without help").verdict == "inconclusive"
    twice = judged(said(said(drill(), ("decided", 7 * NS)), ("decided", 8 * NS), planned=True))
    assert finding(twice, "recovered without help").verdict == "pass"


def step(began_ns: int, outcome: str = "done") -> StepRecord:
    record = {
        "plan": "recovery", "name": "promote", "kind": "promote", "says": "", "region": "", "began_ns": began_ns,
        "ended_ns": began_ns + NS, "outcome": outcome,
    }  # fmt: skip
    return msgspec.convert(record, StepRecord)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((), "The drill began no step of a plan, as was decided; service came back without any."),
        ((step(9 * NS, "not reached"),), "The drill began no step of a plan, as was decided"),
        ((step(9 * NS),), "The plan's steps promote were begun after that decision all the same."),
        ((step(6 * NS),), "The plan's steps had been begun before that decision."),
    ],
)
def test_a_decision_to_stay_stands_beside_what_the_plan_did(steps: tuple[StepRecord, ...], says: str) -> None:
    verdict = judge(said(drill(), (STAYED, 8 * NS)), declared_of(), CLEAN, "1", steps)
    assert says in finding(verdict, CHECK).says


def test_a_decision_to_stay_excuses_no_miss() -> None:
    history = said(drill((Outage(IMPACT, END, "swallow"),)), (STAYED, 8 * NS))
    verdict = judge(history, declared_of(rto_s=3.0), CLEAN, "1")
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("fail", "fail")
    says = "as was decided; service was not seen to come back before things were put back."
    assert says in finding(verdict, CHECK).says


def test_a_decision_to_stay_where_clients_saw_nothing() -> None:
    verdict = judged(said(drill(()), (STAYED, 8 * NS)))
    assert "as was decided; clients saw nothing." in finding(verdict, CHECK).says


def test_the_picture_has_a_row_for_each() -> None:
    history = said(drill(), ("notified", 6 * NS), ("acknowledged", 7 * NS))
    verdict, declared = judged(history), declared_of()
    parts: list[str] = []
    assert people_lane(verdict.marks, Scale(0.0, 20.0), 100.0, parts) == 100.0 + 2 * 16.0 + 4
    drawn = "".join(parts)
    assert "notified: Kim: all hands" in drawn
    assert ">people<" in drawn
    assert "acknowledged: Kim: all hands" in timeline_svg(history, verdict, declared)


def test_the_picture_has_none_where_nobody_said_anything_that_it_shows() -> None:
    parts: list[str] = []
    assert people_lane(judged(drill()).marks, Scale(0.0, 20.0), 100.0, parts) == 100.0
    late = judged(said(drill(), ("notified", 6 * NS))).marks
    assert people_lane(late, Scale(0.0, 5.0), 100.0, parts) == 100.0
    assert parts == []
