"""An alarm, EventBridge and Step Functions of the lab: an alarm in one Region starts a state machine in another."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from moto.backends import get_backend
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.config import default_user_config
from moto.events.models import Rule
from moto.stepfunctions import models
from moto.stepfunctions.models import StateMachine

from fixtures.errors import LabError
from fixtures.lab.cloud import events, moto_alarms, state_machines
from fixtures.lab.cloud.alarms import Alarms
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT, World
from fixtures.lab.truth import Truth

WATCHED, AWAY = "us-east-1", "eu-central-1"
DEADLINE_S = 30.0
PATTERN = {
    "source": ["aws.cloudwatch"],
    "detail-type": ["CloudWatch Alarm State Change"],
    "detail": {"alarmName": ["primary-down"], "state": {"value": ["ALARM"]}},
}
TYPES = (moto_alarms.__name__,)


def task(operation: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    more = more or {"End": True}
    return {"Type": "Task", "Resource": f"{state_machines.SDK}{operation}", "Parameters": parameters, **more}


DEFINITION = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Queue",
                    "States": {"Queue": task("sqs:createQueue", {"QueueName.$": "$.detail.alarmName"})},
                },
                {"StartAt": "Topic", "States": {"Topic": task("sns:createTopic", {"Name": "told"})}},
            ],
            "ResultPath": "$.both",
            "Next": "Look",
        },
        "Look": task("sqs:listQueues", {}, ResultPath="$.queues", Next="Known"),
        "Known": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.queues.QueueUrls[0]", "IsPresent": True, "Next": "Done"}],
            "Default": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Look"},
        "Done": task("sqs:createQueue", {"QueueName": "done"}),
    },
}


def stack(**resources: Any) -> str:
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


def rule(arn: Any, state: str) -> dict[str, Any]:
    properties = {"EventPattern": PATTERN, "State": state, "Targets": [{"Id": "t", "Arn": arn, "RoleArn": "arn:r"}]}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def machine(definition: Any) -> dict[str, Any]:
    properties = {
        "StateMachineName": "plan",
        "DefinitionString": json.dumps(definition),
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "AlarmName": "primary-down", "Namespace": "AWS/Route53", "MetricName": "HealthCheckStatus",
        "Statistic": "Minimum", "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold",
        "Threshold": 1, "Dimensions": [{"Name": "HealthCheckId", "Value": "h"}],
    },
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[str]:
    """The address of an API with the bridges; what they put in moto's places is taken back."""
    kept = (
        patch.object(Rule, "send_to_targets", Rule.send_to_targets),
        patch.object(
            StateMachine, "create_from_cloudformation_json", vars(StateMachine)["create_from_cloudformation_json"]
        ),
        patch.object(models, "stepfunctions_backends", models.stepfunctions_backends),
        patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": False}}),
    )
    server = Server(threading.RLock(), lambda: None)
    for one in kept:
        one.start()
    events.install()
    state_machines.install(server.address)
    server.start()
    yield f"http://{server.address}"
    server.stop()
    models.stepfunctions_backends[ACCOUNT].reset()
    for one in kept:
        one.stop()
    for service in ("cloudwatch", "events", "sqs", "sns", "cloudformation"):
        get_backend(cast("Any", service))[ACCOUNT].reset()


def queues(api: str) -> list[str]:
    urls = client("sqs", AWAY, api).list_queues().get("QueueUrls", [])
    return sorted(url.rpartition("/")[2] for url in urls)


def evaluate(tmp_path: Path) -> None:
    """Look once at the alarm, whose health check is unhealthy."""
    world = SimpleNamespace(region=SimpleNamespace(name=AWAY), settings={"cw_period_s": 0.0}, truth=Truth(tmp_path))
    Alarms([cast("World", world)], lambda _arn, _id: "", lambda _check: False, events.alarm_changed).observe()


def deploy(api: str, region: str, body: str) -> None:
    client("cloudformation", region, api).create_stack(StackName="automation", TemplateBody=body)


@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
def test_an_alarm_starts_the_plan_in_the_other_region(api: str, tmp_path: Path, state: str) -> None:
    deploy(api, AWAY, stack(Plan=machine(DEFINITION), Rule=rule({"Ref": "Plan"}, state)))
    bus = f"arn:aws:events:{AWAY}:{ACCOUNT}:event-bus/default"
    deploy(api, WATCHED, stack(Alarm=ALARM, Rule=rule(bus, "ENABLED")))
    assert cloudwatch_backends[ACCOUNT][WATCHED].alarms["primary-down"].state_value == "INSUFFICIENT_DATA"
    evaluate(tmp_path)
    for starter in [one for one in threading.enumerate() if one.name == events.STARTER]:
        starter.join(DEADLINE_S)
    steps = client("stepfunctions", AWAY, api)
    (made,) = steps.list_state_machines()["stateMachines"]

    def executions() -> list[Any]:
        return cast("list[Any]", steps.list_executions(stateMachineArn=made["stateMachineArn"])["executions"])

    if state == "DISABLED":
        assert executions() == []
        return
    deadline = time.monotonic() + DEADLINE_S
    while any(one["status"] == "RUNNING" for one in executions()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [one["status"] for one in executions()] == ["SUCCEEDED"]
    assert queues(api) == ["done", "primary-down"]
    assert client("sns", AWAY, api).list_topics()["Topics"]


def test_a_task_that_the_lab_does_not_run_is_refused() -> None:
    inner = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    nested = {"States": {"P": {"Type": "Parallel", "Branches": [{"States": {"L": inner}}]}}}
    with pytest.raises(LabError, match="lambda:invoke"):
        state_machines.refuse_others("plan", nested)
    state_machines.refuse_others("plan", DEFINITION)
