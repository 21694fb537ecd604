"""The faults of databases and secrets in a real lab: they bite, only where they should, and are put back."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fixtures.aws import Cloud, Purpose
from fixtures.change import Call
from fixtures.fault import Fault, RowsOfDrill
from fixtures.faults.drop_table import DropTable
from fixtures.faults.empty_secret import EmptySecret
from fixtures.faults.fail_over_database import FailOverDatabase
from fixtures.faults.reboot_database import RebootDatabase
from fixtures.faults.stop_database import StopDatabase
from fixtures.guard import Guard
from fixtures.inventory import Columns, DataStore
from fixtures.journal import Journal
from fixtures.lab import Lab, LabSpec, down, up
from tests.fixtures.fake_cloud import header
from tests.fixtures.moto_world import REGION, TAGS, Guarded, Selected
from tests.lab.test_cloud_lab import FAST, ROOT, ZONES, User, eventually

SECRET = "orders-ws-db"  # noqa: S105  # its name
STORE = DataStore("orders-db", "orders", None, SECRET, "orders", Columns("orders"))
SELECTION = Selected(stores=(STORE,))
# So many times faster than AWS do the windows of the undo pass.
HURRY = 20
SETTINGS = FAST | {"db_reboot_s": 2.0, "aurora_failover_s": 1.0}
KEPT: dict[str, object] = {"key": "kept", "version": 1, "checksum": "c", "payload": "p"}


class Hurried:
    """A clock by which AWS's windows pass faster."""

    def clock(self) -> float:
        return time.monotonic() * HURRY

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / HURRY)

    def stamp(self) -> tuple[int, int]:
        return time.monotonic_ns() * HURRY, time.monotonic_ns() * HURRY


class Idle(Cloud):
    """The lab's API, to which no fault's call ever comes: the no-op control."""

    def perform(self, call: Call, bound: Mapping[str, Any] | None = None, purpose: Purpose = "fault") -> dict[str, Any]:
        return {} if purpose == "fault" else super().perform(call, bound, purpose)


def template(folder: Path) -> Path:
    """The workload of one Region, with the secret and the role of that of two."""
    workloads = ROOT / "fixtures" / "workloads"
    found = json.loads((workloads / "orders-multi-az.template.json").read_text())
    others = json.loads((workloads / "orders-warm-standby-primary.template.json").read_text())["Resources"]
    found["Resources"] |= {name: others[name] for name in ("Secret", "Role", "InstanceProfile")}
    launched = found["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    launched["IamInstanceProfile"] = {"Name": {"Ref": "InstanceProfile"}}
    file = folder / "orders.template.json"
    file.write_text(json.dumps(found))
    return file


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    spec = LabSpec(
        workload="orders",
        regions={REGION: ZONES},
        templates={REGION: template(tmp_path_factory.mktemp("template"))},
        command=("{python}", "-m", "fixtures.workloads.orders"),
        tags=TAGS,
        settings=SETTINGS,
        databases={REGION: "orders"},
        environment={"DATABASE_SECRET": SECRET, "DATABASE_SECRET_AGE_S": "0.2"},
    )
    lab = up(spec, owner=os.getpid())
    yield lab
    down(lab)


class Witness(User):
    """Somebody outside, who asks the database itself too."""

    def sql(self, address: str, statement: str) -> Any:
        """The first value that it answers, None if it does not."""
        host, port = self.dials()[f"client {address}:5432"].split(":")
        login: dict[str, Any] = {"user": "orders", "dbname": "orders", "sslmode": "disable", "gssencmode": "disable"}
        try:
            with psycopg.connect(host=host, port=port, connect_timeout=2, **login) as connection:
                row = connection.execute(statement.encode()).fetchone()
        except psycopg.OperationalError:
            return None
        return row[0] if row is not None else None

    def writer_address(self) -> str:
        (found,) = self.api("rds").describe_db_instances(DBInstanceIdentifier="orders-1")["DBInstances"]
        return self.resolve(found["Endpoint"]["Address"])[0]

    def instances_are_up(self) -> bool:
        """Whether each instance answers for itself, without its database."""
        found = [self.instance(one)["PrivateIpAddress"] for one in self.members()]
        return len(found) == len(ZONES) and all(self.ask(f"{a}:8080", "/health/shallow")[0] == 200 for a in found)

    def reads(self) -> int:
        return self.orders("/orders/kept")[0]

    def answers(self) -> bool:
        """Whether the database does, at the address of the writer that it began with."""
        return bool(self.sql(self.writer_address(), "SELECT 1") == 1)

    def stages(self) -> dict[str, list[str]]:
        found = self.api("secretsmanager").describe_secret(SecretId=SECRET)["VersionIdsToStages"]
        return {version: stages for version, stages in found.items() if stages}


@dataclass(frozen=True)
class Case:
    """A fault, what shows that it bites, and what it must leave alone."""

    fault: type[Fault]
    hit: Callable[[Witness], bool]
    spared: Callable[[Witness], bool]


CASES = [
    Case(FailOverDatabase, lambda user: not user.answers(), Witness.instances_are_up),
    Case(RebootDatabase, lambda user: not user.answers(), Witness.instances_are_up),
    Case(StopDatabase, lambda user: not user.answers(), Witness.instances_are_up),
    # The database serves other tables, and lets the instances see it.
    Case(DropTable, lambda user: user.reads() == 503, lambda user: user.answers() and user.instances_are_up()),
    Case(EmptySecret, lambda user: user.reads() == 503, lambda user: user.answers() and user.instances_are_up()),
]


@pytest.fixture
def user(lab: Lab) -> Witness:
    user = Witness(lab)
    eventually("the lab is whole before a test", lambda: user.is_whole() and user.writer() == "orders-1")
    if user.reads() == 404:
        assert user.orders("/orders", KEPT)[0] == 201
    assert user.reads() == 200
    return user


def bites(case: Case, user: Witness, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not case.hit(user):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def aimed(case: Case) -> Fault:
    (fault,) = case.fault.variants(SELECTION)
    fault.belongs_to(RowsOfDrill(prefix="dr-run-"), longest_s=600.0)
    return fault


def undo(fault: Fault, journal: Journal, cloud: Cloud) -> bool:
    time = Hurried()
    return fault.undo(journal, cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None).clean


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.__name__)
def test_it_bites_only_where_it_should_and_is_put_back(case: Case, user: Witness, lab: Lab, tmp_path: Path) -> None:
    fault, started = aimed(case), "SELECT pg_postmaster_start_time()"
    address, stages = user.writer_address(), user.stages()
    first = user.sql(address, started)
    with Cloud.for_lab(lab.endpoint_url) as cloud, Journal.open(tmp_path, header(), stamp=Hurried().stamp) as journal:
        Guard(Guarded(selected=SELECTION)).check(fault.plan(cloud, SELECTION), cloud)
        fault.inject(journal, cloud)
        assert bites(case, user, within_s=20.0)
        assert case.spared(user)
        assert undo(fault, journal, cloud)
        assert fault.is_undone(cloud)
        assert journal.close()
    eventually("the lab is whole again", lambda: user.is_whole() and user.reads() == 200)
    assert user.stages() == stages
    events = [one["Message"] for one in user.api("rds").describe_events()["Events"]]
    rebooted = isinstance(fault, RebootDatabase)
    assert ("DB instance restarted" in events) >= rebooted
    assert (user.sql(address, started) == first) is isinstance(fault, DropTable | EmptySecret)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.__name__)
def test_without_its_call_it_bites_nowhere(case: Case, user: Witness, lab: Lab, tmp_path: Path) -> None:
    """The control: what shows that a fault bites stays silent where nothing was injected."""
    fault = aimed(case)
    with Idle.for_lab(lab.endpoint_url) as cloud, Journal.open(tmp_path, header(), stamp=Hurried().stamp) as journal:
        fault.plan(cloud, SELECTION)
        fault.inject(journal, cloud)
        assert not bites(case, user, within_s=1.0)
        assert not fault.in_effect(cloud)
        assert undo(fault, journal, cloud)
        assert journal.close()
