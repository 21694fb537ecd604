"""All drills before a release, again and again, as a user runs them: `python -m bench.soak --runs N`.

Fails (exit code 1) if a run did not end with 0, if a drill of it did not pass or was not put back, if anything is left
(a process, a folder, an open journal), or if a number is ruled out by what the lab knows to be true. An interval that
is said at 95% may miss the truth at times: that is told, and fails only if it is more often than chance. The lab's log
can rule out numbers of a zone's power loss only (`bench/truth.py`): other drills are told as not compared, and those
of a lost site are held against the lab's disks by `bench.lost_orders`. The evidence stays in `bench/out/soak/`.
"""

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.compare import Compared, NotComparable, compare
from bench.drilled import TWO_REGIONS, Where, command_of, folder_of, in_a_row, run
from bench.figures import OUT, write
from bench.truth import failure_bound, too_often
from reports.folder import BrokenEvidence, read_verdict
from reports.model import Verdict

ZONE_DRILL = "az_power_loss"
# All drills of a workload take some ten minutes.
SET_HANGS_S = 3600.0
LAST_LINES = 25


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """One drill of a run: its recovery time in s, and in sentences what is wrong. Not compared: `compared` is None."""

    name: str
    recovery_s: tuple[float | None, float | None]
    lost: int
    failures: tuple[str, ...]
    compared: Compared | None = None

    @property
    def missed(self) -> tuple[str, ...]:
        """What of it the truth is not in, though it was not said for certain that it is."""
        return self.compared.missed if self.compared is not None else ()

    @property
    def confidence(self) -> float:
        """At which its interval was said, where it was compared."""
        return self.compared.confidence if self.compared is not None else 1.0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the whole set. `failures` are the run's own, besides those of its drills; `folder` is below `out`."""

    number: int
    selected: str
    exit: int
    took_s: float
    folder: str
    failures: tuple[str, ...]
    drills: tuple[Drilled, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing at all is wrong with it."""
        return not self.failures and not any(drill.failures for drill in self.drills)


def soak_one(where: Where, workload: Path, selected: Sequence[str], number: int) -> Run:
    """Run the set once and say what is wrong with it."""
    began_s = time.monotonic()
    failures: list[str] = []
    try:
        code = run(command_of(workload, "drills", *selected), where, hangs_s=SET_HANGS_S)
    except subprocess.TimeoutExpired:
        code = -1
        failures.append(f"did not end within {SET_HANGS_S:g} s")
    took_s = time.monotonic() - began_s
    if code != 0:
        failures.append(f"exit code {code}: see {where.output.name}")
    failures += where.left()
    folders = sorted(path.parent for path in where.runs.glob("*/*/verdict.json"))
    if not folders:
        failures.append("no drill came to a verdict")
    return Run(
        number=number, selected=" ".join(selected), exit=code, took_s=took_s, folder=str(where.folder.relative_to(OUT)),
        failures=tuple(failures), drills=tuple(drilled(folder, where.truth) for folder in folders),
    )  # fmt: skip


def drilled(folder: Path, truth: Path) -> Drilled:
    """What one drill's evidence says, beside the lab's truth where that can say anything of it."""
    try:
        verdict = read_verdict(folder)
    except BrokenEvidence as error:
        return Drilled(name=folder.name, recovery_s=(None, None), lost=0, failures=(str(error),))
    failures = [] if verdict.verdict == "pass" else [f"the verdict is {verdict.verdict}"]
    failures += [] if verdict.undo == "clean" else [f"put back: {verdict.undo}"]
    compared = None
    if zone := _zone(verdict):
        try:
            compared = compare(folder, truth, zone)
            failures += compared.disagreements
        except NotComparable as error:
            failures.append(str(error))
    return Drilled(
        name=" ".join((verdict.drill, *sorted(verdict.parameters.values()))),
        recovery_s=(verdict.recovery_time.lower_s, verdict.recovery_time.upper_s), lost=verdict.data_loss.gone,
        failures=tuple(failures), compared=compared,
    )  # fmt: skip


def _zone(verdict: Verdict) -> str:
    return verdict.parameters.get("zone", "") if verdict.drill == ZONE_DRILL else ""


def progress(found: Run, runs: int) -> str:
    """One run in a line, its drills and what is wrong below."""
    lines = [f"[{found.number}/{runs}] {'clean' if found.clean else 'FAILED'} in {found.took_s:.0f} s"]
    lines += [f"    - {failure}" for failure in found.failures]
    for drill in found.drills:
        lines.append(f"    {drill.name}: recovery time {_interval(drill.recovery_s)}")
        lines += [f"        - {failure}" for failure in drill.failures]
        lines += [
            f"        ~ {said} (said at {drill.confidence:.0%}: chance does that at times)" for said in drill.missed
        ]
    if found.exit:
        lines.append(_tail(OUT / found.folder / "output.txt"))
    return "\n".join(lines)


def _interval(recovery_s: tuple[float | None, float | None]) -> str:
    lower_s, upper_s = recovery_s
    return f"{'?' if lower_s is None else f'{lower_s:.3f}'}..{'?' if upper_s is None else f'{upper_s:.3f}'} s"


def _tail(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join(f"    | {line}" for line in lines)


def table(runs: Sequence[Run]) -> str:
    """Every drill in a line: how often it ran and was clean, and between what its recovery times lay, in s."""
    rows: list[tuple[str, ...]] = [("drill", "runs", "clean", "lower edges", "upper edges", "lost", "truth")]
    by_name: dict[str, list[Drilled]] = {}
    for found in runs:
        for drill in found.drills:
            by_name.setdefault(drill.name, []).append(drill)
    rows += [_row(name, by_name[name]) for name in sorted(by_name)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip() for r in rows)


def _row(name: str, drills: Sequence[Drilled]) -> tuple[str, ...]:
    compared = sum(drill.compared is not None for drill in drills)
    return (
        name, str(len(drills)), str(sum(not drill.failures for drill in drills)),
        _span(drill.recovery_s[0] for drill in drills), _span(drill.recovery_s[1] for drill in drills),
        f"{min(d.lost for d in drills)}..{max(d.lost for d in drills)}",
        f"compared {compared}" if compared else "not compared",
    )  # fmt: skip


def _span(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{min(known):.3f}..{max(known):.3f}" if known else "-"


def summary(runs: Sequence[Run]) -> str:
    """What so many runs prove."""
    failed = [found for found in runs if not found.clean]
    if misses_too_often(runs):
        return f"Intervals {_misses(runs)}, which is more than chance."
    if failed:
        return f"{len(failed)} of {len(runs)} runs failed."
    if not runs:
        return "Nothing ran."
    bound = math.ceil(failure_bound(len(runs)) * 100) / 100
    said = f"{len(runs)} of {len(runs)} runs clean: the probability that one fails is below {bound:.2f} (at 95%)."
    return f"{said} Intervals {_misses(runs)}." if _at_95(runs) else said


def _at_95(runs: Sequence[Run]) -> list[Drilled]:
    return [drill for found in runs for drill in found.drills if drill.confidence < 1]


def _misses(runs: Sequence[Run]) -> str:
    said = _at_95(runs)
    return f"that were said at 95% and missed the truth: {sum(bool(one.missed) for one in said)} of {len(said)}"


def misses_too_often(runs: Sequence[Run]) -> bool:
    """Whether the intervals that may miss the truth do so more often than chance does."""
    said = _at_95(runs)
    return too_often(sum(bool(one.missed) for one in said), len(said))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 if anything failed."""
    options = _options(arguments)
    folder, runs = folder_of("soak"), range(options.runs)
    sets = [["-k", f"{ZONE_DRILL} and {zone}"] for zone in options.zones] or [[] if options.all else ["-m", "gate"]]

    def one(number: int, _: int) -> Run:
        selected = sets[(number - 1) % len(sets)]
        print(f"[{number}/{options.runs}] {' '.join(selected) or 'all'} ...", flush=True)
        return soak_one(Where(folder / f"{number:03d}"), options.workload, selected, number)

    found = in_a_row(runs, one, lambda run: progress(run, options.runs))
    clean = bool(found) and all(run.clean for run in found) and not misses_too_often(found)
    write(
        "soak", workload=options.workload.name, runs=found, failed=sum(not run.clean for run in found),
        failure_bound=failure_bound(len(found)) if clean else None,
    )  # fmt: skip
    print(f"\n{table(found)}\n\n{summary(found)} Figures in bench/out/soak.json.")
    return 0 if clean and len(found) == options.runs else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=_count, default=20, metavar="N", help="how many runs (default: 20)")
    parser.add_argument("--workload", type=Path, default=TWO_REGIONS, metavar="FILE", help="the workload file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="all drills of the workload, not only those marked gate")
    what.add_argument(
        "--zones", type=lambda text: text.split(","), default=[], metavar="A,B,C",
        help="only the power loss of a zone, of these in rotation",
    )  # fmt: skip
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
