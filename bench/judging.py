"""What judging a drill costs by its size: time and peak memory, and how they grow.

Each size is judged in a process of its own, so that the peak is that of judging and of nothing before it.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from bench.figures import exponent
from bench.synthetic import write_drill
from reports import folder as evidence

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 10_000, 100_000)
MIB = 1024 * 1024
# getrusage counts in KiB, macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """One size. `load_s` reads the files, `judge_s` judges; `memory_mib` is what the process grew by at its peak."""

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
        said = subprocess.run(
            [sys.executable, "-m", "bench.judging", folder], cwd=ROOT, stdout=subprocess.PIPE, check=True
        ).stdout
    return Judging(operations=operations, **json.loads(said))


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
    lines = ["judging: operations, reading + judging, peak memory above the start (growth: power of the size)"]
    powers = ["", *(f"   time ^{t:.2f}, memory ^{m:.2f}" for t, m in growth(found))]
    lines += [
        f"  {one.operations:7}  {one.load_s:7.3f} + {one.judge_s:7.3f} s  "
        f"{1e6 * (one.load_s + one.judge_s) / one.operations:5.1f} us each  {one.memory_mib:7.1f} MiB{power}"
        for one, power in zip(found, powers, strict=True)
    ]
    return "\n".join(lines)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def judge_once(folder: Path) -> dict[str, object]:
    """Judge one folder in this process."""
    before = _peak_bytes()
    started = time.perf_counter()
    loaded = evidence.load(folder)
    read = time.perf_counter()
    verdict = evidence.judge(loaded)
    judged = time.perf_counter()
    return {
        "load_s": read - started,
        "judge_s": judged - read,
        "memory_mib": (_peak_bytes() - before) / MIB,
        "verdict": verdict.verdict,
    }


if __name__ == "__main__":
    print(json.dumps(judge_once(Path(sys.argv[1]))))
