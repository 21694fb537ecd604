"""A wrong plan, a fence that does not hold, a blip that fails over: `python -m bench.sabotage [NAME ...]`.

Each is a reference workload of two Regions with one thing broken, drilled as a user drills it. Its run must be red,
and by the finding that names what is wrong; everything must be put back all the same.
"""

import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.drilled import WORKLOADS, Where, command_of, folder_of, in_a_row, run
from bench.figures import write
from bench.sabotages import OTHER, SABOTAGES, SITE, Sabotage


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one: `wrong` says in sentences why it was not caught, or not for the right reason."""

    name: str
    exit: int
    verdict: str
    said: str
    took_s: float
    wrong: tuple[str, ...]


class Ran(NamedTuple):
    """What is known of a run once it is over: of each of its drills the verdict, and in sentences what it has left."""

    code: int
    verdicts: Sequence[Mapping[str, Any]]
    printed: str
    left: Sequence[str]
    took_s: float


def broken(sabotage: Sabotage, folder: Path) -> Path:
    """The workload with that one thing broken. Raises ValueError where a text is not there, or not once."""
    folder.mkdir(parents=True)
    given = sabotage.workload
    lab = tomllib.loads(given.read_text(encoding="utf-8"))["lab"]
    elsewhere = [name for templates in lab.get("accounts", {}).values() for name in templates.values()]
    for template in (*lab.get("templates", {}).values(), *elsewhere, *([lab["template"]] if "template" in lab else [])):
        changes = {
            f"{given.stem}-primary.template.json": sabotage.primary,
            f"{given.stem}-recovery.template.json": sabotage.recovery,
        }
        text = _replaced(WORKLOADS / template, changes.get(template, {}))
        (folder / template).write_text(text, encoding="utf-8")
    if sabotage.other:
        (folder / OTHER).write_text(_replaced(WORKLOADS / SITE, sabotage.other), encoding="utf-8")
    for program in WORKLOADS.glob("*.py"):  # what a workload file's commands run
        (folder / program.name).symlink_to(program)
    path = folder / given.name
    path.write_text(_replaced(given, sabotage.changes), encoding="utf-8")
    return path


def _replaced(path: Path, changes: Mapping[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for before, after in changes.items():
        if text.count(before) != 1:
            raise ValueError(f"{path.name} has {text.count(before)} times, and should have once: {before!r}")
        text = text.replace(before, after)
    return text


def judged(sabotage: Sabotage, ran: Ran) -> Tried:
    """Whether a run was red for the right reason."""
    wanted, finding = sabotage.wanted
    meant = [one for one in ran.verdicts if sabotage.of.items() <= one.get("parameters", {}).items()]
    findings = [f for one in meant for f in one.get("findings", ())]
    found = [f for f in findings if f["check"] == sabotage.check and f["verdict"] == finding]
    said = next((f["says"] for f in found if sabotage.says in f["says"]), "")
    wrong = list(ran.left)
    if ran.code != wanted:
        wrong.append(f"exit code {ran.code}, and should be {wanted}")
    if not said:
        others = "; ".join(f"{f['check']}: {f['says']}" for f in findings if f["verdict"] == "fail")
        wrong.append(f"{sabotage.check!r} does not say {sabotage.says!r}. What failed: {others or 'nothing'}")
    if sabotage.prints not in ran.printed:
        wrong.append(f"it does not print {sabotage.prints!r}")
    if not ran.verdicts or any(one.get("undo") != "clean" for one in ran.verdicts):
        wrong.append("not everything was put back")
    verdict = next((str(one["verdict"]) for one in meant), "none")
    return Tried(
        name=sabotage.name, exit=ran.code, verdict=verdict, said=said, took_s=ran.took_s, wrong=tuple(wrong)
    )  # fmt: skip


def tried(sabotage: Sabotage, folder: Path) -> Tried:
    """Drill it. Raises ValueError for a workload that cannot be broken so."""
    workload, where, began_s = broken(sabotage, folder / "workload"), Where(folder / "run"), time.monotonic()
    try:
        code = run(command_of(workload, sabotage.drill, *sabotage.arguments), where)
    except subprocess.TimeoutExpired:
        code = -1  # which says it
    verdicts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(where.runs.glob("*/*/verdict.json"))]
    printed = where.output.read_text(encoding="utf-8", errors="replace")
    return judged(sabotage, Ran(code, verdicts, printed, where.left(), time.monotonic() - began_s))


def told(found: Tried) -> str:
    """One sabotage in a line: what said it, or why it was not caught."""
    came = "NOT CAUGHT" if found.wrong else "red" if found.exit else "sound"
    lines = [f"{came}  {found.name} ({found.took_s:.0f} s): {found.said[:160]}"]
    return "\n".join([*lines, *(f"    - {says}" for says in found.wrong)])


def main(names: Sequence[str]) -> int:
    """Try all, or those whose name holds one of the names; 1 if any was not caught."""
    chosen = [s for s in SABOTAGES if not names or any(name in s.name for name in names)]
    folder = folder_of("sabotage")
    found = in_a_row(chosen, lambda number, one: tried(one, folder / f"{number:02d}"), told)
    write("sabotage", tried=found)
    caught = sum(not one.wrong for one in found)
    print(f"\n{caught} of {len(found)} are as they should be, each by its name. Figures in bench/out/sabotage.json.")
    return 0 if caught == len(chosen) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
