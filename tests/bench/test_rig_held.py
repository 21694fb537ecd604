"""Holding a verdict against the truth finds a wrong one: the same drill beside truths that are not its own."""

from pathlib import Path

import msgspec
import pytest

from bench.rig.cases import QUICK, loss_case
from bench.rig.drilling import NS_PER_S, Drilled, drill
from bench.rig.fates import Fates, fates
from bench.rig.held import Held, held
from bench.rig.machine import held_up
from bench.rig.truth import Change
from bench.rigged import Failed, Rigged, play, shown, wrong
from reports import folder as evidence

SEED = 7


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    """One that the machine did not hold up: of that nothing is passed or failed, falsely or not."""
    for _ in range(10):
        drilled = drill(loss_case("duplicated", SEED, QUICK), tmp_path_factory.mktemp("rig") / "drill")
        sound = not held_up(drilled) and evidence.judge(drilled.folder).recovery_time.verdict != "invalid"
        if sound and held(drilled, SEED).decided:  # a gap in the asking at an edge leaves every objective open
            return drilled
    raise AssertionError("held up ten times")


def moved(drilled: Drilled, begin_s: float, end_s: float) -> Drilled:
    """The same drill, had the outage begun and ended so much later."""
    begin_ns, end_ns = round(begin_s * NS_PER_S), round(end_s * NS_PER_S)
    down = tuple(
        msgspec.structs.replace(
            d,
            begin_ns=d.begin_ns + begin_ns,
            begun_ns=d.begun_ns + begin_ns,
            end_ns=(d.end_ns or 0) + end_ns,
            ended_ns=(d.ended_ns or 0) + end_ns,
        )
        for d in drilled.truth.down
    )
    return msgspec.structs.replace(drilled, truth=msgspec.structs.replace(drilled.truth, down=down))


def with_state(drilled: Drilled, key: str, **changes: object) -> Drilled:
    """The same drill, had the key's last state been another."""
    states = drilled.truth.keys[key]
    last = msgspec.structs.replace(states[-1], **changes)
    keys = drilled.truth.keys | {key: (*states[:-1], last)}
    return msgspec.structs.replace(drilled, truth=msgspec.structs.replace(drilled.truth, keys=keys))


def any_key(drilled: Drilled, *, effects: int) -> str:
    """An early key with a state that is sound and took effect so often."""
    begun = drilled.truth.zero_ns + round(0.9 * NS_PER_S)
    return next(
        w.key
        for w in drilled.truth.written
        if w.acknowledged and w.arrived_ns < begun and drilled.truth.keys[w.key][-1].effects == effects
    )


def test_its_own_truth_contradicts_nothing(drilled: Drilled) -> None:
    found = held(drilled, SEED)
    assert found.contained
    assert found.asked == 10
    assert fates(drilled, SEED).wrong == ()


@pytest.mark.parametrize(
    ("begin_s", "end_s", "says"),
    [
        (1.0, 1.0, "the impact is"),
        (-1.0, -1.0, "stable"),
        (-1.0, 1.0, "at most"),
        (0.15, -0.15, "at least"),
        (-1.0, 1.0, "a false PASS"),
        (0.15, -0.15, "a false FAIL"),
    ],
)
def test_another_outage_is_contradicted(drilled: Drilled, begin_s: float, end_s: float, says: str) -> None:
    found = held(moved(drilled, begin_s, end_s), SEED)
    assert any(says in one for one in (*found.wrong, *found.wrong_for_sure)), found
    sure = msgspec.structs.replace(found, void="")
    assert wrong(Rigged(seed=SEED, outages=[sure] * 40, losses=[]))


@pytest.mark.parametrize(
    ("effects", "changes", "said"),
    [
        (1, {"version": None}, "is lost, and judged None"),
        (1, {"version": 0}, "is rolled back, and judged None"),
        (1, {"sound": False}, "is corrupt, and judged None"),
        (1, {"effects": 2}, "is duplicated, and judged None"),
        (2, {"effects": 1}, "is None, and judged duplicated"),
    ],
)
def test_another_fate_is_contradicted(drilled: Drilled, effects: int, changes: dict[str, object], said: str) -> None:
    other = with_state(drilled, any_key(drilled, effects=effects), **changes)
    found = fates(other, SEED)
    assert any(said in one for one in found.wrong), found.wrong
    told = [f"{found.mode}, seed {SEED}: {one}" for one in found.wrong]
    assert wrong(Rigged(seed=SEED, outages=[], losses=[found])) == told


def test_what_nobody_sent_and_what_was_never_done_is_contradicted(drilled: Drilled) -> None:
    keys = drilled.truth.keys | {"rig-stranger": (Change(0, 1),)}
    stranger = msgspec.structs.replace(drilled, truth=msgspec.structs.replace(drilled.truth, keys=keys))
    assert any("unexpected" in one for one in fates(stranger, SEED).wrong)
    nothing = msgspec.structs.replace(drilled, truth=msgspec.structs.replace(drilled.truth, written=()))
    assert any("the rig did not do it" in one for one in fates(nothing, SEED).wrong)


def outage(**changes: object) -> Held:
    one = Held(
        mode="503", seed=3, certain=True, truth_s=(1.0, 1.0), measured_s=(0.9, 1.1), width_s=0.2,
        planned_s=0.1, allowed_s=0.2, decided=5, asked=10, wrong=(), wrong_for_sure=(),
    )  # fmt: skip
    return msgspec.structs.replace(one, **changes)


def test_one_of_twenty_may_be_wrong_where_95_are_said_and_none_where_certain() -> None:
    lucky = [outage(certain=False, mode="partial")] * 19
    unlucky = outage(certain=False, mode="partial", wrong=("too short",))
    assert wrong(Rigged(seed=1, outages=[*lucky, unlucky], losses=[])) == []
    (said,) = wrong(Rigged(seed=1, outages=[*lucky, unlucky, unlucky], losses=[]))
    assert said.startswith("2 of 21 intervals that say 95% are wrong: partial, seed 3: too short")
    assert wrong(Rigged(seed=1, outages=[outage(wrong_for_sure=("too long",))], losses=[])) == ["503, seed 3: too long"]


def test_a_case_that_comes_to_no_end_is_told_and_leaves_what_it_has(tmp_path: Path) -> None:
    def judged(_drilled: Drilled, _seed: int) -> Held:
        raise RuntimeError("nothing came of it")

    def folder(*_: object, **__: object) -> str:
        return str(tmp_path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.rigged.drill", lambda case, _folder: case)
        patch.setattr("tempfile.mkdtemp", folder)
        failed = play(loss_case("tail", 9), 9, judged)
    assert isinstance(failed, Failed)
    (said,) = wrong(Rigged(seed=9, outages=[], losses=[], failed=[failed]))
    assert said.startswith("loss: tail, seed 9: RuntimeError: nothing came of it")
    assert tmp_path.exists()


def test_a_drill_that_the_machine_held_up_is_void_and_few_may_be() -> None:
    void = outage(wrong_for_sure=("too long",), void="control 3 was 2.000 s late")
    assert wrong(Rigged(seed=1, outages=[outage()] * 4 + [void], losses=[])) == []
    (said,) = wrong(Rigged(seed=1, outages=[outage()] * 3 + [void], losses=[]))
    assert said.startswith("the machine held up 1 of 4")


def test_what_the_machine_did_shows(drilled: Drilled) -> None:
    case = msgspec.structs.replace(drilled.case, script=msgspec.structs.replace(drilled.case.script, losses=()))
    plain = msgspec.structs.replace(drilled, case=case)
    never_down = msgspec.structs.replace(plain, truth=msgspec.structs.replace(plain.truth, down=()))
    assert "failed while the rig was up: status 503" in held_up(never_down)
    # Everything that failed had met the outage, so only lateness could be told of the drill as it was.
    assert "failed" not in held_up(plain)


def test_the_table_has_a_row_a_mode_and_one_for_all() -> None:
    lost = Fates(
        mode="loss: tail", seed=1, writes=80, classes={"lost": 3}, wrong=("k is lost",), loss_s=(0.5, None),
        true_loss_s=(0.51, 0.55),
    )  # fmt: skip
    rows = shown(Rigged(seed=1, outages=[outage(), outage(mode="hang", width_s=0.05)], losses=[lost])).splitlines()
    assert [row[:4].strip() for row in rows[1:4]] == ["503", "hang", "all"]
    assert rows[1].endswith("0 of 1    1 of 1")
    assert rows[3].endswith("1 of 2    2 of 2")
    assert "0.500..inf" in rows[-1]
    assert "3 lost" in rows[-1]
