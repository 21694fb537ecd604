"""Losses: acknowledged writes that are gone afterwards. Only who reads back what was acknowledged can see any.

None of the other tools keeps a ledger of what was acknowledged to it, and none reads it back; so only ours is asked.
"""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import msgspec

from bench.rig.cases import Case, Pace
from bench.rig.drilling import drill
from bench.rig.fates import fates
from bench.rig.script import Loss, LossKind, Outage, Script
from reports.folder import judge

KINDS: tuple[LossKind, ...] = ("tail", "holes")
_SIDE_BY_SIDE = 3
_PERIOD_S = 0.1
# Of the last second of acknowledged writes: all, or a share.
_LAST_S = 1.0
_SHARE = 0.4


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """One outage with a loss: how many acknowledged writes were lost in truth, how many we say, and in s.

    `wrong`: writes that we missed, invented or misfiled, in sentences.
    """

    kind: str
    seed: int
    true_lost: int
    said_lost: int
    loss_s: tuple[float, float | None] | None
    true_loss_s: tuple[float, float] | None
    wrong: tuple[str, ...]


def lost(each: int, seed: int) -> list[Lost]:
    """So many outages of each kind, some at a time."""
    asked = [(kind, seed + number) for kind in KINDS for number in range(each)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        return list(side_by_side.map(lambda one: _one(*one), asked))


def case_of(kind: LossKind, seed: int) -> Case:
    """Writes at ten a second, then an outage, and what was acknowledged in the last second before it is gone."""
    random = Random(f"{kind} {seed}")
    begin_s = 1.5 + random.uniform(0.0, _PERIOD_S)
    end_s = begin_s + random.uniform(0.8, 1.2)
    share = 1.0 if kind == "tail" else _SHARE
    loss = Loss(kind=kind, begin_s=begin_s - _LAST_S, end_s=begin_s, at_s=(begin_s + end_s) / 2, share=share)
    outage = Outage(begin_s=begin_s, end_s=end_s, mode="refuse")
    script = Script(seed=random.randrange(2**31), outages=(outage,), losses=(loss,))
    return Case(name=f"loss: {kind}", script=script, pace=Pace(period_s=_PERIOD_S, timeout_s=1.0))


def _one(kind: LossKind, seed: int) -> Lost:
    folder = Path(tempfile.mkdtemp(prefix="dr-drills-others-"))
    try:
        drilled = drill(case_of(kind, seed), folder / "drill")
        found, said = fates(drilled, seed), judge(drilled.folder).data_loss
        true = sum(found.classes.get(name, 0) for name in ("lost", "rolled back", "late"))
        return Lost(
            kind=kind, seed=seed, true_lost=true, said_lost=said.lost + said.rolled_back + said.late,
            loss_s=found.loss_s, true_loss_s=found.true_loss_s, wrong=found.wrong,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
