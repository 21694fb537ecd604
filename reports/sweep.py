"""The last look at a run's files before they are hashed: what slipped into one by another way is taken out there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from probes.redaction import Redactor
from reports.manifest import LEFT_OUT

# Taken care of as they are written, and chained or judged by as they are.
_AT_SOURCE = ("marks.jsonl", "journal.jsonl", "plan.json", "steps.jsonl")


def sweep(run_folder: Path, redactor: Redactor) -> list[str]:
    """Take out of every text file of a run what must not be there; the files in which there was something.

    Raises OSError.
    """
    changed = []
    for path in _files(run_folder):
        was = path.read_bytes()
        now = _redacted(path, was, redactor)
        if now != was:
            path.write_bytes(now)
            changed.append(path.relative_to(run_folder).as_posix())
    return changed


def _files(run_folder: Path) -> Iterator[Path]:
    left_out = {run_folder / name for name in LEFT_OUT}
    for path in sorted(run_folder.rglob("*")):
        is_source = path.name in _AT_SOURCE or path.name.startswith("history-")
        if path.is_file() and not path.is_symlink() and not is_source and not left_out.intersection(path.parents):
            yield path


def _redacted(path: Path, content: bytes, redactor: Redactor) -> bytes:
    """The content without it. JSON is looked at value by value: a secret may be escaped in it."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content  # a picture
    if path.suffix == ".json":
        try:
            value: Any = json.loads(text)
        except ValueError:
            return redactor.text(text).encode()
        clean = redactor.value(value)
        return content if clean == value else msgspec.json.format(msgspec.json.encode(clean), indent=1) + b"\n"
    return redactor.text(text).encode()
