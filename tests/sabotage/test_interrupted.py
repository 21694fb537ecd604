"""Ctrl-C, SIGTERM and SIGKILL in each phase of a drill: what was broken is put back, and nothing of the run is left."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab import Lab
from tests.sabotage.quick import Run, processes_of, running, state_of

# The mark after which each phase has begun.
PHASES = {
    "steady": "start",
    "inject": "requested",
    "recover": "effective",
    "audit": "audit",
    "undo": "undo",
    "settle": "undone",
}
# The writer's zone: every kind of change is made there.
ZONE = "eu-west-1a"
# A group rebalances within some of its checks, half a second each here; this only ends one that never does.
SETTLED_S = 60.0


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_drill_in_order(tmp_path: Path, phase: str, number: signal.Signals) -> None:
    with running(tmp_path, "power_loss", SABOTAGE_ZONE=ZONE) as run:
        run.await_mark(PHASES[phase])
        run.process.send_signal(number)
        assert run.wait() == 12, run.output
        assert (run.verdict["verdict"], run.verdict["undo"]) == ("aborted", "clean")
        assert f"{number.name} received" in run.output
        assert list(run.state.glob("*.jsonl")) == []
        assert unfinished(run) == []
        assert run.labs() == []


def unfinished(run: Run) -> list[str]:
    """The changes whose last state in the evidence is not `verified`."""
    path = run.drill_folder / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    last = {line["id"]: line["state"] for line in lines if line["type"] == "state"}
    return [change for change, state in last.items() if state != "verified"]


@pytest.mark.parametrize("phase", PHASES)
def test_after_a_kill_the_journal_puts_everything_back(tmp_path: Path, phase: str) -> None:
    with running(tmp_path, "power_loss", SABOTAGE_ZONE=ZONE) as run:
        run.await_mark("start")
        (up,) = run.labs()
        healthy = state_of(up, tmp_path / "quick.toml")
        run.await_mark(PHASES[phase])
        run.process.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        assert run.labs() == [up], "the lab must outlive its runner"

        undo = run.journal("undo", "--keep-lab")
        assert undo.returncode == 0, undo.stdout + undo.stderr
        assert unfinished(run) == []
        assert settled(up, tmp_path / "quick.toml", healthy) == healthy


def settled(up: Lab, workload: Path, healthy: dict[str, Any]) -> dict[str, Any]:
    """The state once it is as it was. A group that rebalances has one instance too many for a while, as on AWS."""
    deadline = time.monotonic() + SETTLED_S
    while (now := state_of(up, workload)) != healthy and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def test_the_undo_of_a_killed_run_ends_its_lab(tmp_path: Path) -> None:
    with running(tmp_path, "power_loss", SABOTAGE_ZONE=ZONE) as run:
        run.await_mark("effective")
        (up,) = run.labs()
        run.process.send_signal(signal.SIGKILL)
        run.wait()
        again = tmp_path / "again"
        again.mkdir()
        with running(again, "power_loss", DR_DRILLS_STATE=str(run.state)) as second:
            assert second.wait() == 12, second.output  # refused: something is open
            assert "python -m fixtures.journal undo" in second.output
        undo = run.journal("undo")
        assert undo.returncode == 0, undo.stdout + undo.stderr
        assert run.labs() == []
        assert processes_of(up) == []
        assert not up.directory.exists()
        assert list(run.state.glob("*.jsonl")) == []
        (result,) = (json.loads(path.read_text()) for path in run.drill_folder.parent.glob("*/*-result.json"))
        assert result["status"] == "broken"
