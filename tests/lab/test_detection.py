"""What the lab says of itself by AWS's API: alarms that are evaluated, activities of groups, events of databases."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.decorator import mock_aws
from moto.core.responses import ActionResult
from moto.rds.models import rds_backends

from fixtures.lab.cloud import database_events, scaling_activities
from fixtures.lab.cloud.alarms import Alarms
from fixtures.lab.cloud.world import ACCOUNT, World
from fixtures.lab.truth import Truth

REGION = "eu-west-1"
GROUP = "targetgroup/orders/0123"


class Seen:
    """What there is to see, and what became of it."""

    def __init__(self) -> None:
        self.targets = {"i-1": "healthy", "i-2": "healthy"}
        self.healthy = True
        self.changes: list[tuple[str, str, str]] = []

    def changed(self, alarm: Alarm, before: str) -> None:
        self.changes.append((alarm.name, before, alarm.state_value))


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def world(tmp_path: Path, seen: Seen) -> Iterator[World]:
    group = SimpleNamespace(arn=f"arn:aws:elasticloadbalancing:{REGION}:1:{GROUP}", targets=seen.targets)
    with mock_aws():
        yield cast(
            "World",
            SimpleNamespace(
                region=SimpleNamespace(name=REGION),
                settings={"cw_period_s": 0.0},  # every look is the end of a period
                truth=Truth(tmp_path),
                lock=threading.RLock(),
                lost=False,
                balancing=SimpleNamespace(target_groups={group.arn: group}),
            ),
        )


@pytest.fixture
def alarms(world: World, seen: Seen) -> Alarms:
    return Alarms([world], lambda _arn, target: seen.targets[target], lambda _check: seen.healthy, seen.changed)


def put(name: str, metric: str = "UnHealthyHostCount", *, region: str = REGION, **given: Any) -> Alarm:
    settings: dict[str, Any] = {
        "namespace": "AWS/ApplicationELB", "comparison_operator": "GreaterThanOrEqualToThreshold",
        "evaluation_periods": 2, "period": 60, "threshold": 1.0, "statistic": "Maximum", "description": "",
        "dimensions": [{"Name": "TargetGroup", "Value": GROUP}], "alarm_actions": [],
    }  # fmt: skip
    backend = cloudwatch_backends[ACCOUNT][region]
    made = backend.put_metric_alarm(name=name, metric_name=metric, **(settings | given))
    made.state_value = "INSUFFICIENT_DATA"
    return made


def test_an_alarm_follows_the_targets_after_its_periods(alarms: Alarms, seen: Seen) -> None:
    alarm = put("unhealthy", datapoints_to_alarm=2)
    alarms.observe()
    assert alarm.state_value == "OK"
    seen.targets["i-1"] = "unhealthy"
    alarms.observe()
    assert alarm.state_value == "OK"  # one period of two
    alarms.observe()
    assert alarm.state_value == "ALARM"
    assert "[1.0, 1.0]" in alarm.state_reason
    seen.targets["i-1"] = "healthy"
    alarms.observe()
    assert seen.changes == [
        ("unhealthy", "INSUFFICIENT_DATA", "OK"), ("unhealthy", "OK", "ALARM"), ("unhealthy", "ALARM", "OK")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "state"),
    [("missing", "INSUFFICIENT_DATA"), ("breaching", "ALARM"), ("notBreaching", "OK"), ("ignore", "INSUFFICIENT_DATA")],
)
def test_a_metric_that_the_lab_does_not_have_is_missing_data(alarms: Alarms, missing: str, state: str) -> None:
    alarm = put("strange", "TargetResponseTime", treat_missing_data=missing)
    alarms.observe()
    alarms.observe()
    assert alarm.state_value == state


def test_an_alarm_on_a_secondary_s_lag_rings_by_what_it_is(alarms: Alarms, world: World) -> None:
    dimensions = [{"Name": "DBClusterIdentifier", "Value": "away"}]
    alarm = put(
        "behind", "AuroraGlobalDBReplicationLag", namespace="AWS/RDS", threshold=5000.0, evaluation_periods=1,
        comparison_operator="GreaterThanThreshold", dimensions=dimensions,
    )  # fmt: skip
    states = []
    for lag_s in (1.2, 5.1, None, 5.0):
        cast("Any", world).clusters = {"away": SimpleNamespace(lag_s=lag_s), "home": SimpleNamespace(lag_s=None)}
        alarms.observe()
        states.append(alarm.state_value)
    assert states == ["OK", "ALARM", "INSUFFICIENT_DATA", "OK"]


def test_health_checks_have_their_metric_in_one_region_only(alarms: Alarms, seen: Seen) -> None:
    check: dict[str, Any] = {
        "namespace": "AWS/Route53", "comparison_operator": "LessThanThreshold", "evaluation_periods": 1,
        "statistic": "Minimum", "dimensions": [{"Name": "HealthCheckId", "Value": "h"}],
    }  # fmt: skip
    here = put("here", "HealthCheckStatus", region="us-east-1", **check)
    elsewhere = put("elsewhere", "HealthCheckStatus", **check)
    seen.healthy = False
    alarms.observe()
    assert (here.state_value, elsewhere.state_value) == ("ALARM", "INSUFFICIENT_DATA")


def test_a_region_without_power_evaluates_nothing(alarms: Alarms, seen: Seen, world: World) -> None:
    put("unhealthy")
    world.lost = True
    seen.targets["i-1"] = "unhealthy"
    alarms.observe()
    alarms.observe()
    assert seen.changes == []


def activities(*groups: Any, **given: Any) -> list[dict[str, Any]]:
    backend = SimpleNamespace(autoscaling_groups={g.name: g for g in groups})
    asked = SimpleNamespace(autoscaling_backend=backend, _get_param=given.get)
    answer = scaling_activities._describe(cast("Any", asked))
    assert isinstance(answer, ActionResult)
    return cast("list[dict[str, Any]]", cast("dict[str, Any]", answer.result)["Activities"])


def test_activities_are_told_by_group_the_newest_first_with_begin_and_end() -> None:
    one, other = cast("Any", SimpleNamespace(name="one")), cast("Any", SimpleNamespace(name="other"))
    scaling_activities.begun(one, "i-1", launches=True, cause="c")
    scaling_activities.begun(other, "i-9", launches=True, cause="c")
    (first,) = activities(one, other, AutoScalingGroupName="one")
    assert (first["StatusCode"], "EndTime" in first) == ("PreInService", False)
    scaling_activities.ended(one, "i-1")
    scaling_activities.begun(one, "i-1", launches=False, cause="unhealthy")
    scaling_activities.ended(one, "i-1", failed="no")
    found = {a["Description"]: a for a in activities(one, other, AutoScalingGroupName="one")}
    launch, end = found["Launching a new EC2 instance: i-1"], found["Terminating EC2 instance: i-1"]
    assert (launch["StatusCode"], launch["EndTime"].microsecond) == ("Successful", 0)
    assert (end["StatusCode"], end["StatusMessage"]) == ("Failed", "no")
    assert len(activities(one, other)) == 3
    assert len(activities(one, other, MaxRecords=1)) == 1


def test_a_databases_events_are_in_its_regions_answer_with_their_time() -> None:
    with mock_aws():
        backend = rds_backends[ACCOUNT][REGION]
        cluster = cast(
            "Any",
            SimpleNamespace(backend=backend, region=REGION, db_cluster_identifier="ws", db_cluster_arn="arn:ws"),
        )
        before = datetime.now(UTC)
        database_events.tell(cluster, "promoted", database_events.place(cluster))
        (event,) = backend.describe_events(source_identifier="ws", source_type="db-cluster")
        assert event.message == f"New primary DB cluster ws in Region {REGION} was successfully promoted."
        assert before <= event.date <= datetime.now(UTC)
        assert json.dumps(event.event_categories) == '["global-failover"]'
