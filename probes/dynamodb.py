"""The DynamoDB probe: PutItem, UpdateItem, DeleteItem and GetItem on one table, audits by BatchGetItem."""

import random
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import requests

from probes.aws_calls import AwsCalls, Called, client_for
from probes.deadline import Deadline
from probes.history import Kind
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked
from probes.spec import DynamodbProbe
from probes.stored import Stored, seen

# BatchGetItem takes at most so many keys (Amazon DynamoDB API Reference, BatchGetItem).
BATCH_SIZE = 100
# Keys that a batch left unread are asked for again after about so long, then twice that, and so on.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
KINDS: tuple[Kind, ...] = ("write", "update", "delete", "read", "audit")
# What it calls, as botocore names it: the operator's roles are made from this, too.
CALLS = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:BatchGetItem")
FIELDS = ("version", "checksum", "payload")
_CONDITION = "ConditionalCheckFailedException"


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
        client = client_for(
            "dynamodb", region=settings.region, endpoint_url=settings.endpoint_url, profile=settings.profile
        )  # fmt: skip
        self._calls = AwsCalls(client, network)

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
        return seen(answer, asked, None if item is None else self._requests.stored(item))

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
            answers |= {key: seen(answer, by_key[key], found.get(key)) for key in left if key not in unread}
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
        self._calls.close()

    def _call(
        self, operation: str, parameters: dict[str, Any], asked: Asked, deadline: Deadline
    ) -> tuple[Answer, Mapping[str, Any]]:
        called = self._calls.call(operation, parameters, asked.connection, deadline)
        if called.error is not None:
            return _failed(called, asked), {}
        if not _is_sound(called.response):
            return called.answer("in-doubt", "answer not understood: it is not DynamoDB's, or was spoilt"), {}
        return called.answer("ok"), called.said


def _fields(asked: Asked) -> dict[str, Any]:
    return {"version": {"N": str(asked.version)}, "checksum": {"S": asked.checksum}, "payload": {"S": asked.payload}}


def _failed(called: Called, asked: Asked) -> Answer:
    if called.code == _CONDITION and asked.kind == "write":
        return called.answer("in-doubt", "the key is there already: something sent it twice")
    if called.code == _CONDITION:
        return called.answer("fail", f"{NOT_THERE}, or is newer")
    return called.failed()


def _is_sound(response: requests.Response | None) -> bool:
    """Whether a success is what the service said: a JSON object with the right checksum, where it gives one.

    botocore takes a body that is no JSON (a gateway's page) for an empty answer: "no such item".
    """
    if response is None or not response.content.lstrip().startswith(b"{"):
        return False
    try:
        msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return False
    crc = response.headers.get("x-amz-crc32", "")
    return not crc or crc == str(zlib.crc32(response.content))


def build(settings: DynamodbProbe, network: Network) -> DynamodbSender:
    """Make the probe. Raises `ValueError` for settings that cannot work, and without credentials."""
    return DynamodbSender(settings, network)
