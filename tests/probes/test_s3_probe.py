"""The S3 probe: what it sends, and what S3's answers prove."""

import functools
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

import probes.aws_calls
from probes.deadline import Deadline
from probes.history import Kind
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import NOT_THERE, Asked, Batcher, Lister
from probes.s3 import Requests, S3Sender, build
from probes.site import NoSiteRequest, at_host, bucket_place
from probes.spec import S3Probe
from tests.fixtures.moto_server import served
from tests.probes.raw_servers import RawHttp, raw_server

REGION = "eu-west-1"
PAYLOAD = "0123456789abcdef01234567"
KINDS: tuple[Kind, ...] = ("write", "delete", "read", "audit")
CHECKSUM = checksum_of("t-1", 1, PAYLOAD)
OURS = "x-amz-request-id: 1\r\nETag: x\r\n"
OBJECT = f"{OURS}x-amz-meta-version: 1\r\nx-amz-meta-checksum: {CHECKSUM}\r\n"


@pytest.fixture(autouse=True, scope="module")
def one_session() -> Iterator[None]:
    """Making a session reads the model of the service: a third of a second each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probes.aws_calls.made_up", functools.cache(probes.aws_calls.made_up))
        yield


def settings(port: int = 1, **changes: Any) -> S3Probe:
    return S3Probe(bucket="kept", region=REGION, endpoint_url=f"http://127.0.0.1:{port}", **changes)


def asked(kind: Kind, key: str = "t-1", **changes: Any) -> Asked:
    given = {"version": 1, "checksum": CHECKSUM, "payload": PAYLOAD, **changes}
    return Asked(kind=kind, connection="pooled", key=key, **given)


def http(status: int, body: str = "", headers: str = OURS) -> bytes:
    length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} x\r\n{length}{headers}\r\n{body}".encode()


def error(status: int, code: str, headers: str = "") -> bytes:
    return http(status, f"<Error><Code>{code}</Code><Message>it says no</Message></Error>", OURS + headers)


@contextmanager
def scripted(said: bytes, network: Network, mode: str = "answer") -> Iterator[tuple[S3Sender, RawHttp]]:
    raw = RawHttp(mode=mode, answer=lambda _: said)
    with raw_server(raw), closing(build(settings(raw.port), network)) as sender:
        yield sender, raw


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_is_one_that_the_service_has(kind: Kind) -> None:
    operation, parameters = Requests(settings(prefix="drills/")).of(asked(kind))
    shape = botocore.session.get_session().get_service_model("s3").operation_model(operation).input_shape
    assert shape is not None
    validate_parameters(parameters, shape)
    assert set(parameters) <= set(shape.members)
    assert (parameters["Bucket"], parameters["Key"]) == ("kept", "drills/t-1")


def test_a_write_replaces_nothing_and_a_delete_takes_what_is_there() -> None:
    made = Requests(settings())
    assert made.of(asked("write"))[1]["IfNoneMatch"] == made.of(asked("delete"))[1]["IfMatch"] == "*"


def test_it_neither_lists_nor_updates(network: Network) -> None:
    with closing(build(settings(), network)) as sender:
        assert not isinstance(sender, Lister | Batcher)
        with pytest.raises(ValueError, match="no update"):
            sender.by_key("update")


@pytest.mark.parametrize(
    ("kind", "said", "outcome"),
    [
        ("write", http(200), "ok"),
        ("write", http(200, headers=""), "in-doubt"),  # not S3's
        ("write", http(200, headers="x-amz-request-id: 1\r\n"), "in-doubt"),  # no object was made
        ("write", error(403, "AccessDenied"), "fail"),
        ("write", error(404, "NoSuchBucket"), "fail"),
        ("write", error(301, "PermanentRedirect", "x-amz-bucket-region: eu-central-1\r\n"), "in-doubt"),
        ("read", error(400, "AuthorizationHeaderMalformed"), "fail"),
        ("write", error(412, "PreconditionFailed"), "in-doubt"),
        ("write", error(409, "ConditionalRequestConflict"), "in-doubt"),
        ("delete", error(409, "OperationAborted"), "in-doubt"),
        ("write", error(400, "RequestTimeout"), "in-doubt"),
        ("write", error(500, "InternalError"), "in-doubt"),
        ("write", error(503, "SlowDown"), "in-doubt"),
        ("delete", http(204), "ok"),
        ("delete", http(200), "in-doubt"),  # S3 says 204
        ("delete", error(412, "PreconditionFailed"), "fail"),
        ("delete", error(404, "NoSuchKey"), "fail"),
        ("read", http(200, PAYLOAD, OBJECT), "ok"),
        ("read", http(200, "<html>", "Server: gateway\r\n"), "in-doubt"),
        ("audit", http(200, "<html>", "Server: gateway\r\n"), "in-doubt"),
        ("read", error(404, "NoSuchKey"), "fail"),
        ("audit", error(404, "NoSuchKey"), "ok"),
        ("audit", error(404, "NoSuchBucket"), "fail"),  # which is not "no such key"
        ("audit", error(403, "AccessDenied"), "fail"),  # so S3 says it to whoever may not list
        ("audit", http(404, "<html>not found", "Server: gateway\r\n"), "fail"),
    ],
)
def test_what_the_service_says_decides_what_is_known(kind: Kind, said: bytes, outcome: str, network: Network) -> None:
    with scripted(said, network) as (sender, raw):
        answer = sender.send(asked(kind), Deadline(5))
    assert answer.outcome == outcome
    assert (answer.error == "") == (outcome == "ok")
    assert answer.status == int(said[9:12])
    assert len(raw.requests) == 1, "no retries, and no redirect"
    assert "Unsent" not in answer.error, "nor is one tried"
    assert b"100-continue" not in raw.requests[0]


def test_what_is_missing_is_told_apart(network: Network) -> None:
    with scripted(error(404, "NoSuchKey"), network) as (sender, _):
        assert sender.send(asked("read"), Deadline(5)).error == NOT_THERE
        assert sender.send(asked("delete"), Deadline(5)).error == NOT_THERE
        assert sender.send(asked("read", absent_is_right=True), Deadline(5)).outcome == "ok"
        assert sender.send(asked("audit"), Deadline(5)).observed_version is None


@pytest.mark.parametrize(
    ("said", "version", "spoilt"),
    [
        (http(200, PAYLOAD, OBJECT), 1, False),
        (http(200, "x" + PAYLOAD, OBJECT), 1, True),
        (http(200, PAYLOAD, OBJECT.replace(CHECKSUM, "0" * len(CHECKSUM))), 1, True),
        (http(200, PAYLOAD, OURS), 0, True),  # somebody else's object under this key
    ],
)
def test_an_object_is_held_against_what_was_written(
    said: bytes, version: int, network: Network, *, spoilt: bool
) -> None:
    with scripted(said, network) as (sender, _):
        answer = sender.send(asked("audit"), Deadline(5))
    assert (answer.outcome, answer.observed_version) == ("ok", version)
    assert (answer.observed_checksum != CHECKSUM) is spoilt


def test_an_answer_that_is_cut_off_is_in_doubt(network: Network) -> None:
    with scripted(http(200, PAYLOAD, OBJECT)[:-1], network, "last words") as (sender, raw):
        assert sender.send(asked("read"), Deadline(5)).outcome == "in-doubt"
    assert len(raw.requests) == 1


def test_an_emulator_never_sees_real_credentials(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    with scripted(http(200), network) as (sender, raw):
        sender.send(asked("write"), Deadline(5))
    assert b"Credential=lab/" in raw.requests[0]
    with pytest.raises(ValueError, match="endpoint_url"):
        build(S3Probe(bucket="kept", region=REGION, endpoint_url="s3.lab"), network)


def test_an_object_is_written_read_and_audited(network: Network) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with served() as url, closing(build(settings(int(url.rpartition(":")[2]), prefix="p/"), network)) as sender:
        made: Any = botocore.session.get_session().create_client(
            "s3", REGION, endpoint_url=url, aws_access_key_id="lab", aws_secret_access_key="lab"  # noqa: S106  made up
        )  # fmt: skip
        made.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
        assert sender.send(asked("read"), Deadline(10)).error == NOT_THERE
        assert [sender.send(asked("write"), Deadline(10)).outcome for _ in range(2)] == ["ok", "in-doubt"]
        answer = sender.send(asked("audit"), Deadline(10))
        assert (answer.observed_version, answer.observed_checksum, answer.error) == (1, CHECKSUM, "")
        assert made.get_object(Bucket="kept", Key="p/t-1")["Body"].read().decode() == PAYLOAD
        made.close()


def test_a_replica_is_another_bucket_in_another_region() -> None:
    given = S3Probe(bucket="kept", region=REGION, endpoint_url=f"http://s3.{REGION}.amazonaws.com:443")
    found = at_host(given, bucket_place("eu-central-1", "kept-too"))
    url = "http://s3.eu-central-1.amazonaws.com:443"
    assert found == S3Probe(bucket="kept-too", region="eu-central-1", endpoint_url=url)
    with pytest.raises(NoSiteRequest, match="asks buckets"):
        at_host(given, "recovery.shop.internal")
