"""The whole lab, brought up for real: what the API says, happens, and what happens, the API says."""

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import dns.message
import dns.query
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fixtures.lab import Lab, LabSpec, attach, down, running, up
from fixtures.lab.cloud.deploy import client
from fixtures.lab.table import table

ROOT = Path(__file__).parents[2]
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 40.0
FAST = {
    "boot_delay_s": 0.2,
    "stop_delay_s": 0.1,
    "asg_check_s": 0.3,
    "lb_interval_s": 0.2,
    "lb_timeout_s": 0.5,
    "lb_dial_timeout_s": 0.5,
    "lb_drain_s": 0.2,
    "lb_dns_ttl_s": 1,
    # Long enough that a second call comes before its end, however busy the machine.
    "aurora_failover_s": 3.0,
    "db_stop_delay_s": 0.2,
    "db_start_delay_s": 0.2,
}


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def writer_of(cluster: dict[str, Any]) -> str:
    """The writer by one answer of the API: a second question may come after the failover."""
    return next(str(m["DBInstanceIdentifier"]) for m in cluster["DBClusterMembers"] if m["IsClusterWriter"])


class User:
    """Somebody who looks at a lab from outside: its API, its names, its load balancer."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._clients: dict[str, Any] = {}

    def api(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = client(service, "eu-west-1", self.lab.endpoint_url)
        return self._clients[service]

    def dials(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.lab.dial_map.read_text())
        return found

    def resolve(self, name: str) -> tuple[str, int]:
        host, port = self.lab.resolver.split(":")
        answer = dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5).answer
        return (str(answer[0][0]), answer[0].ttl) if answer else ("", 0)

    def ask(self, address: str, path: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and answer; status 0 for no answer at all."""
        data = json.dumps(body).encode() if body is not None else None
        url = f"http://{self.dials()[f'client {address}']}{path}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:  # noqa: S310 - http, as written above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, {}
        except OSError:
            return 0, {}

    def orders(self, path: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, Any]]:
        address, _ = self.resolve("orders.shop.internal")
        return self.ask(f"{address}:80", path, body)

    def group(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return found

    def members(self) -> dict[str, str]:
        """Zone of each member in service."""
        found = self.group()["Instances"]
        return {i["InstanceId"]: i["AvailabilityZone"] for i in found if i["LifecycleState"] == "InService"}

    def instance(self, instance_id: str) -> dict[str, Any]:
        found = self.api("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return dict(found)

    def health(self) -> dict[str, dict[str, str]]:
        elb = self.api("elbv2")
        arn = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {h["Target"]["Id"]: h["TargetHealth"] for h in found}

    def is_whole(self) -> bool:
        """Whether all is as it was deployed: one healthy member in each zone, nobody else, and a database."""
        members, health = self.members(), self.health()
        whole = sorted(members.values()) == list(ZONES) and len(self.group()["Instances"]) == len(ZONES)
        healthy = health.keys() == members.keys() and all(h["State"] == "healthy" for h in health.values())
        return whole and healthy and self.cluster()["Status"] == "available" and self.orders("/health/deep")[0] == 200

    def cluster(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api("rds").describe_db_clusters(DBClusterIdentifier="orders")["DBClusters"][0]
        return found

    def writer(self) -> str:
        return writer_of(self.cluster())

    def truth(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.lab.directory / "truth.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    spec = LabSpec(
        workload="orders",
        regions={"eu-west-1": ZONES},
        templates={"eu-west-1": ROOT / "fixtures/workloads/orders-multi-az.template.json"},
        command=("{python}", "-m", "fixtures.workloads.orders"),
        tags={"dr-drills:workload": "orders"},
        settings=FAST,
        databases={"eu-west-1": "orders"},
    )
    lab = up(spec, owner=os.getpid())
    yield lab
    down(lab)
    assert not lab.directory.exists()


@pytest.fixture
def user(lab: Lab) -> User:
    user = User(lab)
    eventually("the lab is whole before a test", user.is_whole)
    return user


def test_instances_of_every_zone_serve_through_the_load_balancer(user: User) -> None:
    assert sorted(user.members().values()) == list(ZONES)
    served = {user.orders("/health/shallow")[1].get("zone") for _ in range(30)}
    assert served == set(ZONES)


def test_everything_carries_the_workloads_tags(user: User) -> None:
    wanted = {"Key": "dr-drills:workload", "Value": "orders"}
    assert {k: user.group()["Tags"][0][k] for k in ("Key", "Value")} == wanted
    assert wanted in user.cluster()["TagList"]
    only_ours = [{"Name": "tag:dr-drills:workload", "Values": ["orders"]}]
    ec2 = user.api("ec2")
    assert len(ec2.describe_subnets(Filters=only_ours)["Subnets"]) == 3
    assert len(ec2.describe_network_acls(Filters=only_ours)["NetworkAcls"]) == 3
    for instance in user.members():
        assert wanted in user.instance(instance)["Tags"]
    for member in user.api("rds").describe_db_instances()["DBInstances"]:
        assert wanted in member["TagList"]
    elb = user.api("elbv2")
    arns = [elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]]
    arns += [elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]]
    assert all(wanted in tags["Tags"] for tags in elb.describe_tags(ResourceArns=arns)["TagDescriptions"])


def test_names_answer_virtual_addresses_with_the_labs_ttl(user: User) -> None:
    assert user.resolve("orders.shop.internal") == ("10.1.0.10", 1)
    address, ttl = user.resolve(user.cluster()["Endpoint"])
    assert address.startswith("10.1.")
    assert ttl == 1
    assert user.resolve("nobody.shop.internal") == ("", 0)


def test_a_changed_record_is_answered(user: User) -> None:
    route53 = user.api("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    record = {"Name": "old.shop.internal", "Type": "A", "TTL": 7, "ResourceRecords": [{"Value": "10.1.3.77"}]}
    cname = {"Name": "new.shop.internal", "Type": "CNAME", "TTL": 3, "ResourceRecords": [{"Value": record["Name"]}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": r} for r in (record, cname)]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    eventually("the record is there", lambda: user.resolve("old.shop.internal") == ("10.1.3.77", 7))
    eventually("and what leads to it", lambda: user.resolve("new.shop.internal") == ("10.1.3.77", 3))


def test_a_stopped_member_is_replaced_where_the_group_may_launch_and_comes_back_to_its_zone(user: User) -> None:
    group, members = user.group(), user.members()
    victim = next(i for i, zone in members.items() if zone == ZONES[2])
    address = user.instance(victim)["PrivateIpAddress"]
    subnets = user.api("ec2").describe_subnets(SubnetIds=group["VPCZoneIdentifier"].split(","))["Subnets"]
    kept = ",".join(s["SubnetId"] for s in subnets if s["AvailabilityZone"] != ZONES[2])
    scaling = user.api("autoscaling")
    scaling.update_auto_scaling_group(AutoScalingGroupName="orders", VPCZoneIdentifier=kept)
    before_ns = time.monotonic_ns()
    stopping = user.api("ec2").stop_instances(InstanceIds=[victim])["StoppingInstances"][0]
    assert (stopping["PreviousState"]["Name"], stopping["CurrentState"]["Name"]) == ("running", "stopping")
    eventually("its address is silent", lambda: user.ask(f"{address}:8080", "/health/shallow")[0] == 0)
    eventually("three members in two zones", lambda: sorted(set(user.members().values())) == list(ZONES[:2]))
    eventually("all of them", lambda: len(user.members()) == 3)
    eventually("it is terminated", lambda: user.instance(victim)["State"]["Name"] == "terminated")

    scaling.update_auto_scaling_group(AutoScalingGroupName="orders", VPCZoneIdentifier=group["VPCZoneIdentifier"])
    eventually("every zone has its member again", user.is_whole)
    assert user.ask(f"{address}:8080", "/health/shallow")[0] == 0, "an address must not be given to another instance"
    events = [e["event"] for e in user.truth() if e["subject"] == victim and e["mono_ns"] > before_ns]
    assert events.index("instance loses power") < events.index("instance lost power")


def test_power_is_lost_without_a_word(user: User) -> None:
    """Whoever is connected to an instance that loses its power hears nothing: no FIN, no RST."""
    victim = next(iter(user.members()))
    address = user.instance(victim)["PrivateIpAddress"]
    host, port = user.dials()[f"client {address}:8080"].split(":")
    before_ns = time.monotonic_ns()

    def is_dead() -> bool:
        events = [e["event"] for e in user.truth() if e["subject"] == victim and e["mono_ns"] > before_ns]
        return "instance lost power" in events

    with socket.create_connection((host, int(port)), timeout=5) as connection:
        request = b"GET /health/shallow HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536) or pytest.fail("the connection was closed")
        user.api("ec2").stop_instances(InstanceIds=[victim])
        eventually("its process was killed", is_dead)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(65536)


def test_a_member_that_is_not_to_be_replaced_boots_again(user: User) -> None:
    victim, zone = next(iter(user.members().items()))
    address = f"{user.instance(victim)['PrivateIpAddress']}:8080"
    scaling, ec2 = user.api("autoscaling"), user.api("ec2")
    scaling.suspend_processes(AutoScalingGroupName="orders", ScalingProcesses=["ReplaceUnhealthy"])
    try:
        ec2.stop_instances(InstanceIds=[victim])
        with pytest.raises(ClientError, match="IncorrectInstanceState"):
            ec2.start_instances(InstanceIds=[victim])
        eventually("it is stopped", lambda: user.instance(victim)["State"]["Name"] == "stopped")
        assert user.health()[victim]["State"] == "unused"
        assert user.health()[victim]["Reason"] == "Target.InvalidState"
        scaling.set_desired_capacity(AutoScalingGroupName="orders", DesiredCapacity=3)
        ec2.start_instances(InstanceIds=[victim])
        eventually("it answers again", lambda: user.ask(address, "/health/shallow")[0] == 200)
        eventually("it serves again", lambda: user.health()[victim]["State"] == "healthy")
        assert user.members()[victim] == zone
        scaling.set_instance_health(InstanceId=victim, HealthStatus="Healthy")
    finally:
        scaling.resume_processes(AutoScalingGroupName="orders", ScalingProcesses=["ReplaceUnhealthy"])


def test_the_group_grows_and_shrinks_without_a_failed_request(user: User) -> None:
    scaling = user.api("autoscaling")
    scaling.set_desired_capacity(AutoScalingGroupName="orders", DesiredCapacity=5)
    eventually("five serve", lambda: [h["State"] for h in user.health().values()] == ["healthy"] * 5)
    assert sorted(user.members().values())[0::2] == list(ZONES), "spread over the zones: 2 + 2 + 1"
    scaling.set_desired_capacity(AutoScalingGroupName="orders", DesiredCapacity=3)
    statuses = set()
    deadline = time.monotonic() + DEADLINE_S
    while not user.is_whole():
        assert time.monotonic() < deadline
        statuses |= {user.orders("/health/shallow")[0] for _ in range(5)}
    assert statuses <= {200}, "a member is taken out of the load balancer before it is terminated"


def test_failover_moves_the_writer_and_loses_nothing(user: User) -> None:
    old = user.writer()
    assert user.orders("/orders", {"key": "kept", "version": 1, "checksum": "c", "payload": "p"})[0] == 201
    old_address, _ = user.resolve(user.cluster()["Endpoint"])
    began = time.monotonic()
    answer = user.api("rds").failover_db_cluster(DBClusterIdentifier="orders")["DBCluster"]
    assert answer["Status"] == "failing-over"
    assert writer_of(answer) == old, "the writer is another one once that serves, not before"
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        user.api("rds").failover_db_cluster(DBClusterIdentifier="orders")
    eventually("it is over", lambda: user.cluster()["Status"] == "available")
    assert time.monotonic() - began >= FAST["aurora_failover_s"]
    new = user.writer()
    assert new != old
    assert user.resolve(user.cluster()["Endpoint"])[0] not in ("", old_address)
    eventually("the row is there", lambda: user.orders("/orders/kept")[1].get("effects") == 1)

    home = {"DBClusterIdentifier": "orders", "TargetDBInstanceIdentifier": old}
    user.api("rds").failover_db_cluster(**home)
    eventually("it is home", lambda: user.cluster()["Status"] == "available" and user.writer() == old)
    with pytest.raises(ClientError, match="InvalidDBInstanceState"):
        user.api("rds").failover_db_cluster(**home)


def test_a_stopped_cluster_is_gone_until_it_is_started(user: User) -> None:
    rds = user.api("rds")
    assert rds.stop_db_cluster(DBClusterIdentifier="orders")["DBCluster"]["Status"] == "stopping"
    eventually("stopped", lambda: user.cluster()["Status"] == "stopped")
    assert user.orders("/health/deep")[0] == 503
    assert rds.start_db_cluster(DBClusterIdentifier="orders")["DBCluster"]["Status"] == "starting"
    eventually("it serves", user.is_whole)


def test_a_network_acl_isolates_its_zone_and_lets_it_back(user: User) -> None:
    victim = next(i for i, zone in user.members().items() if zone == ZONES[1])
    address = user.instance(victim)["PrivateIpAddress"]
    ec2, scaling = user.api("ec2"), user.api("autoscaling")
    subnet = user.instance(victim)["SubnetId"]
    acl = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"][0]
    rule = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 1, "Egress": False}
    scaling.suspend_processes(AutoScalingGroupName="orders", ScalingProcesses=["ReplaceUnhealthy"])
    try:
        ec2.create_network_acl_entry(**rule, Protocol="-1", RuleAction="deny", CidrBlock="0.0.0.0/0")
        eventually("silent from outside", lambda: user.ask(f"{address}:8080", "/health/shallow")[0] == 0)
        eventually("given up", lambda: user.health()[victim]["State"] == "unhealthy")
        assert user.instance(victim)["State"]["Name"] == "running"
        ec2.delete_network_acl_entry(**rule)
        eventually("it answers", lambda: user.ask(f"{address}:8080", "/health/shallow")[0] == 200)
        eventually("taken back", lambda: user.health()[victim]["State"] == "healthy")
    finally:
        scaling.resume_processes(AutoScalingGroupName="orders", ScalingProcesses=["ReplaceUnhealthy"])


def test_a_dead_database_server_is_failed_over(user: User) -> None:
    """Nobody has asked for it: Aurora notices. The reader that takes over ends as the writer."""
    old = user.writer()
    lock = user.lab.directory / "volume-orders" / "postmaster.pid"
    pid = int(lock.read_text().splitlines()[0])
    assert psutil.Process(pid).environ()["DR_DRILLS_LAB"] == user.lab.id
    psutil.Process(pid).kill()
    eventually("another writer", lambda: user.writer() != old)
    eventually("it serves", user.is_whole)


def test_a_cluster_without_a_reader_does_not_fail_over(user: User) -> None:
    rds, old = user.api("rds"), user.writer()
    reader = next(m["DBInstanceIdentifier"] for m in user.cluster()["DBClusterMembers"] if not m["IsClusterWriter"])
    zone = rds.describe_db_instances(DBInstanceIdentifier=reader)["DBInstances"][0]["AvailabilityZone"]
    rds.delete_db_instance(DBInstanceIdentifier=reader, SkipFinalSnapshot=True)
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        rds.failover_db_cluster(DBClusterIdentifier="orders")
    eventually("it serves as before", lambda: user.orders("/health/deep")[0] == 200)
    assert user.writer() == old
    rds.create_db_instance(
        DBInstanceIdentifier=reader,
        DBClusterIdentifier="orders",
        DBInstanceClass="db.t4g.medium",
        Engine="aurora-postgresql",
        AvailabilityZone=zone,
    )
    rds.failover_db_cluster(DBClusterIdentifier="orders", TargetDBInstanceIdentifier=reader)
    eventually("the new one can take over", lambda: user.writer() == reader)
    eventually("it serves", user.is_whole)


def test_an_instance_that_is_nobodys_boots_too_and_its_end_is_final(user: User) -> None:
    ec2 = user.api("ec2")
    subnet = user.instance(next(iter(user.members())))["SubnetId"]
    alone = ec2.run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    address = f"{alone['PrivateIpAddress']}:8080"
    eventually("it is reachable", lambda: f"client {address}" in user.dials())
    eventually("it answers", lambda: user.ask(address, "/health/shallow")[1].get("instance") == alone["InstanceId"])
    ec2.terminate_instances(InstanceIds=[alone["InstanceId"]])
    eventually("terminated", lambda: user.instance(alone["InstanceId"])["State"]["Name"] == "terminated")
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[alone["InstanceId"]])
    assert user.ask(address, "/health/shallow")[0] == 0


def test_what_can_be_seen_from_the_command_line(user: User) -> None:
    text = table(user.lab)
    assert user.lab.endpoint_url in text
    assert f"http://{user.dials()['client 10.1.0.10:80']}/" in text
    for instance in user.members():
        assert instance in text
    assert "orders.shop.internal." in text
    assert attach(user.lab.id) == user.lab
    assert user.lab in running()


def test_the_api_needs_no_configuration_of_the_machine(user: User) -> None:
    """Any credentials do, and every answer parses under botocore's own shapes."""
    given = {"aws_access_key_id": "any", "aws_secret_access_key": "thing", "region_name": "eu-west-1"}
    session: Any = boto3.Session(**given)  # type: ignore[arg-type]  # its stubs cannot see through **
    sts = session.client("sts", endpoint_url=user.lab.endpoint_url, config=Config(proxies={}))
    assert sts.get_caller_identity()["Account"] == "123456789012"
