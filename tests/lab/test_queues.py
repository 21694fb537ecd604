"""A queue that is quick: what is sent does not count what is there, and the counts are right all the same."""

import threading
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend
from moto.sqs.models import Queue

from fixtures.lab.cloud import queues
from fixtures.lab.cloud.server import Server

COUNTS = [f"ApproximateNumberOfMessages{which}" for which in ("", "Delayed", "NotVisible")]


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The lab's queues, asked as an application asks; what is counted is noted in `counted`."""
    monkeypatch.setattr(Queue, "attributes", vars(Queue)["attributes"])  # put back after the test
    queues.install()
    moto_api_backend.reset()
    server = Server(threading.RLock(), lambda: None)
    server.start()
    yield boto3.client(
        cast("Any", "sqs"),
        endpoint_url=f"http://{server.address}",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106  # made up
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    server.stop()
    moto_api_backend.reset()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The counts that were taken, by name."""
    found: list[str] = []
    for name in ("approximate_number_of_messages", "approximate_number_of_messages_delayed",
                 "approximate_number_of_messages_not_visible"):  # fmt: skip
        count = vars(Queue)[name].fget

        def take(queue: Queue, count: Any = count, name: str = name) -> Any:
            found.append(name)
            return count(queue)

        monkeypatch.setattr(Queue, name, property(take))
    return found


def test_counts_are_taken_when_they_are_asked_for_only(sqs: Any, counted: list[str]) -> None:
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    counted.clear()
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    assert arn == {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:orders"}
    assert counted == []
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    one = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS[:1])["Attributes"]
    assert one == {COUNTS[0]: "2"}
    assert set(counted) == {"approximate_number_of_messages"}
    every = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert [every[name] for name in COUNTS] == ["2", "1", "1"]
    assert (every["VisibilityTimeout"], every["SqsManagedSseEnabled"]) == ("30", "true")
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(every))["Attributes"]
    assert named == every, "one by one they are what they are together"


def test_a_fifo_queue_and_a_redrive_policy_are_as_they_were(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    policy = f'{{"deadLetterTargetArn": "{arn_of(sqs, dead)}", "maxReceiveCount": 3}}'
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "RedrivePolicy": policy}
    url = sqs.create_queue(QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="a")
    asked = ["RedrivePolicy", "ContentBasedDeduplication", COUNTS[0]]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    assert found["RedrivePolicy"] == policy
    assert (found["ContentBasedDeduplication"], found[COUNTS[0]]) == ("true", "1")
    with pytest.raises(ClientError, match="MessageDeduplicationId"):
        sqs.send_message(QueueUrl=dead, MessageBody="x", MessageGroupId="a")


def arn_of(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
