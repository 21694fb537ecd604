"""The seven ways in which a drill ends, as both of Allure's reports show them: `python -m bench.ends [--out DIR]`.

Pass, fail, inconclusive, invalid, aborted, undo dirty and killed, from recorded drills and without a lab, in one folder
of results; then Allure 3's report of it, and Allure 2's. Each must show every test with the status that its end calls
for, none as unknown, and none as passed that is none. Both are npm's: without Node (and, for Allure 2, Java) the bench
says so, and ends with 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.figures import write
from reports.allure_html import NoAllure, clean, command, generate

ROOT = Path(__file__).resolve().parents[1]
DRILLS = ROOT / "tests/reports/seven_ends.py"
WORKLOAD = ROOT / "fixtures/workloads/orders-multi-az.toml"
OLDER = ("npx", "--yes", "allure-commandline@2")
# By the drill's name in Allure: its status, and what the message must begin with after the error's own name.
ENDS = {
    "test_power_loss[pass]": ("passed", ""),
    "test_power_loss[fail]": ("failed", "ObjectiveMissed: recovery time at least"),
    "test_power_loss[inconclusive]": ("broken", "Inconclusive: recovery time 3.97..4.09 s of 4 s"),
    "test_power_loss[invalid]": ("broken", "InvalidDrill: invalid: fault effective"),
    "test_power_loss[aborted]": ("broken", "Aborted: SIGINT received"),
    "test_power_loss[undo dirty]": ("broken", "UndoDirty: undo DIRTY"),
    "test_killed": ("broken", "Aborted: the drill was killed before its end."),
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a report, or the results that it is made of, says of one test."""

    name: str
    status: str
    message: str


def play(out: Path) -> Path:
    """Let all seven end; the folder of their results. The killed one first: the next run closes it."""
    results = out / "allure-results"
    _session(out, results, "killed")
    undone = _run([sys.executable, "-m", "fixtures.journal", "undo"], out)
    if undone.returncode:
        raise RuntimeError(f"the killed drill was not put back: {undone.stdout}{undone.stderr}")
    _session(out, results, "power_loss")
    return results


def _session(out: Path, results: Path, which: str) -> None:
    _run(
        [sys.executable, "-m", "pytest", str(DRILLS), "-q", "-p", "no:cacheprovider", f"--workload={WORKLOAD}", "-k",
         which, f"--runs-dir={out / 'runs'}", f"--alluredir={results}"],
        out,
    )  # fmt: skip


def _run(told: Sequence[str], out: Path) -> "subprocess.CompletedProcess[str]":
    # A state of its own: nobody's open journal is in its way, and it is in nobody's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DR_DRILLS")}
    environment |= {"DR_DRILLS_STATE": str(out / "state"), "ALLURE_NO_ANALYTICS": "true"}
    return subprocess.run(told, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def of_results(results: Path) -> list[Told]:
    """What stands in the results themselves."""
    found = [json.loads(path.read_bytes()) for path in results.glob("*-result.json")]
    return [_told(one) for one in found]


def _told(one: Mapping[str, object]) -> Told:
    details = one.get("statusDetails")
    message = details.get("message") if isinstance(details, dict) else one.get("statusMessage")
    return Told(name=str(one["name"]), status=str(one.get("status") or "unknown"), message=str(message or ""))


def newer(results: Path, out: Path) -> list[Told]:
    """Make Allure 3's report; its tests. Raises NoAllure."""
    generate(results, out, command())
    return [_newer_told(json.loads(path.read_bytes())) for path in out.glob("data/test-results/*.json")]


def _newer_told(one: Mapping[str, object]) -> Told:
    error = one.get("error")
    message = error.get("message", "") if isinstance(error, dict) else ""
    return Told(name=str(one["name"]), status=str(one.get("status") or "unknown"), message=str(message or ""))


def older(results: Path, out: Path) -> list[Told]:
    """Make Allure 2's report; its tests. Raises NoAllure."""
    if missing := [name for name in ("npx", "java") if shutil.which(name) is None]:
        raise NoAllure(f"{' and '.join(missing)} is not on the PATH: Allure 2 needs Node and Java")
    done = _run([*OLDER, "generate", str(results), "--clean", "--output", str(out)], out.parent)
    if done.returncode or not (out / "index.html").exists():
        raise NoAllure(f"{' '.join(OLDER)} failed with {done.returncode}: {done.stdout}{done.stderr}")
    for page in out.rglob("*.html"):
        clean(page)
    return [_told(json.loads(path.read_bytes())) for path in out.glob("data/test-cases/*.json")]


def wrong(told: Sequence[Told]) -> list[str]:
    """What is not as it must be: a drill that is missing or there twice, another status, another first word."""
    problems = [f"{name}: {count} times" for name, count in Counter(one.name for one in told).items() if count > 1]
    problems += [f"{name}: it is not there" for name in ENDS if name not in {one.name for one in told}]
    for one in told:
        status, begins = ENDS.get(one.name, ("", ""))
        if one.status != status:
            problems.append(f"{one.name}: {one.status}, and not {status or 'one of the seven'}")
        # pytest puts the error's module before its name.
        first = one.message.partition("\n")[0]
        if begins not in first[: len(begins) + len("fixtures.errors.")]:
            problems.append(f'{one.name}: it begins with "{first[:60]}", and not with "{begins}"')
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, make both reports, say what each shows; 1 if anything is not as it must be, or a report cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m bench.ends", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep runs and reports there (default: nothing is kept)"
    )
    out: Path | None = parser.parse_args(arguments).out
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        return _all(out.resolve())
    with tempfile.TemporaryDirectory(prefix="dr-drills-ends-") as made:
        return _all(Path(made))


def _all(out: Path) -> int:
    results = play(out)
    shown, problems = {"results": of_results(results)}, []
    for name, make in (("Allure 3", newer), ("Allure 2", older)):
        try:
            shown[name] = make(results, out / name.replace(" ", "-").lower())
        except NoAllure as error:
            problems.append(f"{name}: {error}")
    for name, told in shown.items():
        counts = Counter(one.status for one in told)
        print(f"{name:9} {len(told)} of {len(ENDS)}: " + ", ".join(f"{n} {of}" for of, n in sorted(counts.items())))
        problems += [f"{name}: {one}" for one in wrong(told)]
    write("ends", shown=shown, wrong=problems)
    for says in problems:
        print(says, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
