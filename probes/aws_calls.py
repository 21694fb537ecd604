"""Calls of the AWS API that are measured: botocore writes and reads them, the vantage's own network sends each once.

No retry, no redirect to another Region, no `Expect: 100-continue`; one total deadline; and it is known whether anything
was sent.
"""

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from requests.structures import CaseInsensitiveDict

from probes.deadline import Deadline, tls_context
from probes.environment import Secrets
from probes.history import Connection, Outcome
from probes.http_transport import Exchange, Transport
from probes.network import Network
from probes.probe import Answer

_CLIENT_ERROR = range(400, 500)
_NOT_DEFINITE = ("RequestTimeout", "RequestTimeoutException")


@dataclass(frozen=True, kw_only=True)
class Called:
    """What one call came to.

    `said` is the answer as botocore read it, `error` what was wrong instead. `exchange` is None if nothing was sent.
    """

    said: Mapping[str, Any]
    error: Exception | None = None
    exchange: Exchange | None = None

    @property
    def code(self) -> str:
        """AWS's code of the error that it answered; "" where it answered none."""
        return str(self.error.response.get("Error", {}).get("Code", "")) if isinstance(self.error, ClientError) else ""

    @property
    def response(self) -> requests.Response | None:
        """The answer as it came; None where there is none."""
        return self.exchange.response if self.exchange is not None else None

    def answer(self, outcome: Outcome, says: str = "") -> Answer:
        """What is recorded of it."""
        response = self.response
        return Answer(
            outcome=outcome,
            error=says,
            status=response.status_code if response is not None else 0,
            resolved_ip=self.exchange.ip if self.exchange else "",
        )

    def failed(self, in_doubt: Collection[str] = _NOT_DEFINITE) -> Answer:
        """What is recorded of a call with an error: `fail` for what was provably not done.

        That is: never sent, or refused by a 4xx that is not 408 and whose code is none of `in_doubt`.
        """
        exchange, error = self.exchange, self.error
        if exchange is None:
            return self.answer("fail", f"nothing was sent: {type(error).__name__}: {error}")
        if exchange.response is None:
            return self.answer("in-doubt" if exchange.sent else "fail", exchange.says)
        if not isinstance(error, ClientError):
            return self.answer("in-doubt", f"answer not understood: {type(error).__name__}")
        status = exchange.response.status_code
        definite = status in _CLIENT_ERROR and status != requests.codes.request_timeout and self.code not in in_doubt
        says = f"{self.code}: {error.response.get('Error', {}).get('Message', '')}"
        return self.answer("fail" if definite else "in-doubt", says)


class _Thread(threading.local):
    """What this thread is sending: botocore has no way to hand it down to whoever sends its requests."""

    exchange: Exchange | None = None
    deadline: Deadline
    connection: Connection


class _Unsent(Exception):
    """The exchange has no answer; why stands in it."""


class AwsCalls:
    """Sends calls of one service. Safe to use from many threads.

    `client` makes, signs and reads requests; it never sends one.
    """

    def __init__(self, client: Any, network: Network) -> None:
        self._client = client
        self._thread = _Thread()
        tls = tls_context(verify=True)
        self._transports: dict[Connection, Transport] = {
            "fresh": Transport(network, "fresh", tls),
            "pooled": Transport(network, "pooled", tls),
        }
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{service}", self._carry)

    def call(self, operation: str, parameters: dict[str, Any], connection: Connection, deadline: Deadline) -> Called:
        """Make one call within the deadline, by its name in AWS's API reference. Raises nothing for what came of it."""
        thread = self._thread
        thread.exchange, thread.deadline, thread.connection = None, deadline, connection
        try:
            said = self._client._make_api_call(operation, parameters)  # noqa: SLF001  what every generated method calls
        except (BotoCoreError, ClientError, ResponseParserError, _Unsent) as error:
            return Called(said={}, error=error, exchange=self._carried())
        return Called(said=said, exchange=self._carried())

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()
        for transport in self._transports.values():
            transport.close()

    def _carried(self) -> Exchange | None:
        """What this thread's call came to; None if it was never sent. Forgotten, so that its answer can go."""
        exchange, self._thread.exchange = self._thread.exchange, None
        return exchange

    def _carry(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Called by botocore in place of its own sending (event `before-send`), with a signed request."""
        thread = self._thread
        if thread.exchange is not None:
            raise _Unsent("a second sending, which is not measured")
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        prepared.body = _body(request.body)
        # Not signed, and a wait for leave to send would be one more exchange.
        headers = {name: _text(value) for name, value in request.headers.items() if name.lower() != "expect"}
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


def _body(body: Any) -> bytes | str | None:
    """S3's bodies are files to botocore."""
    found: bytes | str | None = body.read() if hasattr(body, "read") else body
    return found


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def client_for(service: str, *, region: str, endpoint_url: str, profile: str, config: Config | None = None) -> Any:
    """A client whose calls are made once. `profile` may be `env:NAME`; `config` adds to what it is made with.

    With an endpoint and no profile its credentials are made up. Raises `ValueError`, also without credentials.
    """
    if endpoint_url and urlsplit(endpoint_url).scheme not in ("http", "https"):
        raise ValueError(f"endpoint_url: {endpoint_url!r} is no http or https URL")
    named = Secrets().read("profile", profile)
    # `parameter_validation` costs as much as the rest of a call; tests check what we send.
    once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False)
    try:
        session = made_up() if endpoint_url and not named else boto3.Session(profile_name=named or None)
        credentials = session.get_credentials()
        if credentials is None:
            says = f"no AWS credentials were found for the {service} probe: name a profile, or set AWS_PROFILE"
            raise ValueError(says)
        # Now, and not within the first operation: this may ask other services.
        credentials.get_frozen_credentials()
        return session.client(
            service,  # type: ignore[call-overload]  # the stubs know services one by one
            region_name=region,
            endpoint_url=endpoint_url or None,
            config=once.merge(config) if config is not None else once,
        )
    except BotoCoreError as error:
        raise ValueError(f"{service}: {error}") from None


def made_up() -> boto3.Session:
    """Credentials that open nothing, and nobody's files or profiles."""
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", botocore_session=core)  # noqa: S106  made up
