"""Chaos Toolkit: a steady-state hypothesis held continuously while the method waits; read from its journal."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.others.asked import TIMEOUT_S, Asked, WallClock
from bench.others.observation import Sample, Samples, moved
from bench.others.started import ToolFailed

SETTINGS = (
    "--hypothesis-strategy continuously, --hypothesis-frequency {period:g}, an http probe with timeout {timeout:g} and "
    "tolerance 200; journal, by the probes' start"
)
# It ends with 1 when the hypothesis was not met, which is what it is to notice.
_ENDS = (0, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def observe(asked: Asked, python: Path) -> Samples:
    """Run it from the virtual environment of `python`. Raises ToolFailed."""
    experiment, journal = asked.folder / "experiment.json", asked.folder / "journal.json"
    experiment.write_text(json.dumps(experiment_of(asked)), encoding="utf-8")
    command = [
        str(python.with_name("chaos")), "--no-version-check", "--log-file", str(asked.folder / "chaos.log"),
        "--settings", str(asked.folder / "settings.yaml"), "run", "--hypothesis-strategy", "continuously",
        "--hypothesis-frequency", f"{1 / asked.rate:g}", "--journal-path", str(journal), str(experiment),
    ]  # fmt: skip
    clock = WallClock()
    said = asked.started.run(command, asked.log, asked.seconds, _ENDS)
    if not journal.exists():
        raise ToolFailed(f"Chaos Toolkit wrote no journal: {said[-400:]}")
    return Samples(moved(parsed(journal.read_bytes()), clock.shift_ns()))


def experiment_of(asked: Asked) -> dict[str, Any]:
    """The experiment: what it holds steady, and a method that only waits."""
    probe = {
        "type": "probe", "name": "answers", "tolerance": 200,
        "provider": {"type": "http", "url": asked.url, "timeout": TIMEOUT_S},
    }  # fmt: skip
    wait = {
        "type": "action", "name": "wait",
        "provider": {"type": "process", "path": "sleep", "arguments": f"{asked.seconds:g}"},
    }  # fmt: skip
    return {
        "title": "down for how long?",
        "description": "Asks all the time.",
        "steady-state-hypothesis": {"title": "it answers", "probes": [probe]},
        "method": [wait],
        "rollbacks": [],
    }


def parsed(journal: bytes) -> list[Sample]:
    """What it asked while the method ran, in ns of UTC. Raises ToolFailed."""
    during = json.loads(journal)["steady_states"]["during"]
    runs = [run for state in during for run in state["probes"]]
    if not runs:
        raise ToolFailed("Chaos Toolkit's journal holds no probe")
    return [Sample(_ns(run["start"]), _ns(run["end"]), run.get("tolerance_met") is True) for run in runs]


def _ns(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
