"""Security groups as the lab understands them: whom they let in, and which open connections they end."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from fixtures.lab.cloud.addresses import APP_PORT, Region
from fixtures.lab.cloud.firewall import Firewall
from fixtures.lab.cloud.world import Machine, World

REGION = Region(1, "eu-west-1", ("eu-west-1a", "eu-west-1b"))
HERE, THERE = REGION.zones
DATABASE = 5432
Anybody = dict[str, Any]
ANYBODY: Anybody = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Site:
    """One instance in each zone behind a group of their own, and a database in the first zone behind another."""

    def __init__(self, folder: Path) -> None:
        self.log: list[tuple[str, ...]] = []
        self.ec2: Any = boto3.client("ec2", "eu-west-1")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        self.application, self.database = (self.group(name) for name in ("application", "database"))
        self.let_in(self.application, APP_PORT, ANYBODY)
        member = SimpleNamespace(address="10.1.1.200", zone=HERE)
        cluster = SimpleNamespace(members={"orders-1": member}, port=DATABASE)
        self.world = World(
            cast("Any", None), REGION, {}, folder, {}, cast("Any", SimpleNamespace(log=self.note)), threading.RLock(),
            clusters={"orders": cast("Any", cluster)},
        )  # fmt: skip
        for number, zone in enumerate(REGION.zones, start=1):
            self.launch(f"10.1.{number}.0/24", zone)
        rds: Any = boto3.client("rds", "eu-west-1")
        rds.create_db_cluster(
            DBClusterIdentifier="orders", Engine="aurora-postgresql", MasterUsername="orders",
            MasterUserPassword="not-a-secret", VpcSecurityGroupIds=[self.database],
        )  # fmt: skip
        self.firewall = Firewall(self.world)

    def note(self, *event: str) -> None:
        self.log.append(event)

    def group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"])

    def launch(self, cidr: str, zone: str) -> None:
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        (one,) = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[self.application]
        )["Instances"]
        self.world.machines[one["InstanceId"]] = Machine(one["InstanceId"], zone, one["PrivateIpAddress"])

    def let_in(self, group: str, port: int, whom: dict[str, Any]) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[self.rule(port, whom)])

    def shut_out(self, group: str, port: int, whom: dict[str, Any]) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[self.rule(port, whom)])

    def rule(self, port: int, whom: dict[str, Any]) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **whom}

    def closed(self, port: int) -> dict[str, bool]:
        """Who does not get through to that port, and whether open connections end."""
        return {one.source: one.open_too for one in self.firewall.closed() if one.port == port}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Site(tmp_path)


ALL = {"client", HERE, THERE, REGION.balancer_zone}


def test_without_a_rule_nobody_is_let_in(site: Site) -> None:
    assert site.closed(DATABASE).keys() == ALL
    assert site.closed(APP_PORT) == {}


@pytest.mark.parametrize(
    ("whom", "closed"),
    [
        (ANYBODY, set()),
        ({"IpRanges": [{"CidrIp": "10.1.0.0/16"}]}, {"client"}),
        ({"IpRanges": [{"CidrIp": "10.1.2.0/24"}]}, ALL - {THERE}),
        ({"IpRanges": [{"CidrIp": "10.1.0.10/32"}]}, ALL - {REGION.balancer_zone}),
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, ALL),
    ],
)
def test_a_rule_lets_in_whose_addresses_lie_in_its_range(site: Site, whom: dict[str, Any], closed: set[str]) -> None:
    site.let_in(site.database, DATABASE, whom)
    assert site.closed(DATABASE).keys() == closed


def test_a_rule_for_a_group_lets_in_the_zones_that_have_it(site: Site) -> None:
    site.let_in(site.database, DATABASE, {"UserIdGroupPairs": [{"GroupId": site.application}]})
    assert site.closed(DATABASE).keys() == {"client", REGION.balancer_zone}


@pytest.mark.parametrize(("first", "last", "closed"), [(5000, 6000, set()), (5433, 6000, ALL), (1, 5431, ALL)])
def test_a_rule_is_for_its_ports(site: Site, first: int, last: int, closed: set[str]) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **ANYBODY}
    site.ec2.authorize_security_group_ingress(GroupId=site.database, IpPermissions=[rule])
    assert site.closed(DATABASE).keys() == closed


def test_all_protocols_are_all_ports(site: Site) -> None:
    site.ec2.authorize_security_group_ingress(GroupId=site.database, IpPermissions=[{"IpProtocol": "-1", **ANYBODY}])
    assert site.closed(DATABASE) == {}


def test_udp_is_not_tcp(site: Site) -> None:
    rule = site.rule(DATABASE, ANYBODY) | {"IpProtocol": "udp"}
    site.ec2.authorize_security_group_ingress(GroupId=site.database, IpPermissions=[rule])
    assert site.closed(DATABASE).keys() == ALL


@pytest.mark.parametrize(
    ("whom", "ends"), [(ANYBODY, True), ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, False)], ids=["everybody", "some"]
)
def test_only_what_was_let_in_with_everybody_ends_when_its_rule_goes(site: Site, whom: Anybody, ends: bool) -> None:  # noqa: FBT001
    site.let_in(site.database, DATABASE, whom)
    assert HERE not in site.closed(DATABASE)
    site.shut_out(site.database, DATABASE, whom)
    assert site.closed(DATABASE)[HERE] is ends


def test_what_may_not_be_answered_to_everybody_is_tracked(site: Site) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    site.ec2.revoke_security_group_egress(GroupId=site.database, IpPermissions=[everything])
    site.let_in(site.database, DATABASE, ANYBODY)
    assert site.closed(DATABASE) == {}
    site.shut_out(site.database, DATABASE, ANYBODY)
    assert site.closed(DATABASE)[HERE] is False


def test_a_host_that_has_the_default_group_only_is_open(site: Site) -> None:
    asked = [{"Name": "vpc-id", "Values": [site.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (default,) = site.ec2.describe_security_groups(Filters=asked)["SecurityGroups"]
    boto3.client("rds", "eu-west-1").modify_db_cluster(
        DBClusterIdentifier="orders", VpcSecurityGroupIds=[default["GroupId"]]
    )
    assert site.closed(DATABASE) == {}


def test_what_closes_and_opens_is_in_the_labs_log(site: Site) -> None:
    site.let_in(site.database, DATABASE, ANYBODY)
    site.firewall.closed()
    site.shut_out(site.database, DATABASE, ANYBODY)
    site.firewall.closed()
    site.let_in(site.database, DATABASE, ANYBODY)
    site.firewall.closed()
    end = f"10.1.1.200:{DATABASE}"
    assert site.log == [(event, end, zone) for event in ("port closed", "port opened") for zone in sorted(ALL)]
