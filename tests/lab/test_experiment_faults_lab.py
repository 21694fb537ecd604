"""Faults that are experiments, in one lab of two Regions: each bites, only where it should, and is undone."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.aws import Cloud
from fixtures.fault import Fault, RowsOfDrill
from fixtures.faults.deny_capacity import DenyCapacity
from fixtures.faults.pause_replication import PauseReplication
from fixtures.faults.run_experiment import RunExperiment
from fixtures.inventory import DataStore
from fixtures.journal import Journal
from fixtures.lab import Lab, LabSpec, down, up
from fixtures.lab.cloud.deploy import client
from fixtures.signs.scaling import Scaling
from probes.history import Mark
from reports.effects import failed_launches
from tests.fixtures.fake_cloud import header
from tests.fixtures.moto_world import Selected
from tests.lab.test_two_regions import APP, of

HOME, AWAY = "eu-west-1", "eu-central-1"
A, B = f"{HOME}a", f"{HOME}b"
TAGS = {"dr-drills:workload": "two"}
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]
STORE = DataStore("orders", "orders", kind="dynamodb")
THERE = Selected(name="two", tags=TAGS, region=AWAY, clusters=(), site="recovery", primary=False, stores=(STORE,))
SELECTED = THERE._replace(region=HOME, zones=(A, B), site="primary", primary=True, others=(THERE,))
ALARM = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:customers"
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 60.0


def templates(folder: Path) -> dict[str, Path]:
    """A group of one instance in each of two zones; in the other Region a network only."""
    vpc = {"Ref": "Vpc"}
    home = {"Vpc": of("EC2::VPC", CidrBlock="10.1.0.0/16")}
    for number, zone in enumerate((A, B), start=1):
        place = {"CidrBlock": f"10.1.{number}.0/24", "AvailabilityZone": zone}
        home[f"Subnet{number}"] = of("EC2::Subnet", VpcId=vpc, **place)
    launch = {"LaunchTemplateId": {"Ref": "Launch"}, "Version": {"Fn::GetAtt": ["Launch", "LatestVersionNumber"]}}
    image = {"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.micro"}
    home["Launch"] = of("EC2::LaunchTemplate", LaunchTemplateData=image)
    home["Group"] = of(
        "AutoScaling::AutoScalingGroup", AutoScalingGroupName="two", MinSize="2", DesiredCapacity="2", MaxSize="2",
        HealthCheckType="EC2", VPCZoneIdentifier=[{"Ref": "Subnet1"}, {"Ref": "Subnet2"}], LaunchTemplate=launch,
    )  # fmt: skip
    found = {}
    for region, resources in ((HOME, home), (AWAY, {"Vpc": of("EC2::VPC", CidrBlock="10.2.0.0/16")})):
        found[region] = folder / f"{region}.json"
        found[region].write_text(json.dumps({"Resources": resources}))
    return found


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


class User:
    """Somebody outside, and a drill that injects one fault after the other."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.cloud = Cloud.for_lab(lab.endpoint_url)

    def api(self, service: str, region: str = HOME) -> Any:
        return client(service, region, self.lab.endpoint_url)

    def running(self) -> dict[str, str]:
        """The zones of the instances that run, by their id."""
        states = [{"Name": "instance-state-name", "Values": ["running", "pending"]}]
        found = self.api("ec2").describe_instances(Filters=states)["Reservations"]
        return {i["InstanceId"]: i["Placement"]["AvailabilityZone"] for r in found for i in r["Instances"]}

    def answers(self, instance: str) -> bool:
        """Whether its process answers who dials its address."""
        found = self.api("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        real = json.loads(self.lab.dial_map.read_text()).get(f"client {found['PrivateIpAddress']}:8080")
        try:
            with urllib.request.urlopen(f"http://{real}/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    @contextmanager
    def injected(self, fault: Fault) -> Iterator[list[str]]:
        """With the fault; after the block it is undone, and what it says of its end is in the list."""
        evidence: list[str] = []
        fault.belongs_to(RowsOfDrill(prefix="dr-"), longest_s=600)
        fault.plan(self.cloud, SELECTED)
        with Journal.open(self.folder / fault.path().rpartition(":")[2], header()) as journal:
            try:
                fault.inject(journal, self.cloud)
                assert fault.in_effect(self.cloud)
                yield evidence
            finally:
                assert fault.undo(journal, self.cloud, say=lambda _: None).clean
            evidence += fault.evidence(self.cloud).values()
            assert fault.is_undone(self.cloud)
            assert journal.close()


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    spec = LabSpec(
        workload="two",
        regions={HOME: (A, B), AWAY: (f"{AWAY}a",)},
        templates=templates(tmp_path_factory.mktemp("two")),
        command=("{python}", "-c", APP),
        tags=TAGS,
        settings={"boot_delay_s": 0, "asg_check_s": 0.3, "dynamodb_global_lag_s": 0.2, "dynamodb_restore_s": 0},
        databases={},
    )
    lab = up(spec, owner=os.getpid())
    user = User(lab, tmp_path_factory.mktemp("state"))
    yield user
    user.cloud.close()
    broken = lab.directory / "broken.txt"
    said = broken.read_text() if broken.exists() else ""
    down(lab)
    assert said == ""


class Told:
    """What Auto Scaling has said since, as a drill writes it down."""

    def __init__(self, user: User) -> None:
        self._watcher = Scaling(user.cloud, HOME, ("two",))
        self._watcher.look()
        self._marks: list[Mark] = []

    def failed(self) -> tuple[Mark, ...]:
        """The launches that prove a want of capacity."""
        for sign in self._watcher.look():
            self._marks.append(Mark(name="sign", at_ns=0, source=f"{self._watcher.source}, {HOME}", says=sign.says))
        return failed_launches(cast("Any", SimpleNamespace(marks=self._marks)), {HOME}, 0, None)

    def says(self) -> Sequence[str]:
        return [mark.says for mark in self._marks]


def sized(user: User, size: int) -> None:
    user.api("autoscaling").update_auto_scaling_group(AutoScalingGroupName="two", DesiredCapacity=size, MaxSize=size)


def test_nothing_is_launched_in_a_region_without_capacity_and_what_runs_goes_on(user: User) -> None:
    eventually("both zones run", lambda: sorted(user.running().values()) == [A, B])
    before, told = user.running(), Told(user)
    with user.injected(DenyCapacity(HOME)) as evidence:
        eventually("launches fail", lambda: len(told.failed()) >= 2)
        assert {zone for zone in (A, B) for says in told.says() if f"({zone})" in says} == {A, B}
        assert user.running() == before
        assert all(user.answers(one) for one in before)
    assert "stopped" in evidence[0]
    assert user.running() == before


def test_without_the_fault_the_same_launch_succeeds_and_proves_nothing(user: User) -> None:
    """The control."""
    told = Told(user)
    sized(user, 3)
    eventually("a third one runs", lambda: len(user.running()) == 3)
    eventually("Auto Scaling says so", lambda: bool(told.failed()) or any("Successful" in says for says in told.says()))
    assert told.failed() == ()
    sized(user, 2)
    eventually("it is gone", lambda: sorted(user.running().values()) == [A, B])


def test_a_zone_without_capacity_leaves_the_other_one_alone(user: User) -> None:
    before, told = user.running(), Told(user)
    with user.injected(DenyCapacity(HOME, [A])):
        eventually("launches fail", lambda: bool(told.failed()))
        eventually("the other zone has them", lambda: len(user.running()) == 4)
        assert not any(f"({B})" in says for says in told.says())
        assert before.items() <= user.running().items()
        assert sorted(user.running().values()) == [A, B, B, B]
    eventually("as many as before", lambda: sorted(user.running().values()) == [A, B])


def test_a_template_of_the_users_own_stops_the_instance_of_its_zone(user: User) -> None:
    ec2, fis = user.api("ec2"), user.api("fis")
    subnets = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [A]}])["Subnets"]
    (subnet,) = [one["SubnetId"] for one in subnets if one["CidrBlock"].startswith("10.1.")]
    tags = [{"ResourceType": "instance", "Tags": [*TAG_LIST, {"Key": "alone", "Value": "yes"}]}]
    made = ec2.run_instances(
        ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1, SubnetId=subnet, TagSpecifications=tags
    )["Instances"][0]["InstanceId"]
    eventually("it answers", lambda: user.answers(made))
    others = sorted(user.running().keys() - {made})
    fis.create_experiment_template(
        description="an instance stops", roleArn="arn:aws:iam::123456789012:role/x", tags=TAGS,
        stopConditions=[{"source": "aws:cloudwatch:alarm", "value": ALARM}],
        targets={
            "alone": {
                "resourceType": "aws:ec2:instance", "resourceTags": {**TAGS, "alone": "yes"}, "selectionMode": "ALL"
            }
        },
        actions={
            "stop": {
                "actionId": "aws:ec2:stop-instances", "parameters": {"startInstancesAfterDuration": "PT1H"},
                "targets": {"Instances": "alone"},
            }
        },
    )  # fmt: skip
    fault = RunExperiment(region=HOME)
    with user.injected(fault) as evidence:
        assert ([one.id for one in fault.planned.targets], fault.planned.bites) == ([made], (A,))
        eventually("it is silent", lambda: not user.answers(made))
        assert all(user.answers(one) for one in others)
    assert "aws:ec2:stop-instances" in evidence[0]
    eventually("it answers again", lambda: user.answers(made))
    ec2.terminate_instances(InstanceIds=[made])


def test_a_tables_replication_stops_and_goes_on(user: User) -> None:
    home, away = user.api("dynamodb"), user.api("dynamodb", AWAY)
    for name in ("orders", "stock"):
        home.create_table(
            TableName=name, KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}], Tags=TAG_LIST,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )  # fmt: skip
        home.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])

    def arrived(key: str, table: str = "orders", at: Any = away) -> bool:
        return "Item" in at.get_item(TableName=table, Key={"key": {"S": key}})

    def put(key: str, table: str = "orders", at: Any = home) -> None:
        at.put_item(TableName=table, Item={"key": {"S": key}})

    put("before")
    eventually("it arrives without the fault", lambda: arrived("before"))
    with user.injected(PauseReplication("orders")) as evidence:
        put("there")
        put("back", at=away)
        put("other", "stock")
        eventually("the other table goes on", lambda: arrived("other", "stock"))
        assert not arrived("there")
        assert not arrived("back", at=home)
        assert arrived("there", at=home)
    assert "aws:dynamodb:global-table-pause-replication" in evidence[0]
    eventually("it arrives late", lambda: arrived("there") and arrived("back", at=home))
