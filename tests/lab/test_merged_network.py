"""One network of all parts' shares: what is handed in is what the fabric gets, wholly, and only if it is new."""

import threading
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.errors import LabError
from fixtures.lab.cloud.network import MergedNetwork
from fixtures.lab.cloud.world import World
from fixtures.lab.fabric.client import Fabric
from fixtures.lab.fabric.state import Closed, FabricState, Host, Link, Name, Route


class Recorder:
    """In place of the fabric's process: keeps what it is told, and gives a listener for each route."""

    def __init__(self) -> None:
        self.states: list[FabricState] = []
        self.refuses = False
        self.lock = threading.RLock()
        self.held: list[bool] = []

    def apply(self, state: FabricState) -> dict[str, str]:
        other = threading.Thread(target=self._look)
        other.start()
        other.join()
        if self.refuses:
            raise LabError("the fabric does not take this state")
        self.states.append(state)
        return {f"{r.source} {r.destination}": "127.0.0.1:1" for r in state.routes}

    def _look(self) -> None:
        """Whether the lock is held, as another thread sees it."""
        free = self.lock.acquire(blocking=False)
        if free:
            self.lock.release()
        self.held.append(not free)


def share(number: int, **more: list[str]) -> FabricState:
    ways = (("client", "shop:80"), ("route53", f"10.{number}.0.10:80"))
    return FabricState(
        hosts=[Host(address=f"10.{number}.1.4", zone=f"zone-{number}", ports={8080: "127.0.0.1:20000"})],
        names=[Name(name=f"site-{number}", addresses=[f"10.{number}.0.10"], ttl=1)],
        routes=[Route(source=s, destination=d) for s, d in ways],
        links=[Link(source=f"zone-{number}", destination="client", delay_ms=number)],
        isolated=more.get("isolated", []),
        closed=[Closed(source="client", address=f"10.{number}.1.4", port=8080)],
    )  # fmt: skip


def made(recorder: Recorder) -> tuple[MergedNetwork, list[World]]:
    worlds = cast("list[World]", [SimpleNamespace(listeners={}), SimpleNamespace(listeners={})])

    def resolve(given: list[Name]) -> list[Name]:
        return [*given, Name(name="shop", addresses=given[-1].addresses, ttl=1)]

    return MergedNetwork(cast("Fabric", recorder), worlds, recorder.lock, resolve), worlds


def test_all_shares_are_one_network() -> None:
    recorder = Recorder()
    network, worlds = made(recorder)
    network.hand_in("one", share(1, isolated=["b", "a"]))
    network.hand_in("two", share(2, isolated=["b"]))
    assert recorder.states == [], "nothing changes until it is applied"
    network.apply()
    (state,) = recorder.states
    assert [h.address for h in state.hosts] == ["10.1.1.4", "10.2.1.4"]
    assert [c.address for c in state.closed] == ["10.1.1.4", "10.2.1.4"]
    assert [(n.name, n.addresses) for n in state.names] == [
        ("site-1", ["10.1.0.10"]), ("site-2", ["10.2.0.10"]), ("shop", ["10.2.0.10"]),
    ]  # fmt: skip
    # the way that both want is there once, and so is that of whoever runs the drill, though nobody asked for it
    ways = [f"{r.source} {r.destination}" for r in state.routes]
    assert ways == ["client control.lab:80", "client shop:80", "route53 10.1.0.10:80", "route53 10.2.0.10:80"]
    assert [link.delay_ms for link in state.links] == [1, 2]
    assert state.isolated == ["a", "b"]
    assert [world.listeners for world in worlds] == [dict.fromkeys(ways, "127.0.0.1:1")] * 2
    assert recorder.held == [False], "the fabric may take its time: moto's lock is free meanwhile"


def test_a_share_replaces_its_predecessor_and_no_others() -> None:
    recorder = Recorder()
    network, _ = made(recorder)
    network.hand_in("one", share(1, isolated=["a"]))
    network.hand_in("two", share(2))
    network.apply()
    network.hand_in("one", share(1))
    network.apply()
    assert [state.isolated for state in recorder.states] == [["a"], []]
    assert [h.address for h in recorder.states[-1].hosts] == ["10.1.1.4", "10.2.1.4"]


def test_the_fabric_is_told_of_changes_only_and_again_after_a_failure() -> None:
    recorder = Recorder()
    network, worlds = made(recorder)
    network.hand_in("one", share(1))
    network.apply()
    network.hand_in("one", share(1))
    network.apply()
    assert len(recorder.states) == 1
    network.hand_in("one", share(2))
    recorder.refuses = True
    before = dict(worlds[0].listeners)
    with pytest.raises(LabError):
        network.apply()
    assert worlds[0].listeners == before
    recorder.refuses = False
    network.apply()
    assert len(recorder.states) == 2
    assert "route53 10.2.0.10:80" in worlds[1].listeners


def test_whoever_follows_a_broken_record_gets_no_answer() -> None:
    recorder = Recorder()
    network, _ = made(recorder)
    network.hand_in("one", FabricState(names=[Name(name="shop.test", addresses=["192.0.2.1"], ttl=1)]))
    network.apply()
    ways = {f"{r.source} {r.destination}" for r in recorder.states[0].routes}
    assert ways == {"client control.lab:80", "client 192.0.2.1:80", "client 192.0.2.1:443"}
