"""Lambda of the lab: a function's own code runs, and the step `run` shows what became of it."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from fixtures.aws import Cloud
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.functions import Functions
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT
from fixtures.recovery.runner import make_step
from fixtures.recovery.step import Around
from fixtures.workload_plans import RunStep
from reports.steps import StepRecord
from tests.lab.zipped import zipped

REGION = "eu-central-1"
CODE = """
import os, time
def warm(event, context):
    print("what it prints is no answer")
    if event.get("sleeps"):
        time.sleep(60)
    if event.get("exits"):
        os._exit(3)
    if event["share"] > 1:
        raise ValueError("no replica")
    return {"share": event["share"], "told": os.environ["TOLD"], "where": os.environ["AWS_REGION"]}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    moto_api_backend.reset()
    lock = threading.RLock()
    server = Server(lock, lambda: None, [Functions(lock, lambda: server.address)])
    server.start()
    url = f"http://{server.address}"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = client("iam", REGION, url).create_role(RoleName="warm", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client("lambda", REGION, url).create_function(
        FunctionName="warm", Runtime="python3.12", Role=role, Handler="index.warm", Code={"ZipFile": zipped(CODE)},
        Timeout=5, Environment={"Variables": {"TOLD": "by the template"}},
    )  # fmt: skip
    yield url
    server.stop()
    moto_api_backend.reset()


def run(address: str, name: str = "warm", **event: Any) -> StepRecord:
    given: Any = SimpleNamespace(folder=None)
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    settings = RunStep.model_validate({"name": "warm", "kind": "run", "function": function, "input": event})
    journal: Any = None
    with Cloud.for_lab(address) as cloud:
        around = Around(cloud=cloud, workload=given, journal=journal, now_ns=lambda: 0, say=lambda _: None)
        return make_step(settings, around).run()


def test_a_function_that_returns_is_done(address: str) -> None:
    record = run(address, share=1)
    assert (record.outcome, record.error) == ("done", "")
    assert [(one.operation, one.answer) for one in record.calls] == [("Invoke", "accepted")]


def test_it_gets_the_event_and_its_own_environment(address: str) -> None:
    answer = client("lambda", REGION, address).invoke(FunctionName="warm", Payload=b'{"share": 0.5}')
    assert answer["Payload"].read() == b'{"share": 0.5, "told": "by the template", "where": "eu-central-1"}'
    assert "FunctionError" not in answer


@pytest.mark.parametrize(
    ("event", "says"), [({"share": 2}, "no replica"), ({"share": 1, "exits": True}, "exit status 3")]
)
def test_its_own_error_is_the_step_s(address: str, event: dict[str, Any], says: str) -> None:
    record = run(address, **event)
    assert record.outcome == "failed"
    assert "the function ended in an error (Unhandled)" in record.error
    assert says in record.error


def test_it_may_take_so_long_and_no_longer(address: str) -> None:
    client("lambda", REGION, address).update_function_configuration(FunctionName="warm", Timeout=1)
    assert "Task timed out after 1.00 seconds" in run(address, share=1, sleeps=True).error
    client("lambda", REGION, address).update_function_configuration(FunctionName="warm", Timeout=5)


def test_one_that_is_not_there_is_said_not_to_be(address: str) -> None:
    assert "Function not found" in run(address, name="cold").error
