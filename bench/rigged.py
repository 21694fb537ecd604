"""Drills against a service whose truth is known to the nanosecond: `python -m bench.rigged [--seed N] [--outages N]`.

Every interval and every verdict of the product is held against what the rig did. What is said to be certain may never
be wrong; what is said at 95% may be wrong in one drill of twenty. A drill that
the machine itself held up proves nothing, and is counted as void. A seed that is printed plays the same script again
(`--seed N --mode NAME --outages 1`); the machine's own timing is never the same.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from bench.figures import write
from bench.rig.cases import CASES, LOSSES, Case, loss_case, outage_case
from bench.rig.drilling import Drilled, drill
from bench.rig.fates import Fates, fates
from bench.rig.held import Held, held

SIDE_BY_SIDE = 3
OUTAGES = 150
# Of what is said at 95%, more than this share wrong is more than chance with some dozens of drills.
_MOST_WRONG = 0.05
# Of all drills; where the machine is busier than that, it is no place to measure.
_MOST_VOID = 0.2

_T = TypeVar("_T")


class Failed(msgspec.Struct, frozen=True):
    """A case that came to no end: what it was, and why."""

    mode: str
    seed: int
    says: str


class Rigged(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and the seed of the first of each."""

    seed: int
    outages: list[Held]
    losses: list[Fates]
    failed: list[Failed] = []


def measure(
    outages: int = OUTAGES, losses: Sequence[str] = LOSSES, seed: int = 1, modes: Sequence[str] = tuple(CASES)
) -> Rigged:
    """Play that many outages, the modes in turn, and each class of loss once. Some five minutes for 150."""
    asked = [(modes[i % len(modes)], seed + i) for i in range(outages)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as side_by_side:
        held_ = list(side_by_side.map(lambda one: play(outage_case(*one), one[1], held), asked))
        fates_ = list(side_by_side.map(lambda name: play(loss_case(name, seed), seed, fates), losses))
    return Rigged(
        seed=seed,
        outages=[one for one in held_ if not isinstance(one, Failed)],
        losses=[one for one in fates_ if not isinstance(one, Failed)],
        failed=[one for one in (*held_, *fates_) if isinstance(one, Failed)],
    )


def play(case: Case, seed: int, judged: Callable[[Drilled, int], _T]) -> _T | Failed:
    """Play one case in a folder of its own, which is gone afterwards, unless something failed: then it is named."""
    folder = Path(tempfile.mkdtemp(prefix="dr-drills-rig-"))
    try:
        found = judged(drill(case, folder / "drill"), seed)
    except Exception as error:  # noqa: BLE001  the others are to be measured all the same; it is told at the end
        return Failed(case.name, seed, f"{type(error).__name__}: {error} (what it left is in {folder})")
    shutil.rmtree(folder)
    return found


def wrong(found: Rigged) -> list[str]:
    """Everything that the truth contradicts and that nothing excuses, with the seed that plays it again."""
    said = [f"{f.mode}, seed {f.seed}: {f.says}" for f in found.failed]
    proved = [h for h in found.outages if not h.void]
    said += [f"{h.mode}, seed {h.seed}: {says}" for h in proved for says in h.wrong_for_sure]
    said += [f"{f.mode}, seed {f.seed}: {says}" for f in found.losses for says in f.wrong]
    chance = [h for h in proved if not h.certain]
    missed = [h for h in chance if h.wrong]
    if len(missed) > _MOST_WRONG * len(chance):
        seeds = "; ".join(f"{h.mode}, seed {h.seed}: {', '.join(h.wrong)}" for h in missed)
        said.append(f"{len(missed)} of {len(chance)} intervals that say 95% are wrong: {seeds}")
    void = len(found.outages) - len(proved)
    if void > _MOST_VOID * len(found.outages):
        said.append(f"the machine held up {void} of {len(found.outages)} drills: too many for the rest to say much")
    return said


def shown(found: Rigged) -> str:
    """Two tables: the outages by mode, and the losses by class."""
    title = f"outages (seed {found.seed})"
    lines = [f"{title:34} n  void  right  certain  decided  width s p50  worst  2T+2lmax  as asked"]
    ordered = sorted(found.outages, key=lambda h: h.mode)
    for mode, group in groupby(ordered, key=lambda h: h.mode):
        lines.append(_row(mode, list(group)))
    if ordered:
        lines.append(_row("all", ordered))
    lines += ["", f"{'losses':34} writes  wrong  measured s          truth s        classes"]
    for one in found.losses:
        measured = "" if one.loss_s is None else f"{one.loss_s[0]:.3f}..{one.loss_s[1] or float('inf'):.3f}"
        true = "" if one.true_loss_s is None else f"{one.true_loss_s[0]:.3f}..{one.true_loss_s[1]:.3f}"
        classes = ", ".join(f"{count} {name}" for name, count in one.classes.items())
        lines.append(f"{one.mode:34} {one.writes:6}  {len(one.wrong):5}  {measured:18}  {true:13}  {classes}")
    return "\n".join(lines)


def _row(mode: str, all_of_it: Sequence[Held]) -> str:
    group = [h for h in all_of_it if not h.void]
    right, certain = sum(h.contained for h in group), sum(h.certain for h in group)
    widths = [h.width_s for h in group if h.width_s is not None]
    median, worst = (statistics.median(widths), max(widths)) if widths else (float("nan"), float("nan"))
    decided = sum(h.decided for h in group) / max(1, sum(h.asked for h in group))
    void = len(all_of_it) - len(group)
    said = (
        f"{mode:34} {len(all_of_it):3}  {void:4}  {right:5}  {certain:7}  {decided:7.0%}  {median:11.3f}  {worst:5.3f}"
    )
    return f"{said}  {_within(group, 'planned_s'):>8}  {_within(group, 'allowed_s'):>8}"


def _within(group: Iterable[Held], allowed: Literal["planned_s", "allowed_s"]) -> str:
    """How many of the certain intervals are no wider than is allowed."""
    certain = [h for h in group if h.certain and h.width_s is not None and h.truth_s[1] > 0]
    if not certain:
        return "-"
    return f"{sum((h.width_s or 0.0) <= getattr(h, allowed) for h in certain)} of {len(certain)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print, write; 1 if the truth contradicts anything."""
    parser = argparse.ArgumentParser(prog="python -m bench.rigged", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--outages", type=int, default=OUTAGES)
    parser.add_argument("--mode", action="append", choices=list(CASES), help="only this mode (may be repeated)")
    parser.add_argument("--no-losses", action="store_true")
    asked = parser.parse_args(arguments)
    found = measure(asked.outages, () if asked.no_losses else LOSSES, asked.seed, asked.mode or tuple(CASES))
    print(shown(found), flush=True)
    contradicted = wrong(found)
    write("rigged", rigged=found, wrong=contradicted)
    for says in contradicted:
        print(says, file=sys.stderr)
    return 1 if contradicted else 0


if __name__ == "__main__":
    sys.exit(main())
