from pathlib import Path

import pytest

from bench.ends import ENDS, Told, of_results, play, wrong


def _all(**other: str) -> list[Told]:
    told = [
        Told(name=name, status=status, message=f"fixtures.errors.{begins}\nmore" if begins else "")
        for name, (status, begins) in ENDS.items()
    ]
    return [Told(**{"name": t.name, "status": t.status, "message": t.message} | other) for t in told[:1]] + told[1:]


def test_the_seven_as_they_must_be_are_right() -> None:
    assert wrong(_all()) == []


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (_all(status="unknown"), "test_power_loss[pass]: unknown, and not passed"),
        (_all()[1:], "test_power_loss[pass]: it is not there"),
        ([*_all(), _all()[0]], "test_power_loss[pass]: 2 times"),
        ([*_all(), Told(name="x::<lambda>", status="passed", message="")], "x::<lambda>: passed, and not one of the"),
    ],
)
def test_what_a_report_gets_wrong_is_named(told: list[Told], says: str) -> None:
    assert any(one.startswith(says) for one in wrong(told)), wrong(told)


def test_a_first_line_that_says_something_else_is_wrong() -> None:
    told = [*_all()[:1], Told(name="test_power_loss[fail]", status="failed", message="undo clean"), *_all()[2:]]
    (said,) = wrong(told)
    assert said.startswith('test_power_loss[fail]: it begins with "undo clean"')


def test_each_end_of_a_drill_is_told_first_in_what_allure_is_given(tmp_path: Path) -> None:
    told = of_results(play(tmp_path))
    assert wrong(told) == []
    (text,) = (path.read_text(encoding="utf-8") for path in (tmp_path / "allure-results").glob("*-globals.json"))
    assert "undo is DIRTY" in text
