"""Drills as a user runs them, in a process of their own and in folders of their own, and many of them in a row."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench.figures import OUT
from bench.leftovers import labs_of, left_of

ROOT = Path(__file__).resolve().parents[1]
WORKLOADS = ROOT / "fixtures" / "workloads"
TWO_REGIONS = WORKLOADS / "orders-warm-standby.toml"
# A drill takes a minute or two. One that hangs is told to end, which undoes what it broke, and then killed.
HANGS_S = 600.0
ENDS_S = 180.0

Item = TypeVar("Item")
Found = TypeVar("Found")


class Where(NamedTuple):
    """The folders of one run: its own state, so that nobody else's journal counts, its runs, and the lab's truth."""

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

    def left(self) -> list[str]:
        """In sentences, what the run has left behind. To be asked once it is over."""
        return left_of(labs_of(self.runs, self.truth), self.state)


def command_of(workload: Path, drills: str = "drills", *arguments: str) -> list[str]:
    """The command that a user gives for these drills: a folder or a file, and pytest's own arguments."""
    return [sys.executable, "-m", "pytest", drills, "--workload", str(workload), *arguments]


def run(command: Sequence[str], where: Where, *, hangs_s: float = HANGS_S) -> int:
    """Its exit code. Raises TimeoutExpired for one that hangs; it is ended then."""
    with started(command, where) as process:
        return process.wait(hangs_s)


@contextmanager
def started(command: Sequence[str], where: Where) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, as a user starts it. At the end of the block it is over: one that hangs is ended in order."""
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


def in_a_row(items: Iterable[Item], one: Callable[[int, Item], Found], told: Callable[[Found], str]) -> list[Found]:
    """What came of each, told as soon as it is known. Ctrl-C and SIGTERM end it early, with what there is by then."""
    found: list[Found] = []
    try:
        with _sigterm_as_ctrl_c():
            for number, item in enumerate(items, 1):
                found.append(one(number, item))
                print(told(found[-1]), flush=True)
    except KeyboardInterrupt:
        print(f"interrupted after {len(found)}", flush=True)
    return found


def folder_of(bench: str) -> Path:
    """A new folder for the evidence of one bench, by the time of day."""
    return OUT / bench / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """So that a bench that is told to end does not leave its drill to itself."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
