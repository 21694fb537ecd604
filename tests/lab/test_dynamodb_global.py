"""DynamoDB global tables as the lab has them, by botocore's own parsing: late, and the last writer wins."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends

from fixtures.lab.cloud import dynamodb
from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.loop import Broken
from fixtures.lab.cloud.world import ACCOUNT
from fixtures.lab.fabric.state import FabricState
from fixtures.lab.handle import BROKEN
from fixtures.lab.truth import Truth
from tests.lab.dynamodb_lab import (
    AWAY,
    HOME,
    Lab,
    at,
    bridged,
    create,
    enable,
    held,
    put,
    refused,
    restore,
)


@dataclass
class World:
    """What the lab's loop uses of a Region."""

    region: Region
    lock: Any


class Network:
    """The lab's network, as far as it is told."""

    def __init__(self) -> None:
        self.shares: dict[str, FabricState] = {}
        self.applied: list[FabricState] = []

    def hand_in(self, part: str, share: FabricState) -> None:
        self.shares[part] = share

    def apply(self) -> None:
        self.applied += self.shares.values()


@pytest.fixture
def lab() -> Iterator[Lab]:
    with bridged() as lab:
        yield lab


@pytest.fixture
def both(lab: Lab) -> tuple[Any, Any]:
    """A global table that both Regions have."""
    home, away = lab.client(HOME), lab.client(AWAY)
    create(home)
    put(home, "old", "good")
    home.update_table(TableName="orders", ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])
    lab.look(10)
    return home, away


def test_a_replica_is_made_with_what_there_is(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    for client, other in ((home, AWAY), (away, HOME)):
        shown = client.describe_table(TableName="orders")["Table"]
        assert (shown["GlobalTableVersion"], shown["TableStatus"]) == ("2019.11.21", "ACTIVE")
        assert shown["Replicas"] == [{"RegionName": other, "ReplicaStatus": "ACTIVE"}]
    assert held(away) == {"old": "good"}
    home.update_table(TableName="orders", ReplicaUpdates=[{"Delete": {"RegionName": AWAY}}])
    assert "Replicas" not in home.describe_table(TableName="orders")["Table"]
    refused("ResourceNotFoundException", away.describe_table, TableName="orders")
    answer = home.update_table(TableName="orders", ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])
    assert answer["TableDescription"]["Replicas"] == [{"RegionName": AWAY, "ReplicaStatus": "CREATING"}]
    assert away.describe_table(TableName="orders")["Table"]["TableStatus"] == "CREATING"
    assert lab.sites[HOME].events == []


def test_a_write_arrives_after_the_lag_and_not_before(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    put(home, "new", "good")
    home.delete_item(TableName="orders", Key={"key": {"S": "old"}})
    lab.at_s = 10.9
    assert held(away) == {"old": "good"}
    lab.at_s = 11.001
    assert held(away) == held(home) == {"new": "good"}
    put(away, "back", "good")
    lab.at_s = 12.1
    assert held(home) == held(away) == {"new": "good", "back": "good"}
    assert lab.sites[HOME].events == lab.sites[AWAY].events == []


def test_where_the_lab_is_to_drop_changes_each_of_so_many_never_arrives(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    assert lab.tables is not None
    lab.tables._drops = 3
    for number in range(6):
        put(home, f"k{number}", "good")
    lab.look(12)
    assert set(held(home)) - set(held(away)) == {"k2", "k5"}
    assert [event for event, _ in lab.sites[HOME].events] == ["write dropped on its way"] * 2


def test_the_last_writer_wins_in_both_regions(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    put(home, "k", "first")
    lab.at_s = 10.5
    put(away, "k", "second")
    home.delete_item(TableName="orders", Key={"key": {"S": "old"}})
    lab.at_s = 10.6
    put(home, "k2", "first")
    put(away, "k2", "second")
    lab.at_s = 15
    assert held(home) == held(away) == {"k": "second", "k2": "second"}
    assert lab.sites[HOME].events == [("write discarded", "orders k"), ("write discarded", "orders k2")]


def test_a_deletion_is_not_taken_back_by_an_older_write(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    put(home, "k", "older")
    lab.at_s = 10.5
    put(away, "k", "mine")
    away.delete_item(TableName="orders", Key={"key": {"S": "k"}})
    lab.at_s = 20
    assert held(home) == held(away) == {"old": "good"}


def test_what_had_not_arrived_when_a_site_was_lost_is_logged_and_comes_late(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    put(home, "arrived", "good")
    lab.look(10.5)
    put(home, "pending", "good")
    put(home, "outdone", "older")
    lab.at_s = 11.2
    lab.sites[HOME].lost = True
    lab.look(11.2)
    assert lab.sites[HOME].events == [("write not replicated", f"orders {key}") for key in ("pending", "outdone")]
    lab.at_s = 30
    assert held(away) == {"old": "good", "arrived": "good"}
    put(away, "outdone", "newer")
    lab.look(32)
    lab.sites[HOME].lost = False
    lab.look(40)
    assert lab.sites[HOME].events[2:] == []
    lab.look(40.1)
    assert held(home) == held(away) == {"old": "good", "arrived": "good", "pending": "good", "outdone": "newer"}
    late = [("late write replicated", "orders pending"), ("late write discarded", "orders outdone")]
    assert lab.sites[HOME].events[2:] == late
    assert lab.sites[AWAY].events == [("late write replicated", "orders outdone")]


def test_nothing_travels_while_replication_is_paused(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    lab.sites[HOME].replication_paused = True
    lab.look(11)
    put(home, "there", "good")
    put(away, "back", "good")
    lab.look(20)
    assert held(away) == {"old": "good", "back": "good"}
    assert held(home) == {"old": "good", "back": "good", "there": "good"}  # from here on it is paused, not to here
    lab.sites[HOME].replication_paused = False
    lab.look(21)
    lab.look(21.1)
    assert held(away) == held(home)


def test_a_paused_table_neither_sends_nor_gets_anything_and_others_do(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    create(home, "stock")
    home.update_table(TableName="stock", ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])
    lab.look(20)
    lab.sites[HOME].paused_tables = frozenset({"orders"})
    lab.look(20.1)
    put(home, "there", "good")
    put(away, "back", "good")
    put(home, "k", "good", table="stock")
    lab.look(40)
    assert (held(home), held(away)) == ({"old": "good", "there": "good"}, {"old": "good", "back": "good"})
    assert held(away, "stock") == {"k": "good"}
    lab.sites[HOME].paused_tables = frozenset()
    lab.look(50)
    lab.look(50.1)
    assert held(home) == held(away) == {"old": "good", "there": "good", "back": "good"}
    assert {event for event, _ in lab.sites[HOME].events} == {"late write replicated"}


def test_a_replica_keeps_backups_of_its_own(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    enable(away)
    put(home, "k", "good")
    lab.look(12)
    put(home, "k", "bad")
    lab.look(20)
    restore(away, "again", at(12))
    lab.look(30)
    assert held(away, "again") == {"old": "good", "k": "good"}
    assert held(away) == {"old": "good", "k": "bad"}


def test_what_cannot_become_a_replica(lab: Lab, both: tuple[Any, Any]) -> None:
    home, away = both
    call = home.update_table

    def wrong(**updates: Any) -> str:
        return refused("ValidationException", call, TableName="orders", ReplicaUpdates=[updates])

    assert "already existed as tables" in wrong(Create={"RegionName": AWAY})
    wrong(Create={"RegionName": HOME})
    wrong(Create={"RegionName": "us-east-1"})
    wrong(Delete={"RegionName": HOME + "x"})
    wrong(Update={"RegionName": AWAY})
    create(home, "plain", stream=False)
    asks = {"TableName": "plain", "ReplicaUpdates": [{"Create": {"RegionName": AWAY}}]}
    assert "NEW_AND_OLD_IMAGES" in refused("ValidationException", call, **asks)
    refused("ValidationException", call, **asks, MultiRegionConsistency="STRONG")
    away.delete_table(TableName="orders")
    put(home, "k", "good")
    lab.look(20)
    assert held(home) == {"old": "good", "k": "good"}
    assert lab.tables is not None
    assert lab.tables.next_due_ns() is None


def test_the_labs_loop_lets_writes_arrive_and_gives_clients_a_way(
    lab: Lab, both: tuple[Any, Any], tmp_path: Path
) -> None:
    """No request is made meanwhile: the replica's item is looked at where moto keeps it."""
    home, _ = both
    assert lab.tables is not None
    network: Any = Network()
    truth = Truth(tmp_path)
    worlds: Any = [World(Region(number, name, ()), RLock()) for number, name in enumerate((HOME, AWAY), start=1)]
    loop = dynamodb.replication(lab.tables, worlds, network, Broken(tmp_path, truth))
    put(home, "new", "good")
    loop.start()
    try:
        held_there = dynamodb_backends[ACCOUNT][AWAY].tables["orders"].items
        time.sleep(0.05)
        assert len(held_there) == 1
        lab.at_s += 2
        deadline = time.monotonic() + 30
        while len(held_there) < 2 or not network.applied:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        loop.end()
        truth.close()
    assert [(one.name, one.addresses) for one in network.applied[0].names] == [
        ("dynamodb.eu-west-1.amazonaws.com", ["10.1.0.2"]),
        ("dynamodb.eu-central-1.amazonaws.com", ["10.2.0.2"]),
    ]
    assert [one.destination for one in network.applied[0].routes] == ["10.1.0.2:443", "10.2.0.2:443"]
    assert len(network.applied) == 1
    assert not (tmp_path / BROKEN).exists()
