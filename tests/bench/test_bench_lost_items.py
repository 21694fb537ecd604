"""The comparison with the lab's log and tables: a key too many or too few, and a wrong class or version, are told."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.lost_items import LOST, OTHER, Compared, Truth, compare, fates, told

KEYS = {"late": True, "clash": False, "untold": True}
TRUTH = Truth(arrived=KEYS, versions={key: {LOST: 2, OTHER: 2} for key in KEYS})
CLASH = {"key": "clash", "earlier": 2, "earlier_region": LOST, "later": 3, "later_region": OTHER, "stands": 3}


def drill(folder: Path, classes: dict[str, str] | None = None, clash: dict[str, Any] | None = None) -> Path:
    """The evidence of a drill: a client was told of all but `untold`, whose last answer never came."""
    by = {"served_by": {"region": LOST}}
    history: list[dict[str, Any]] = [{"vantage": "client"}]
    history += [{"kind": "write", "outcome": "ok", "key": key, **by} for key in ("late", "clash", "other", "untold")]
    history += [{"kind": "update", "outcome": "in-doubt", "key": "untold", **by}]
    (folder / "history-client.jsonl").write_text("\n".join(map(json.dumps, history)))
    given = {"late": "late"} if classes is None else classes
    rows = ["key,class", *(f"{key},{found}" for key, found in given.items()), "untold,in-doubt recovered"]
    (folder / "losses.csv").write_text("\n".join(rows))
    (folder / "verdict.json").write_text(json.dumps({"conflicts": [CLASH | (clash or {})]}))
    return folder


def compared(folder: Path, truth: Truth = TRUTH) -> Compared:
    return compare(Compared(number=1, exit=0), folder, truth)


def test_each_key_is_right(tmp_path: Path) -> None:
    found = compared(drill(tmp_path))
    assert (found.wrong, found.called, found.conflicts, found.true, found.unacknowledged) == ((), 1, 1, 2, 1)
    assert told(found, 1).startswith("[1/1] right  1 called gone and 1 in conflict of 2")


@pytest.mark.parametrize(
    ("classes", "clash", "why"),
    [
        ({}, {}, "not called gone, and in no conflict: late"),
        ({"late": "late", "other": "late"}, {}, "called late, and is not: other"),
        ({"late": "lost"}, {}, "called lost, and the log says otherwise: late"),
        ({"late": "late"}, {"stands": 2}, "version 2 is said to stand, and does not: clash"),
        ({"late": "late"}, {"stands": None}, "which version stands is not said: clash"),
        ({"late": "late"}, {"earlier_region": OTHER}, "not called gone, and in no conflict: clash"),
    ],
)
def test_what_does_not_agree_is_told(classes: dict[str, str], clash: dict[str, Any], why: str, tmp_path: Path) -> None:
    assert why in compared(drill(tmp_path, classes, clash)).wrong


def test_replicas_that_differ_and_a_drill_that_showed_nothing_are_wrong(tmp_path: Path) -> None:
    apart = msgspec.structs.replace(TRUTH, versions={"late": {LOST: 2, OTHER: 0}})
    assert compared(drill(tmp_path), apart).wrong == (f"the replicas differ at late: {{'{LOST}': 2, '{OTHER}': 0}}",)
    nothing = compared(drill(tmp_path, {}), Truth(arrived={}, versions={}))
    assert nothing.wrong[-1] == "nothing was on its way, so nothing was shown"


def test_the_log_gives_the_fate_of_the_last_write_of_a_key() -> None:
    def line(event: str, key: str, way: str = f"{LOST} -> {OTHER}") -> dict[str, str]:
        return {"event": event, "subject": f"orders-aa {key}", "detail": f"{way}, written at 1 ns"}

    log = [line("write not replicated", key) for key in ("a", "b", "c")]
    log += [line("write not replicated", "d", f"{OTHER} -> {LOST}"), {"event": "x", "subject": "y", "detail": ""}]
    log += [line("late write discarded", "a"), line("late write replicated", "a"), line("late write discarded", "b")]
    assert fates(log) == {"a": True, "b": False, "c": None}
