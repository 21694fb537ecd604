"""Losses of which the truth is known, in simulation: is each one found, filed as what it is, and held by its interval?

`python -m bench.simulated_losses --seed N --cases K`: case `seed + i` is the same on every machine, and `--cases 1`
shows one again.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import SystemRandom

import msgspec

from tests.truth.losses_truth import Judged, judged
from tests.truth.stores import MIXES

CASES = 100_000
_CHUNK = 250
# What a statement that says 95% may miss.
_MISS = 0.05


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One mix of losses. `wrong`: cases in which anything contradicts the truth. Of `said`, what samples say with 95%,
    `missed` are wrong. `bounded` have an upper edge. Widths in s."""

    mix: str
    sampled: bool
    cases: int
    changes: int
    lost: int
    bounded: int
    passed: int
    failed: int
    wrong: int
    said: int
    missed: int
    width_median_s: float | None


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    seed: int
    cases: int
    took_s: float
    rows: tuple[Row, ...]
    # The first contradictions, as `seed: what`.
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """No contradiction, and of what is said with 95% at most 5% wrong in each mix that says it often enough."""
        few = 1000
        return not self.problems and all(r.missed <= _MISS * r.said for r in self.rows if r.said >= few)


def measure(cases: int = CASES, seed: int | None = None, workers: int | None = None) -> Losses:
    """Judge so many; the seed is a new one unless given."""
    first = SystemRandom().randrange(10**9) if seed is None else seed
    started = time.perf_counter()
    found = list(_all(first, cases, workers or os.cpu_count() or 1))
    problems = [f"{one.seed}: {problem}" for one in found for problem in one.problems]
    return Losses(
        seed=first,
        cases=cases,
        took_s=time.perf_counter() - started,
        rows=tuple(
            _row(mix, sampled, rows)
            for mix in MIXES
            for sampled in (False, True)
            if (rows := [one for one in found if one.mix == mix and one.sampled == sampled])
        ),
        problems=tuple(problems[:20]),
    )


def _all(first: int, cases: int, workers: int) -> Iterator[Judged]:
    starts = range(first, first + cases, _CHUNK)
    chunks = [(start, min(start + _CHUNK, first + cases)) for start in starts]
    if workers == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield from _some(chunk)
        return
    shown = 0
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for number, some in enumerate(pool.map(_some, chunks), start=1):
            yield from some
            if 10 * number // len(chunks) > shown:
                shown = 10 * number // len(chunks)
                print(f"  losses: {10 * shown}% of {cases} cases from seed {first}", file=sys.stderr, flush=True)


def _some(chunk: tuple[int, int]) -> list[Judged]:
    return [judged(seed) for seed in range(*chunk)]


def _row(mix: str, sampled: bool, found: Sequence[Judged]) -> Row:  # noqa: FBT001  a column of the table
    widths = sorted(one.width_s for one in found if one.width_s is not None)
    return Row(
        mix=mix,
        sampled=sampled,
        cases=len(found),
        changes=sum(one.changes for one in found),
        lost=sum(one.lost for one in found),
        bounded=len(widths),
        passed=sum(one.verdict == "pass" for one in found),
        failed=sum(one.verdict == "fail" for one in found),
        wrong=sum(bool(one.problems) for one in found),
        said=sum(one.said for one in found),
        missed=sum(len(one.sampled_misses) for one in found),
        width_median_s=widths[len(widths) // 2] if widths else None,
    )


def shown(found: Losses) -> str:
    """A table for a reader."""
    lines = [
        f"simulated losses: {found.cases} drills from seed {found.seed} in {found.took_s:.0f} s",
        "  mix                      cases    changes       lost  bounded    pass    fail  wrong  missed (95%)  width",
    ]
    for row in found.rows:
        name = f"{row.mix}{', sampled' if row.sampled else ''}"
        width = "      -" if row.width_median_s is None else f"{row.width_median_s:6.3f}"
        share = f"{row.missed / row.said:5.1%}" if row.said else "    -"
        lines.append(
            f"  {name:22} {row.cases:7} {row.changes:10} {row.lost:10} {row.bounded:8} {row.passed:7} {row.failed:7} "
            f"{row.wrong:6} {row.missed:7} {share} {width}"
        )
    return "\n".join([*lines, *(f"  wrong: {problem}" for problem in found.problems)])


def main() -> int:
    """Measure and print; 1 if anything contradicts the truth."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulated_losses")
    parser.add_argument("--seed", type=int, default=None, help="the first case's (default: a new one, printed)")
    parser.add_argument("--cases", type=int, default=CASES)
    given = parser.parse_args()
    found = measure(given.cases, given.seed)
    print(shown(found))
    return 0 if found.sound else 1


if __name__ == "__main__":
    sys.exit(main())
