"""What a drill has left behind: processes and folders of its lab, and journals that are not closed."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

from fixtures.journal_records import JournalHeader

MARKER = "DR_DRILLS_LAB"


def labs_of(runs: Path, truth: Path) -> frozenset[str]:
    """The ids of the labs that these runs had: by their journals, and by the truth that was kept of them."""
    drills = (path.parent for path in runs.glob("*/*/journal.jsonl"))
    return frozenset({*(path.stem for path in truth.glob("*.jsonl")), *map(lab_of, drills)})


def lab_of(drill: Path) -> str:
    """The id of the lab that a drill ran in. Raises OSError where there is no journal, ValueError for a broken one."""
    with (drill / "journal.jsonl").open("rb") as lines:
        try:
            header = msgspec.json.decode(next(lines, b""), type=JournalHeader)
        except msgspec.DecodeError as error:
            raise ValueError(f"{drill.name}/journal.jsonl: {error}") from error
    if not header.lab:
        raise ValueError(f"{drill.name}/journal.jsonl names no lab")
    return header.lab


def left_of(labs: Iterable[str], state: Path) -> list[str]:
    """In sentences, everything of these labs that is still there, and every journal in the folder `state`."""
    journals = [f"left an open journal: {path.name}" for path in sorted(state.glob("[!.]*.jsonl"))]
    return journals + [left for lab in sorted(labs) for left in (*_folders(lab), *_processes(lab))]


def _folders(lab: str) -> list[str]:
    # The names of a lab's folder and of its processes' mark are what the lab's documents promise (docs/adr/0003).
    return [f"left the folder {path}" for path in Path(tempfile.gettempdir()).glob(f"dr-drills-lab-*-{lab}")]


def _processes(lab: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and _is_of_lab(process, lab):
                found.append(f"left process {process.pid}: {' '.join(process.cmdline())[:120]}")
        except psutil.Error:
            continue
    return found


def _is_of_lab(process: psutil.Process, lab: str) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    try:
        if process.environ().get(MARKER) == lab:
            return True
    except psutil.AccessDenied:
        pass
    # A server that runs as another user keeps its environment closed; it names its volume in the lab's folder.
    return any("dr-drills-lab-" in word and f"-{lab}/" in word for word in process.cmdline())
