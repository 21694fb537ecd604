"""The frame around the sabotages: each can be made, and one that is not caught for its own reason is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.sabotage import broken, judged, told
from bench.sabotages import SABOTAGES, Sabotage
from fixtures.workload import load

ONE = Sabotage(name="one", drill="drills/x.py", check="data loss", says="were lost")


def verdict(check: str = "data loss", says: str = "3 writes were lost.", **changes: Any) -> dict[str, Any]:
    finding = {"check": check, "verdict": "fail", "says": says}
    return {"verdict": "fail", "undo": "clean", "findings": [finding], **changes}


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name)
def test_each_breaks_one_thing_in_a_workload_that_can_still_be_read(sabotage: Sabotage, tmp_path: Path) -> None:
    workload = broken(sabotage, tmp_path / "workload")
    assert load(workload).name == sabotage.workload.stem
    assert (Path(__file__).parents[2] / sabotage.drill.partition("::")[0]).exists()


def test_a_text_that_is_not_there_once_is_an_error(tmp_path: Path) -> None:
    for text in ("nothing like that", "timeout = "):
        with pytest.raises(ValueError, match="should have once"):
            broken(msgspec.structs.replace(ONE, changes={text: ""}), tmp_path / text[:7])
        with pytest.raises(ValueError, match="should have once"):
            broken(msgspec.structs.replace(ONE, recovery={text: ""}), tmp_path / f"recovery {text[:7]}")


def test_red_by_its_own_name_is_caught() -> None:
    found = judged(ONE, 10, verdict(), (), 1.0)
    assert (found.wrong, found.said) == ((), "3 writes were lost.")
    assert told(found).startswith("red  one")


@pytest.mark.parametrize(
    ("code", "changes", "left", "why"),
    [
        (0, {}, (), "exit code 0"),
        (10, {"check": "recovery time"}, (), "recovery time: 3 writes were lost."),
        (10, {"says": "something else"}, (), "does not say 'were lost'"),
        (10, {"findings": []}, (), "What failed: nothing"),
        (10, {"undo": "dirty"}, (), "not everything was put back"),
        (10, {}, ("left process 7",), "left process 7"),
    ],
)
def test_green_or_red_for_another_reason_is_not_caught(
    code: int, changes: dict[str, Any], left: tuple[str, ...], why: str
) -> None:
    found = judged(ONE, code, verdict(**changes), left, 1.0)
    assert why in "; ".join(found.wrong)
    assert told(found).startswith("NOT CAUGHT")


def test_the_counterpart_of_one_has_to_pass_by_its_own_name() -> None:
    sound = msgspec.structs.replace(ONE, sound=True)
    good = {
        "verdict": "pass",
        "undo": "clean",
        "findings": [{"check": "data loss", "verdict": "pass", "says": "0 were lost"}],
    }
    found = judged(sound, 0, good, (), 1.0)
    assert (found.wrong, told(found)[:10]) == ((), "sound  one")
    assert judged(sound, 10, verdict(), (), 1.0).wrong
