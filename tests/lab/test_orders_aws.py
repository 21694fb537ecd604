"""*orders* and its Region's AWS endpoints: what it asks of them, and what it does without them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fixtures.lab.cloud.asked import read
from fixtures.workloads.orders.aws import Access, Aws, AwsUnavailableError
from fixtures.workloads.orders.dependencies import Dependencies, Login, NotReadyError
from tests.lab.aws_stub import QUEUE, RIGHT, Endpoint, served

T = TypeVar("T")
DEADLINE_S = 30.0
TIMEOUT_S = 10.0
SHORT_S = 0.2
DENIED = (400, {"__type": "com.amazonaws#AccessDeniedException", "Message": "explicit deny"})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with served() as server:
        yield server


def access(url: str) -> Access:
    return Access(endpoint=url, region="eu-west-1", access_key="ASIAX", secret_key="y", session_token="z")  # noqa: S106  # made up


def with_aws(url: str, do: Callable[[Aws], Awaitable[T]]) -> T:
    async def run() -> T:
        aws = Aws(access(url), TIMEOUT_S)
        try:
            return await do(aws)
        finally:
            aws.close()

    return asyncio.run(run())


def test_a_call_is_signed_as_botocore_signs_it(endpoint: Endpoint) -> None:
    with_aws(endpoint.url, lambda aws: aws.call("sqs", "SendMessage", QueueUrl="q", MessageBody="tea"))
    assert endpoint.asked == [("SendMessage", {"QueueUrl": "q", "MessageBody": "tea"})]
    (head,) = endpoint.heads
    assert head["Content-Type"] == "application/x-amz-json-1.0"
    assert head["X-Amz-Target"] == "AmazonSQS.SendMessage"
    environ = {"HTTP_AUTHORIZATION": head["Authorization"], "HTTP_X_AMZ_TARGET": head["X-Amz-Target"]}
    asked = read(environ)
    assert (asked.key, asked.region, asked.service, asked.operation) == ("ASIAX", "eu-west-1", "sqs", "SendMessage")
    # the signature is right for what was received, not only for what was meant to be sent
    signer = SigV4Auth(Credentials("ASIAX", "y", "z"), "sqs", "eu-west-1")
    names = ("Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target")
    request = AWSRequest("POST", f"{endpoint.url}/", headers={n: head[n] for n in names}, data=head["body"].encode())
    request.context["timestamp"] = head["X-Amz-Date"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert head["Host"] == endpoint.url.removeprefix("http://")
    assert head["Authorization"].endswith(f"Signature={signature}")


def test_a_connection_is_used_again_and_a_closed_one_is_not(endpoint: Endpoint) -> None:
    async def thrice(aws: Aws) -> None:
        for _ in range(3):
            await aws.call("sqs", "SendMessage")

    with_aws(endpoint.url, thrice)
    assert endpoint.connections == 1

    async def past_a_close(aws: Aws) -> None:
        endpoint.closes = True
        await aws.call("sqs", "SendMessage")
        endpoint.closes = False
        deadline = time.monotonic() + DEADLINE_S
        while not all(connection.ended for connection in aws._idle):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        await aws.call("sqs", "SendMessage")

    with_aws(endpoint.url, past_a_close)
    assert len(endpoint.asked) == 5


def test_no_answer_within_the_deadline_is_not_tried_again(endpoint: Endpoint) -> None:
    async def silence(aws: Aws) -> float:
        of = dependencies(aws, [], queue_url="q")
        await asyncio.gather(of.tell("a", 1), of.tell("a", 1))
        assert len(aws._idle) == 2
        endpoint.silent.set()
        aws._timeout_s = SHORT_S
        began = time.monotonic()
        for _ in range(2):  # on a connection that has gone silent, and, as its neighbour is gone too, on a new one
            with pytest.raises(NotReadyError, match=r"not sent: sqs SendMessage: no answer within 0\.2 s"):
                await of.tell("a", 1)
            assert aws._idle == []
        return time.monotonic() - began

    assert with_aws(endpoint.url, silence) >= 2 * SHORT_S
    assert len(endpoint.asked) == 4
    assert endpoint.connections == 3


def test_a_refusal_says_why(endpoint: Endpoint) -> None:
    endpoint.answers["SendMessage"] = DENIED
    with pytest.raises(AwsUnavailableError, match="sqs SendMessage: AccessDeniedException: explicit deny"):
        with_aws(endpoint.url, lambda aws: aws.call("sqs", "SendMessage"))
    endpoint.shutdown()
    endpoint.server_close()
    with pytest.raises(AwsUnavailableError, match="sqs SendMessage: "):
        with_aws(endpoint.url, lambda aws: aws.call("sqs", "SendMessage"))


def dependencies(aws: Aws | None, logins: list[Login], **given: str) -> Dependencies:
    names = {"secret": "orders-db", "queue_name": "orders", "queue_url": ""} | given
    secret, queue_name, queue_url = names["secret"], names["queue_name"], names["queue_url"]
    return Dependencies(aws, logins.append, secret=secret, queue_name=queue_name, queue_url=queue_url)


def test_nothing_is_asked_where_nothing_is_named() -> None:
    of = dependencies(None, [], secret="", queue_name="")
    of.must_be_ready()
    asyncio.run(of.get())
    asyncio.run(of.tell("a", 1))


def test_it_gets_what_it_needs_and_tells_of_each_order(endpoint: Endpoint) -> None:
    logins: list[Login] = []

    async def run(aws: Aws) -> None:
        of = dependencies(aws, logins)
        with pytest.raises(NotReadyError, match="orders-db is lacking"):
            of.must_be_ready()
        with pytest.raises(NotReadyError, match="not found yet"):
            await of.tell("a", 1)
        await of.get()
        of.must_be_ready()
        await of.tell("a", 2)

    with_aws(endpoint.url, run)
    assert logins == [Login("orders", "x")]
    assert [operation for operation, _ in endpoint.asked] == ["GetSecretValue", "GetQueueUrl", "SendMessage"]
    sent = endpoint.asked[-1][1]
    assert (sent["QueueUrl"], json.loads(sent["MessageBody"])) == (QUEUE["QueueUrl"], {"key": "a", "version": 2})


@pytest.mark.parametrize(
    "wrong", [DENIED, (200, {"SecretString": "no JSON"}), (200, {"SecretString": "{}"}), (200, {})]
)
def test_the_secret_is_asked_for_until_it_is_there(
    endpoint: Endpoint,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    wrong: tuple[int, dict[str, str]],
) -> None:
    monkeypatch.setattr("fixtures.workloads.orders.dependencies.RETRY_S", 0.01)
    endpoint.answers["GetSecretValue"] = wrong

    async def run(aws: Aws) -> None:
        of = dependencies(aws, [], queue_name="")
        getting = asyncio.create_task(of.get())
        deadline = time.monotonic() + DEADLINE_S
        while len(endpoint.asked) < 3:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        with pytest.raises(NotReadyError):
            of.must_be_ready()
        endpoint.answers["GetSecretValue"] = RIGHT["GetSecretValue"]
        await asyncio.wait_for(getting, DEADLINE_S)
        of.must_be_ready()

    with_aws(endpoint.url, run)
    assert len(caplog.records) == 1, "one failure is said once"


def test_a_secret_that_is_read_again_is_followed_whatever_it_holds(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixtures.workloads.orders.dependencies.RETRY_S", 0.01)
    logins: list[Login] = []

    async def run(aws: Aws) -> None:
        of = Dependencies(
            aws, logins.append, secret="orders-db", queue_name="", queue_url="", secret_age_s=0.01  # noqa: S106  # a name
        )  # fmt: skip
        keeping = asyncio.create_task(of.keep())

        async def comes(answer: tuple[int, dict[str, Any]], *, ready: bool) -> None:
            endpoint.answers["GetSecretValue"] = answer
            asked, deadline = len(endpoint.asked), time.monotonic() + DEADLINE_S
            while len(endpoint.asked) < asked + 3 or is_ready(of) is not ready:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.001)

        await comes(RIGHT["GetSecretValue"], ready=True)
        await comes(DENIED, ready=True)  # who cannot read it keeps what it has
        await comes((200, {"SecretString": "{}"}), ready=False)
        of.must_be_started()  # it is none that has not started
        await comes(DENIED, ready=False)
        await comes((200, {"SecretString": json.dumps({"username": "orders", "password": "new"})}), ready=True)
        keeping.cancel()

    with_aws(endpoint.url, run)
    assert (logins[0], logins[-1]) == (Login("orders", "x"), Login("orders", "new"))


def is_ready(of: Dependencies) -> bool:
    try:
        of.must_be_ready()
    except NotReadyError:
        return False
    return True


def test_a_secret_is_read_once_where_no_age_is_set(endpoint: Endpoint) -> None:
    with_aws(endpoint.url, lambda aws: dependencies(aws, [], queue_name="").keep())  # it comes to its end
    assert [operation for operation, _ in endpoint.asked] == ["GetSecretValue"]


def test_endpoints_answer_if_the_last_call_did_a_moment_ago(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixtures.workloads.orders.dependencies.FRESH_S", TIMEOUT_S)

    async def run(aws: Aws) -> None:
        of = dependencies(aws, [], queue_url="q")
        await of.must_answer()
        await of.must_answer()
        assert endpoint.asked == [("GetQueueAttributes", {"QueueUrl": "q", "AttributeNames": ["QueueArn"]})]
        endpoint.answers["SendMessage"] = endpoint.answers["GetQueueAttributes"] = DENIED
        with pytest.raises(NotReadyError, match="not sent"):
            await of.tell("a", 1)  # a call of its own failed: what succeeded before says nothing any more
        with pytest.raises(NotReadyError, match="sqs GetQueueAttributes: AccessDeniedException"):
            await of.must_answer()
        endpoint.answers.update(RIGHT)
        await of.tell("a", 1)
        before = len(endpoint.asked)
        await of.must_answer()
        assert len(endpoint.asked) == before
        monkeypatch.setattr("fixtures.workloads.orders.dependencies.FRESH_S", -1.0)
        await of.must_answer()
        assert len(endpoint.asked) == before + 1, "a success of long ago is none"

    with_aws(endpoint.url, run)


@pytest.mark.parametrize(
    ("given", "operation"),
    [({"queue_name": ""}, "GetSecretValue"), ({}, "GetSecretValue"), ({"secret": ""}, "GetQueueUrl")],
)
def test_without_a_queue_the_secret_is_asked_for(endpoint: Endpoint, given: dict[str, str], operation: str) -> None:
    with_aws(endpoint.url, lambda aws: dependencies(aws, [], **given).must_answer())
    assert [asked for asked, _ in endpoint.asked] == [operation]


def test_one_call_is_enough_for_all_who_ask_meanwhile(endpoint: Endpoint) -> None:
    endpoint.silent.set()

    async def run(aws: Aws) -> None:
        of = dependencies(aws, [], queue_url="q")
        asking = [asyncio.ensure_future(of.must_answer()) for _ in range(5)]
        deadline = time.monotonic() + DEADLINE_S
        while not endpoint.asked:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        asking[0].cancel()  # one who goes away takes nothing from the others
        endpoint.over.set()
        failures = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(failure) for failure in failures] == [asyncio.CancelledError, *[NotReadyError] * 4]
        assert len(endpoint.asked) == 1
        endpoint.silent.clear()
        await of.must_answer()
        assert len(endpoint.asked) == 2

    with_aws(endpoint.url, run)


def test_nothing_answers_where_nothing_is_asked() -> None:
    with pytest.raises(NotReadyError, match="asks nothing of AWS"):
        asyncio.run(dependencies(None, [], secret="", queue_name="").must_answer())
