"""Where a drill is killed is read off its evidence, and whatever is not as it was is told."""

import json
from pathlib import Path

import pytest

from bench.kills import POINTS, Killed, Point, differences, reached, told
from fixtures.workload import load

WORKLOAD = Path(__file__).parents[2] / "fixtures" / "workloads" / "orders-warm-standby.toml"


def write(path: Path, *lines: dict[str, str], torn: str = "") -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + torn)


def test_a_mark_is_reached_once_it_was_written_so_often(tmp_path: Path) -> None:
    point = Point(name="x", mark="undo", times=2)
    assert not reached(point, tmp_path)
    write(tmp_path / "marks.jsonl", {"run": "r"}, {"name": "undo"}, torn='{"name":"undo"')
    assert not reached(point, tmp_path), "a line that is half written is none yet"
    write(tmp_path / "marks.jsonl", {"name": "undo"}, {"name": "undone"}, {"name": "undo"})
    assert reached(point, tmp_path)


@pytest.mark.parametrize(("outcome", "there"), [("done", True), ("failed", False)])
def test_a_step_is_reached_once_it_is_done(outcome: str, there: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a parameter
    write(tmp_path / "steps.jsonl", {"name": "other", "outcome": "done"}, {"name": "promote", "outcome": outcome})
    assert reached(Point(name="x", step="promote"), tmp_path) is there


def test_every_point_is_one_that_its_drill_comes_to() -> None:
    plans = load(WORKLOAD).plans
    named = {
        step.name for plan in (plans.region, plans.data) if plan is not None for step in (*plan.steps, *plan.failback)
    }
    assert {point.step for point in POINTS if point.step} <= named
    assert all(bool(point.mark) != bool(point.step) for point in POINTS)
    assert len({point.name for point in POINTS}) == len(POINTS)


def test_what_changed_came_or_went_is_told() -> None:
    before = {"same": [1], "changed": [1, 2], "gone": "x"}
    assert differences(before, dict(before)) == []
    assert differences(before, {"same": [1], "changed": [1, 3], "new": True}) == [
        "changed was [1, 2], and is [1, 3]",
        "gone was 'x', and is None",
        "new was None, and is True",
    ]


def test_a_drill_that_is_not_home_is_told_with_the_reason() -> None:
    found = Killed(name="steady", opened=1, undo=13, took_s=3.0, wrong=("x was 1, and is 2",))
    assert told(found) == "NOT HOME  killed at: steady (3 s)\n    - x was 1, and is 2"
