"""What the dead man needs of the lab's API, in this process: its template, a schedule that fires, a program that runs.

The step `run` is tried against the same interpreter.
"""

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
from moto.core.config import default_user_config
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.stepfunctions import models
from moto.stepfunctions.models import StateMachine

from fixtures.aws import Cloud
from fixtures.dead_man import dead_man_of
from fixtures.journal import Journal
from fixtures.journal_records import DeadManPlace
from fixtures.lab.cloud import schedules, state_machines
from fixtures.lab.cloud.deploy import client, deploy_dead_man
from fixtures.lab.cloud.schedules import Schedules
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT
from fixtures.recovery.run import Run
from fixtures.recovery.step import Around
from fixtures.undo import apply, undo_all
from fixtures.workload_plans import RunStep
from tests.fixtures.fake_cloud import header
from tests.fixtures.recovery_world import workload
from tests.fixtures.test_undo_program import HERE, queue

NAME = "dr-drills-undo"
MACHINE = f"arn:aws:states:{HERE}:{ACCOUNT}:stateMachine:{NAME}"
HANGS_S = 60.0
USED = ("scheduler", "sqs", "cloudformation", "iam")


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The address of an API with what the dead man's template makes; what stands in moto's places is taken back."""
    backend = EventBridgeSchedulerBackend
    kept = (
        patch.object(backend, "create_schedule", backend.create_schedule),
        patch.object(backend, "update_schedule", backend.update_schedule),
        patch.object(
            StateMachine, "create_from_cloudformation_json", vars(StateMachine)["create_from_cloudformation_json"]
        ),
        patch.object(models, "stepfunctions_backends", models.stepfunctions_backends),
        patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": False}}),
    )
    server = Server(threading.RLock(), lambda: None)
    for one in kept:
        one.start()
    schedules.install()
    state_machines.install(server.address)
    server.start()
    url = f"http://{server.address}"
    deploy_dead_man(cast("Any", SimpleNamespace(dead_man=NAME)), HERE, url)
    yield url
    server.stop()
    models.stepfunctions_backends[ACCOUNT].reset()
    for one in kept:
        one.stop()
    for service in USED:
        get_backend(cast("Any", service))[ACCOUNT].reset()


@pytest.fixture
def cloud(api: str) -> Iterator[Cloud]:
    with Cloud.for_lab(api) as made:
        yield made


def executions(api: str) -> list[str]:
    listed = client("stepfunctions", HERE, api).list_executions(stateMachineArn=MACHINE)
    return [str(one["status"]) for one in listed["executions"]]


def timeout_of(api: str) -> str:
    sqs = client("sqs", HERE, api)
    url = sqs.get_queue_url(QueueName="a")["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"])


def test_a_schedule_that_is_due_puts_back_what_a_dead_process_has_changed(
    api: str, cloud: Cloud, tmp_path: Path
) -> None:
    client("sqs", HERE, api).create_queue(QueueName="a", Attributes={"VisibilityTimeout": "30"})
    place = DeadManPlace(name=NAME, account=ACCOUNT, region=HERE, after_s=600.0)
    with Journal.open(tmp_path, header(dead_man=place)) as journal:
        last = dead_man_of(journal, cloud, now=lambda: time.time() - 660.0)  # so it is due as soon as it is armed
        assert last is not None
        journal.guarded_by(lambda: last.check(journal.tracked, journal.bound))
        apply(journal, queue("a", in_flight_s=1.0), cloud)
    assert timeout_of(api) == "60"
    world: Any = SimpleNamespace(
        region=SimpleNamespace(name=HERE), settings={"scheduler_late_s": 0.0}, lost=False,
        truth=SimpleNamespace(log=lambda *_words: None),
    )  # fmt: skip
    Schedules([world], api.removeprefix("http://")).observe()
    until = time.monotonic() + HANGS_S
    while executions(api) != ["SUCCEEDED"]:
        assert time.monotonic() < until, executions(api)
        time.sleep(0.05)
    assert timeout_of(api) == "30"
    with Journal.take_over(journal.path) as again:
        dead_man_of(again, cloud)
        assert undo_all(again, cloud, say=lambda _: None).clean
        assert again.close()
    machine = client("stepfunctions", HERE, api).describe_state_machine(stateMachineArn=MACHINE)
    assert json.loads(machine["definition"])["StartAt"] == "Nothing"


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ({"Type": "Succeed", "Output": "{% $states.input %}"}, ("done", "")),
        ({"Type": "Fail", "Error": "Told", "Cause": "to fail"}, ("failed", "FAILED: Told: to fail")),
    ],
)
def test_the_step_run_follows_an_execution_to_its_end(
    api: str, cloud: Cloud, tmp_path: Path, state: dict[str, Any], ends: tuple[str, str]
) -> None:
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "One", "States": {"One": state}})
    client("stepfunctions", HERE, api).update_state_machine(stateMachineArn=MACHINE, definition=definition)
    settings = RunStep(name="plan", kind="run", state_machine=MACHINE, input={"to": "recovery"})
    with Journal.open(tmp_path, header()) as journal:
        around = Around(cloud=cloud, workload=workload(), journal=journal, now_ns=time.monotonic_ns, say=lambda _: None)
        record = Run(settings, around).run()
        journal.close()
    outcome, says = ends
    assert record.outcome == outcome, record.error
    assert says in record.error
    assert [call.operation for call in record.calls][:2] == ["StartExecution", "DescribeExecution"]
