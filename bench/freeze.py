"""Freezes a drill's folder for `tests/data`: `python -m bench.freeze FOLDER NAME`; `again` judges all of them anew.

Keeps what judging reads, without the machine: its name, its boot and the paths of the run. The verdict is judged anew
from what is kept, so that it is the one that these very files give; what `rejudge` says of the folder stays true.
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from probes.chained import chain_of, chain_up
from reports.folder import judge
from reports.steps import STEPS

DATA = Path(__file__).resolve().parents[1] / "tests/data"
BOOT = "the boot of that drill"
# Judging reads of the journal which changes there were and what became of each.
_CHANGE_KEPT = ("id", "seq", "kind", "says")


def freeze(folder: Path, name: str, data: Path = DATA) -> Path:
    """Freeze one drill's folder as `data/name`, every file gzipped. Raises FileExistsError if there is one already."""
    target = data / name
    target.mkdir(parents=True)
    for path in sorted(folder.glob("history-*.jsonl")):
        _keep(target / path.name, _headed(path))
    _keep(target / "marks.jsonl", _rechained(_headed(folder / "marks.jsonl")))
    _keep(target / "plan.json", (folder / "plan.json").read_bytes())
    if (folder / STEPS).exists():
        _keep(target / STEPS, (folder / STEPS).read_bytes())
    if (folder / "journal.jsonl").exists():
        _keep(target / "journal.jsonl", _journal(folder / "journal.jsonl"))
    rejudge(target)
    return target


def rejudge(frozen: Path) -> str:
    """Judge a frozen folder by the rules of today and keep that; the verdict."""
    with tempfile.TemporaryDirectory(prefix="dr-drills-freeze-") as into:
        verdict = judge(thaw(frozen, Path(into)))
    _keep(frozen / "verdict.json", msgspec.json.format(msgspec.json.encode(verdict), indent=1))
    return verdict.verdict


def thaw(frozen: Path, into: Path) -> Path:
    """Unpack a frozen folder below `into`; where it is."""
    folder = into / f"thawed-{frozen.name}"
    folder.mkdir(exist_ok=True)
    for path in frozen.glob("*.gz"):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def _keep(path: Path, content: bytes) -> None:
    # No time and no name inside: the same content gives the same file.
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))


def _headed(path: Path) -> bytes:
    """The file with a first line that names no machine; nothing else is touched, a torn last line neither."""
    first, _, rest = path.read_bytes().partition(b"\n")
    header = json.loads(first)
    if "host" in header:
        header["host"] = ""
    header["base"]["boot"] = BOOT
    if rest.rstrip().rpartition(b"\n")[2].startswith(b'{"type":"end"'):
        before, newline, last = rest.rstrip().rpartition(b"\n")
        end = json.loads(last)
        end["base"]["boot"] = BOOT
        rest = before + newline + _line(end)
    return _line(header) + rest


def _rechained(content: bytes) -> bytes:
    """Marks whose first line was changed as a chain of their own, where they are one; a torn last line stays."""
    if chain_of(content) is None:
        return content
    *lines, torn = content.split(b"\n")
    return b"".join(line + b"\n" for line in chain_up(lines)) + torn


def _journal(path: Path) -> bytes:
    return b"".join(_line(_journal_line(json.loads(line))) for line in path.read_bytes().splitlines())


def _journal_line(line: dict[str, Any]) -> dict[str, Any]:
    if line["type"] == "change":
        return {"type": "change", "change": {k: line["change"][k] for k in _CHANGE_KEPT if k in line["change"]}}
    kept = ("type", "id", "state", "at_utc") if line["type"] == "state" else ("type", "run")
    return {k: line[k] for k in kept if k in line}


def _line(content: dict[str, Any]) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def main(arguments: Sequence[str]) -> int:
    """Freeze one folder, or judge all that are frozen again; say what came of it."""
    if list(arguments) == ["again"]:
        for frozen in sorted(path for path in DATA.iterdir() if path.is_dir()):
            print(f"{frozen.name}: {rejudge(frozen)}")
        return 0
    folder, name = arguments
    target = freeze(Path(folder).resolve(), name)
    print(f"{target.name}: {sum(path.stat().st_size for path in target.iterdir()) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
