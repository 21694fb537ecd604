"""The DynamoDB probe: its calls against botocore's own model of the service, answers as scripted, and moto's table."""

import functools
import json
import logging
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

import probes.aws_calls
from probes.deadline import Deadline
from probes.dynamodb import BATCH_SIZE, DynamodbSender, Requests, build
from probes.history import Kind
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import Asked, Batcher, Lister
from probes.spec import DynamodbProbe
from tests.fixtures.moto_server import served
from tests.probes.raw_servers import Raw, RawHttp, raw_server

REGION = "eu-west-1"
PAYLOAD = "0123456789abcdef01234567"
KINDS: tuple[Kind, ...] = ("write", "update", "delete", "read", "audit")


@pytest.fixture(autouse=True, scope="module")
def one_session() -> Iterator[None]:
    """Making a session reads the model of the service: a third of a second each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probes.aws_calls.made_up", functools.cache(probes.aws_calls.made_up))
        yield


def settings(port: int = 1, **changes: Any) -> DynamodbProbe:
    return DynamodbProbe(table="kept", region=REGION, endpoint_url=f"http://127.0.0.1:{port}", **changes)


def asked(kind: Kind, key: str = "t-1", version: int = 1) -> Asked:
    checksum = checksum_of(key, version, PAYLOAD)
    return Asked(kind=kind, connection="pooled", key=key, version=version, checksum=checksum, payload=PAYLOAD)


def http(status: int, body: dict[str, Any] | str, code: str = "") -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    if code:
        text = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "it says no"})
    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(text)}\r\nx-amz-crc32: {zlib.crc32(text.encode())}\r\n\r\n"
    return (head + text).encode()


@contextmanager
def scripted(said: bytes, network: Network, mode: str = "answer") -> Iterator[tuple[DynamodbSender, Raw]]:
    with (
        raw_server(RawHttp(mode=mode, answer=lambda _: said)) as raw,
        closing(build(settings(raw.port), network)) as sender,
    ):
        yield sender, raw


# What is sent


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_is_one_that_the_service_has(kind: Kind) -> None:
    operation, parameters = Requests(settings(key="order-id")).of(asked(kind))
    valid(operation, parameters)
    names = parameters.get("ExpressionAttributeNames", {})
    values = parameters.get("ExpressionAttributeValues", {})
    expressions = " ".join(str(v) for k, v in parameters.items() if k.endswith("Expression"))
    for placeholder in (*names, *values):
        assert placeholder in expressions, "DynamoDB refuses names and values that no expression uses"
    assert expressions.count("#key") >= (kind in ("write", "update", "delete"))


def test_every_batch_is_one_that_the_service_has() -> None:
    parameters = Requests(settings()).batch([f"t-{number}" for number in range(BATCH_SIZE)])
    valid("BatchGetItem", parameters)
    keys = model().operation_model("BatchGetItem").input_shape.members["RequestItems"].value.members["Keys"]
    assert keys.metadata["max"] == BATCH_SIZE


def model() -> Any:
    return botocore.session.get_session().get_service_model("dynamodb")


def valid(operation: str, parameters: dict[str, Any]) -> None:
    """As botocore checks it, and with no parameter that the service does not know: botocore lets these pass below."""
    shape = model().operation_model(operation).input_shape
    validate_parameters(parameters, shape)
    assert set(parameters) <= set(shape.members)


def test_it_reads_in_batches_and_does_not_list(network: Network) -> None:
    with closing(build(settings(), network)) as sender:
        assert isinstance(sender, Batcher)
        assert not isinstance(sender, Lister)


# What comes back


@pytest.mark.parametrize(
    ("kind", "said", "outcome"),
    [
        ("write", http(400, "", "ProvisionedThroughputExceededException"), "fail"),
        ("write", http(400, "", "ThrottlingException"), "fail"),
        ("write", http(400, "", "AccessDeniedException"), "fail"),
        ("write", http(400, "", "ValidationException"), "fail"),
        ("write", http(400, "", "ResourceNotFoundException"), "fail"),
        ("update", http(400, "", "ConditionalCheckFailedException"), "fail"),
        ("delete", http(400, "", "ConditionalCheckFailedException"), "fail"),
        # Only this write writes this key: if it is there, something sent it twice.
        ("write", http(400, "", "ConditionalCheckFailedException"), "in-doubt"),
        ("write", http(408, "", "RequestTimeout"), "in-doubt"),
        ("write", http(400, "", "RequestTimeoutException"), "in-doubt"),
        ("write", http(500, "", "InternalServerError"), "in-doubt"),
        ("write", http(503, "", "ServiceUnavailable"), "in-doubt"),
        ("read", http(200, "<html>"), "in-doubt"),
        ("audit", http(200, "<html>"), "in-doubt"),
        ("audit", http(200, "{"), "in-doubt"),
        ("audit", http(200, {}).replace(b"crc32: ", b"crc32: 1"), "in-doubt"),
        ("read", http(200, {}), "fail"),
        ("audit", http(200, {}), "ok"),
        ("write", http(200, {}), "ok"),
    ],
)
def test_what_the_service_says_decides_what_is_known(kind: Kind, said: bytes, outcome: str, network: Network) -> None:
    with scripted(said, network) as (sender, raw):
        answer = sender.send(asked(kind), Deadline(5))
    assert answer.outcome == outcome
    assert (answer.error == "") == (outcome == "ok")
    assert answer.status == int(said[9:12])
    assert len(raw.requests) == 1, "no retries"


def test_an_answer_that_is_cut_off_is_in_doubt(network: Network) -> None:
    with scripted(http(200, {})[:-1], network, "last words") as (sender, raw):
        assert sender.send(asked("write"), Deadline(5)).outcome == "in-doubt"
    assert len(raw.requests) == 1


def item(key: str, **changes: str) -> dict[str, Any]:
    fields = {"version": "1", "checksum": checksum_of(key, 1, PAYLOAD), "payload": PAYLOAD, **changes}
    return {"key": {"S": key}, **{name: {"N" if name == "version" else "S": value} for name, value in fields.items()}}


class Batches(RawHttp):
    """Answers BatchGetItem; `process(turn, keys)` gives the keys that it reads."""

    def __init__(self, process: Callable[[int, list[str]], list[str]]) -> None:
        super().__init__(mode="answer", answer=self.batch)
        self.process = process
        self.turns: list[list[str]] = []

    def batch(self, body: bytes) -> bytes:
        keys = [key["key"]["S"] for key in json.loads(body)["RequestItems"]["kept"]["Keys"]]
        self.turns.append(keys)
        read = self.process(len(self.turns), keys)
        left = [{"key": {"S": key}} for key in keys if key not in read]
        unprocessed = {"kept": {"Keys": left, "ConsistentRead": True}} if left else {}
        found = [item(key) for key in reversed(read) if key != "t-gone"]
        return http(200, {"Responses": {"kept": found}, "UnprocessedKeys": unprocessed})


def test_keys_that_a_batch_left_unread_are_asked_for_again(network: Network) -> None:
    batches = Batches(lambda turn, keys: keys[:2] if turn == 1 else keys)
    wanted = [asked("audit", key) for key in ("t-1", "t-2", "t-gone", "t-4")]
    with raw_server(batches) as raw, closing(build(settings(raw.port), network)) as sender:
        answers = sender.batch(wanted, Deadline(20))
    assert batches.turns == [["t-1", "t-2", "t-gone", "t-4"], ["t-gone", "t-4"]]
    assert [answer.outcome for answer in answers] == ["ok"] * 4
    assert [answer.observed_version for answer in answers] == [1, 1, None, 1]


def test_keys_that_stay_unread_are_not_called_absent(network: Network) -> None:
    batches = Batches(lambda _turn, keys: [key for key in keys if key != "t-2"])
    with raw_server(batches) as raw, closing(build(settings(raw.port), network)) as sender:
        answers = sender.batch([asked("audit", "t-1"), asked("audit", "t-2")], Deadline(0.5))
    assert [answer.outcome for answer in answers] == ["ok", "fail"]
    assert "left unread" in answers[1].error
    assert len(batches.turns) > 1


def test_a_batch_that_fails_has_an_answer_for_each_key(network: Network) -> None:
    with scripted(http(500, "", "InternalServerError"), network) as (sender, _):
        answers = sender.batch([asked("audit", "t-1"), asked("audit", "t-2")], Deadline(5))
    assert [answer.outcome for answer in answers] == ["in-doubt", "in-doubt"]


# Credentials


def test_without_credentials_it_says_so_before_anything_is_sent(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ValueError, match="no AWS credentials were found"):
        build(DynamodbProbe(table="kept", region=REGION), network)
    with pytest.raises(ValueError, match="nobody"):
        build(DynamodbProbe(table="kept", region=REGION, profile="nobody"), network)
    with pytest.raises(ValueError, match=r"profile .* SHOP_PROFILE, which is not set"):
        build(DynamodbProbe(table="kept", region=REGION, profile="env:SHOP_PROFILE"), network)


def test_an_emulator_never_sees_real_credentials(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    with scripted(http(200, {}), network) as (sender, raw):
        sender.send(asked("write"), Deadline(5))
    assert b"Credential=lab/" in b"".join(raw.requests)
    assert b"AKIAREAL" not in b"".join(raw.requests)


@pytest.mark.parametrize("key", ["version", "checksum", "payload"])
def test_a_key_by_the_name_of_another_attribute_is_refused(key: str, network: Network) -> None:
    with pytest.raises(ValueError, match="key"):
        build(settings(key=key), network)


# A table


@pytest.fixture(scope="module")
def moto_port() -> Iterator[int]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with served() as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture
def table(moto_port: int) -> Iterator[Any]:
    session = botocore.session.get_session()
    client: Any = session.create_client(
        "dynamodb", REGION, endpoint_url=f"http://127.0.0.1:{moto_port}",
        aws_access_key_id="lab", aws_secret_access_key="lab",  # noqa: S106  made up
    )  # fmt: skip
    client.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName="kept")
    client.close()


def test_an_item_is_written_read_updated_and_deleted(table: Any, moto_port: int, network: Network) -> None:
    with closing(build(settings(moto_port), network)) as sender:

        def outcome(kind: Kind, version: int = 1) -> str:
            return sender.send(asked(kind, version=version), Deadline(10)).outcome

        assert outcome("read") == "fail"
        assert [outcome("write"), outcome("write")] == ["ok", "in-doubt"]
        assert [outcome("update", 2), outcome("update", 2)] == ["ok", "fail"]
        answer = sender.send(asked("audit", version=2), Deadline(10))
        assert (answer.observed_version, answer.observed_checksum) == (2, checksum_of("t-1", 2, PAYLOAD))
        assert answer.error == ""
        changes = {"UpdateExpression": "SET payload = :p", "ExpressionAttributeValues": {":p": {"S": "spoilt"}}}
        table.update_item(TableName="kept", Key={"key": {"S": "t-1"}}, **changes)
        assert "checksum" in sender.send(asked("read", version=2), Deadline(10)).error
        assert [outcome("delete"), outcome("delete")] == ["ok", "fail"]
        assert sender.send(asked("audit"), Deadline(10)).observed_version is None


def test_two_thousand_keys_are_read_in_twenty_batches(network: Network) -> None:
    batches = Batches(lambda _turn, keys: keys)
    wanted = [asked("audit", f"t-{number}") for number in range(2000)]
    with raw_server(batches) as raw, closing(build(settings(raw.port), network)) as sender:
        answers = [
            answer
            for start in range(0, len(wanted), BATCH_SIZE)
            for answer in sender.batch(wanted[start : start + BATCH_SIZE], Deadline(20))
        ]
    assert [answer.observed_checksum for answer in answers] == [one.checksum for one in wanted]
    assert len(batches.turns) == 20
    assert raw.connections == 1
