"""The HTTP probe: writes, reads and audits a workload over its own HTTP interface."""

import json
import re
from dataclasses import replace
from urllib.parse import quote

import requests

from probes.deadline import Deadline, tls_context
from probes.environment import Secrets
from probes.history import Connection, Kind, Outcome, ServedBy
from probes.http_answer import AnswerReader, NotUnderstood
from probes.http_transport import Exchange, Transport
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked, Page
from probes.spec import HttpProbe, HttpRequest

_PLACEHOLDER = re.compile(r"\{(key|version|checksum|payload|target|prefix|cursor)\}")
# 4xx that a proxy also sends when it gave up waiting for a request that it had passed on.
_NOT_DEFINITE = (408,)
_CLIENT_ERROR = range(400, 500)
# What the workload still has is asked of whoever serves its name now, not of who did when a stream connected.
AUDIT_CONNECTION_AGE_S = 1.0
_CHANGES: tuple[Kind, ...] = ("write", "update", "delete")


class HttpSender:
    """Sends the requests of one `HttpProbe`.

    Outcomes (DESIGN: `fail` = provably not done):
    - ok: a status of `success`, and for a read or an audit of a key an answer that could be read. Of an audit also a
      status of `absent` (`observed_version` is None then). A wrong checksum is ok too: the service answered, and
      what it answered is for judging.
    - fail: not connected (name, refused, no answer to the connect, TLS), or a 4xx other than 408. A read, update or
      delete of an acknowledged key that the workload does not have is one of these, with its own text.
    - in-doubt: anything else once the first byte was sent.

    A delete of what is absent is no success, though the key is gone as asked: only keys that were acknowledged are
    deleted, each once, so an absent one was lost before. Taken for done, the delete would excuse that loss.
    """

    def __init__(self, settings: HttpProbe, network: Network) -> None:
        self._settings = settings
        self._secrets = Secrets()
        self._headers = _resolve_headers(settings, self._secrets)
        self._reader = AnswerReader(settings.answer)
        tls = tls_context(
            verify=settings.verify_tls,
            ca_file=settings.ca_file,
            client_cert=settings.client_cert,
            client_key=settings.client_key,
        )
        self._transports: dict[Connection, Transport] = {
            "fresh": Transport(network, "fresh", tls),
            "pooled": Transport(network, "pooled", tls, oldest_s=settings.connection_age_s),
        }
        self._for_audits = Transport(network, "pooled", tls, oldest_s=AUDIT_CONNECTION_AGE_S)

    @property
    def lists(self) -> bool:
        """Whether there is a bulk audit."""
        return self._settings.audit_bulk is not None

    def by_key(self, kind: Kind) -> bool:
        """Whether the request of this kind has a place for a key. Raises `ValueError` where there is no request."""
        template = self._template(kind)
        return any("{key}" in text for text in (template.url, template.body, *template.headers.values()))

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Send the request of this kind once."""
        template = self._template(asked.kind)
        values = {
            "key": asked.key,
            "version": str(asked.version),
            "checksum": asked.checksum,
            "payload": asked.payload,
            "target": asked.target,
        }
        transport = self._for_audits if asked.kind == "audit" else self._transports[asked.connection]
        exchange = self._exchange(template, values, transport, deadline, close=asked.connection == "fresh")
        if exchange.response is None:
            return self._hidden(_unanswered(exchange))
        return self._hidden(self._answer(template, asked, exchange, exchange.response))

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        """Ask for one page of the bulk audit."""
        page = self._page(prefix, cursor, deadline)
        return replace(page, answer=self._hidden(page.answer))

    def _page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        template = self._settings.audit_bulk
        if template is None:
            raise ValueError("this probe has no audit_bulk")
        exchange = self._exchange(template, {"prefix": prefix, "cursor": cursor}, self._for_audits, deadline)
        response = exchange.response
        if response is None:
            return Page(answer=_unanswered(exchange))
        if response.status_code not in template.success:
            return Page(answer=_refused(exchange, response))
        try:
            items, following = self._reader.page(response.content)
        except NotUnderstood as error:
            return Page(answer=_answered("in-doubt", exchange, response, str(error)))
        return Page(answer=_answered("ok", exchange, response), items=items, cursor=following)

    def close(self) -> None:
        """Close the idle connections."""
        for transport in (*self._transports.values(), self._for_audits):
            transport.close()

    def _hidden(self, answer: Answer) -> Answer:
        return replace(answer, error=self._secrets.hide(answer.error)) if answer.error else answer

    def _template(self, kind: Kind) -> HttpRequest:
        settings = self._settings
        template = {
            "write": settings.write,
            "update": settings.update,
            "delete": settings.delete,
            "read": settings.read,
            "audit": settings.audit_one or settings.read,
        }.get(kind)
        if template is None:
            raise ValueError(f"this probe has no request for {kind}")
        return template

    def _exchange(
        self,
        template: HttpRequest,
        values: dict[str, str],
        transport: Transport,
        deadline: Deadline,
        *,
        close: bool = False,
    ) -> Exchange:
        headers = {name: _fill(value, values) for name, value in self._headers[id(template)].items()}
        if close:
            headers.setdefault("Connection", "close")
        url_values = {name: value if name == "target" else quote(value, safe="") for name, value in values.items()}
        # What stands in a body stands in a JSON string there; keys and checksums are plain, a cursor may not be.
        body_values = {name: json.dumps(value)[1:-1] for name, value in values.items()}
        request = requests.Request(
            template.method,
            _fill(template.url, url_values),
            headers=headers,
            data=_fill(template.body, body_values).encode() or None,
        )
        return transport.exchange(request.prepare(), deadline)

    def _answer(self, template: HttpRequest, asked: Asked, exchange: Exchange, response: requests.Response) -> Answer:
        if asked.kind != "write" and asked.key and response.status_code in template.absent:
            return self._absent(asked, exchange, response)
        served_by = self._reader.served_by(response.content)
        if response.status_code not in template.success:
            return _refused(exchange, response, served_by)
        if asked.kind in _CHANGES or not asked.key:
            done = _answered("ok", exchange, response, served_by=served_by)
            said = self._reader.replaced(response.content) if asked.kind == "update" else None
            return replace(done, replaced_version=said)
        try:
            seen = self._reader.read(response.content, asked)
        except NotUnderstood as error:
            return _answered("in-doubt", exchange, response, str(error), served_by)
        return Answer(
            outcome="ok",
            error=seen.says,
            status=response.status_code,
            observed_version=seen.version,
            observed_checksum=seen.checksum,
            effects=seen.effects,
            served_by=served_by,
            resolved_ip=exchange.ip,
        )

    def _absent(self, asked: Asked, exchange: Exchange, response: requests.Response) -> Answer:
        served_by = self._reader.served_by(response.content)
        if asked.kind == "audit" or (asked.kind == "read" and asked.absent_is_right):
            return _answered("ok", exchange, response, served_by=served_by)
        says = f"{NOT_THERE} (status {response.status_code})"
        return _answered("fail", exchange, response, says, served_by)


def _unanswered(exchange: Exchange) -> Answer:
    outcome: Outcome = "in-doubt" if exchange.sent else "fail"
    return Answer(outcome=outcome, error=exchange.says, resolved_ip=exchange.ip)


def _refused(exchange: Exchange, response: requests.Response, served_by: ServedBy | None = None) -> Answer:
    definite = response.status_code in _CLIENT_ERROR and response.status_code not in _NOT_DEFINITE
    return _answered(
        "fail" if definite else "in-doubt", exchange, response, f"status {response.status_code}", served_by
    )


def _answered(
    outcome: Outcome, exchange: Exchange, response: requests.Response, says: str = "", served_by: ServedBy | None = None
) -> Answer:
    return Answer(
        outcome=outcome,
        error=says,
        status=response.status_code,
        served_by=served_by,
        resolved_ip=exchange.ip,
    )


def _fill(template: str, values: dict[str, str]) -> str:
    """Replace the placeholders that have a value; other braces (JSON has many) stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def _resolve_headers(settings: HttpProbe, secrets: Secrets) -> dict[int, dict[str, str]]:
    """The headers of each request, with `env:NAME` replaced. Raises `ValueError` naming what is not set."""
    requests_ = (
        settings.write, settings.update, settings.delete, settings.read, settings.audit_one, settings.audit_bulk,
        settings.purge,
    )  # fmt: skip
    return {id(r): {n: secrets.read(f"header {n}", v) for n, v in r.headers.items()} for r in requests_ if r}


def build(settings: HttpProbe, network: Network) -> HttpSender:
    """Make the probe. Raises `ValueError` for an expression, a header or a certificate that cannot work."""
    return HttpSender(settings, network)
