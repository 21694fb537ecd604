"""The S3 probe: PutObject, GetObject and DeleteObject in one bucket; audits read object by object.

A key is written once and never updated: what an overwriting PutObject would replace, S3 does not say.
"""

from typing import Any

import requests
from botocore.config import Config

from probes.aws_calls import AwsCalls, Called, client_for
from probes.deadline import Deadline
from probes.history import Kind
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked
from probes.spec import S3Probe
from probes.stored import Stored, seen

KINDS: tuple[Kind, ...] = ("write", "delete", "read", "audit")
# What it calls, for the roles that it needs.
CALLS = ("s3:PutObject", "s3:GetObject", "s3:DeleteObject")
# The names of an object's metadata; on the wire each has `x-amz-meta-` before it.
VERSION, CHECKSUM = "version", "checksum"
# S3's own answers carry one of these: [Amazon S3 API Reference: common response headers]; the second is an emulator's.
_REQUEST_ID = ("x-amz-request-id", "x-amzn-requestid")
_NO_KEY, _CONDITION = "NoSuchKey", "PreconditionFailed"
_CONFLICT = ("ConditionalRequestConflict", "OperationAborted")
_IN_DOUBT = ("RequestTimeout", *_CONFLICT)


class Requests:
    """The parameters of each call, as the S3 API Reference names them.

    A PutObject never replaces an object (`If-None-Match: *`): one that comes late must not bring back what was deleted
    or spoilt since. A DeleteObject takes an object that is there (`If-Match: *`): without that S3 answers that it has
    deleted one that was lost.
    """

    def __init__(self, settings: S3Probe) -> None:
        self._bucket = settings.bucket
        self._prefix = settings.prefix

    def of(self, asked: Asked) -> tuple[str, dict[str, Any]]:
        """The operation and its parameters."""
        place = {"Bucket": self._bucket, "Key": self._prefix + asked.key}
        if asked.kind == "write":
            return "PutObject", {
                **place,
                "Body": asked.payload.encode(),
                "Metadata": {VERSION: str(asked.version), CHECKSUM: asked.checksum},
                "IfNoneMatch": "*",
            }
        if asked.kind == "delete":
            return "DeleteObject", {**place, "IfMatch": "*"}
        return "GetObject", place


class S3Sender:
    """Sends the calls of one `S3Probe`, each once, over the vantage's own network and within its deadline.

    Outcomes, after the API Reference's "Error responses" (a 4xx: the request was refused; a 5xx: an internal error,
    after which a write may have been done) and the User Guide's "Conditional requests":
    - ok: S3 answered 200, or 204 to a delete. Of an audit also "no such key".
    - fail: not connected; a 4xx, throttling among them (S3 has 503 SlowDown for that, too, which is in doubt). A delete
      that found no object: the key was acknowledged, so its loss shows there. Without s3:ListBucket S3 says 403 of a
      key that is not there, which proves nothing: an audit leaves that key unread.
    - in-doubt: a 5xx, 408, no answer or none that is S3's after sending. A write that finds its key there already
      (412), or is in conflict with another of the same key (409): nobody else writes it, so something sent it twice.
    """

    def __init__(self, settings: S3Probe, network: Network) -> None:
        self._requests = Requests(settings)
        self._calls = AwsCalls(_client(settings), network)

    def by_key(self, kind: Kind) -> bool:
        """Every call names a key. Raises `ValueError` for an update."""
        if kind not in KINDS:
            raise ValueError(f"an s3 probe has no {kind}: a key is written once")
        return True

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Send the call of this kind once."""
        operation, parameters = self._requests.of(asked)
        called = self._calls.call(operation, parameters, asked.connection, deadline)
        if called.error is not None:
            return _failed(called, asked)
        if not _is_sound(called.response, asked.kind):
            return called.answer("in-doubt", "answer not understood: it is not S3's, or was spoilt")
        answer = called.answer("ok")
        return seen(answer, asked, _stored(asked, called)) if asked.kind in ("read", "audit") else answer

    def close(self) -> None:
        """Close the idle connections."""
        self._calls.close()


def _failed(called: Called, asked: Asked) -> Answer:
    code = called.code
    if asked.kind in ("read", "audit") and code == _NO_KEY:
        return seen(called.answer("ok"), asked, None)
    if asked.kind == "delete" and code in (_NO_KEY, _CONDITION):
        return called.answer("fail", NOT_THERE)
    if asked.kind == "write" and code in (_CONDITION, *_CONFLICT):
        return called.answer("in-doubt", f"{code}: the key is there already, or about to be: something sent it twice")
    return called.failed(in_doubt=_IN_DOUBT)


def _is_sound(response: requests.Response | None, kind: Kind) -> bool:
    """Whether a success is what S3 said. A gateway's page is none, though botocore takes it for an object."""
    if response is None or not any(name in response.headers for name in _REQUEST_ID):
        return False
    if kind == "delete":
        return bool(response.status_code == requests.codes.no_content)
    return bool(response.status_code == requests.codes.ok and "ETag" in response.headers)


def _stored(asked: Asked, called: Called) -> Stored:
    """An object. What is not as a probe writes it is told apart from all that one does."""
    metadata = called.said.get("Metadata", {})
    version = str(metadata.get(VERSION, ""))
    response = called.response
    body = response.content if response is not None else b""
    return Stored(
        key=asked.key,
        version=int(version) if version.isdecimal() else 0,
        checksum=str(metadata.get(CHECKSUM, "")),
        payload=body.decode(errors="replace"),
    )


def _client(settings: S3Probe) -> Any:
    """Where an endpoint is given the bucket stands in its path: an emulator has no name for each bucket."""
    config = Config(
        s3={"addressing_style": "path" if settings.endpoint_url else "auto"},
        # Else botocore sends a body in chunks with a trailer. Ours is checked by its own checksum, end to end.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = client_for(
        "s3", region=settings.region, endpoint_url=settings.endpoint_url, profile=settings.profile, config=config
    )  # fmt: skip
    client.meta.events.register_last("before-parameter-build.s3", _stay)
    return client


def _stay(context: dict[str, Any], **_: Any) -> None:
    """Keep botocore from sending a request again to another Region: it leaves one that was redirected already."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def build(settings: S3Probe, network: Network) -> S3Sender:
    """Make the probe. Raises `ValueError` for settings that cannot work, and without credentials."""
    return S3Sender(settings, network)
