"""What judging a drill costs by its size: time and peak memory, and how they grow.

Each size is judged in processes of its own: one is timed, and one counts what Python allocates, which slows it down.
(The kernel's own peak would not do: a process that was started by a large one begins with that one's.)
"""

import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import exponent
from bench.synthetic import write_drill
from reports import folder as evidence

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 10_000, 100_000)
MIB = 1024 * 1024


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """One size. `load_s` reads the files, `judge_s` judges; `memory_mib` is the peak of what
    both allocate."""

    operations: int
    load_s: float
    judge_s: float
    memory_mib: float
    verdict: str


def measure(sizes: Sequence[int] = SIZES) -> list[Judging]:
    """All sizes, one after the other."""
    return [_measure(size) for size in sizes]


def _measure(size: int) -> Judging:
    with tempfile.TemporaryDirectory(prefix="dr-drills-bench-") as folder:
        operations = write_drill(Path(folder), size)
        said = _run("timed", folder) | _run("counted", folder)
    return Judging(operations=operations, **said)


def _run(how: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.judging", how, folder]
    said: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return said


def growth(found: Sequence[Judging]) -> list[tuple[float, float]]:
    """From each size to the next: the powers of the size with which time (reading and judging) and memory grow."""
    return [
        (
            exponent((a.operations, a.load_s + a.judge_s), (b.operations, b.load_s + b.judge_s)),
            exponent((a.operations, a.memory_mib), (b.operations, b.memory_mib)),
        )
        for a, b in pairwise(found)
    ]


def shown(found: Sequence[Judging]) -> str:
    """A table for a reader."""
    lines = ["judging: operations, reading + judging, peak of what is allocated (growth: power of the size)"]
    powers = ["", *(f"   time ^{t:.2f}, memory ^{m:.2f}" for t, m in growth(found))]
    lines += [
        f"  {one.operations:7}  {one.load_s:7.3f} + {one.judge_s:7.3f} s  "
        f"{1e6 * (one.load_s + one.judge_s) / one.operations:5.1f} us each  {one.memory_mib:7.1f} MiB{power}"
        for one, power in zip(found, powers, strict=True)
    ]
    return "\n".join(lines)


def timed(folder: Path) -> dict[str, object]:
    """How long reading and judging one folder take, and what is judged."""
    started = time.perf_counter()
    loaded = evidence.load(folder)
    read = time.perf_counter()
    verdict = evidence.judge(loaded)
    return {"load_s": read - started, "judge_s": time.perf_counter() - read, "verdict": verdict.verdict}


def counted(folder: Path) -> dict[str, object]:
    """The most that reading and judging one folder have allocated at once."""
    tracemalloc.start()
    try:
        evidence.judge(folder)
        return {"memory_mib": tracemalloc.get_traced_memory()[1] / MIB}
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    print(json.dumps({"timed": timed, "counted": counted}[sys.argv[1]](Path(sys.argv[2]))))
