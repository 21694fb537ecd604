import csv
import io
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from reports.losses import WEIGHT, Class, LossRow, by_weight, losses_csv, read_losses, write_losses
from tests.reports.synthetic import make


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = make("pass", 400, lost=17).losses
    write_losses(tmp_path / "losses.csv", rows)
    assert read_losses(tmp_path / "losses.csv") == rows


def test_no_losses_still_write_the_header(tmp_path: Path) -> None:
    write_losses(tmp_path / "losses.csv", [])
    assert (tmp_path / "losses.csv").read_text(encoding="utf-8").startswith("key,version,class,")
    assert read_losses(tmp_path / "losses.csv") == []


@given(key=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20))
def test_any_key_survives_and_none_starts_a_formula(key: str) -> None:
    text = losses_csv([LossRow(key=key, version=1, loss_class="lost")])
    (cells,) = csv.DictReader(io.StringIO(text, newline=""))
    assert not cells["key"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cells["key"] in (key, f"'{key}")


def test_a_row_that_belongs_to_no_write_keeps_its_blanks(tmp_path: Path) -> None:
    row = LossRow(key="'=x", version=3, loss_class="unexpected")
    write_losses(tmp_path / "losses.csv", [row])
    assert read_losses(tmp_path / "losses.csv") == [row]


def test_only_what_was_acknowledged_and_is_undone_counts_as_gone() -> None:
    classes: tuple[Class, ...] = get_args(Class)
    rows = [LossRow(key="k", version=1, loss_class=c) for c in classes]
    assert [row.loss_class for row in rows if row.gone] == ["lost", "late", "rolled back", "resurrected"]


def test_every_class_has_its_weight_and_lost_data_comes_first() -> None:
    assert sorted(WEIGHT) == sorted(get_args(Class))
    rows = [LossRow(key=c, version=1, loss_class=c) for c in get_args(Class)]
    assert [row.loss_class for row in by_weight(reversed(rows))] == list(WEIGHT)
