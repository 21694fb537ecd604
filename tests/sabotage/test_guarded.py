"""What the guard and --plan do, as a user meets them: nothing is broken, and nothing is left."""

import json
from pathlib import Path

import pytest

from tests.sabotage.quick import quick_workload
from tests.sabotage.test_bad_input import USAGE, left_behind, run_pytest

ONE_ZONE = ("-k", "az_power_loss and eu-west-1a")
APPROVAL = '[approval]\nby = "Dana Lee"\non = 2020-01-01T00:00:00Z\nuntil = 2020-02-01T00:00:00Z\n\n[limits]'


def test_a_plan_is_shown_and_nothing_is_written_or_left(tmp_path: Path) -> None:
    workload, told = quick_workload(tmp_path), tmp_path / "plan.json"
    code, output = run_pytest(tmp_path, "drills", f"--workload={workload}", "--plan", f"--plan-json={told}", *ONE_ZONE)
    assert code == 0, output
    assert "exit code   0 (planned only, nothing changed; 0 of 1 refused)" in output
    assert "call ec2 StopInstances in eu-west-1" in output
    plan = json.loads(told.read_text())
    assert plan["schema"] == "dr-drills/plan/1"
    assert [one["call"]["operation"] for one in plan["drills"][0]["changes"]][-1] == "StopInstances"
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_targets = ": "production = true\nmax_targets = "}, "has to say --production orders, too"),
        ({"[limits]": APPROVAL}, "Dana Lee allowed drills from 2020-01-01T00:00Z until 2020-02-01T00:00Z"),
    ],
)
def test_what_the_guard_forbids_is_refused_before_anything_is_started(
    changes: dict[str, str], says: str, tmp_path: Path
) -> None:
    workload = quick_workload(tmp_path, changes)
    code, output = run_pytest(tmp_path, "drills", f"--workload={workload}", *ONE_ZONE)
    assert code == 12, output
    assert says in output
    assert "Nothing was touched" in output
    assert "API:" not in output


def test_where_a_plan_is_written_needs_one(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "drills", "--plan-json=x.json")
    assert code == USAGE
    assert "there is no --plan" in output
