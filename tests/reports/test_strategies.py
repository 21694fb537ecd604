"""The strategies side by side: what a lost site's drills measured, and what stood ready before them."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports.evidence import LabSetting, read_run, write_run
from reports.game_day import write_game_day
from reports.many import kept_below
from reports.model import Disruption
from reports.scene import LOST, OBJECTIVE
from reports.scorecard import cells
from reports.scorecard_chart import scorecard_svg
from reports.strategies import measured, settings_of, strategies_sheets
from reports.strategies_chart import _TOP, strategies_svg
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


def lost_on(
    folder: Path,
    environment: str,
    *,
    run: str,
    drill: str = "x",
    upper_s: float = 8.0,
    disruption: Disruption = "region",
) -> None:
    """One drill of workload `w`, in the lab or on AWS."""
    made = verdict(upper_s - 0.5, upper_s, run=run, workload="w")
    keep(folder, msgspec.structs.replace(
        made, strategy="warm-standby", disruption=disruption, environment=environment, drill=drill,
    ))  # fmt: skip


def tell(run: Path, *, standing: dict[str, dict[str, int]] | None = None, boot_delay_s: float = 0.0) -> None:
    """What stood ready before that run, and of a lab's its settings."""
    info = read_run(run)
    assert info is not None
    lab = {"boot_delay_s": boot_delay_s} if boot_delay_s else {}
    beside = tuple(LabSetting(says=name, here=f"{value}", aws="", source="") for name, value in lab.items())
    write_run(run, msgspec.structs.replace(info, standing=standing or {}, lab=lab, lab_beside_aws=beside))


def test_the_lab_and_aws_are_two_columns_and_each_says_which_it_is(tmp_path: Path) -> None:
    lost_on(tmp_path, "aws", run="run-1", upper_s=60.0)
    (one,) = measured(kept_below([tmp_path]))
    assert one.workload == "w", "there is only one"
    lost_on(tmp_path, "lab", run="run-2", upper_s=2.0)
    lost_on(tmp_path, "lab", run="run-3", drill="y", upper_s=3.0)
    found = measured(kept_below([tmp_path]))
    assert [(each.workload, each.recovery_s) for each in found] == [("w (aws)", (59.5, 60.0)), ("w (lab)", (2.5, 3.0))]
    drawn = strategies_svg(found, {})
    assert ">w (aws)</text>" in drawn
    assert ">w (lab)</text>" in drawn


def test_a_long_name_stays_in_its_column(many: Path) -> None:
    (one, *_) = measured(kept_below([many]))
    drawn = strategies_svg([one._replace(workload="orders-active-active-partitioned (lab)")], {})
    assert ">orders-active-active-partitioned</text>" in drawn
    assert ">  (lab)</text>" in drawn


def test_what_stood_ready_is_told_of_the_newest_run(tmp_path: Path) -> None:
    lost_on(tmp_path, "lab", run="run-1")
    lost_on(tmp_path, "lab", run="run-2", drill="y")
    lost_on(tmp_path, "lab", run="run-3")
    tell(tmp_path / "run-2", standing={"recovery": {"instances": 9}})
    tell(tmp_path / "run-3", standing={"recovery": {"instances": 2}})
    (one,) = measured(kept_below([tmp_path]))
    assert one.standing == ("recovery: 2 instances",), "drill y was first run later than x, and x was run since"
    assert one.drills == ("y[a]", "x[a]")


def test_only_settings_of_a_lab_that_was_measured_in_are_told(tmp_path: Path) -> None:
    lost_on(tmp_path, "aws", run="run-1")
    lost_on(tmp_path, "lab", run="run-5", disruption="az")
    tell(tmp_path / "run-5", boot_delay_s=5.0)
    kept = kept_below([tmp_path])
    assert settings_of(kept) == {}
    assert len(strategies_sheets(kept)) == 1
    for number in (2, 3):
        lost_on(tmp_path, "lab", run=f"run-{number}")
        tell(tmp_path / f"run-{number}", boot_delay_s=float(number))
    kept = kept_below([tmp_path])
    assert settings_of(kept) == {"boot_delay_s": 3.0}
    assert [row[1] for row in strategies_sheets(kept)[1].rows] == ["3.0"]


def test_a_random_fault_that_was_run_again_is_not_measured(tmp_path: Path) -> None:
    for number, place in enumerate(("1", "again1.1"), start=1):
        made = verdict(1.0, 2.0 * number, run="run-1", workload="w")
        keep(tmp_path, msgspec.structs.replace(
            made, strategy="warm-standby", disruption="region", parameters={"seed": "7", "place": place, "fault": "x"},
        ))  # fmt: skip
    (one,) = measured(kept_below([tmp_path]))
    assert one.recovery_s == (1.0, 2.0)


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


def test_what_was_not_measured_or_is_not_bounded_is_drawn_and_said(many: Path) -> None:
    (one, *_) = measured(kept_below([many]))
    open_ended = strategies_svg([one._replace(recovery_s=(1.0, 2.0), loss_s=(5.0, None))], {})
    assert ">at least 5.0 s</text>" in open_ended
    (bar,) = [part for part in ET.fromstring(open_ended).iter() if part.get("stroke") == LOST]  # noqa: S314  # our own
    assert float(bar.get("y", "")) == _TOP
    drawn = strategies_svg([one._replace(recovery_s=None, loss_s=None)], {})
    assert drawn.count(">not measured</text>") == 2
    assert f'stroke="{LOST}"' not in drawn


def loses(folder: Path, number: int, **more: float | None) -> None:
    """A drill that lost so much."""
    made = verdict(1.0, 2.0, run=f"run-{number}", workload="w")
    loss = msgspec.structs.replace(made.data_loss, objective_s=5.0, **more)
    keep(folder, msgspec.structs.replace(
        made, strategy="warm-standby", disruption="region", drill=f"x{number}", data_loss=loss,
    ))  # fmt: skip


def test_loss_that_is_not_known_is_hidden_by_no_milder_figure(tmp_path: Path) -> None:
    loses(tmp_path, 1, lower_s=3.0, upper_s=4.0, lost=7)
    loses(tmp_path, 2, lower_s=3.0, upper_s=4.0, lost=6, resurrected=2)
    (one,) = measured(kept_below([tmp_path]))
    assert (one.loss_s, one.lost) == ((3.0, 4.0), 8), "a delete that was undone is lost"
    loses(tmp_path, 3, lower_s=None, upper_s=None)
    (one,) = measured(kept_below([tmp_path]))
    assert (one.loss_s, one.loss) == (None, "not measured")
    assert ">data loss not measured</text>" in scorecard_svg(cells(kept_below([tmp_path])))
    loses(tmp_path, 4, lower_s=0.0, upper_s=None)
    (one,) = measured(kept_below([tmp_path]))
    assert one.loss_s == (0.0, None)
    assert one.loss.startswith("0 of ")
    assert one.loss.endswith("; not bounded from above")
    loses(tmp_path, 5, lower_s=2.0, upper_s=None, lost=3)
    (one,) = measured(kept_below([tmp_path]))
    assert "at least 2.0 s" in one.loss
    (cell,) = [cell for cell in cells(kept_below([tmp_path])) if cell.disruption == "region"]
    assert ">lost 3 of " in scorecard_svg([cell])
    assert ", not bounded</text>" in scorecard_svg([cell])
