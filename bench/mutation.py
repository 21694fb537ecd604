"""Each rule of judging, guarding and putting back taken out in turn: `python -m bench.mutation [NAME ...]`.

`bench/mutants/*.toml` name the rules and the lines that make them; this takes one out in a copy of the tree, runs the
tests of that part there, and wants them red. A rule whose removal nobody notices is a rule that nobody guards. By hand
and not by a tool that changes operators at random: the list can be read as what a verdict and an undo rest on, and
every survivor is a missing test and not a harmless change.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

import msgspec

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = ROOT / "bench" / "mutants"
# What a copy needs, so that the tests of judging run in it.
TREE = ("bench", "fixtures", "probes", "reports", "tests", "conftest.py", "pyproject.toml", "docs", "README.md")
# What guards judging: for the rules of each file of mutants its own tests first, then the others, and the simulated
# drills last, because they are slow. The first red test ends the run. Not among them: the drills on real processes
# (`tests/truth/test_rigged_*.py`, minutes) and the tests of pages and files, which hold what is shown and no rule.
FIRST = {
    "recovery": ("bounds", "steady", "recovery", "widening", "limits", "rules_recovery", "rules_edges"),
    "loss": ("loss", "coverage", "reads", "losses", "verdict_losses", "rules_ledger", "rules_loss"),
    "validity": ("validity", "validity_gates", "clock_gates", "rules_gates", "complications"),
    "verdict": ("folder", "verdict", "rules_verdict"),
    "home": (
        "service", "staying", "old_primary", "failback", "convergence", "lag", "standstill", "effects", "plan_steps",
        "purge", "called_off", "planned",
    ),
}  # fmt: skip
# The guards of what may be touched, and of what puts back: nobody else's tests hold those.
ALONE = {
    "guard": (
        "guard", "guard_rules", "guard_changes", "guard_regions", "guard_on_aws", "own_host", "permission", "windows",
        "lease", "stop_alarms", "object_faults", "experiment_faults",
    ),
    "undo": (
        "undo", "undo_again", "undo_composed", "undo_failures", "recovery_undo", "journal", "journal_home", "dead_man",
        "undo_program", "projection_jsonata", "fault",
    ),
}  # fmt: skip
SIMULATED = (
    "tests/truth/test_simulated_recovery.py", "tests/truth/test_recovery_properties.py",
    "tests/truth/test_simulated_loss.py", "tests/truth/test_simulated_mixed_losses.py",
)  # fmt: skip
# A rule taken out can make a loop endless. The tests of a part take a minute or two.
LONGEST_S = 900.0

Fate = Literal["red", "hung", "GREEN"]


class Mutant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule, and how it is taken out: `find`, which stands in `file` once, becomes `put`.

    `part` is the file of mutants that names it.
    """

    rule: str
    file: str
    find: str
    put: str
    part: str = "verdict"


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One rule taken out, what the tests said, and which one said it first."""

    rule: str
    file: str
    fate: Fate
    by: str
    took_s: float


class NotGreen(Exception):
    """The tests fail with nothing taken out, so that their going red would prove nothing."""


def mutants() -> tuple[Mutant, ...]:
    """All of them, in the order of their files."""
    found: list[Mutant] = []
    for path in sorted(MUTANTS.glob("*.toml")):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
        found += [msgspec.structs.replace(m, part=path.stem) for m in msgspec.convert(tables, list[Mutant])]
    return tuple(found)


def guards(part: str) -> tuple[str, ...]:
    """The tests that hold a part; of judging all of them, the part's own first."""
    if part in ALONE:
        return tuple(f"tests/fixtures/test_{name}.py" for name in ALONE[part])
    named = [*FIRST[part], *(name for tests in FIRST.values() for name in tests)]
    return (*(f"tests/reports/test_{name}.py" for name in dict.fromkeys(named)), *SIMULATED)


def mutated(mutant: Mutant, source: str) -> str:
    """The source without the rule. Raises ValueError where the text is not there, or not once."""
    count = source.count(mutant.find)
    if count != 1:
        raise ValueError(f"{mutant.rule}: its text stands {count} times in {mutant.file}, and must stand there once")
    return source.replace(mutant.find, mutant.put)


def measure(chosen: Sequence[Mutant], workers: int = os.cpu_count() or 1) -> Iterator[Tried]:
    """Try each; yields them as they end. Raises NotGreen where the tests are red to begin with."""
    with tempfile.TemporaryDirectory(prefix="dr-drills-mutation-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        first = _copied(Path(folder) / "0")
        for part in dict.fromkeys(mutant.part for mutant in chosen):
            fate, by = _tested(first, part, compiled=True)
            if fate != "GREEN":
                raise NotGreen(by)
        trees.put(first)
        for number in range(1, min(workers, len(chosen))):
            trees.put(Path(shutil.copytree(first, Path(folder) / str(number))))
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(lambda mutant: _tried(mutant, trees), chosen)


def _copied(tree: Path) -> Path:
    ignored = shutil.ignore_patterns("out", "__pycache__", ".*")
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy2(source, tree / name)
    return tree


@contextmanager
def _borrowed(trees: "SimpleQueue[Path]") -> Iterator[Path]:
    tree = trees.get()
    try:
        yield tree
    finally:
        trees.put(tree)


def _tried(mutant: Mutant, trees: "SimpleQueue[Path]") -> Tried:
    with _borrowed(trees) as tree:
        path = tree / mutant.file
        path.write_text(mutated(mutant, path.read_text(encoding="utf-8")), encoding="utf-8")
        began = time.monotonic()
        try:
            fate, by = _tested(tree, mutant.part)
        finally:
            # With its old time stamp, which the compiled file beside it goes by.
            shutil.copy2(ROOT / mutant.file, path)
        return Tried(rule=mutant.rule, file=mutant.file, fate=fate, by=by, took_s=time.monotonic() - began)


def _tested(tree: Path, part: str, *, compiled: bool = False) -> tuple[Fate, str]:
    """Run the guards in a tree: what they said, and the first that failed.

    `compiled`: leave what Python compiled, for all runs after; a source without its rule never leaves any.
    """
    command = [
        sys.executable,
        *(() if compiled else ("-B",)),
        "-m",
        "pytest",
        "-x",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        *guards(part),
    ]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return "hung", ""
    if done.returncode == 0:
        return "GREEN", ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "red", lines[0].split(" - ")[0] if lines else done.stdout[-200:]


def shown(found: Sequence[Tried]) -> str:
    """The score, and every rule that nobody guards."""
    noticed = sum(one.fate != "GREEN" for one in found)
    lines = [f"mutation: {noticed} of {len(found)} rules are missed by a test when they are taken out"]
    lines += [f"  GREEN without: {one.rule} ({one.file})" for one in found if one.fate == "GREEN"]
    return "\n".join(lines)


def main(names: Sequence[str]) -> int:
    """Try all, or those whose rule or part has one of the names; 1 if any rule was not missed."""
    chosen = [m for m in mutants() if not names or any(name in m.rule or name == m.part for name in names)]
    found: list[Tried] = []
    for one in measure(chosen):
        found.append(one)
        print(f"[{len(found)}/{len(chosen)}] {one.fate:5} {one.took_s:5.1f} s  {one.rule}  {one.by}", flush=True)
    out = ROOT / "bench" / "out"
    out.mkdir(parents=True, exist_ok=True)
    (out / "mutation.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    print(shown(found))
    return int(any(one.fate == "GREEN" for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
