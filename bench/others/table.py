"""The comparison for a reader: a table by family, what we demand of ourselves, and what was lost."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.others.calm import LATE_S
from bench.others.errors import Asker, Demand, Row
from bench.others.losses import Lost

if TYPE_CHECKING:
    from bench.others.compared import Report

_HEAD = (
    f"{'':<26}{'states its':>11}{'error, s':>10}{'':>9}{'bounds hold':>13}{'widest':>8}{'':>9}{'three':>7}\n"
    f"{'':<26}{'error':>11}{'median':>10}{'worst':>9}{'the truth':>13}{'s':>8}{'missed':>9}{'flaps':>7}"
)


def shown(report: "Report") -> str:
    """All of it as text."""
    parts = [
        f"Others beside us: the same outages at the same time, deadline {report.timeout_s:g} s, seed {report.seed}",
        *(f"  {a.name}: {a.rate:g}/s; {a.settings}" for a in report.askers),
        *(f"  {name} {version}" for name, version in report.versions.items()),
        *(
            f"  {family}: a thread was woken {late_s:.3f} s late at worst{_busy(late_s)}"
            for family, late_s in report.late_s.items()
        ),
        *(f"  not run: {name}: {why}" for name, why in report.not_run.items()),
        "",
        _HEAD,
    ]
    for family in dict.fromkeys(r.family for r in report.rows):
        parts += [family, *(_row(r, report.askers) for r in report.rows if r.family == family)]
    return "\n".join([*parts, "", *_losses(report.losses), "", *map(_demand, report.demands)])


def _row(row: Row, askers: Sequence[Asker]) -> str:
    asker = next(a for a in askers if a.name == row.asker)
    bounds = f"{row.contained} of {row.outages}"
    return (
        f"  {row.asker:<24}{'yes' if asker.ours else 'no':>11}{_s(row.median_s):>10}{_s(row.worst_s):>9}"
        f"{bounds if asker.ours else f'({bounds})':>13}{_s(row.widest_s):>8}{row.missed:>9}"
        f"{'' if row.flaps_right is None else row.flaps_right:>7}"
        f"{f'  {row.failed} without a record' if row.failed else ''}"
    )


def _busy(late_s: float) -> str:
    return "; the machine was too busy, so nothing is concluded from it" if late_s > LATE_S else ""


def _s(value_s: float | None) -> str:
    return "-" if value_s is None else f"{value_s:.3f}"


def _losses(found: Sequence[Lost]) -> Iterator[str]:
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        true, said = sum(one.true_lost for one in own), sum(one.said_lost for one in own)
        wrong = sum(len(one.wrong) for one in own)
        yield f"losses, {kind}: {true} acknowledged writes lost in {len(own)} outages; ours says {said}, {wrong} wrong"
    if found:
        yield "losses, the others: none of them reads back what was acknowledged, so none can see any"


def _demand(demand: Demand) -> str:
    return f"{'held    ' if demand.held else 'NOT held'}  {demand.demand} ({demand.figures})"
