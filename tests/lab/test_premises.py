"""The lab's site on premises, with servers that only tell what is done to them: in which order, and what is silent."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures import lab
from fixtures.errors import LabError
from fixtures.lab import operate
from fixtures.lab.cloud import premises
from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.network import MergedNetwork
from fixtures.lab.cloud.premises import Premises
from fixtures.lab.cloud.premises_switch import Switch
from fixtures.lab.cloud.world import World
from fixtures.lab.fabric.state import FabricState, Host
from fixtures.lab.handle import Lab
from fixtures.lab.machines import volume
from fixtures.lab.machines.postgres import Progress
from fixtures.lab.premises import SWITCH, Answer, PremisesSpec, switch
from fixtures.lab.processes import identity_of

SPEC = PremisesSpec(
    site="cellar", machines={"m1": "203.0.113.10"}, database="db.cellar:5432", replica="eu-central-1",
    replica_name="db.away:5432", environment={"AGE_S": "2"},
)  # fmt: skip
END = "0/2000028"


class Server:
    """In place of a PostgreSQL; `said` is what was done to all of them, in order."""

    def __init__(self, folder: Path, _log: Path) -> None:
        self.volume, self.alive, self.follows = folder, False, False
        self.position, self.clean = END[:-2] + "80", True
        self.said = said_of(folder.parent)
        self.name = "away" if "follower" in folder.name else "home"

    def _do(self, what: str) -> None:
        self.said.append(f"{self.name} {what}")

    def create(self) -> None:
        self.volume.mkdir()

    def copy_from(self, _address: str) -> None:
        self._do("is copied")
        self.volume.mkdir()

    def start(self, _port: int, *, follow: str = "", lag_s: float = 0.0) -> None:
        assert self.volume.exists()
        assert not self.alive
        self.alive, self.follows = True, bool(follow)
        self._do(f"follows, {lag_s:g} s late" if follow else "writes")

    def promote(self) -> None:
        assert self.alive
        assert self.follows
        self.follows = False
        self._do("is promoted")

    def shut_down(self, _timeout_s: float) -> bool:
        self._do("ends")
        self.alive = False
        return self.clean

    def kill(self) -> None:
        if self.alive:
            self._do("is killed")
        self.alive = False

    def progress(self) -> Progress | None:
        return Progress(self.position, self.follows) if self.alive else None


class Process:
    """In place of one of the workload's processes."""

    def __init__(self, _command: Any, env: dict[str, str], port: int, log: Path) -> None:
        self.env, self.port, self.alive, self.said = env, port, False, said_of(log.parent)

    def start(self) -> None:
        self.alive = True

    def kill(self) -> None:
        self.said.append("machine is killed")
        self.alive = False


SAID: dict[Path, list[str]] = {}


def said_of(folder: Path) -> list[str]:
    return SAID.setdefault(folder, [])


class Network:
    """Keeps what the site hands in; what is said when it is applied, too."""

    def __init__(self, world: Any, said: list[str]) -> None:
        self.world, self.said, self.states = world, said, list[FabricState]()
        self._handed = FabricState()

    def hand_in(self, _part: str, share: FabricState) -> None:
        self._handed = share

    def apply(self) -> None:
        before = self.states[-1] if self.states else FabricState()
        self.states.append(self._handed)
        if before.hosts and all(h.up for h in before.hosts) and not all(h.up for h in self._handed.hosts):
            self.said.append("silence")
        self.world.listeners = {f"{r.source} {r.destination}": "127.0.0.1:1" for r in self._handed.routes}

    def host(self, address: str) -> Host:
        return next(host for host in self.states[-1].hosts if host.address == address)

    @property
    def delay_ms(self) -> dict[str, float]:
        return {f"{link.source} {link.destination}": link.delay_ms for link in self.states[-1].links}


class Scene:
    """A site that is up."""

    def __init__(self, folder: Path) -> None:
        world = SimpleNamespace(
            settings={"premises_lag_s": 1.5}, directory=folder, lost=False, lock=threading.RLock(), listeners={},
            region=Region(1, "eu-central-1", ("eu-central-1a", "eu-central-1b")),
            environment={"AWS_ACCESS_KEY_ID": "lab", "PATH": "p"}, spec=SimpleNamespace(command=("serve",)),
            truth=SimpleNamespace(log=lambda *_: None),
        )  # fmt: skip
        world.listener = lambda source, to: world.listeners.get(f"{source} {to}")
        self.said = said_of(folder)
        self.network = Network(world, self.said)
        self.site = Premises(cast("World", world), cast("MergedNetwork", self.network), SPEC)
        self.site._bring_up()
        assert self.site.missing() == ""

    @property
    def machine(self) -> Any:
        return self.site._machines["m1"]

    @property
    def home(self) -> Any:
        return self.site.home.postgres

    @property
    def away(self) -> Any:
        return self.site.away.postgres

    def since(self, *actions: lab.Action) -> list[str]:
        self.said.clear()
        for action in actions:
            assert self.site.do(action) == Answer()
        return list(self.said)

    def holds(self, action: lab.Action) -> bool | None:
        return self.site.do(action).holds


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(premises, "Postgres", Server)
    monkeypatch.setattr(premises, "Instance", Process)
    monkeypatch.setattr(premises, "prepare_template", lambda: None)
    monkeypatch.setattr(volume, "last_checkpoint", lambda _template, _volume: (True, END))
    monkeypatch.setattr(premises, "DRAIN_S", 0.0)
    made = Scene(tmp_path)
    yield made
    made.site.end()
    SAID.pop(tmp_path)


def test_it_comes_up_with_no_aws_around_it(scene: Scene) -> None:
    told = scene.machine.env
    assert (told["AVAILABILITY_ZONE"], told["INSTANCE_ID"], told["AGE_S"], told["PATH"]) == ("cellar", "m1", "2", "p")
    assert not [name for name in told if name.startswith("AWS_")]
    assert "127.0.0.1:1" in told["DATABASE_URL"]
    assert scene.said == ["home writes", "away is copied", "away follows, 1.5 s late"]
    assert scene.network.delay_ms == {"cellar eu-central-1a": 1500.0}
    assert scene.network.host("203.0.113.10").ports.keys() == {80, 8080}


def test_without_power_all_is_silent_before_anything_is_killed(scene: Scene) -> None:
    assert scene.since("off", "off") == ["silence", "machine is killed", "home is killed"]
    assert scene.holds("is-off") is True
    assert [h.up for h in scene.network.states[-1].hosts] == [False, False, True]
    assert scene.since("on", "on") == ["home writes"]
    assert (scene.holds("is-off"), scene.machine.alive) == (False, True)


def test_what_is_promoted_fences_the_other_until_it_is_handed_back(scene: Scene) -> None:
    scene.since("off")
    assert scene.since("promote", "promote") == ["away is promoted"]
    assert scene.holds("is-promoted") is True
    assert scene.since("on") == [], "its database stays down: there is another that takes writes"
    assert scene.network.host(premises.DATABASE_ADDRESS).ports == {}
    assert scene.since("hand-back", "hand-back") == [
        "home is copied", "home follows, 1.5 s late", "away ends", "home is promoted", "away follows, 1.5 s late",
    ]  # fmt: skip
    assert (scene.holds("is-promoted"), scene.site.writer) == (False, scene.site.home)
    assert scene.network.delay_ms == {"cellar eu-central-1a": 1500.0}


def test_promoted_while_the_site_has_power_its_database_is_ended(scene: Scene) -> None:
    assert scene.since("promote") == ["home is killed", "away is promoted"]


def test_handed_over_and_back_in_order_nothing_is_copied(scene: Scene) -> None:
    assert scene.since("hand-over") == ["home ends", "away is promoted", "home follows, 1.5 s late"]
    assert scene.network.delay_ms == {"eu-central-1a cellar": 1500.0}
    assert scene.since("off", "on") == ["silence", "machine is killed", "home is killed", "home follows, 1.5 s late"]
    assert scene.since("hand-back") == ["away ends", "home is promoted", "away follows, 1.5 s late"]


@pytest.mark.parametrize("what", ["behind", "not clean"])
def test_who_did_not_get_all_gets_nothing(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(premises, "until", lambda done, *_, **__: done())
    scene.away.position, scene.home.clean = ("0/1" if what == "behind" else END), what != "not clean"
    with pytest.raises(LabError, match=r"did not get all that db\.cellar:5432 has; nothing was handed over"):
        scene.site.do("hand-over")
    assert (scene.holds("is-promoted"), scene.home.alive, scene.home.follows) == (False, True, False)
    assert scene.network.host(premises.DATABASE_ADDRESS).ports.keys() == {5432}


def test_what_cannot_be_done_is_said(scene: Scene) -> None:
    scene.since("off")
    with pytest.raises(LabError, match="The site cellar has no power"):
        scene.site.do("hand-over")
    scene.away.alive = False
    with pytest.raises(LabError, match="cannot be promoted"):
        scene.site.do("promote")
    assert scene.holds("is-promoted") is False


def test_a_command_that_does_not_stay_up_is_the_workload_files(scene: Scene) -> None:
    scene.machine.alive = False
    with pytest.raises(LabError, match=r"command ended on machine m1. Correct \[lab\] command"):
        scene.site.missing()


# --- the switch ------------------------------------------------------------------------------------------------------


def test_the_switch_takes_an_order_and_says_how_it_went() -> None:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has to be short
        takes_orders(Path(folder))


def takes_orders(folder: Path) -> None:
    asked: list[str] = []

    def do(action: lab.Action) -> Answer:
        asked.append(action)
        if action == "promote":
            raise LabError("it does not run")
        return Answer(holds=True) if action == "is-off" else Answer()

    taking = Switch(folder, do)
    taking.start()
    try:
        assert (folder / SWITCH).stat().st_mode & 0o777 == 0o600
        assert (switch(folder, "off"), switch(folder, "is-off")) == (None, True)
        with pytest.raises(LabError, match=r"^it does not run$"):
            switch(folder, "promote")
    finally:
        taking.end()
    assert asked == ["off", "is-off", "promote"]
    with pytest.raises(LabError, match="does not answer"):
        switch(folder, "off")


def test_of_several_labs_the_callers_own_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = (
        Lab(id=name, directory=tmp_path / name, endpoint_url="", resolver="", dial_map=tmp_path, settings={}, pid=0,
            workload="orders-hybrid")
        for name in ("mine", "other")
    )  # fmt: skip
    owners = {"mine": identity_of(os.getppid()), "other": None}
    running = [mine, other, replace(mine, id="third", workload="orders")]
    done: list[tuple[Path, str]] = []
    module = sys.modules["fixtures.lab.operate"]  # the package gives the function of that name
    monkeypatch.setattr(module, "running", lambda: running)
    monkeypatch.setattr(module, "owner_of", lambda one: owners[one.id])
    monkeypatch.setattr(module, "switch", lambda folder, action: done.append((folder, action)))
    operate("orders-hybrid", "off")
    assert done == [(tmp_path / "mine", "off")]
    owners["mine"] = None
    with pytest.raises(LabError, match=r"One lab of workload orders-hybrid has to run, and these do: mine, other\."):
        operate("orders-hybrid", "off")


def test_a_site_that_has_ended_with_its_lab_is_put_back_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["fixtures.lab.operate"], "running", list)
    assert [operate("orders-hybrid", action) for action in ("is-off", "is-promoted", "on", "hand-back")] == [
        False, False, None, None,
    ]  # fmt: skip
    for action in ("off", "promote", "hand-over"):
        with pytest.raises(LabError, match="these do: none"):
            operate("orders-hybrid", action)
