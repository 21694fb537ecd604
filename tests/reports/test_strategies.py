"""The strategies side by side: what a lost site's drills measured, and what stood ready before them."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports.evidence import read_run, write_run
from reports.game_day import write_game_day
from reports.many import kept_below
from reports.scene import OBJECTIVE
from reports.strategies import measured, settings_of, strategies_sheets
from reports.strategies_chart import strategies_svg
from tests.reports.made_up import keep, verdict

STANDING = {"primary": {"instances": 4, "database instances": 2}, "recovery": {"instances": 0, "database instances": 1}}


def site_lost(folder: Path, strategy: str, *, number: int, upper_s: float | None, loss_s: float = 0.0) -> None:
    """One drill of a lost site."""
    made = verdict(1.0 if upper_s is None else upper_s - 0.5, upper_s, run=f"run-{number}", workload=f"w-{strategy}")
    loss = msgspec.structs.replace(made.data_loss, lower_s=0.0, upper_s=loss_s)
    keep(folder, msgspec.structs.replace(made, strategy=strategy, disruption="region", data_loss=loss, drill="x"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    site_lost(tmp_path, "warm-standby", number=1, upper_s=8.0)
    site_lost(tmp_path, "backup-restore", number=2, upper_s=12.0, loss_s=6.0)
    site_lost(tmp_path, "warm-standby", number=3, upper_s=7.0)
    site_lost(tmp_path, "pilot-light", number=4, upper_s=None)
    keep(tmp_path, verdict(1.0, 1.2, run="run-5"))  # of a zone, which is no site
    run = read_run(tmp_path / "run-3")
    assert run is not None
    write_run(tmp_path / "run-3", msgspec.structs.replace(run, standing=STANDING, lab={"boot_delay_s": 1.0}))
    return tmp_path


def test_the_newest_run_of_each_drill_counts_in_the_order_of_the_guidance(many: Path) -> None:
    found = measured(kept_below([many]))
    assert [one.strategy for one in found] == ["backup-restore", "pilot-light", "warm-standby"]
    assert [one.recovery_s for one in found] == [(11.5, 12.0), (1.0, None), (6.5, 7.0)]
    assert [one.loss_s for one in found] == [(0.0, 6.0), (0.0, 0.0), (0.0, 0.0)]
    assert found[2].standing == (
        "primary: 4 instances, 2 database instances", "recovery: 0 instances, 1 database instance",
    )  # fmt: skip
    assert found[0].standing == ("not counted",), "what nobody counted is not said to be nothing"


def test_the_picture_says_in_words_what_it_draws(many: Path) -> None:
    kept = kept_below([many])
    picture = ET.fromstring(strategies_svg(measured(kept), settings_of(kept)))  # noqa: S314  # our own
    words = [element.text or "" for element in picture.iter() if element.text]
    for said in ("11.5..12.0 s", "at least 1.0 s", "6.5..7.0 s", "none", "0.0..6.0 s", "✓ backup-restore"):
        assert said in words
    assert any("boot_delay 1 s" in line for line in words), "the settings stand beside it"
    assert any("recovery: 0 instances" in line for line in words)


def test_numbers_are_rounded_outwards_as_everywhere(many: Path) -> None:
    (one, *_) = measured(kept_below([many]))
    drawn = strategies_svg([one._replace(recovery_s=(8.149, 8.351), loss_s=(5.589, 5.731))], {})
    assert "8.14..8.36 s" in drawn
    assert "5.58..5.74 s" in drawn


def test_of_aws_no_settings_are_told(many: Path) -> None:
    assert "emulated" not in strategies_svg(measured(kept_below([many])), {})


def test_a_longer_time_stands_higher(many: Path) -> None:
    (one, *_) = measured(kept_below([many]))
    moved = [one._replace(recovery_s=(upper_s - 0.5, upper_s)) for upper_s in (20.0, 8.0, 2.0)]
    drawn = ET.fromstring(strategies_svg(moved, {}))  # noqa: S314  # our own
    tops = [float(part.get("y", "")) for part in drawn.iter() if part.get("stroke") == OBJECTIVE]
    assert len(tops) == 3
    assert sorted(tops) == tops


def test_a_game_day_leaves_its_scorecard_and_the_strategies(many: Path) -> None:
    card = write_game_day(many)
    page = card.page.read_text(encoding="utf-8")
    assert page.count("<img ") == 2
    assert "What each strategy keeps ready" in page
    assert "<script" not in page
    for name in ("scorecard.svg", "strategies.svg", "scorecard.md"):
        assert (many / name).stat().st_size > 0


def test_without_a_lost_site_there_is_nothing_to_compare(tmp_path: Path) -> None:
    keep(tmp_path, verdict(1.0, 1.2))
    assert strategies_sheets(kept_below([tmp_path])) == []
    write_game_day(tmp_path)
    assert not (tmp_path / "strategies.svg").exists()
