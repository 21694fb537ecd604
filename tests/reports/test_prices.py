"""What stood ready, priced by the user's table: sums that are exact, and nothing that is silently left out."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from reports.evidence import read_run, write_run
from reports.folder import BrokenEvidence
from reports.game_day import write_game_day
from reports.many import kept_below
from reports.prices import Prices, prices_for, prices_in
from reports.strategies import measured
from tests.reports.made_up import keep, verdict

STANDING = {"primary": {"instances": 3, "tables": 1}, "recovery": {"instances": 0, "databases": 0}}
HEAD = 'schema = "dr-drills/prices/1"\ncurrency = "EUR"\nper = "month"\nsource = "our contract"\n'


def prices(**each: float | str) -> Prices:
    table = {"schema": "dr-drills/prices/1", "currency": "EUR", "per": "month", "source": "our contract", "each": each}
    return msgspec.convert(table, Prices, strict=False)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of one run of workload `w`, whose site was lost."""
    made = msgspec.structs.replace(verdict(1.0, 2.0, workload="w"), strategy="pilot-light", disruption="region")
    run = read_run(keep(tmp_path, made) / made.run_id)
    assert run is not None
    write_run(tmp_path / made.run_id, msgspec.structs.replace(run, standing=STANDING))
    return tmp_path


def table(folder: Path, text: str) -> Path:
    file = folder / "prices.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


def test_all_that_stands_is_summed_over_the_sites_exactly() -> None:
    assert prices(instances="0.1", tables="0.2").cost("w", STANDING) == "0.50 EUR a month"
    assert prices(instances="1000").cost("w", {"a": {"instances": 1}, "b": {"instances": 1}}) == "2,000.00 EUR a month"


def test_what_has_no_price_is_named_and_the_sum_is_a_least() -> None:
    assert prices(instances=10).cost("w", STANDING) == "at least 30.00 EUR a month (not priced: tables)"
    assert prices(machines=10).cost("w", STANDING) == "not priced"


def test_a_workload_may_have_prices_of_its_own() -> None:
    own = msgspec.structs.replace(prices(instances=1, tables=1), workloads={"w": {"instances": Decimal(100)}})
    assert own.cost("w", STANDING) == "301.00 EUR a month"
    assert own.cost("other", STANDING) == "4.00 EUR a month"


def test_what_was_not_counted_has_no_price() -> None:
    assert prices(instances=10).cost("w", {}) == ""


def test_a_price_is_read_as_it_stands(tmp_path: Path) -> None:
    assert prices_in(table(tmp_path, "[each]\ninstances = 0.1\n")).each == {"instances": Decimal("0.1")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[each]\ninstances = -1\n", "instances = -1. Allowed: a number, 0 or more"),
        ("[each]\ninstances = nan\n", "instances = NaN."),
        ("[each]\n[workloads.w]\ninstances = inf\n", "instances = Infinity."),
        ('[each]\ninstances = "much"\n', "`$.each[...]`"),
        ("[each]\nlamps = 1\n", "each: lamps: counted in no run. Counted: databases, instances, tables."),
        ("[each]\ninstances = 1\n[workloads.x]\ninstances = 1\n", "workloads: x: no run of it. There are: w."),
        ("[each]\ninstances = 1\n[workloads.w]\nlamps = 1\n", 'workloads."w": lamps: counted in no run'),
        ("[each\n", "prices.toml: "),
        ("", "missing required field `each`"),
    ],
)
def test_a_table_that_does_not_fit_says_where(runs: Path, text: str, says: str) -> None:
    file = table(runs, text)
    with pytest.raises(BrokenEvidence) as refused:
        prices_for(file, kept_below([runs]))
    assert str(file) in str(refused.value)
    assert says in str(refused.value)


def test_a_game_day_shows_them_in_the_picture_and_in_the_table(runs: Path) -> None:
    file = table(runs, "[each]\ninstances = 10\ntables = 1.5\n")
    page = write_game_day(runs, file).page.read_text(encoding="utf-8")
    assert "what that costs, by our contract" in page
    assert "31.50 EUR a month" in page
    assert "costs 31.50 EUR a month" in (runs / "strategies.svg").read_text(encoding="utf-8")


def test_without_a_table_nothing_is_priced(runs: Path) -> None:
    assert "costs" not in write_game_day(runs).page.read_text(encoding="utf-8")
    assert measured(kept_below([runs]))[0].cost == ""
