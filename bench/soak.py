"""Drills in a row, as a user runs them, each compared with the lab's ground truth: `python -m bench.soak --runs N`.

Fails (exit code 1) if a drill did not end with 0, if a number of it is ruled out by the truth (`bench/truth.py`), if
its interval is wider than the rules allow, or if anything of it is left: a process, a folder, an open journal. The
evidence of every drill stays in `bench/out/soak/`.
"""

import argparse
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.compare import Compared, NotComparable, compare
from bench.leftovers import labs_of, left_of
from bench.truth import failure_bound
from fixtures.errors import WorkloadFileError
from fixtures.workload import load

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "out"
DEFAULT_WORKLOAD = ROOT / "fixtures" / "workloads" / "orders-multi-az.toml"
DRILL = "az_power_loss"
# A drill takes some 35 s. One that hangs is told to end, which undoes what it broke, and then killed.
HANGS_S = 600.0
ENDS_S = 180.0
LAST_LINES = 25


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One drill of the soak. `failures` says in sentences what is wrong; `folder` is below `bench/out`."""

    number: int
    zone: str
    exit: int
    took_s: float
    folder: str
    failures: tuple[str, ...]
    compared: Compared | None = None


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """The whole soak, as `soak.json`. `failure_bound` is None unless every drill was clean."""

    started_utc: str
    workload: str
    results: tuple[Result, ...]
    failed: int
    failure_bound: float | None
    load_average: tuple[float, ...]


class Where(NamedTuple):
    """The folders of one drill: its own state, so that nobody else's journal counts, its runs, and the lab's truth."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def truth(self) -> Path:
        return self.folder / "truth"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"

    def environment(self) -> dict[str, str]:
        own = {
            "DR_DRILLS_STATE": str(self.state),
            "DR_DRILLS_RUNS_DIR": str(self.runs),
            "DR_DRILLS_LAB_TRUTH": str(self.truth),
        }
        return os.environ | own


def command_of(workload: Path, zone: str) -> list[str]:
    """The command that a user gives, for one drill of one zone."""
    return [sys.executable, "-m", "pytest", "drills", "--workload", str(workload), "-k", f"{DRILL} and {zone}"]


def run_drill(where: Where, workload: Path, zone: str) -> int:
    """One drill of one zone; its exit code. Raises TimeoutExpired for one that hangs; it is ended then."""
    with started(command_of(workload, zone), where) as process:
        return process.wait(HANGS_S)


@contextmanager
def started(command: Sequence[str], where: Where) -> Iterator["subprocess.Popen[bytes]"]:
    """A drill's process, as a user starts it. At the end of the block it is over: one that hangs is ended in order."""
    where.folder.mkdir(parents=True)
    with where.output.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=where.environment(), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        # The first signal makes a drill put back what it broke, which takes a while; it holds the second. So it does
        # no harm if Ctrl-C has reached it already.
        process.terminate()
        try:
            process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    finally:
        process.wait()


def soak_one(where: Where, workload: Path, zone: str, number: int) -> Result:
    """Run one drill and say what is wrong with it."""
    began_s = time.monotonic()
    failures: list[str] = []
    try:
        code = run_drill(where, workload, zone)
    except subprocess.TimeoutExpired:
        code = -1
        failures.append(f"did not end within {HANGS_S:g} s")
    took_s = time.monotonic() - began_s
    if code != 0:
        failures.append(f"exit code {code}: see {where.output.name}")
    labs = labs_of(where.runs, where.truth)
    failures += left_of(labs, where.state)
    compared = None
    try:
        compared = compare(where.runs, where.truth, zone)
        failures += compared.disagreements
    except NotComparable as error:
        failures.append(str(error))
    return Result(
        number=number, zone=zone, exit=code, took_s=took_s, folder=str(where.folder.relative_to(OUT)),
        failures=tuple(failures), compared=compared,
    )  # fmt: skip


def soak(runs: int, workload: Path, zones: Sequence[str], folder: Path) -> list[Result]:
    """All drills, one after the other, with a line for each. Ctrl-C ends it early, with what there is."""
    results: list[Result] = []
    try:
        for number in range(1, runs + 1):
            zone = zones[(number - 1) % len(zones)]
            print(f"[{number}/{runs}] {zone} ...", flush=True)
            result = soak_one(Where(folder / f"{number:03d}-{zone}"), workload, zone, number)
            results.append(result)
            print(_progress(result, runs), flush=True)
            if result.exit != 0:
                print(_tail(folder / f"{number:03d}-{zone}" / "output.txt"), flush=True)
    except KeyboardInterrupt:
        print(f"interrupted after {len(results)} of {runs} drills", flush=True)
    return results


def _progress(result: Result, runs: int) -> str:
    said = "clean" if not result.failures else "FAILED"
    numbers = "" if result.compared is None else f"  recovery time {result.compared.recovery_s} s"
    lines = [f"[{result.number}/{runs}] {result.zone} {said} in {result.took_s:.0f} s{numbers}"]
    return "\n".join([*lines, *(f"    - {failure}" for failure in result.failures)])


def _tail(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join(f"    | {line}" for line in lines)


def table(results: Sequence[Result]) -> str:
    """Every drill in a line; times in s."""
    rows: list[tuple[str, ...]] = [
        ("#", "zone", "exit", "recovery time", "says", "width", "allowed", "truth's bracket", "")
    ]
    rows += [_row(result) for result in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip() for r in rows)


def _row(result: Result) -> tuple[str, ...]:
    end = "clean" if not result.failures else f"{len(result.failures)} failures"
    seen = result.compared
    if seen is None:
        return (str(result.number), result.zone, str(result.exit), "-", "-", "-", "-", "-", end)
    return (
        str(result.number), result.zone, str(result.exit), seen.recovery_s, f"{seen.confidence:.0%}",
        f"{seen.width_s:.3f}", f"{seen.allowed_s:.3f}", seen.truth_recovery_s, end,
    )  # fmt: skip


def summary(results: Sequence[Result]) -> str:
    """What so many drills prove."""
    failed = [result for result in results if result.failures]
    if failed:
        return f"{len(failed)} of {len(results)} drills failed."
    if not results:
        return "No drill ran."
    bound = failure_bound(len(results))
    return (
        f"{len(results)} of {len(results)} drills clean: the probability that one fails is below "
        f"{math.ceil(bound * 100) / 100:.2f} (at 95%)."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 if anything failed."""
    options = _options(arguments)
    started = datetime.now(UTC)
    try:
        zones = tuple(options.zones.split(",")) if options.zones else load(options.workload).primary.zones
    except WorkloadFileError as error:
        print(error, file=sys.stderr)
        return 1
    with sigterm_as_ctrl_c():
        results = soak(options.runs, options.workload, zones, OUT / "soak" / f"{started:%Y%m%dT%H%M%SZ}")
    clean = bool(results) and not any(result.failures for result in results)
    found = Soak(
        started_utc=started.isoformat(timespec="seconds"), workload=options.workload.name, results=tuple(results),
        failed=sum(bool(result.failures) for result in results),
        failure_bound=failure_bound(len(results)) if clean else None, load_average=os.getloadavg(),
    )  # fmt: skip
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "soak.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    print(f"\n{table(results)}\n\n{summary(results)} Figures in bench/out/soak.json.")
    return 0 if clean and len(results) == options.runs else 1


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """So that a soak that is told to end does not leave its drill to itself."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=_count, default=20, metavar="N", help="how many drills (default: 20)")
    parser.add_argument("--workload", type=Path, default=DEFAULT_WORKLOAD, metavar="FILE", help="the workload file")
    parser.add_argument("--zones", default="", metavar="A,B,C", help="the zones, in rotation (default: all)")
    options = parser.parse_args(arguments)
    options.workload = options.workload.resolve()
    return options


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
