"""EventBridge Scheduler of the lab: what is due is done once, what was moved or deleted before is not."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends

from fixtures.lab.cloud import schedules, state_machines
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.schedules import Schedules, due_of
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT

REGION = "eu-central-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:undo"
CREATE = f"{schedules.UNIVERSAL}sqs:createQueue"


class Scene:
    """One Region with an API, and the schedules of the lab looked at by hand."""

    def __init__(self, url: str) -> None:
        self.truth: list[tuple[str, ...]] = []
        truth = SimpleNamespace(log=lambda *words: self.truth.append(words))
        self.world: Any = SimpleNamespace(
            region=SimpleNamespace(name=REGION), settings={"scheduler_late_s": 0.0}, truth=truth, lost=False
        )
        self.all = Schedules(cast("Any", [self.world]), url.removeprefix("http://"))
        self.api, self.queues = client("scheduler", REGION, url), client("sqs", REGION, url)

    def make(self, expression: str, target: dict[str, Any], name: str = "dead-man", **more: Any) -> None:
        self.api.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"},
            Target={"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", **target}, **more,
        )  # fmt: skip

    def look(self) -> None:
        """One look, until what it began is done."""
        self.all.observe()
        for caller in [one for one in threading.enumerate() if one.name == "a schedule fires"]:
            caller.join(30.0)

    def fired(self) -> int:
        return sum(words[0] == "schedule fires" for words in self.truth)


@pytest.fixture(scope="module")
def served() -> Iterator[Scene]:
    server = Server(threading.RLock(), lambda: None)
    backend = EventBridgeSchedulerBackend
    with (
        patch.object(backend, "create_schedule", backend.create_schedule),
        patch.object(backend, "update_schedule", backend.update_schedule),
    ):
        schedules.install()
        server.start()
        yield Scene(f"http://{server.address}")
        server.stop()


@pytest.fixture
def scene(served: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(schedules, "RETRY_S", 0.01)
    served.truth.clear()
    served.world.lost = False
    yield served
    for service in ("scheduler", "sqs"):
        get_backend(cast("Any", service))[ACCOUNT].reset()


def at(seconds: float) -> str:
    return f"at({datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def test_what_is_due_is_done_once(scene: Scene) -> None:
    scene.make(at(-2), {"Arn": CREATE, "Input": json.dumps({"QueueName": "made"})})
    scene.look()
    assert [url.rpartition("/")[2] for url in scene.queues.list_queues()["QueueUrls"]] == ["made"]
    scene.look()
    assert scene.fired() == 1
    assert scene.api.get_schedule(Name="dead-man")["State"] == "ENABLED", "it stays, unless it is told to go"


def test_one_that_deletes_itself_is_gone(scene: Scene) -> None:
    scene.make(at(-2), {"Arn": CREATE, "Input": '{"QueueName": "made"}'}, ActionAfterCompletion="DELETE")
    scene.look()
    assert scene.api.list_schedules()["Schedules"] == []


def test_a_queue_gets_the_input(scene: Scene) -> None:
    url = scene.queues.create_queue(QueueName="told")["QueueUrl"]
    scene.make(at(-2), {"Arn": QUEUE, "Input": "now"})
    scene.look()
    (message,) = scene.queues.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "now"


def test_a_state_machine_is_started_with_the_input(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, str]] = []
    monkeypatch.setattr(state_machines, "start", lambda *given: started.append(given))
    scene.make(at(-2), {"Arn": MACHINE, "Input": '{"run": "r"}'})
    scene.look()
    assert started == [(MACHINE, '{"run": "r"}')]


@pytest.mark.parametrize("why", ["not due", "moved", "deleted", "disabled", "over", "lost"])
def test_what_is_not_to_be_done_is_not(scene: Scene, why: str) -> None:
    target = {"Arn": CREATE, "Input": '{"QueueName": "made"}'}
    over: dict[str, Any] = {"EndDate": datetime.now(UTC) - timedelta(seconds=10)} if why == "over" else {}
    disabled = {"State": "DISABLED"} if why == "disabled" else {}
    scene.make(at(60 if why == "not due" else -2), target, **over, **disabled)
    if why == "moved":
        scene.api.update_schedule(
            Name="dead-man", ScheduleExpression=at(60), FlexibleTimeWindow={"Mode": "OFF"},
            Target={"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", **target},
        )  # fmt: skip
    if why == "deleted":
        scene.api.delete_schedule(Name="dead-man")
    scene.world.lost = why == "lost"
    scene.look()
    assert scene.fired() == 0
    if why == "lost":
        scene.world.lost = False
        scene.look()
        assert scene.fired() == 1, "late, but it is done"


def test_one_that_was_done_and_is_moved_is_done_again(scene: Scene) -> None:
    target = {"Arn": CREATE, "Input": '{"QueueName": "made"}'}
    scene.make(at(-2), target)
    scene.look()
    scene.api.update_schedule(
        Name="dead-man", ScheduleExpression=at(-1), FlexibleTimeWindow={"Mode": "OFF"},
        Target={"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", **target},
    )  # fmt: skip
    scene.look()
    assert scene.fired() == 2


def test_a_rate_is_done_at_once_and_then_by_its_period(scene: Scene) -> None:
    scene.make("rate(5 minutes)", {"Arn": CREATE, "Input": '{"QueueName": "made"}'})
    scene.look()
    scene.look()
    assert scene.fired() == 1
    made = scheduler_backends[ACCOUNT][REGION].schedule_groups["default"].schedules["dead-man"]
    due_s = due_of(made)
    assert due_s is not None
    assert due_s - time.time() == pytest.approx(300, abs=60)


def test_the_time_is_the_zone_s(scene: Scene) -> None:
    scene.make("at(2030-01-01T12:00:00)", {"Arn": QUEUE}, ScheduleExpressionTimezone="Asia/Tokyo")
    made = scheduler_backends[ACCOUNT][REGION].schedule_groups["default"].schedules["dead-man"]
    assert due_of(made) == datetime(2030, 1, 1, 3, tzinfo=UTC).timestamp()


def test_a_call_that_fails_is_made_again_and_then_given_up(scene: Scene) -> None:
    scene.make(at(-2), {"Arn": QUEUE, "Input": "now", "RetryPolicy": {"MaximumRetryAttempts": 2}})
    scene.look()
    failed = [words[2] for words in scene.truth if words[0] == "schedule's call failed"]
    assert [words.rpartition("; ")[2] for words in failed] == ["2 retries left", "1 retries left", "0 retries left"]
    assert not any(words[0] == "schedule's call done" for words in scene.truth)


@pytest.mark.parametrize(
    ("expression", "target", "timezone"),
    [
        ("cron(0 12 * * ? *)", QUEUE, "UTC"),
        ("at(tomorrow)", QUEUE, "UTC"),
        # At a minute from now: told by the test itself, since each process that collects it has its own clock.
        (None, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "UTC"),
        (None, QUEUE, "Mars/Olympus"),
    ],
)
def test_what_would_never_be_done_is_refused(scene: Scene, expression: str | None, target: str, timezone: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        scene.make(expression or at(60), {"Arn": target}, ScheduleExpressionTimezone=timezone)
