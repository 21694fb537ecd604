"""The comparison with the lab's disks: a key too many, one too few, and an interval that is not true are all told."""

import json
from pathlib import Path

import msgspec
import pytest

from bench.lost_orders import Compared, Truth, compare, told

TRUTH = Truth(lost={"a": 100.0, "b": 100.4, "never told": 100.5}, site_lost_s=100.9)


def drill(folder: Path, *lost: str, interval: tuple[float, float] = (0.85, 1.0)) -> Path:
    """The evidence of a drill that calls these lost; a client was told of a, b and c."""
    history = [{"vantage": "client"}]
    history += [{"kind": "write", "outcome": "ok", "key": key} for key in "abc"]
    history += [{"kind": "write", "outcome": "in-doubt", "key": "never told"}, {"kind": "read", "outcome": "ok"}]
    (folder / "history-client.jsonl").write_text("\n".join(map(json.dumps, history)))
    rows = ["key,class", *(f"{key},lost" for key in lost), "never told,in-doubt vanished"]
    (folder / "losses.csv").write_text("\n".join(rows))
    loss = {"lower_s": interval[0], "upper_s": interval[1]}
    (folder / "verdict.json").write_text(json.dumps({"data_loss": loss}))
    return folder


def compared(folder: Path, truth: Truth = TRUTH, code: int = 0) -> Compared:
    return compare(1, code, folder, truth, 1.0)


def test_each_key_and_the_true_loss_are_right(tmp_path: Path) -> None:
    found = compared(drill(tmp_path, "a", "b"))
    assert (found.wrong, found.lost, found.true_lost, found.unacknowledged) == ((), 2, 2, 1)
    assert found.true_loss_s == pytest.approx(0.9)
    assert told(found, 1).startswith("[1/1] right  lost 2 of 2")


@pytest.mark.parametrize(
    ("lost", "interval", "why"),
    [
        (("a",), (0.85, 1.0), "not called lost: b"),
        (("a", "b", "c"), (0.85, 1.0), "called lost, and is not: c"),
        (("a", "b"), (0.95, 1.0), "the true loss of 0.900 s is not in 0.950..1.000 s"),
        (("a", "b"), (0.1, 0.8), "the true loss of 0.900 s is not in 0.100..0.800 s"),
    ],
)
def test_what_does_not_agree_is_told(
    lost: tuple[str, ...], interval: tuple[float, float], why: str, tmp_path: Path
) -> None:
    found = compared(drill(tmp_path, *lost, interval=interval))
    assert why in found.wrong
    assert "WRONG" in told(found, 1)


def test_rows_that_were_taken_after_the_site_was_seen_to_go_lengthen_the_loss() -> None:
    assert msgspec.structs.replace(TRUTH, site_lost_s=100.2).loss_s == pytest.approx(0.5)


def test_a_red_drill_and_one_that_lost_nothing_show_nothing(tmp_path: Path) -> None:
    nothing = Truth(lost={}, site_lost_s=100.0)
    found = compared(drill(tmp_path, interval=(0.0, 0.1)), nothing, code=11)
    assert found.wrong == ("exit code 11", "nothing was lost, so nothing was shown")


def test_a_drill_that_has_to_miss_its_rpo_is_wrong_where_it_does_not(tmp_path: Path) -> None:
    folder = drill(tmp_path, "a", "b")
    assert compare(1, 10, folder, TRUTH, 1.0, ends=10).wrong == ()
    assert compare(1, 0, folder, TRUTH, 1.0, ends=10).wrong == ("exit code 0",)
