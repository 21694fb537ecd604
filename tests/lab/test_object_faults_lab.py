"""The faults of buckets in a real lab, asked by the probe: each bites, only where it should, and is undone."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.aws import Cloud
from fixtures.fault import Fault, RowsOfDrill
from fixtures.faults.delete_objects import DeleteObjects
from fixtures.faults.overwrite_objects import OverwriteObjects
from fixtures.faults.pause_bucket_replication import PauseBucketReplication
from fixtures.guard import Guard
from fixtures.journal import Journal
from fixtures.lab import LabSpec, down, up
from fixtures.object_faults import ObjectFault
from fixtures.streams import key_prefix, probe_settings
from fixtures.workload import Workload, load
from probes.deadline import Deadline
from probes.dial import DialMap
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked, Probe, build_probe
from probes.resolve import NameResolver
from probes.site import at_host, bucket_place
from probes.stored import SPOILT
from tests.fixtures.fake_cloud import header

DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "workloads" / "documents-s3.toml"
PREFIX = key_prefix(header().run, header().drill, "client")
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 30.0
# Three times the lab's lag: what has not arrived by then is not on its way.
STUCK_S = 3.0


@dataclass
class User:
    """Somebody who writes documents and reads them back, at home and at the replica."""

    workload: Workload
    cloud: Cloud
    home: Probe
    away: Probe
    written: int = 0

    def write(self) -> str:
        self.written += 1
        key = f"{PREFIX}00-{self.written:08d}"
        assert self.home.send(asked("write", key), Deadline(5)).outcome == "ok"
        return key

    def read(self, key: str) -> str:
        return said(self.home.send(asked("read", key), Deadline(5)))

    def replica(self, key: str) -> str:
        return said(self.away.send(asked("read", key), Deadline(5)))


def asked(kind: str, key: str) -> Asked:
    payload = f"of-{key}"
    given = {"checksum": checksum_of(key, 1, payload), "payload": payload}
    return Asked(kind=kind, connection="pooled", key=key, version=1, **given)  # type: ignore[arg-type]  # a literal


def said(answer: Answer) -> str:
    return answer.error or answer.outcome


def eventually(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    workload = load(DOCUMENTS)
    lab = up(LabSpec.of(workload), owner=None)
    try:
        network = Network(NameResolver(lab.resolver), DialMap(lab.dial_map, "client"))
        settings = probe_settings(workload.probes[0], workload.folder)
        replica = at_host(settings, bucket_place("eu-central-1", "documents-eu-central-1"))
        with (
            Cloud.for_lab(lab.endpoint_url) as cloud,
            closing(build_probe(settings, network)) as home,
            closing(build_probe(replica, network)) as away,
        ):
            made = User(workload, cloud, home, away)
            eventually(
                "the buckets are asked by name", lambda: said(home.send(asked("audit", "no"), Deadline(5))) == "ok"
            )
            yield made
    finally:
        down(lab)


@contextmanager
def broken(user: User, fault: Fault, folder: Path, of: RowsOfDrill) -> Iterator[None]:
    """Break it and put it back, as a drill does; before that it is not in effect: the control."""
    fault.belongs_to(of, longest_s=600.0)
    plan = fault.plan(user.cloud, user.workload.selection())
    Guard(user.workload).check(plan, user.cloud)
    assert not fault.in_effect(user.cloud)
    with Journal.open(folder, header()) as journal:
        fault.inject(journal, user.cloud)
        eventually("in effect", lambda: fault.in_effect(user.cloud))
        yield
        assert fault.undo(journal, user.cloud, say=lambda _: None).clean
        assert fault.is_undone(user.cloud)
        assert journal.close()


@pytest.mark.parametrize(
    ("kind", "bad", "at_the_replica"), [(DeleteObjects, NOT_THERE, "ok"), (OverwriteObjects, SPOILT, SPOILT)]
)
def test_objects_are_hit_and_put_back(
    user: User, tmp_path: Path, kind: type[ObjectFault], bad: str, at_the_replica: str
) -> None:
    keys = [user.write() for _ in range(4)]
    eventually("all is replicated", lambda: all(user.replica(key) == "ok" for key in keys))
    assert [user.read(key) for key in keys] == ["ok"] * 4
    with broken(user, kind("documents"), tmp_path, RowsOfDrill(prefix=PREFIX, max_rows=2)):
        assert [user.read(key) for key in keys] == ["ok", "ok", bad, bad]
        eventually("the replica follows", lambda: user.replica(keys[3]) == at_the_replica)
        assert [user.replica(key) for key in keys[:2]] == ["ok", "ok"]
    assert [user.read(key) for key in keys] == [user.replica(key) for key in keys] == ["ok"] * 4


def test_replication_stops_and_goes_on(user: User, tmp_path: Path) -> None:
    with broken(user, PauseBucketReplication("documents"), tmp_path, RowsOfDrill(prefix=PREFIX)):
        key = user.write()
        time.sleep(STUCK_S)
        assert (user.read(key), user.replica(key)) == ("ok", NOT_THERE)
    eventually("it goes on where it stopped", lambda: user.replica(key) == "ok")
