"""Every class of loss on the scripted rig: none is missed, none invented, none misfiled."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bench.rig.cases import QUICK, loss_case
from bench.rig.drilling import drill
from bench.rig.fates import Fates, fates

SEED = 20_261_123
# On a busy machine nothing may be answered in the moments that a script is about. What is judged wrongly is no luck.
TURNS = 3
# What each has to show; "many" plays the losses side by side whose writes do not meet.
WANTED = {
    "many": {
        "lost", "late", "duplicated", "corrupt", "unexpected", "in-doubt recovered", "in-doubt vanished", "phantom",
    },
    "old primary": {"lost"},
    "rewind": {"lost"},
    "rolled back": {"rolled back"},
    "resurrected": {"resurrected"},
    "corrupt": {"corrupt"},
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Fates]]]:
    """All of them side by side."""
    folder = tmp_path_factory.mktemp("rig")

    def play(name: str) -> Fates:
        for turn in range(TURNS):
            found = fates(drill(loss_case(name, SEED, QUICK), folder / f"{name}-{turn}"), SEED)
            if found.wrong or set(found.classes) >= WANTED[name]:
                break
        return found

    with ThreadPoolExecutor(len(WANTED)) as side_by_side:
        yield {name: side_by_side.submit(play, name) for name in WANTED}


@pytest.mark.parametrize("name", WANTED)
def test_each_write_is_in_its_class(judged: dict[str, Future[Fates]], name: str) -> None:
    found = judged[name].result()
    assert found.wrong == (), f"seed {SEED}: {found.classes}"
    assert set(found.classes) >= WANTED[name], "the script did what this is about"
