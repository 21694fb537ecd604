"""The DynamoDB probe: PutItem, UpdateItem, DeleteItem and GetItem on one table, audits by BatchGetItem."""

import os
import random
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
import msgspec
import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from requests.structures import CaseInsensitiveDict

from probes.deadline import Deadline, tls_context
from probes.environment import Secrets
from probes.history import Connection, Kind, Outcome
from probes.http_transport import Exchange, Transport
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked
from probes.spec import DynamodbProbe
from probes.stored import Stored

# BatchGetItem takes at most so many keys (Amazon DynamoDB API Reference, BatchGetItem).
BATCH_SIZE = 100
# Keys that a batch left unread are asked for again after about so long, then twice that, and so on.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
KINDS: tuple[Kind, ...] = ("write", "update", "delete", "read", "audit")
# What it calls, as botocore names it: the operator's roles are made from this, too.
CALLS = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:BatchGetItem")
FIELDS = ("version", "checksum", "payload")
_CLIENT_ERROR = range(400, 500)
_NOT_DEFINITE = ("RequestTimeout", "RequestTimeoutException")
_CONDITION = "ConditionalCheckFailedException"


class _Thread(threading.local):
    """What this thread is sending: botocore has no way to hand it down to whoever sends its requests."""

    exchange: Exchange | None = None
    deadline: Deadline
    connection: Connection


class _Unsent(Exception):
    """The exchange has no answer; why stands in it."""


class Requests:
    """The parameters of each call, as DynamoDB's API Reference names them.

    A PutItem never replaces an item: one that comes late would otherwise undo an update. An update only takes an item
    that is there to a newer version.
    """

    def __init__(self, settings: DynamodbProbe) -> None:
        if settings.key in FIELDS:
            raise ValueError(f"key: {settings.key!r} is the name of another attribute of the probe's own")
        self._table = settings.table
        self._key = settings.key
        self._consistent = settings.consistent

    def of(self, asked: Asked) -> tuple[str, dict[str, Any]]:
        """The operation and its parameters."""
        key = {self._key: {"S": asked.key}}
        if asked.kind == "write":
            return "PutItem", {
                "TableName": self._table,
                "Item": {**key, **_fields(asked)},
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": self._key},
            }
        if asked.kind == "update":
            return "UpdateItem", {
                "TableName": self._table,
                "Key": key,
                "UpdateExpression": "SET #version = :version, #checksum = :checksum, #payload = :payload",
                "ConditionExpression": "attribute_exists(#key) AND #version < :version",
                "ExpressionAttributeNames": {"#key": self._key, **{f"#{name}": name for name in FIELDS}},
                "ExpressionAttributeValues": {f":{name}": value for name, value in _fields(asked).items()},
            }
        if asked.kind == "delete":
            return "DeleteItem", {
                "TableName": self._table,
                "Key": key,
                "ConditionExpression": "attribute_exists(#key)",
                "ExpressionAttributeNames": {"#key": self._key},
            }
        return "GetItem", {"TableName": self._table, "Key": key, "ConsistentRead": self._consistent}

    def batch(self, keys: Sequence[str]) -> dict[str, Any]:
        """The parameters of a BatchGetItem for these keys."""
        asked = {"Keys": [{self._key: {"S": key}} for key in keys], "ConsistentRead": self._consistent}
        return {"RequestItems": {self._table: asked}}

    def found(self, answer: Mapping[str, Any]) -> list[Stored]:
        """The items of a BatchGetItem's answer."""
        return [self.stored(item) for item in answer.get("Responses", {}).get(self._table, ())]

    def left(self, answer: Mapping[str, Any]) -> list[str]:
        """The keys that a BatchGetItem's answer says it did not read."""
        unprocessed = answer.get("UnprocessedKeys", {}).get(self._table, {})
        return [key[self._key]["S"] for key in unprocessed.get("Keys", ())]

    def stored(self, item: Mapping[str, Any]) -> Stored:
        """An item. An attribute that is gone, or of another type, is told apart from all that a probe writes."""
        version = str(item.get("version", {}).get("N", ""))
        return Stored(
            key=item[self._key]["S"],
            version=int(version) if version.isdecimal() else 0,
            checksum=str(item.get("checksum", {}).get("S", "")),
            payload=str(item.get("payload", {}).get("S", "")),
        )


class DynamodbSender:
    """Sends the calls of one `DynamodbProbe`, each once, over the vantage's own network and within its deadline.

    Outcomes, after the Developer Guide's "Error handling with DynamoDB" (a 4xx: the request was refused; a 5xx: an
    internal error, after which a write may have been done):
    - ok: DynamoDB answered 200. Of an audit also "no such item".
    - fail: not connected; a 4xx, throttling among them. An update or delete whose condition failed found no item (or a
      newer one): the key was acknowledged, so its loss shows there.
    - in-doubt: a 5xx, 408, no answer or none that can be read after sending. A write that finds its key there already:
      nobody else writes it, so something on the way sent it twice.
    """

    def __init__(self, settings: DynamodbProbe, network: Network) -> None:
        self._requests = Requests(settings)
        self._thread = _Thread()
        self._network = network
        tls = tls_context(verify=True)
        self._transports: dict[Connection, Transport] = {
            "fresh": Transport(network, "fresh", tls),
            "pooled": Transport(network, "pooled", tls),
        }
        self._client = _client(settings)
        self._client.meta.events.register_first("before-send.dynamodb", self._carry)

    @property
    def batch_size(self) -> int:
        """How many keys one batch may hold."""
        return BATCH_SIZE

    def by_key(self, kind: Kind) -> bool:
        """Every call names a key, whatever its kind."""
        return kind in KINDS

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Send the call of this kind once."""
        operation, parameters = self._requests.of(asked)
        answer, said = self._call(operation, parameters, asked, deadline)
        if answer.outcome != "ok" or asked.kind not in ("read", "audit"):
            return answer
        item = said.get("Item")
        return _seen(answer, asked, None if item is None else self._requests.stored(item))

    def batch(self, asked: Sequence[Asked], deadline: Deadline) -> Sequence[Answer]:
        """Read these keys; what DynamoDB leaves unread is asked for again until the deadline."""
        answers: dict[str, Answer] = {}
        by_key = {one.key: one for one in asked}
        left, pause_s = list(by_key), FIRST_PAUSE_S
        while True:
            answer, said = self._call("BatchGetItem", self._requests.batch(left), asked[0], deadline)
            if answer.outcome != "ok":
                break
            found = {one.key: one for one in self._requests.found(said)}
            unread = set(self._requests.left(said))
            answers |= {key: _seen(answer, by_key[key], found.get(key)) for key in left if key not in unread}
            left = [key for key in left if key in unread]
            if not left or deadline.at_s - time.monotonic() < pause_s:
                break
            # With some chance in it, as AWS advises: readers that were refused together must not come back together.
            time.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if answer.outcome == "ok":
            says = "left unread by DynamoDB: the table's capacity, or the size of an answer"
            answer = Answer(outcome="fail", error=says, status=answer.status, resolved_ip=answer.resolved_ip)
        return [answers.get(one.key, answer) for one in asked]

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()
        for transport in self._transports.values():
            transport.close()

    def _call(
        self, operation: str, parameters: dict[str, Any], asked: Asked, deadline: Deadline
    ) -> tuple[Answer, dict[str, Any]]:
        thread = self._thread
        thread.exchange, thread.deadline, thread.connection = None, deadline, asked.connection
        try:
            said = self._client._make_api_call(operation, parameters)  # noqa: SLF001  what every generated method calls
        except (BotoCoreError, ClientError, ResponseParserError, _Unsent) as error:
            return _failed(error, asked, self._carried()), {}
        exchange = self._carried()
        if exchange is None or not _is_sound(exchange):
            return _answered("in-doubt", exchange, "answer not understood: it is not DynamoDB's, or was spoilt"), {}
        return _answered("ok", exchange), said

    def _carried(self) -> Exchange | None:
        """What this thread's call came to; None if it was never sent. Forgotten, so that its answer can go."""
        exchange, self._thread.exchange = self._thread.exchange, None
        return exchange

    def _carry(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Called by botocore in place of its own sending (event `before-send`), with a signed request."""
        thread = self._thread
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        # DynamoDB's bodies are JSON; botocore's types allow for files too.
        prepared.body = cast("bytes | str", request.body)
        headers = {name: _text(value) for name, value in request.headers.items()}
        if thread.connection == "fresh":
            headers["Connection"] = "close"
        prepared.headers = CaseInsensitiveDict(headers)
        thread.exchange = self._transports[thread.connection].exchange(prepared, thread.deadline)
        response = thread.exchange.response
        if response is None:
            raise _Unsent(thread.exchange.says)
        return AWSResponse(request.url, response.status_code, cast("Any", response.headers), _Raw(response.content))


class _Raw:
    """A body that has been read already, where botocore wants to read it piece by piece."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Sequence[bytes]:
        """Everything in one piece."""
        return [self._content]


def _fields(asked: Asked) -> dict[str, Any]:
    return {"version": {"N": str(asked.version)}, "checksum": {"S": asked.checksum}, "payload": {"S": asked.payload}}


def _seen(answer: Answer, asked: Asked, stored: Stored | None) -> Answer:
    if stored is None:
        if asked.kind == "audit" or asked.absent_is_right:
            return answer
        says = NOT_THERE
        return Answer(outcome="fail", error=says, status=answer.status, resolved_ip=answer.resolved_ip)
    return Answer(
        outcome="ok",
        error=stored.differs(asked),
        status=answer.status,
        observed_version=stored.version,
        observed_checksum=stored.observed_checksum(asked),
        resolved_ip=answer.resolved_ip,
    )


def _answered(outcome: Outcome, exchange: Exchange | None, says: str = "") -> Answer:
    response = exchange.response if exchange else None
    return Answer(
        outcome=outcome,
        error=says,
        status=response.status_code if response is not None else 0,
        resolved_ip=exchange.ip if exchange else "",
    )


def _failed(error: Exception, asked: Asked, exchange: Exchange | None) -> Answer:
    if exchange is None:
        return _answered("fail", None, f"nothing was sent: {type(error).__name__}: {error}")
    if exchange.response is None:
        return _answered("in-doubt" if exchange.sent else "fail", exchange, exchange.says)
    if not isinstance(error, ClientError):
        return _answered("in-doubt", exchange, f"answer not understood: {type(error).__name__}")
    code = error.response.get("Error", {}).get("Code", "")
    says = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
    if code == _CONDITION and asked.kind == "write":
        return _answered("in-doubt", exchange, "the key is there already: something sent it twice")
    if code == _CONDITION:
        return _answered("fail", exchange, f"{NOT_THERE}, or is newer")
    status = exchange.response.status_code
    definite = status in _CLIENT_ERROR and status != requests.codes.request_timeout and code not in _NOT_DEFINITE
    return _answered("fail" if definite else "in-doubt", exchange, says)


def _is_sound(exchange: Exchange) -> bool:
    """Whether a success is what the service said: a JSON object with the right checksum, where it gives one.

    botocore takes a body that is no JSON (a gateway's page) for an empty answer: "no such item".
    """
    response = exchange.response
    if response is None or not response.content.lstrip().startswith(b"{"):
        return False
    try:
        msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return False
    crc = response.headers.get("x-amz-crc32", "")
    return not crc or crc == str(zlib.crc32(response.content))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _client(settings: DynamodbProbe) -> Any:
    """The client that makes, signs and reads requests; it never sends one. Raises `ValueError`."""
    endpoint = settings.endpoint_url
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(f"endpoint_url: {endpoint!r} is no http or https URL")
    profile = Secrets().read("profile", settings.profile)
    try:
        session = _made_up() if endpoint and not profile else boto3.Session(profile_name=profile or None)
        credentials = session.get_credentials()
        if credentials is None:
            raise ValueError("no AWS credentials were found for the dynamodb probe: name a profile, or set AWS_PROFILE")
        # Now, and not within the first operation: this may ask other services.
        credentials.get_frozen_credentials()
        return session.client(
            "dynamodb",
            region_name=settings.region,
            endpoint_url=endpoint or None,
            # `parameter_validation` costs as much as the rest of a call; tests check what we send.
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False),
        )
    except BotoCoreError as error:
        raise ValueError(f"dynamodb: {error}") from None


def _made_up() -> boto3.Session:
    """Credentials that open nothing, and nobody's files or profiles."""
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", botocore_session=core)  # noqa: S106  made up


def build(settings: DynamodbProbe, network: Network) -> DynamodbSender:
    """Make the probe. Raises `ValueError` for settings that cannot work, and without credentials."""
    return DynamodbSender(settings, network)
