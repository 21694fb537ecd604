"""Systems Manager Automation of the lab: a runbook's own steps are done, and the step `run` follows it to its end."""

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from fixtures.aws import Cloud
from fixtures.lab.cloud.automations import Automations
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.server import Server
from fixtures.recovery.runner import make_step
from fixtures.recovery.step import Around
from fixtures.workload_plans import RunStep
from reports.steps import StepRecord

REGION = "eu-central-1"


def document(*steps: dict[str, Any]) -> str:
    parameters = {"Queue": {"type": "String"}, "Pause": {"type": "String", "default": "PT0S"}}
    return json.dumps({"schemaVersion": "0.3", "parameters": parameters, "mainSteps": list(steps)})


def api(name: str, **inputs: Any) -> dict[str, Any]:
    return {"name": name, "action": "aws:executeAwsApi", "inputs": {"Service": "sqs", **inputs}}


SLEEP = {"name": "pause", "action": "aws:sleep", "inputs": {"Duration": "{{ Pause }}"}}
MAKE = api("make", Api="CreateQueue", QueueName="{{ Queue }}")
DOCUMENTS = {
    "Warm": (SLEEP, MAKE),
    "Broken": (api("ask", Api="GetQueueUrl", QueueName="nowhere"), MAKE),
    "Script": ({"name": "script", "action": "aws:executeScript", "inputs": {}},),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    moto_api_backend.reset()
    lock = threading.RLock()
    server = Server(lock, lambda: None, [Automations(lock, lambda: server.address)])
    server.start()
    url = f"http://{server.address}"
    for name, steps in DOCUMENTS.items():
        client("ssm", REGION, url).create_document(
            Name=name, Content=document(*steps), DocumentType="Automation", DocumentFormat="JSON"
        )
    yield url
    server.stop()
    moto_api_backend.reset()


def run(address: str, runbook: str = "Warm", timeout: str = "30s", **given: Any) -> StepRecord:
    workload: Any = SimpleNamespace(folder=None)
    settings = RunStep.model_validate(
        {"name": "warm", "kind": "run", "runbook": runbook, "region": REGION, "timeout": timeout, "input": given}
    )
    journal: Any = None
    with Cloud.for_lab(address) as cloud:
        around = Around(cloud=cloud, workload=workload, journal=journal, now_ns=lambda: 0, say=lambda _: None)
        return make_step(settings, around).run()


def queues(address: str) -> list[str]:
    listed = client("sqs", REGION, address).list_queues().get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in listed]


def test_a_runbook_s_steps_are_done(address: str) -> None:
    record = run(address, Queue="warm")
    assert (record.outcome, record.error) == ("done", "")
    assert "warm" in queues(address)


def test_a_step_that_fails_ends_it(address: str) -> None:
    record = run(address, "Broken", Queue="never")
    assert record.outcome == "failed"
    assert "Failed: Step fails when it is executing: ask." in record.error
    assert "never" not in queues(address)


def test_one_that_is_not_over_in_time_is_cancelled_and_goes_no_further(address: str) -> None:
    record = run(address, timeout="500ms", Queue="late", Pause="PT60S")
    assert record.outcome == "failed"
    assert "it is InProgress at pause" in record.error
    assert "StopAutomationExecution" in {one.operation for one in record.calls}
    for runner in [one for one in threading.enumerate() if one.name == "an automation runs"]:
        runner.join(30.0)
    assert "late" not in queues(address)


def test_the_same_token_starts_it_once(address: str) -> None:
    ssm, token = client("ssm", REGION, address), "00000000-0000-4000-8000-000000000001"
    given = {"DocumentName": "Warm", "ClientToken": token}
    first, second = (
        ssm.start_automation_execution(Parameters={"Queue": ["once"]}, **given)["AutomationExecutionId"]
        for _ in range(2)
    )
    assert first == second
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        ssm.start_automation_execution(Parameters={"Queue": ["other"]}, **given)


@pytest.mark.parametrize(
    ("runbook", "given", "says"),
    [
        ("Script", {"Queue": "a"}, "does no aws:executeScript"),
        ("Warm", {}, "The parameter Queue is missing"),
        ("Warm", {"Queue": "a", "Quue": "b"}, "No parameter Quue"),
        ("Wram", {}, "No runbook Wram"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_start(
    address: str, runbook: str, given: dict[str, str], says: str
) -> None:
    assert says in run(address, runbook, **given).error
