"""The lab's experiments in this process, on a clock of their own: what they do, and that they end by themselves."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import RLock
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from moto.fis.models import Experiment

from fixtures.lab.cloud import experiments
from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.capacity import Capacity
from fixtures.lab.cloud.credentials import key_of
from fixtures.lab.cloud.experiment_actions import seconds, spans
from fixtures.lab.cloud.experiments import Experiments
from fixtures.lab.cloud.world import World
from tests.fixtures.fake_cloud import FakeTime

HOME, AWAY = "eu-west-1", "eu-central-1"
TAGS = {"dr-drills:workload": "orders"}
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]


@dataclass
class Log:
    events: list[tuple[str, str]] = field(default_factory=list)

    def log(self, event: str, subject: str, _detail: str = "") -> None:
        self.events.append((event, subject))


class Lab:
    """Two Regions of moto's, and the experiments that run there."""

    def __init__(self) -> None:
        self.time, self.log = FakeTime(), Log()
        self.worlds = {
            name: World(cast("Any", None), Region(number, name, ()), {}, Path(), {}, cast("Any", self.log), RLock())
            for number, name in enumerate((HOME, AWAY), start=1)
        }
        self.experiments = Experiments(list(self.worlds.values()), self.time.clock)

    def client(self, service: str, region: str = HOME) -> Any:
        return _client(service, region)

    def start(
        self,
        actions: dict[str, Any],
        targets: dict[str, Any] | None = None,
        *,
        mode: str = "run-all",
        empty: str = "fail",
    ) -> str:
        made = self.client("fis").create_experiment_template(
            description="x", roleArn="arn:aws:iam::123456789012:role/x", stopConditions=[{"source": "none"}],
            actions=actions, targets=targets or {}, experimentOptions={"emptyTargetResolutionMode": empty},
        )["experimentTemplate"]["id"]  # fmt: skip
        options = {"actionsMode": mode}
        begun = self.client("fis").start_experiment(experimentTemplateId=made, experimentOptions=options)
        self.later(0)
        return str(begun["experiment"]["id"])

    def later(self, seconds: float) -> None:
        self.time.sleep(seconds)
        self.experiments.observe()

    def state(self, experiment: str) -> dict[str, str]:
        return dict(self.client("fis").get_experiment(id=experiment)["experiment"]["state"])


@cache
def _client(service: str, region: str) -> Any:
    """One for all tests: making one takes longer than what they do with it."""
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)  # noqa: S106 - no secret
    return session.client(service)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Others use moto's experiments as they are."""
    before = dict(vars(Experiment))
    experiments.install()
    try:
        with mock_aws():
            yield Lab()
    finally:
        for name in set(vars(Experiment)) - set(before):
            delattr(Experiment, name)
        for name in ("advance", "status", "resolved_targets"):
            if name in before:
                setattr(Experiment, name, before[name])


def action(kind: str, target: str = "", **parameters: str) -> dict[str, Any]:
    key = {"Tables": "aws:dynamodb", "Roles": "aws:ec2:api", "AutoScalingGroups": "aws:ec2:asg"}
    called = next((name for name, prefix in key.items() if kind.startswith(prefix)), "Instances")
    return {"actionId": kind, "parameters": parameters} | ({"targets": {called: target}} if target else {})


def of(kind: str, *arns: str, mode: str = "ALL", **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "selectionMode": mode, **({"resourceArns": list(arns)} if arns else {}), **more}


def test_durations() -> None:
    assert [seconds(text) for text in ("PT1M", "PT90S", "PT1H30M", "P1DT1S", "PT0S")] == [60, 90, 5400, 86401, 0]
    for wrong in ("", "P", "PT", "1M", "PT1.5M", "P1M", "PT-1M"):
        with pytest.raises(ValueError, match="no duration"):
            seconds(wrong)
    waits = {name: action("aws:fis:wait", duration="PT10S") | {"startAfter": after} for name, after in CHAIN.items()}
    assert spans(waits) == {"a": (0, 10), "b": (0, 10), "c": (10, 20), "d": (20, 30)}
    assert spans({"a": action("lab:lose-site")}) == {"a": (0, math.inf)}
    with pytest.raises(ValueError, match="wait for each other"):
        spans({"a": {"startAfter": ["b"]}, "b": {"startAfter": ["a"]}})


CHAIN: dict[str, list[str]] = {"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}


def test_what_nobody_stops_ends_by_itself(lab: Lab) -> None:
    lost = lab.start({"one": action("lab:lose-site", region=AWAY, duration="PT2M")})
    lab.later(119.9)
    assert (lab.worlds[AWAY].lost, lab.state(lost)["status"]) == (True, "running")
    assert not lab.worlds[HOME].lost
    lab.later(0.2)
    assert (lab.worlds[AWAY].lost, lab.state(lost)["status"]) == (False, "completed")
    assert lab.log.events == [("site loses power", AWAY), ("site has power again", AWAY)]
    endless = lab.start({"one": action("lab:lose-site", region=AWAY)})
    lab.later(1e6)
    assert lab.state(endless)["status"] == "running"
    lab.client("fis").stop_experiment(id=endless)
    lab.later(0)
    assert (lab.worlds[AWAY].lost, lab.state(endless)["status"]) == (False, "stopped")


def test_actions_follow_each_other(lab: Lab) -> None:
    after = action("lab:pause-replication", region=HOME, duration="PT10S") | {"startAfter": ["wait"]}
    both = lab.start({"wait": action("aws:fis:wait", duration="PT10S"), "pause": after})
    assert not lab.worlds[HOME].replication_paused
    lab.later(10)
    assert lab.worlds[HOME].replication_paused
    lab.later(10)
    assert (lab.worlds[HOME].replication_paused, lab.state(both)["status"]) == (False, "completed")


def table(lab: Lab, name: str) -> str:
    made = lab.client("dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}], Tags=TAG_LIST,
    )  # fmt: skip
    return str(made["TableDescription"]["TableArn"])


PAUSE = "aws:dynamodb:global-table-pause-replication"


def test_a_tables_replication_is_paused_and_no_others(lab: Lab) -> None:
    arn = table(lab, "orders")
    table(lab, "stock")
    pausing = lab.start({"one": action(PAUSE, "t", duration="PT1M")}, {"t": of("aws:dynamodb:global-table", arn)})
    assert lab.worlds[HOME].paused_tables == {"orders"}
    assert lab.worlds[AWAY].paused_tables == set()
    assert not lab.worlds[HOME].replication_paused
    lab.later(60)
    assert (lab.worlds[HOME].paused_tables, lab.state(pausing)["status"]) == (frozenset(), "completed")
    by_tags = of("aws:dynamodb:global-table", resourceTags=TAGS)
    lab.start({"one": action(PAUSE, "t", duration="PT1M")}, {"t": by_tags})
    assert lab.worlds[HOME].paused_tables == {"orders", "stock"}


def instances(lab: Lab, *zones: str) -> dict[str, str]:
    ec2 = lab.client("ec2")
    found = {}
    for zone in zones:
        made = ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, Placement={"AvailabilityZone": zone},
            TagSpecifications=[{"ResourceType": "instance", "Tags": TAG_LIST}],
        )  # fmt: skip
        found[zone] = str(made["Instances"][0]["InstanceId"])
    return found


def powered(lab: Lab) -> list[str]:
    return sorted(str(one.availability_zone) for one in lab.worlds[HOME].ec2.all_instances() if one.state == "running")


def test_instances_of_a_zone_stop_and_start_again(lab: Lab) -> None:
    instances(lab, f"{HOME}a", f"{HOME}b")
    zone: dict[str, Any] = {"filters": [{"path": "Placement.AvailabilityZone", "values": [f"{HOME}a"]}]}
    targets = {"zone": of("aws:ec2:instance", resourceTags=TAGS, **zone)}
    stopping = {"stop": action("aws:ec2:stop-instances", "zone", startInstancesAfterDuration="PT1M")}
    ended = lab.start(stopping, targets)
    assert powered(lab) == [f"{HOME}b"]
    (resolved,) = lab.client("fis").list_experiment_resolved_targets(experimentId=ended)["resolvedTargets"]
    assert (resolved["resourceType"], resolved["targetName"]) == ("aws:ec2:instance", "zone")
    lab.later(60)
    assert (powered(lab), lab.state(ended)["status"]) == ([f"{HOME}a", f"{HOME}b"], "completed")
    cut = lab.start(stopping, targets)
    lab.client("fis").stop_experiment(id=cut)
    lab.later(1)
    assert (powered(lab), lab.state(cut)["status"]) == ([f"{HOME}a", f"{HOME}b"], "stopped")


def test_a_preview_resolves_targets_and_does_nothing(lab: Lab) -> None:
    made = instances(lab, f"{HOME}a", f"{HOME}b")
    stopping = {"stop": action("aws:ec2:stop-instances", "some", startInstancesAfterDuration="PT1M")}
    for mode, count in (("ALL", 2), ("COUNT(1)", 1), ("PERCENT(50)", 1)):
        seen = lab.start(stopping, {"some": of("aws:ec2:instance", mode=mode, resourceTags=TAGS)}, mode="skip-all")
        assert lab.state(seen)["status"] == "completed"
        found = lab.client("fis").list_experiment_resolved_targets(experimentId=seen)["resolvedTargets"]
        ids = {one["targetInformation"]["arn"].rpartition("/")[2] for one in found}
        assert len(ids) == count
        assert ids <= set(made.values())
    assert powered(lab) == [f"{HOME}a", f"{HOME}b"]


DENY, CALLS = "aws:ec2:asg-insufficient-instance-capacity-error", "aws:ec2:api-insufficient-instance-capacity-error"


def test_capacity_is_denied_to_a_role_in_a_zone_and_to_nobody_else(lab: Lab) -> None:
    iam = lab.client("iam")
    arn = iam.create_role(RoleName="scaler", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    zones = {"availabilityZoneIdentifiers": f"{HOME}a, {HOME}b", "percentage": "100", "duration": "PT1M"}
    lab.start({"one": action(CALLS, "r", **zones)}, {"r": of("aws:iam:role", arn)})
    assert lab.worlds[HOME].without_capacity == {arn: {f"{HOME}a", f"{HOME}b"}}
    assert lab.worlds[AWAY].without_capacity == {}
    front = Capacity(lab.worlds, RLock())

    def refused(role: str = "scaler", region: str = HOME, operation: str = "RunInstances", **form: str) -> bool:
        asked = SimpleNamespace(key=key_of(role), region=region, service="ec2", operation=operation, form=form)
        answer = front(cast("Any", asked))
        assert answer is None or b"<Code>InsufficientInstanceCapacity</Code>" in answer.body
        return answer is not None

    placed = {"Placement.AvailabilityZone": f"{HOME}a"}
    assert refused(**placed)
    assert not refused(**{"Placement.AvailabilityZone": f"{HOME}c"})
    assert not refused("another", **placed)
    assert not refused(region=AWAY, **placed)
    assert not refused(operation="DescribeInstances", **placed)
    made = instances(lab, f"{HOME}b", f"{HOME}c")
    assert refused(operation="StartInstances", **{"InstanceId.1": made[f"{HOME}c"], "InstanceId.2": made[f"{HOME}b"]})
    assert not refused(operation="StartInstances", **{"InstanceId.1": made[f"{HOME}c"]})
    subnets = lab.client("ec2").describe_subnets()["Subnets"]
    there = {one["AvailabilityZone"]: one["SubnetId"] for one in subnets}
    assert refused(SubnetId=there[f"{HOME}a"])
    assert not refused(SubnetId=there[f"{HOME}c"])
    lab.later(60)
    assert not refused(**placed)


def test_capacity_is_denied_to_the_groups_with_the_tags(lab: Lab) -> None:
    groups, launch = lab.client("autoscaling"), lab.client("ec2").create_launch_template
    launch(LaunchTemplateName="any", LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "t3.micro"})
    for name, tags in (("orders", [{**one, "PropagateAtLaunch": False} for one in TAG_LIST]), ("stock", [])):
        groups.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": "any"}, MinSize=0, MaxSize=1, Tags=tags,
            AvailabilityZones=[f"{HOME}a"],
        )  # fmt: skip
    denying = {"one": action(DENY, "g", duration="PT1M", availabilityZoneIdentifiers=f"{HOME}a")}
    lab.start(denying, {"g": of("aws:ec2:autoscaling-group", resourceTags=TAGS)})
    ((arn, zones),) = lab.worlds[HOME].without_capacity.items()
    assert (arn.rpartition("/")[2], zones) == ("orders", frozenset({f"{HOME}a"}))
    lab.later(60)
    assert lab.worlds[HOME].without_capacity == {}


@pytest.mark.parametrize(
    ("actions", "targets", "says"),
    [
        ({"one": action("aws:nope")}, {}, "has no action aws:nope"),
        ({"one": action("lab:lose-site", region="us-east-1")}, {}, "is no Region of the lab"),
        ({"one": action("aws:fis:wait")}, {}, "['duration'] are missing"),
        ({"one": action("aws:fis:wait", duration="soon")}, {}, "is no duration"),
        ({"one": action(PAUSE, duration="PT1M")}, {}, "target Tables is missing"),
        (
            {"one": action(PAUSE, "t", duration="PT1M")},
            {"t": of("aws:dynamodb:global-table", "arn:aws:dynamodb:eu-west-1:123456789012:table/none")},
            "Target resolution returned empty set: t",
        ),
        (
            {"one": action(PAUSE, "t", duration="PT1M")},
            {"t": of("aws:rds:cluster", "arn:aws:rds:eu-west-1:123456789012:cluster:a")},
            "no targets of type",
        ),
        (
            {"one": action(DENY, "g", duration="PT1M", availabilityZoneIdentifiers=f"{HOME}a", percentage="50")},
            {"g": of("aws:ec2:autoscaling-group", resourceTags=TAGS)},
            "percentage = 100",
        ),
    ],
)  # fmt: skip
def test_what_the_lab_cannot_do_fails_and_says_why(
    lab: Lab, actions: dict[str, Any], targets: dict[str, Any], says: str
) -> None:
    state = lab.state(lab.start(actions, targets))
    assert state["status"] == "failed"
    assert says in state["reason"]
    assert lab.log.events == []


def test_an_empty_target_may_be_skipped(lab: Lab) -> None:
    none = {"t": of("aws:dynamodb:global-table", resourceTags=TAGS)}
    skipping = lab.start({"one": action(PAUSE, "t", duration="PT1M")}, none, empty="skip")
    assert (lab.state(skipping)["status"], lab.worlds[HOME].paused_tables) == ("running", frozenset())
