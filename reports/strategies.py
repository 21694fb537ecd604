"""The guidance's figure from measurements: how soon and with what loss each strategy recovered, and what stood ready.

AWS's guidance draws recovery time and data loss falling, and cost rising, from backup and restore to active/active
([Disaster recovery options in the cloud]). Here each point is what a drill measured, and the cost is what was counted
at each site before it: a price only where the user gives one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from reports.many import Kept, lossiness, newest_of_each, slowness
from reports.model import Overall
from reports.prices import Prices, Standing
from reports.sheet import Sheet
from reports.words import loss_words, recovery_words, worst

# In the order of the guidance: what stands ready grows. A workload in one Region has none of its ways.
STRATEGIES = ("backup-restore", "pilot-light", "warm-standby", "active-active")
_HEAD = ("strategy", "workload", "verdict", "recovery time", "data loss", "stood ready before it, by site", "drill")
_BESIDE = ("setting of the lab", "here", "AWS", "source")


class Measured(NamedTuple):
    """One workload whose site was taken away: the slowest and the lossiest of its drills' newest runs.

    `recovery_s` and `loss_s` are intervals in s, or None where it was not measured; of recovery that was not seen the
    upper edge is None. `cost` is of what stood ready, "" without prices.
    """

    strategy: str
    workload: str
    verdict: Overall
    recovery_s: tuple[float, float | None] | None
    loss_s: tuple[float, float] | None
    lost: int
    recovery: str
    loss: str
    standing: tuple[str, ...]
    drills: tuple[str, ...]
    cost: str = ""


def measured(kept: Sequence[Kept], prices: Prices | None = None) -> list[Measured]:
    """Of every workload that was drilled for the loss of a site, in the order of the strategies."""
    ours = [
        one
        for one in kept
        if one.verdict.disruption == "region" and one.verdict.expects == "impact" and one.verdict.strategy in STRATEGIES
    ]
    rows: dict[str, list[Kept]] = {}
    for one in newest_of_each(ours):
        rows.setdefault(one.verdict.workload, []).append(one)
    found = [_measured(newest, prices) for newest in rows.values()]
    return sorted(found, key=lambda one: (STRATEGIES.index(one.strategy), one.workload))


def _measured(newest: Sequence[Kept], prices: Prices | None) -> Measured:
    slowest, lossiest = max(newest, key=slowness), max(newest, key=lossiness)
    recovery, loss = slowest.verdict.recovery_time, lossiest.verdict.data_loss
    seen = recovery.lower_s is not None
    counted = run.standing if (run := newest[-1].run) is not None else {}
    return Measured(
        strategy=slowest.verdict.strategy,
        workload=slowest.verdict.workload,
        verdict=worst(one.verdict.verdict for one in newest),
        recovery_s=(recovery.lower_s or 0.0, recovery.upper_s) if seen else None,
        loss_s=(loss.lower_s or 0.0, loss.upper_s) if loss.upper_s is not None else None,
        lost=loss.lost + loss.rolled_back,
        recovery=recovery_words(recovery),
        loss=loss_words(loss),
        standing=_standing(counted),
        drills=tuple(one.name for one in newest),
        cost=prices.cost(slowest.verdict.workload, counted) if prices is not None else "",
    )


def _standing(counted: Standing) -> tuple[str, ...]:
    """A line for each site: `recovery: 0 instances, 1 database instance`."""
    if not counted:
        return ("not counted",)
    return tuple(
        f"{site}: {', '.join(_counted(count, kind) for kind, count in kinds.items())}"
        for site, kinds in counted.items()
    )


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind.removesuffix('s') if count == 1 else kind}"


def settings_of(kept: Sequence[Kept]) -> dict[str, float]:
    """The lab's settings that the runs had, by name; of two that differ the newest run's. Empty on AWS."""
    found: dict[str, float] = {}
    for one in kept:
        found |= one.run.lab if one.run is not None else {}
    return found


def strategies_sheets(kept: Sequence[Kept], prices: Prices | None = None) -> list[Sheet]:
    """The figure as a table, and below it the lab's settings beside what AWS has; none where nothing was measured."""
    rows = [_row(one, prices) for one in measured(kept, prices)]
    if not rows:
        return []
    newest = next((one.run for one in reversed(kept) if one.run is not None and one.run.lab_beside_aws), None)
    beside = [(row.says, row.here, row.aws, row.source) for row in (newest.lab_beside_aws if newest else ())]
    head = (*_HEAD, f"what that costs, by {prices.source}") if prices is not None else _HEAD
    return [Sheet("What each strategy keeps ready, and what it recovered", head, rows)] + (
        [Sheet("The lab's settings: recovery times there say nothing about the real one", _BESIDE, beside)]
        if beside
        else []
    )


def _row(one: Measured, prices: Prices | None) -> tuple[str, ...]:
    ready, drills = "; ".join(one.standing), ", ".join(one.drills)
    row = (one.strategy, one.workload, one.verdict, one.recovery, one.loss, ready, drills)
    return row if prices is None else (*row, one.cost or "not counted")
