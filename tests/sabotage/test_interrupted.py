"""Ctrl-C, SIGTERM and SIGKILL in each phase of a drill: what was broken is put back, and nothing of the run is left."""

import json
import signal
from pathlib import Path

import pytest

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
        assert state_of(up, tmp_path / "quick.toml") == healthy
        assert unfinished(run) == []

        ended = run.journal("undo")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert run.labs() == []
        assert processes_of(up) == []
        assert not up.directory.exists()
