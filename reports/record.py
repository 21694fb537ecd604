"""One drill's folder, read for publishing. Nothing here judges; what is not there is None and is said to be missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from reports.changes import ChangeRow, read_changes
from reports.declared import Declared
from reports.losses import LossRow, read_losses
from reports.model import Verdict

VERDICT, PLAN, TIMELINE, LOSSES = "verdict.json", "plan.json", "timeline.svg", "losses.csv"

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class DrillRecord:
    """What one drill left. `problems` says which of its files could not be read, and why."""

    folder: Path
    verdict: Verdict | None
    declared: Declared | None
    svg: str | None
    losses: list[LossRow]
    changes: list[ChangeRow]
    problems: tuple[str, ...]


def read_record(folder: Path) -> DrillRecord:
    """Read a drill's folder. Never raises for a file that is missing or torn: a killed drill has a report too."""
    problems: list[str] = []
    verdict = _decode(folder / VERDICT, Verdict, problems)
    declared = _decode(folder / PLAN, Declared, problems)
    svg = (folder / TIMELINE).read_text(encoding="utf-8") if (folder / TIMELINE).exists() else None
    if svg is None:
        problems.append(f"{TIMELINE} is missing.")
    return DrillRecord(folder, verdict, declared, svg, _losses(folder, problems), read_changes(folder), tuple(problems))


def drill_folders(run_folder: Path) -> list[Path]:
    """The folders of a run's drills: those with a plan or marks in them, judged or not."""
    found = {path.parent for name in (PLAN, VERDICT, "marks.jsonl") for path in run_folder.glob(f"*/{name}")}
    return sorted(found)


def _decode(path: Path, kind: type[Kind], problems: list[str]) -> Kind | None:
    if not path.exists():
        problems.append(f"{path.name} is missing.")
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        problems.append(f"{path.name} cannot be read: {error}.")
        return None


def _losses(folder: Path, problems: list[str]) -> list[LossRow]:
    path = folder / LOSSES
    if not path.exists():
        problems.append(f"{LOSSES} is missing.")
        return []
    try:
        return read_losses(path)
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        problems.append(f"{LOSSES} cannot be read: {error}.")
        return []
