import pytest

from bench import simulated_outages as module
from bench.outage_families import FAMILIES, longest
from bench.simulated_outages import Family, Judged, judge, measure, shown
from tests.truth.simulated import MS, Outage


def one(**changed: object) -> Judged:
    plain: dict[str, object] = {
        "family": "full", "seed": 7, "truth_s": 1.0, "lower_s": 0.9, "upper_s": 1.1, "certain": True, "seen": True,
        "holds": True, "decided": True, "false_pass": False, "false_fail": False, "narrow": True, "operations": 100,
    }  # fmt: skip
    return Judged(**{**plain, **changed})  # type: ignore[arg-type]  # a test's own fields


def test_a_case_is_given_again_by_its_seed() -> None:
    assert judge("part by share", 11) == judge("part by share", 11)
    assert judge("part by share", 11) != judge("part by share", 12)


def test_a_run_has_every_family_and_says_how_to_run_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    found = measure(40, base=3, processes=1)
    assert "from base seed 3" in capsys.readouterr().out
    assert [f.family for f in found.families] == list(FAMILIES)
    assert all(f.cases >= 1 for f in found.families)
    assert all(f.certain + f.likely + f.unseen == f.cases for f in found.families)
    table = shown(found)
    assert all(name in table for name in FAMILIES)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"holds": False}, "1 certain intervals do not hold"),
        ({"holds": False, "certain": False}, "only 0.00% of the 95% intervals"),
        ({"false_pass": True}, "1 false passes"),
        ({"false_fail": True}, "1 false fails"),
    ],
)
def test_each_demand_that_is_not_met_is_named_with_its_family(wrong: dict[str, object], says: str) -> None:
    family = Family(family="full", seeds=[])
    family.add(one(**wrong))
    (said,) = family.broken()
    assert said.startswith("full: ")
    assert says in said


def test_a_share_of_wide_intervals_is_noticed_and_a_single_one_is_not() -> None:
    family = Family(family="full", seeds=[])
    for narrow in (True,) * 90 + (False,):
        family.add(one(narrow=narrow))
    assert family.broken() == []
    family.add(one(narrow=False))
    assert "as narrow as" in family.broken()[0]


def test_the_longest_outage_joins_what_a_hold_does_not_part() -> None:
    outages = [Outage(0, 100 * MS), Outage(150 * MS, 200 * MS), Outage(600 * MS, 750 * MS)]
    assert longest(outages, 100 * MS) == 200 * MS
    assert longest(outages, 20 * MS) == 150 * MS


def test_the_command_fails_when_a_demand_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = one(certain=True, holds=False)
    monkeypatch.setattr(module, "judge", lambda _family, _seed: bad)
    monkeypatch.setattr("sys.argv", ["bench", "--family", "full", "--seed", "7"])
    assert module.main() == 1
