"""docs/sabotages.md has a row for each drill, and for each sabotage what the bench holds it to."""

import re
from pathlib import Path

import pytest

from bench.sabotages import SABOTAGES, Sabotage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sabotages.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| `")
]
DRILLS = sorted(path.stem.removeprefix("test_") for path in (ROOT / "drills").glob("test_*.py"))


def test_each_drill_has_a_row_in_order_and_no_other_has() -> None:
    named = [row[0].strip("`") for row in ROWS]
    assert sorted(set(named)) == DRILLS
    assert named == sorted(named)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name)
def test_each_sabotage_stands_in_its_drills_row_as_the_bench_has_it(sabotage: Sabotage) -> None:
    (row,) = [row for row in ROWS if sabotage.name in row[1]]
    path = sabotage.drill.partition("::")[0]
    assert row[0] == f"`{Path(path).stem.removeprefix('test_')}`" or path in row[1]
    assert (row[2], row[3]) == (f"`{sabotage.check}`", sabotage.says)
    assert row[1].startswith("counterpart, which has to pass") is sabotage.sound


def test_a_row_names_what_exists_and_when_it_was_seen() -> None:
    for _, says, finding, words, seen in ROWS:
        assert says and finding and words, "each drill has a sabotage, by the finding that names it"  # noqa: PT018
        assert re.fullmatch(r"-|make test|\d{4}-\d\d-\d\d", seen)
        for path in re.findall(r"`(tests/\S+?)`", says):
            assert (ROOT / path).exists(), path
