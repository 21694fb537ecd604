"""ARC's Region switch of the lab: a plan's own steps are done, and the step `run` follows them to their end."""

import json
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from fixtures.aws import Cloud
from fixtures.lab.cloud import moto_switches
from fixtures.lab.cloud.asked import Front
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.functions import Functions
from fixtures.lab.cloud.moto_switches import plan_arn
from fixtures.lab.cloud.region_switches import RegionSwitches
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT
from fixtures.recovery.runner import make_step
from fixtures.recovery.step import Around
from fixtures.sdk_names import model
from fixtures.workload_plans import RunStep
from reports.steps import StepRecord
from tests.lab.zipped import zipped

HOME, AWAY = "eu-west-1", "eu-central-1"
DEADLINE_S = 30.0
CODE = """
def warm(event, context):
    if event.get("fails"):
        raise ValueError("no replica")
    return {}
"""
HEALTH = {"ResourceIdentifier": f"arn:aws:cloudwatch:{AWAY}:{ACCOUNT}:alarm:healthy", "AlarmType": "applicationHealth"}


def step(name: str, kind: str, **block: Any) -> dict[str, Any]:
    return {"Name": name, "ExecutionBlockType": kind, "ExecutionBlockConfiguration": block}


def function(name: str = "warm", **more: Any) -> dict[str, Any]:
    arns = [{"Arn": f"arn:aws:lambda:{region}:{ACCOUNT}:function:warm"} for region in (HOME, AWAY)]
    arns[1] |= {"Payload": json.dumps({"fails": True})} if name == "broken" else {}
    given = {"Lambdas": arns, "RegionToRun": "activatingRegion", "RetryIntervalMinutes": 1.0} | more
    return step(name, "CustomActionLambda", CustomActionLambdaConfig=given)


APPROVE = step("approve", "ManualApproval", ExecutionApprovalConfig={"ApprovalRole": "arn:aws:iam::1:role/a"})
PLANS: dict[str, tuple[dict[str, Any], ...]] = {
    "warms": (function(),),
    "watched": (),
    "asks": (APPROVE,),
    "broken": (function("broken"),),
    "skips": (function(Ungraceful={"Behavior": "skip"}),),
    "elsewhere": (function(RegionToRun="deactivatingRegion"),),
    "promotes": (step("promote", "AuroraGlobalDatabase", GlobalAuroraConfig={}),),
}


def resource(name: str, steps: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    given = {
        "Name": name, "Regions": [HOME, AWAY], "RecoveryApproach": "activePassive",
        "ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/switch",
        "Workflows": [{"WorkflowTargetAction": "activate", "Steps": list(steps)}],
        **({"AssociatedAlarms": {"Is up": HEALTH}} if name == "watched" else {}),
    }  # fmt: skip
    return {"Type": moto_switches.Plan.cloudformation_type(), "Properties": given}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    moto_api_backend.reset()
    lock = threading.RLock()
    worlds: dict[str, Any] = {"eu-north-1": SimpleNamespace(lost=True)}
    fronts: list[Front] = [Functions(lock, lambda: server.address), RegionSwitches(worlds, lambda: server.address)]
    server = Server(lock, lambda: None, fronts)
    server.start()
    url = f"http://{server.address}"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = client("iam", AWAY, url).create_role(RoleName="warm", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client("lambda", AWAY, url).create_function(
        FunctionName="warm", Runtime="python3.12", Role=role, Handler="index.warm", Code={"ZipFile": zipped(CODE)}
    )
    body = {"Resources": {name.title(): resource(name, steps) for name, steps in PLANS.items()}}
    client("cloudformation", HOME, url).create_stack(StackName="switches", TemplateBody=json.dumps(body))
    yield url
    client("cloudformation", HOME, url).delete_stack(StackName="switches")
    assert moto_switches.PLANS == {}
    server.stop()
    moto_api_backend.reset()


def run(address: str, plan: str, timeout: str = "30s", until: str = "", **given: Any) -> StepRecord:
    """The step's record; where ARC says `until`, the drill ends."""

    keys = {"region_switch_plan": plan_arn(plan), "action": "activate", "mode": "graceful", "target_region": AWAY}
    settings = RunStep.model_validate({"name": "switch", "kind": "run", "timeout": timeout} | keys | given)
    workload: Any = SimpleNamespace(folder=None)
    journal: Any = None
    with Cloud.for_lab(address) as cloud:
        around = Around(cloud=cloud, workload=workload, journal=journal, now_ns=lambda: 0, say=lambda _: None)
        step = make_step(settings, around)

        def wait(seconds: float) -> None:
            time.sleep(seconds)
            if step.switched is not None and step.switched.state == until:
                around.stop.set()

        around.wait = wait
        return step.run()


def state(address: str, record: StepRecord) -> dict[str, Any]:
    assert record.switched is not None
    given = {"planArn": record.switched.plan, "executionId": record.switched.execution}
    found: dict[str, Any] = client("arc-region-switch", AWAY, address).get_plan_execution(**given)
    return found


def settled(address: str, record: StepRecord, wanted: str) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_S
    while (found := state(address, record))["executionState"] != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_plan_s_function_is_called_and_its_time_is_told(address: str) -> None:
    record = run(address, "warms")
    assert (record.outcome, record.error) == ("done", "")
    told = settled(address, record, "completed")
    assert told["stepStates"] == [{"name": "warm", "status": "completed"}]
    assert told["actualRecoveryTime"].startswith("PT")


def test_a_function_s_error_pauses_it_and_it_is_cancelled_with_its_step(address: str) -> None:
    record = run(address, "broken", until="pausedByFailedStep")
    assert record.error == "the plan was ended before the step was done"
    assert "CancelPlanExecution" in {one.operation for one in record.calls}
    assert state(address, record)["executionState"] == "canceled"


def test_its_alarms_are_watched_once_its_steps_are_done(address: str) -> None:
    watching = client("cloudwatch", AWAY, address)
    watching.put_metric_alarm(
        AlarmName="healthy", ComparisonOperator="LessThanThreshold", EvaluationPeriods=1, MetricName="Up",
        Namespace="Shop", Period=60, Statistic="Minimum", Threshold=1.0,
    )  # fmt: skip
    watching.set_alarm_state(AlarmName="healthy", StateValue="ALARM", StateReason="down")
    record = run(address, "watched")
    assert record.outcome == "done"
    assert record.switched is not None
    assert record.switched.state == "completedMonitoringApplicationHealth"
    assert "actualRecoveryTime" not in state(address, record)
    watching.set_alarm_state(AlarmName="healthy", StateValue="OK", StateReason="up")
    assert settled(address, record, "completed")["actualRecoveryTime"].startswith("PT")


@pytest.mark.parametrize(("approval", "outcome"), [("approve", "done"), ("decline", "failed")])
def test_it_waits_for_a_person(address: str, approval: str, outcome: str) -> None:
    said: list[StepRecord] = []
    step_of = threading.Thread(target=lambda: said.append(run(address, "asks")))
    step_of.start()
    arc = client("arc-region-switch", AWAY, address)
    plan, deadline = plan_arn("asks"), time.monotonic() + DEADLINE_S
    waiting: list[Any] = []
    while not waiting:
        assert time.monotonic() < deadline
        listed = arc.list_plan_executions(planArn=plan)["items"]
        waiting = [one for one in listed if one["executionState"] == "pendingManualApproval"]
        time.sleep(0.02)
    with pytest.raises(ClientError, match="IllegalStateException"):
        arc.start_plan_execution(planArn=plan, targetRegion=AWAY, action="activate")
    told = {"planArn": plan, "executionId": waiting[0]["executionId"], "stepName": "approve"}
    arc.approve_plan_execution_step(approval=approval, **told)
    step_of.join(DEADLINE_S)
    assert [record.outcome for record in said] == [outcome]


def test_the_same_token_starts_it_once(address: str) -> None:
    arc, given = client("arc-region-switch", AWAY, address), {"planArn": plan_arn("warms"), "clientToken": "once"}
    first, second = (
        arc.start_plan_execution(targetRegion=AWAY, action="activate", **given)["executionId"] for _ in range(2)
    )
    assert first == second
    with pytest.raises(ClientError, match="ConflictException"):
        arc.start_plan_execution(targetRegion=AWAY, action="activate", mode="ungraceful", **given)


@pytest.mark.parametrize(
    ("plan", "given", "says"),
    [
        ("promotes", {}, "The lab does no AuroraGlobalDatabase."),
        ("skips", {}, "The lab does no CustomActionLambda that may be skipped."),
        ("elsewhere", {}, "The lab runs no function in the deactivatingRegion."),
        ("nowhere", {}, "There is no plan arn:aws:arc-region-switch"),
        (
            "warms",
            {"action": "deactivate", "target_region": HOME, "region": AWAY},
            "no workflow to deactivate eu-west-1",
        ),
        ("warms", {"target_region": "eu-north-1"}, "The Region's data plane is unavailable."),
        ("warms", {"target_region": "eu-west-3"}, "executed in the Region that is to serve"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_start(address: str, plan: str, given: Any, says: str) -> None:
    record = run(address, plan, timeout="100ms", **given)
    assert record.outcome == "failed"
    assert says in record.error


def test_it_tells_a_plan_as_aws_does(address: str) -> None:
    arc = client("arc-region-switch", AWAY, address)
    told = arc.get_plan_in_region(arn=plan_arn("watched"))["plan"]
    shape: Any = model("arc-region-switch").shape_for("Plan")
    assert set(shape.required_members) <= set(told)
    assert told["associatedAlarms"]["Is up"]["alarmType"] == "applicationHealth"
    (workflow,) = arc.get_plan_in_region(arn=plan_arn("warms"))["plan"]["workflows"]
    config = workflow["steps"][0]["executionBlockConfiguration"]["customActionLambdaConfig"]
    assert config["regionToRun"] == "activatingRegion"
