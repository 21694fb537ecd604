"""A workload or a drill is sabotaged; the verdict must name it. No false pass, ever."""

from pathlib import Path
from typing import Any

from tests.sabotage.quick import Run, running, state_of


def findings(verdict: dict[str, Any], judged: str) -> dict[str, str]:
    return {one["check"]: one["says"] for one in verdict["findings"] if one["verdict"] == judged}


def test_an_honest_drill_passes_and_leaves_nothing_open(tmp_path: Path) -> None:
    with running(tmp_path, "power_loss") as run:
        assert run.wait() == 0, run.output
        verdict = run.verdict
        assert (verdict["verdict"], verdict["undo"]) == ("pass", "clean")
        recovery, loss = verdict["recovery_time"], verdict["data_loss"]
        assert 0 <= recovery["lower_s"] <= recovery["upper_s"] <= recovery["objective_s"]
        assert loss["acknowledged"] > 0
        assert (loss["lost"], loss["unread"], loss["verdict"]) == (0, 0, "pass")
        assert list(run.state.glob("*.jsonl")) == []


def test_the_writers_zone_is_lost_and_the_reader_takes_over(tmp_path: Path) -> None:
    with running(tmp_path, "power_loss", SABOTAGE_ZONE="eu-west-1a") as run:
        assert run.wait() == 0, run.output
        assert run.verdict["data_loss"]["lost"] == 0
        # The writer's place is empty for as long as the lab's failover takes, and no client can see less than that.
        assert run.verdict["recovery_time"]["upper_s"] > 1.0


def test_a_useless_health_check_is_a_fail(tmp_path: Path) -> None:
    never = {"lb_fails = 2": "lb_fails = 100000", 'asg_check = "1s"': 'asg_check = "1h"'}
    with running(tmp_path, "power_loss", changes=never | SHORT) as run:
        assert run.wait() == 10, run.output
        recovery = run.verdict["recovery_time"]
        assert (recovery["verdict"], recovery["upper_s"]) == ("fail", None)
        assert recovery["lower_s"] > recovery["objective_s"]
        assert run.verdict["undo"] == "clean"


def test_a_missing_reader_is_a_fail_that_never_recovered(tmp_path: Path) -> None:
    with running(tmp_path, "reader_removed", changes=SHORT) as run:
        assert run.wait() == 10, run.output
        assert run.verdict["recovery_time"]["verdict"] == "fail"
        assert run.verdict["recovery_time"]["upper_s"] is None
        assert '"name":"not recovered"' in (run.drill_folder / "marks.jsonl").read_text(encoding="utf-8")
        assert run.verdict["undo"] == "clean"


def test_no_fault_is_invalid(tmp_path: Path) -> None:
    with running(tmp_path, "no_fault") as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] == "invalid"
        assert "fault injected" in findings(run.verdict, "invalid")


def test_a_fault_without_effect_is_invalid(tmp_path: Path) -> None:
    with running(tmp_path, "no_effect", changes={'effect = "15s"': 'effect = "3s"'}) as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] == "invalid"
        assert "fault effective" in findings(run.verdict, "invalid")
        assert run.verdict["undo"] == "clean"


def test_an_undo_that_lies_is_dirty(tmp_path: Path) -> None:
    with running(tmp_path, "lying_undo") as run:
        assert run.wait() == 13, run.output
        assert run.verdict["undo"] == "dirty"
        assert "undo DIRTY" in run.output
        (left,) = run.labs()  # something to undo against
        assert state_of(left, tmp_path / "quick.toml")["running"] != ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
        refuses_to_start(run)


def refuses_to_start(run: Run) -> None:
    """While something is open, no drill of the same workload starts: exit code 12, and the way out is said."""
    again = run.folder / "again"
    again.mkdir()
    with running(again, "power_loss", DR_DRILLS_STATE=str(run.state)) as second:
        assert second.wait() == 12, second.output
        assert "python -m fixtures.journal undo" in second.output


def test_a_drill_that_nobody_judges_is_judged(tmp_path: Path) -> None:
    with running(tmp_path, "without_judge") as run:
        assert run.wait() == 0, run.output
        assert run.verdict["verdict"] == "pass"


def test_a_stopped_vantage_is_never_a_pass(tmp_path: Path) -> None:
    with running(tmp_path, "stopped_vantage") as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] in {"inconclusive", "invalid"}
        assert run.verdict["recovery_time"]["verdict"] in {"inconclusive", "invalid"}


# An objective and a deadline that a drill which never recovers reaches soon.
SHORT = {
    'rto = "20s"': 'rto = "4s"',
    'deadline = "60s"': 'deadline = "9s"',
}
