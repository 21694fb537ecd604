"""What becomes of a global database's two clusters, step by step, without any server."""

import threading
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.database_cluster import FENCED, Cluster
from fixtures.lab.cloud.global_database import GlobalDatabase, reaches
from fixtures.lab.cloud.notes import note, noted
from fixtures.lab.cloud.world import World
from fixtures.lab.machines.postgres import Progress
from fixtures.lab.settings import resolve

HOME, AWAY = "eu-west-1", "eu-central-1"
ADDRESS = {f"{HOME}/one": "10.1.0.100", f"{AWAY}/two": "10.2.0.100"}


class Scene:
    """Two clusters of which the second follows the first; their servers are told what to say."""

    def __init__(self, **settings: float) -> None:
        self.truth: list[str] = []
        self.events: list[Any] = []
        truth = SimpleNamespace(log=lambda event, *_: self.truth.append(event))
        given = resolve({"aurora_global_failover_s": 0, **settings})
        lock = threading.RLock()
        regions = (Region(1, HOME, (f"{HOME}a",)), Region(2, AWAY, (f"{AWAY}a",)))
        self.home, self.away = (
            World(cast("Any", None), region, given, Path(), {}, cast("Any", truth), lock) for region in regions
        )
        self.says: Progress | None = Progress("0/10", streaming=True)
        self.one, self.two = self.cluster(self.home, "one"), self.cluster(self.away, "two")
        self.two.role = "replica"
        self.api: Any = SimpleNamespace(status="available", members=[self.member(self.one), self.member(self.two)])
        self.api.members[0].is_writer = True
        worlds = {HOME: self.home, AWAY: self.away}
        self.database = GlobalDatabase("both", worlds, ADDRESS)

    def cluster(self, world: World, name: str) -> Cluster:
        server = SimpleNamespace(progress=lambda: self.says)
        storage = SimpleNamespace(server=server, fresh=True, drained="", drain=lambda: 0)
        cluster = Cluster(world, name, cast("Any", storage), cast("Any", None), count(), serving=f"{name}-1")
        world.clusters[name] = cluster
        return cluster

    def member(self, cluster: Cluster) -> Any:
        region = cluster.world.region.name
        api = SimpleNamespace(db_cluster_identifier=cluster.id, region=region, is_writer=False, status="available")
        api.db_cluster_arn = f"arn:aws:rds:{region}:123456789012:cluster:{cluster.id}"
        api.backend = SimpleNamespace(events=self.events)
        return api

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.database.observe(self.api)
            self.database.advance()

    def follow(self) -> None:
        self.look(3)
        assert self.database.is_in_step()

    def switch(self, *, loses: bool) -> None:
        note(self.api, lab_switch=loses)
        self.api.status = "failing-over" if loses else "switching-over"
        self.look()

    def end_task(self, cluster: Cluster, role: Any = None) -> None:
        assert cluster.task is not None
        cluster.task, cluster.role = None, role or cluster.role

    def states(self) -> set[str]:
        return {link.state for link in self.database.links()}

    def writers(self) -> list[bool]:
        return [member.is_writer for member in self.api.members]


def test_changes_are_late_from_the_primary_only_and_once_the_follower_is_in_step() -> None:
    scene = Scene(aurora_global_lag_s=2)
    scene.look()
    assert [link.delay_ms for link in scene.database.links()] == [0, 0]
    scene.follow()
    assert {(link.source, link.delay_ms) for link in scene.database.links()} == {
        (f"{HOME}-storage", 2000),
        (f"{AWAY}-storage", 0),
    }
    assert [(h.address, h.zone) for h in scene.database.hosts()] == [("10.1.0.100", f"{HOME}-storage")]
    assert [r.destination for r in scene.database.routes()] == ["10.1.0.100:5432"]
    assert noted(scene.api, "lab_in_step") is True


@pytest.mark.parametrize("what", ["lost", "replication_paused"])
@pytest.mark.parametrize("where", ["home", "away"])
def test_nothing_passes_while_a_site_is_lost_or_replication_paused(what: str, where: str) -> None:
    scene = Scene()
    scene.follow()
    setattr(getattr(scene, where), what, True)
    scene.look()
    assert scene.states() == {"swallow"}
    assert not scene.database.is_in_step()
    setattr(getattr(scene, where), what, False)
    scene.look()
    assert scene.states() == {"pass"}


def test_a_failover_severs_and_fences_at_once_and_the_old_primary_is_copied_anew() -> None:
    scene = Scene()
    scene.follow()
    scene.switch(loses=True)
    assert scene.states() == {"swallow"}
    assert (scene.one.role, scene.one.serving, scene.one.kill) == ("nobody", "", FENCED)
    scene.look()
    assert scene.writers() == [True, False], "not before it is promoted"
    scene.end_task(scene.two, "writer")
    scene.look()
    assert scene.writers() == [False, True]
    assert scene.api.status == "available"
    assert (scene.one.role, scene.one.storage.fresh) == ("replica", False)
    assert [noted(m, "lab_joined") for m in scene.api.members] == [False, True]
    assert {(e.source_identifier, e.message) for e in scene.events} >= {
        ("two", f"New primary DB cluster two in Region {AWAY} was successfully promoted."),
    }  # as the API tells whoever asks for events
    assert scene.states() == {"pass"}
    assert [h.address for h in scene.database.hosts()] == ["10.2.0.100"], "replication turns round"


def test_without_a_fence_both_take_writes_until_the_old_one_is_stopped() -> None:
    scene = Scene(aurora_fences=0)
    scene.follow()
    scene.switch(loses=True)
    scene.look()
    scene.end_task(scene.two, "writer")
    scene.look(2)
    assert (scene.one.role, scene.one.serving, scene.one.kill) == ("writer", "one-1", "")
    assert scene.writers() == [False, True]
    assert scene.states() == {"swallow"}
    scene.api.members[0].status = "stopped"
    scene.look()
    assert (scene.one.role, scene.one.storage.fresh) == ("replica", False)
    assert scene.states() == {"pass"}


def test_without_a_fence_an_old_primary_is_made_a_follower_some_time_after_its_site_is_back() -> None:
    scene = Scene(aurora_fences=0, aurora_rejoin_s=0)
    scene.follow()
    scene.switch(loses=True)
    scene.home.lost = True
    scene.look()
    scene.end_task(scene.two, "writer")
    scene.one.serving = ""
    scene.look(2)
    assert scene.one.storage.fresh, "nobody reaches it while its site is lost"
    scene.home.lost, scene.one.serving = False, "one-1"
    scene.look()
    assert (scene.one.role, scene.one.serving, scene.one.storage.fresh) == ("replica", "", False)
    assert scene.one.kill == "copied anew", "its server took writes until then"
    assert scene.states() == {"pass"}


def test_a_switchover_waits_until_the_follower_has_all() -> None:
    scene = Scene()
    scene.follow()
    scene.switch(loses=False)
    assert scene.one.role == "nobody"
    assert scene.one.kill == "", "its server ends in order"
    scene.end_task(scene.one)
    scene.one.storage.drained = "0/20"
    scene.look(3)
    assert scene.two.task is None, "it lacks something"
    scene.says = Progress("0/21", streaming=False)
    scene.database._asked = 0.0
    scene.look(2)
    assert scene.states() == {"swallow"}
    scene.end_task(scene.two, "writer")
    scene.look()
    assert scene.writers() == [False, True]
    assert (scene.one.role, scene.one.storage.fresh) == ("replica", True), "it has all, and needs no copy"


@pytest.mark.parametrize("why", ["lost", "unclean"])
def test_a_switchover_is_given_up(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.follow()
    scene.switch(loses=False)
    if why == "lost":
        scene.home.lost = True
    else:
        scene.end_task(scene.one)
        scene.look()
        later = threading.TIMEOUT_MAX
        monkeypatch.setattr("fixtures.lab.cloud.global_database.time", SimpleNamespace(monotonic=lambda: later))
    scene.look()
    assert "global database switchover given up" in scene.truth
    assert scene.writers() == [True, False]
    assert (scene.one.role, scene.api.status) == ("writer", "available")


def test_a_follower_that_lost_track_is_copied_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.follow()
    scene.says = Progress("0/10", streaming=False)
    clock = count(threading.TIMEOUT_MAX, 60)
    monkeypatch.setattr("fixtures.lab.cloud.global_database.time", SimpleNamespace(monotonic=lambda: next(clock)))
    scene.look(3)
    assert "database copied anew" in scene.truth
    assert scene.two.storage.fresh is False


@pytest.mark.parametrize(
    ("position", "target", "reached"),
    [("0/11", "0/10", True), ("0/10", "0/10", False), ("1/0", "0/FFFFFFFF", True), ("0/11", "", False)],
)
def test_whether_a_position_lies_behind_another(position: str, target: str, reached: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert reaches(position, target) is reached
