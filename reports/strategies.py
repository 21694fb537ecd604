"""The guidance's figure from measurements: how soon and with what loss each strategy recovered, and what stood ready.

AWS's guidance draws recovery time and data loss falling, and cost rising, from backup and restore to active/active
([Disaster recovery options in the cloud]). Here each point is what a drill measured, and the cost is what was counted
at each site before it: a price only where the user gives one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from reports.many import Kept, lossiest_words, lossiness, newest_of_each, slowness
from reports.model import Overall
from reports.prices import Prices, Standing
from reports.sheet import Sheet
from reports.words import recovery_words, worst

# In the order of the guidance: what stands ready grows. A workload in one Region has none of its ways.
STRATEGIES = ("backup-restore", "pilot-light", "warm-standby", "active-active")
_HEAD = ("strategy", "workload", "verdict", "recovery time", "data loss", "stood ready before it, by site", "drill")
_BESIDE = ("setting of the lab", "here", "AWS", "source")


class Measured(NamedTuple):
    """One workload whose site was taken away: the slowest and the lossiest of its drills' newest runs.

    What it did in the lab and what it did on AWS are two of these. `workload` says where (`orders (lab)`) if there are
    some of both. `strategy` and `standing` are those of the newest of the runs.
    `recovery_s` and `loss_s` are intervals in s, or None where it was not measured; of recovery that was not seen, and
    of loss that nothing bounds from above, the upper edge is None. `cost` is of what stood ready, "" without prices.
    """

    strategy: str
    workload: str
    verdict: Overall
    recovery_s: tuple[float, float | None] | None
    loss_s: tuple[float, float | None] | None
    lost: int
    recovery: str
    loss: str
    standing: tuple[str, ...]
    drills: tuple[str, ...]
    cost: str = ""


def measured(kept: Sequence[Kept], prices: Prices | None = None) -> list[Measured]:
    """Of every workload that was drilled for the loss of a site, by its environment, in the order of the strategies."""
    rows: dict[tuple[str, str], list[Kept]] = {}
    for one in _counting(kept):
        rows.setdefault((one.verdict.workload, one.verdict.environment), []).append(one)
    mixed = len({environment for _, environment in rows}) > 1
    found = [_measured(newest, prices, mixed=mixed) for newest in rows.values()]
    return sorted(found, key=lambda one: (STRATEGIES.index(one.strategy), one.workload))


def _counting(kept: Sequence[Kept]) -> list[Kept]:
    """The newest run of each drill that took a site away, the earliest first."""
    newest = newest_of_each(
        one
        for one in kept
        if one.verdict.disruption == "region" and one.verdict.expects == "impact" and one.verdict.strategy in STRATEGIES
    )
    return sorted(newest, key=lambda one: one.began_utc)


def _measured(newest: Sequence[Kept], prices: Prices | None, *, mixed: bool) -> Measured:
    """Of one workload in one environment; `newest` with the earliest first."""
    slowest, lossiest = max(newest, key=slowness), max(newest, key=lossiness)
    recovery, loss = slowest.verdict.recovery_time, lossiest.verdict.data_loss
    seen = recovery.lower_s is not None
    told = newest[-1].verdict
    counted = run.standing if (run := newest[-1].run) is not None else {}
    return Measured(
        strategy=told.strategy,
        workload=f"{told.workload} ({told.environment})" if mixed else told.workload,
        verdict=worst(one.verdict.verdict for one in newest),
        recovery_s=(recovery.lower_s or 0.0, recovery.upper_s) if seen else None,
        loss_s=(loss.lower_s, loss.upper_s) if loss.lower_s is not None else None,
        lost=loss.gone,
        recovery=recovery_words(recovery),
        loss=lossiest_words(newest),
        standing=_standing(counted),
        drills=tuple(one.name for one in newest),
        cost=prices.cost(told.workload, counted) if prices is not None else "",
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
    """The lab's settings that the measured runs had, by name; of two that differ the newest run's. Empty on AWS."""
    found: dict[str, float] = {}
    for one in _counting(kept):
        found |= one.run.lab if one.run is not None else {}
    return found


def strategies_sheets(kept: Sequence[Kept], prices: Prices | None = None) -> list[Sheet]:
    """The figure as a table, and below it the lab's settings beside what AWS has; none where nothing was measured."""
    rows = [_row(one, prices) for one in measured(kept, prices)]
    if not rows:
        return []
    runs = [one.run for one in _counting(kept) if one.run is not None and one.run.lab_beside_aws]
    beside = [(row.says, row.here, row.aws, row.source) for row in (runs[-1].lab_beside_aws if runs else ())]
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
