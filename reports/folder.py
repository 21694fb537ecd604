"""A drill's folder: what is read to judge it, and where the verdict goes."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from probes.history import History
from probes.load import load_history
from reports.declared import Declared
from reports.ledger import ledger, loss_rows
from reports.losses import LossRow
from reports.model import Verdict
from reports.steps import StepRecord, read_steps
from reports.verdict import Undoing
from reports.verdict import judge as judge_history
from reports.version import harness_version

PLAN = "plan.json"
JOURNAL = "journal.jsonl"
VERDICT = "verdict.json"


class BrokenEvidence(Exception):
    """A drill's folder cannot be judged: what is missing or unreadable, and where."""


class Evidence(msgspec.Struct, frozen=True):
    """All that a drill left for judging."""

    history: History
    declared: Declared
    undo: Undoing
    steps: tuple[StepRecord, ...] = ()


def load(folder: Path) -> Evidence:
    """Read a drill's folder. Raises `BrokenEvidence`, or what `load_history` raises."""
    path = folder / PLAN
    try:
        declared = msgspec.json.decode(path.read_bytes(), type=Declared)
    except FileNotFoundError:
        raise BrokenEvidence(
            f"{folder.name}: {PLAN} is missing, so it is not known what the drill set out to do"
        ) from None
    except msgspec.DecodeError as error:
        raise BrokenEvidence(f"{folder.name}/{PLAN}: {error}") from error
    history, undo = load_history(folder), read_undo(folder / JOURNAL)
    if history.mark("requested") is not None and not (folder / JOURNAL).exists():
        undo = Undoing(
            "dirty", "The fault was asked for, but its journal is missing: nothing proves what was put back."
        )
    return Evidence(history, declared, undo, _steps(folder))


def _steps(folder: Path) -> tuple[StepRecord, ...]:
    try:
        return read_steps(folder)
    except msgspec.DecodeError as error:
        raise BrokenEvidence(f"{folder.name}/steps.jsonl: {error}") from error


def read_undo(path: Path) -> Undoing:
    """What the journal says of putting back: clean only if the last state of every change is `verified`.

    A line that cannot be read is dirty: it may have been a change. Only a torn last line is what a crash leaves, and
    nothing was done before its line was whole.
    """
    if not path.exists():
        return Undoing("clean", "Nothing was changed, so there was nothing to put back.")
    states: dict[str, str] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            _take(json.loads(line), states)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Undoing(
                "dirty", f"Line {number} of the journal cannot be read, so nothing proves what was put back."
            )
    left = {change: state for change, state in states.items() if state != "verified"}
    if left:
        named = ", ".join(f"{change} is {state}" for change, state in left.items())
        return Undoing("dirty", f"{len(left)} of {len(states)} changes are not proved to be put back: {named}.")
    if not states:
        return Undoing("clean", "Nothing was changed, so there was nothing to put back.")
    return Undoing("clean", f"All {len(states)} changes were put back, and reading them again proved it.")


def _take(line: Any, states: dict[str, str]) -> None:
    if line["type"] == "change":
        states.setdefault(str(line["change"]["id"]), "intent")
    elif line["type"] == "state":
        states[str(line["id"])] = str(line["state"])


def judge(evidence: Evidence | Path) -> Verdict:
    """Judge a drill by its folder. Raises as `load` does."""
    if isinstance(evidence, Path):
        evidence = load(evidence)
    return judge_history(evidence.history, evidence.declared, evidence.undo, harness_version(), evidence.steps)


def losses(evidence: Evidence) -> list[LossRow]:
    """Every write of the drill that is not simply there, for `losses.csv`."""
    return loss_rows(ledger(evidence.history), evidence.history)


def write_verdict(folder: Path, verdict: Verdict) -> Path:
    """Write `verdict.json`, whole or not at all. Raises `OSError`."""
    path, partial = folder / VERDICT, folder / f".{VERDICT}.partial"
    with partial.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(verdict), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def read_verdict(folder: Path) -> Verdict:
    """The verdict that was written. Raises `BrokenEvidence` where there is none, or none of this schema."""
    try:
        return msgspec.json.decode((folder / VERDICT).read_bytes(), type=Verdict)
    except FileNotFoundError:
        raise BrokenEvidence(f"{folder.name}: {VERDICT} is missing; the drill was not judged") from None
    except msgspec.DecodeError as error:
        raise BrokenEvidence(f"{folder.name}/{VERDICT}: {error}") from error


def drill_folders(run: Path) -> list[Path]:
    """The drills of a run, or the one drill that `run` itself is. Raises `BrokenEvidence` if there is none."""
    folders = [run] if (run / PLAN).exists() else sorted(path.parent for path in run.glob(f"*/{PLAN}"))
    if not folders:
        raise BrokenEvidence(
            f"{run}: no drill in it (a drill's folder holds {PLAN}). Give a run's or a drill's folder."
        )
    return folders
