"""The faults of EC2 in one lab: each bites where it should and nowhere else, and is put back."""

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.aws import Cloud
from fixtures.fault import Fault
from fixtures.faults.isolate_zone import IsolateZone
from fixtures.faults.revoke_security_group_rule import RevokeSecurityGroupRule
from fixtures.faults.terminate_instances import TerminateInstances
from fixtures.guard import Guard
from fixtures.journal import Journal
from fixtures.lab import Lab, LabSpec, down, up
from fixtures.workload import Workload, load
from tests.fixtures.fake_cloud import header
from tests.sabotage.quick import quick_workload

A, B, C = "eu-west-1a", "eu-west-1b", "eu-west-1c"
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 40.0


class User:
    """Somebody outside, who knows the workload's addresses."""

    def __init__(self, lab: Lab, workload: Workload, cloud: Cloud) -> None:
        self.lab, self.workload, self.cloud = lab, workload, cloud
        self.ec2: Any = cloud.client("ec2", "eu-west-1", "watch")

    def instances(self) -> dict[str, str]:
        """Address of the instance that runs in each zone."""
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = self.ec2.describe_instances(Filters=running)["Reservations"]
        every = [one for group in found for one in group["Instances"]]
        return {one["Placement"]["AvailabilityZone"]: one["PrivateIpAddress"] for one in every}

    def dial(self, where: str) -> tuple[str, int]:
        real = json.loads(self.lab.dial_map.read_text())[where]
        host, port = real.split(":")
        return host, int(port)

    def reaches(self, where: str) -> bool:
        """Whether a new connection is made: `<zone> <address>:<port>`."""
        try:
            with socket.create_connection(self.dial(where), timeout=0.5):
                return True
        except OSError:
            return False

    def answers(self, address: str, path: str = "/health/shallow", body: dict[str, Any] | None = None) -> bool:
        """Whether the application there answers that all is well, to a client."""
        host, port = self.dial(f"client {address}")
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(
            f"http://{host}:{port}{path}", data=data, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310 - as above
                return bool(answer.status < 300)
        except OSError:
            return False

    def served(self) -> bool:
        """Whether an order is taken."""
        order = {"key": f"k{time.monotonic_ns()}", "version": 1, "checksum": "c", "payload": "tea"}
        return self.answers("10.1.0.10:80", "/orders", order)

    def cluster(self) -> dict[str, Any]:
        return dict(self.cloud.client("rds", "eu-west-1", "watch").describe_db_clusters()["DBClusters"][0])

    def database(self, zone: str) -> str:
        """The way from a zone to the writer, in the first zone."""
        found = self.cluster()
        return f"{zone} {found['Endpoint']}:{found['Port']}"

    def writer(self) -> str:
        return next(
            str(one["DBInstanceIdentifier"]) for one in self.cluster()["DBClusterMembers"] if one["IsClusterWriter"]
        )

    def whole(self) -> bool:
        """Whether one instance in each zone answers, and orders are taken."""
        found = self.instances()
        return (
            sorted(found) == [A, B, C] and all(self.answers(f"{one}:8080") for one in found.values()) and self.served()
        )


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    workload = load(quick_workload(tmp_path_factory.mktemp("quick")))
    lab = up(LabSpec.of(workload), owner=os.getpid())
    with Cloud.connect("lab", lab.endpoint_url) as cloud:
        yield User(lab, workload, cloud)
    broken = lab.directory / "broken.txt"
    said = broken.read_text() if broken.exists() else ""
    down(lab)
    assert said == ""


@contextmanager
def broken_by(fault: Fault, user: User, folder: Path) -> Iterator[None]:
    """The fault in the lab, as a drill does it; put back at the end."""
    eventually("the workload is whole", user.whole)
    plan = fault.plan(user.cloud, user.workload.selection())
    Guard(user.workload).check(plan, user.cloud)
    with Journal.open(folder, header(endpoint_url=user.lab.endpoint_url)) as journal:
        try:
            fault.inject(journal, user.cloud)
            yield
        finally:
            report = fault.undo(journal, user.cloud, say=lambda _: None)
            assert report.clean, report
            assert journal.close()
    eventually("the workload is whole again", user.whole)


def bites_at(user: User, found: dict[str, str], dark: str) -> bool:
    """The control: true only if that zone's instance, and no other, does not answer.

    `found` as it is now where only a way is cut off: a group may replace an instance that it took for unhealthy before.
    """
    return [zone for zone, address in sorted(found.items()) if not user.answers(f"{address}:8080")] == [dark]


def test_nothing_bites_where_nothing_was_injected(user: User) -> None:
    eventually("the workload is whole", user.whole)
    found = user.instances()
    assert not any(bites_at(user, found, zone) for zone in (A, B, C))
    assert all(user.reaches(user.database(zone)) for zone in (A, B, C, "client"))


def test_a_zone_that_is_isolated_is_dark_and_the_others_are_not(user: User, tmp_path: Path) -> None:
    eventually("the workload is whole", user.whole)
    with broken_by(IsolateZone(C), user, tmp_path):
        eventually("only that zone is dark", lambda: bites_at(user, user.instances(), C))
        assert [zone for zone in (A, B, C) if user.reaches(user.database(zone))] == [A, B]
        eventually("orders are taken elsewhere", user.served)


def test_a_zone_that_holds_the_writer_takes_the_database_from_the_others(user: User, tmp_path: Path) -> None:
    """And nothing fails it over: the server lives, and an ACL does not hide it from whoever looks after it."""
    eventually("the workload is whole", user.whole)
    writer = user.writer()
    with broken_by(IsolateZone(A), user, tmp_path):
        eventually("only that zone is dark", lambda: bites_at(user, user.instances(), A))
        assert [zone for zone in (A, B, C) if user.reaches(user.database(zone))] == [A]
        until = time.monotonic() + 2 * user.lab.settings["aurora_failover_s"]
        while time.monotonic() < until:
            assert not user.served()
            assert user.writer() == writer
    assert user.writer() == writer


def test_a_zone_that_shares_its_acl_gets_another_one(user: User, tmp_path: Path) -> None:
    """The subnets of two zones behind one ACL: only the one that is meant goes dark."""
    eventually("the workload is whole", user.whole)
    links = {link["SubnetId"]: link for acl in acls(user) for link in acl["Associations"]}
    zones = {one["SubnetId"]: one["AvailabilityZone"] for one in user.ec2.describe_subnets()["Subnets"]}
    of = {zones[subnet]: link for subnet, link in links.items() if acls(user, link["NetworkAclId"])[0].get("Tags")}
    shared = user.ec2.replace_network_acl_association(
        AssociationId=of[C]["NetworkAclAssociationId"], NetworkAclId=of[B]["NetworkAclId"]
    )["NewAssociationId"]
    fault = IsolateZone(C)
    with broken_by(fault, user, tmp_path):
        assert fault.planned.changes[0].call.operation == "CreateNetworkAcl"
        eventually("only that zone is dark", lambda: bites_at(user, user.instances(), C))
    links = {link["SubnetId"]: link for acl in acls(user) for link in acl["Associations"]}
    assert links[of[C]["SubnetId"]]["NetworkAclId"] == of[B]["NetworkAclId"]
    assert links[of[C]["SubnetId"]]["NetworkAclAssociationId"] != shared
    user.ec2.replace_network_acl_association(
        AssociationId=links[of[C]["SubnetId"]]["NetworkAclAssociationId"], NetworkAclId=of[C]["NetworkAclId"]
    )


def acls(user: User, *ids: str) -> list[dict[str, Any]]:
    return list(user.ec2.describe_network_acls(NetworkAclIds=list(ids))["NetworkAcls"])


def test_a_terminated_instance_is_gone_and_its_group_has_another(user: User, tmp_path: Path) -> None:
    eventually("the workload is whole", user.whole)
    before = user.instances()
    with broken_by(TerminateInstances(B), user, tmp_path):
        eventually("it does not answer", lambda: bites_at(user, before, B))
    after = user.instances()
    assert after[B] != before[B]
    assert not user.answers(f"{before[B]}:8080"), "the address of a terminated one is nobody's"
    assert (after[A], after[C]) == (before[A], before[C])


def test_without_its_rule_nobody_gets_through_to_the_database(user: User, tmp_path: Path) -> None:
    eventually("the workload is whole", user.whole)
    found, zones = user.instances(), (A, B, C, "client")
    before = user.ec2.describe_security_group_rules()["SecurityGroupRules"]
    with broken_by(RevokeSecurityGroupRule("eu-west-1"), user, tmp_path):
        eventually("nobody is let in", lambda: not any(user.reaches(user.database(zone)) for zone in zones))
        eventually("no order is taken", lambda: not user.served())
        assert not any(bites_at(user, found, zone) for zone in (A, B, C)), "instances are reached as before"
    after = user.ec2.describe_security_group_rules()["SecurityGroupRules"]
    assert len(after) == len(before)
