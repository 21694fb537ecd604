"""What judging a drill costs by its size: time and peak memory, and how they grow.

Each size is judged in a process of its own, which says how long it took and the peak of the whole process: what the
kernel calls its high-water mark of resident memory, since it was started (VmHWM; where /proc is missing, ru_maxrss).
That is what a machine must have, Python itself and the harness's modules included (some 30 MiB).
"""

import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import exponent, write
from bench.synthetic import write_drill
from reports import folder as evidence

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
# Ten times the largest is not judged by default: it needs 4 GB and minutes. `python -m bench.judging 10000000`.
MIB = 1024 * 1024


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """One size. `load_s` reads the files, `judge_s` judges; `memory_mib` is the peak of the process that does both.

    `cpu_s` is the CPU time of both together: on a busy machine less than they took.
    """

    operations: int
    load_s: float
    judge_s: float
    memory_mib: float
    cpu_s: float
    verdict: str


def measure(sizes: Sequence[int] = SIZES) -> list[Judging]:
    """All sizes, one after the other."""
    return [_measure(size) for size in sizes]


def _measure(size: int) -> Judging:
    with tempfile.TemporaryDirectory(prefix="dr-drills-bench-") as folder:
        operations = write_drill(Path(folder), size)
        return Judging(operations=operations, **_run(folder))


def _run(folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.judging", folder]
    said: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return said


def growth(found: Sequence[Judging]) -> list[tuple[float, float]]:
    """From each size to the next: the powers of the size with which CPU time and memory grow."""
    return [
        (
            exponent((a.operations, a.cpu_s), (b.operations, b.cpu_s)),
            exponent((a.operations, a.memory_mib), (b.operations, b.memory_mib)),
        )
        for a, b in pairwise(found)
    ]


def shown(found: Sequence[Judging]) -> str:
    """A table for a reader."""
    lines = ["judging: operations, reading + judging, peak of the process (growth: power of the size)"]
    powers = ["", *(f"   time ^{t:.2f}, memory ^{m:.2f}" for t, m in growth(found))]
    lines += [
        f"  {one.operations:7}  {one.load_s:7.3f} + {one.judge_s:7.3f} s  "
        f"(CPU {one.cpu_s:6.3f} s, {1e6 * one.cpu_s / one.operations:5.1f} us each)  {one.memory_mib:7.1f} MiB{power}"
        for one, power in zip(found, powers, strict=True)
    ]
    return "\n".join(lines)


def judged(folder: Path) -> dict[str, object]:
    """How long reading and judging one folder take, what is judged, and this process's peak of memory."""
    started, began = time.perf_counter(), time.process_time()
    loaded = evidence.load(folder)
    read = time.perf_counter()
    verdict = evidence.judge(loaded)
    return {
        "load_s": read - started,
        "judge_s": time.perf_counter() - read,
        "cpu_s": time.process_time() - began,
        "verdict": verdict.verdict,
        "memory_mib": peak_bytes() / MIB,
    }


def peak_bytes() -> int:
    """The most resident memory that this process has had.

    Linux hands the peak that `getrusage` gives down to a child that a large process starts, but not VmHWM.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (one for one in status.read_text(encoding="ascii").splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def main(arguments: Sequence[str]) -> int:
    """Judge a folder and say what it cost; or, given sizes, measure these."""
    if not all(one.isdecimal() for one in arguments):
        print(json.dumps(judged(Path(arguments[0]))))
        return 0
    found = measure([int(one) for one in arguments] or SIZES)
    print(shown(found))
    write("judging", sizes=found, growth=growth(found))
    wrong = [one for one in found if one.verdict != "pass"]
    for one in wrong:
        print(f"a drill of {one.operations} operations that recovered was judged {one.verdict}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
