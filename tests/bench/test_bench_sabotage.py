"""The frame around the sabotages: each can be made, and one that is not caught for its own reason is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.sabotage import Ran, broken, judged, told
from bench.sabotages import SABOTAGES, Sabotage
from drills.test_random_faults import CHOICES
from fixtures.chaos_draw import draw, words_of
from fixtures.workload import load

ONE = Sabotage(name="one", drill="drills/x.py", check="data loss", says="were lost")


def verdict(check: str = "data loss", says: str = "3 writes were lost.", **changes: Any) -> dict[str, Any]:
    finding = {"check": check, "verdict": "fail", "says": says}
    return {"verdict": "fail", "undo": "clean", "findings": [finding], **changes}


def ran(code: int, *verdicts: dict[str, Any], printed: str = "", left: tuple[str, ...] = ()) -> Ran:
    return Ran(code, verdicts, printed, left, 1.0)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name)
def test_each_breaks_one_thing_in_a_workload_that_can_still_be_read(sabotage: Sabotage, tmp_path: Path) -> None:
    workload = broken(sabotage, tmp_path / "workload")
    assert load(workload).name == load(sabotage.workload).name
    assert (Path(__file__).parents[2] / sabotage.drill.partition("::")[0]).exists()


def test_a_text_that_is_not_there_once_is_an_error(tmp_path: Path) -> None:
    for text in ("nothing like that", "timeout = "):
        with pytest.raises(ValueError, match="should have once"):
            broken(msgspec.structs.replace(ONE, changes={text: ""}), tmp_path / text[:7])
        with pytest.raises(ValueError, match="should have once"):
            broken(msgspec.structs.replace(ONE, recovery={text: ""}), tmp_path / f"recovery {text[:7]}")
        with pytest.raises(ValueError, match="should have once"):
            broken(msgspec.structs.replace(ONE, primary={text: ""}), tmp_path / f"primary {text[:7]}")


def test_red_by_its_own_name_is_caught() -> None:
    found = judged(ONE, ran(10, verdict()))
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
    found = judged(ONE, ran(code, verdict(**changes), left=left))
    assert why in "; ".join(found.wrong)
    assert told(found).startswith("NOT CAUGHT")


def test_the_counterpart_of_one_has_to_pass_by_its_own_name() -> None:
    sound = msgspec.structs.replace(ONE, sound=True)
    good = {
        "verdict": "pass",
        "undo": "clean",
        "findings": [{"check": "data loss", "verdict": "pass", "says": "0 were lost"}],
    }
    found = judged(sound, ran(0, good))
    assert (found.wrong, told(found)[:10]) == ((), "sound  one")
    assert judged(sound, ran(10, verdict())).wrong


def test_of_several_drills_the_one_that_is_meant_has_to_be_red() -> None:
    second = msgspec.structs.replace(ONE, of={"place": "2"}, prints="shortest: 2.")
    good = verdict(verdict="pass", findings=[], parameters={"place": "1"})
    bad = verdict(parameters={"place": "2", "seed": "0"})
    found = judged(second, ran(10, good, bad, printed="shortest: 2. it"))
    assert (found.wrong, found.verdict) == ((), "fail")
    other = verdict(parameters={"place": "1"})
    assert "does not say" in judged(second, ran(10, other, printed="shortest: 2.")).wrong[0]
    assert "does not print" in judged(second, ran(10, good, bad)).wrong[0]
    dirty = good | {"undo": "dirty"}
    assert judged(second, ran(10, dirty, bad, printed="shortest: 2.")).wrong == ("not everything was put back",)


def test_a_run_without_a_verdict_is_not_caught() -> None:
    assert "not everything was put back" in judged(ONE, ran(-1)).wrong


@pytest.mark.parametrize("sabotage", [one for one in SABOTAGES if "--chaos-seed" in one.arguments])
def test_the_seed_draws_the_fault_that_has_to_be_red(sabotage: Sabotage) -> None:
    workload, seed = load(sabotage.workload), int(sabotage.arguments[sabotage.arguments.index("--chaos-seed") + 1])
    aims, place = [len(choice.faults(workload)) for choice in CHOICES], int(sabotage.of["place"])
    names = [words_of(CHOICES[one.choice].faults(workload)[one.aim]) for one in draw(seed, aims, place)]
    assert names[-1] == sabotage.of["fault"]
    assert names[-1] not in names[:-1]
    assert f"{place}. {names[-1]}" in sabotage.prints
