"""What stood ready, priced by a table that the user gives: `--prices FILE`.

No price is in the harness, and none is asked for: what a thing costs depends on its size, its Region and a contract.
What the table does not price is named, and the sum is then said to be at least so much.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from reports.folder import BrokenEvidence
from reports.many import Kept

Standing = Mapping[str, Mapping[str, int]]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of each kind costs, in `currency` for each `per`, the kinds as the scorecard counts them.

    `workloads` prices some of them otherwise in a workload, by its name. `source` says where the prices are from.
    """

    schema: Literal["dr-drills/prices/1"]
    currency: Text
    per: Literal["hour", "day", "month"]
    source: Text
    each: dict[str, Decimal]
    workloads: dict[str, dict[str, Decimal]] = {}

    def __post_init__(self) -> None:
        """Raise ValueError for a price that is none."""
        for each in (self.each, *self.workloads.values()):
            for kind, price in each.items():
                if not (price.is_finite() and price >= 0):
                    raise ValueError(f"{kind} = {price}. Allowed: a number, 0 or more")

    def cost(self, workload: str, standing: Standing) -> str:
        """Of all that stood ready at its sites: `at least 210.50 EUR a month (not priced: tables)`; "" of nothing."""
        counted: Counter[str] = Counter()
        for kinds in standing.values():
            counted.update(kinds)
        if not counted:
            return ""
        each = self.each | self.workloads.get(workload, {})
        priced = {kind: count * each[kind] for kind, count in counted.items() if kind in each}
        missing = [kind for kind, count in counted.items() if count and kind not in each]
        if not priced:
            return "not priced"
        said = f"{sum(priced.values()):,.2f} {self.currency} {'an' if self.per == 'hour' else 'a'} {self.per}"
        return f"at least {said} (not priced: {', '.join(missing)})" if missing else said


def prices_in(file: Path) -> Prices:
    """The table in a TOML file. Raises BrokenEvidence with what is wrong in it, and OSError."""
    try:
        # As they stand in the file, not the nearest binary fraction.
        tables = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        return msgspec.convert(tables, Prices)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BrokenEvidence(f"{file}: {error}. A table of prices is described in docs/ci.md.") from error


def prices_for(file: Path, kept: Sequence[Kept]) -> Prices:
    """The table in a TOML file, if it fits these runs. Raises BrokenEvidence with what is wrong in it, and OSError.

    A kind or a workload that was misspelt would be priced by nobody, and seen by nobody.
    """
    prices = prices_in(file)
    counted = {kind for one in kept if one.run is not None for kinds in one.run.standing.values() for kind in kinds}
    names = {one.verdict.workload for one in kept}
    places = {"each": prices.each} | {f'workloads."{name}"': each for name, each in prices.workloads.items()}
    for place, each in places.items():
        _known(f"{file}: {place}", each, counted, "counted in no run. Counted")
    _known(f"{file}: workloads", prices.workloads, names, "no run of it. There are")
    return prices


def _known(where: str, given: Iterable[str], allowed: set[str], why: str) -> None:
    if unknown := sorted(set(given) - allowed):
        raise BrokenEvidence(f"{where}: {', '.join(unknown)}: {why}: {', '.join(sorted(allowed)) or 'nothing'}.")
