"""HTTP exchanges on `requests`, dialled through the vantage's network, within one total deadline.

No retry, no redirect, no proxy, nothing from the environment; and it knows whether anything was sent.
"""

import math
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from probes.deadline import Deadline, DeadlineSocket, DeadlineTlsSocket
from probes.history import Connection
from probes.network import Network, NotConnected

# Hosts (a witness has one per instance) and idle connections per host that a vantage keeps at most.
POOLS = 200
IDLE = 100


@dataclass
class Exchange:
    """One request on its way.

    `sent` is set before the first byte goes out: until then the operation is provably not done. `says` is why it came
    to nothing, `response` what it came to. A connection older than `oldest_s` is not used for it.
    """

    network: Network
    deadline: Deadline
    oldest_s: float = math.inf
    ip: str = ""
    sent: bool = False
    says: str = ""
    response: requests.Response | None = None


class _Thread(threading.local):
    """The exchange that this thread is busy with: urllib3 has no way to hand it down to its connections."""

    exchange: Exchange


_thread = _Thread()


class _Http(HTTPConnection):
    """A connection that is opened through the network and bound to the deadline of whoever uses it."""

    ip = ""
    made_s = 0.0

    def _new_conn(self) -> DeadlineSocket:
        exchange = _thread.exchange
        try:
            sock, self.ip = exchange.network.connect(self._dns_host, self.port, exchange.deadline)
        except NotConnected as error:
            exchange.ip, exchange.says = error.ip, str(error)
            raise NewConnectionError(self, str(error)) from error
        exchange.ip = self.ip
        self.made_s = time.monotonic()
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except (ssl.SSLError, OSError) as error:
            _thread.exchange.says = f"tls {self.host}: {_reason(error)}"
            raise

    def send(self, data: Any) -> None:
        """Everything that is sent or received on this connection comes after a call of this."""
        if self.sock is None:
            self.connect()
        exchange = _thread.exchange
        if isinstance(self.sock, DeadlineSocket | DeadlineTlsSocket):
            self.sock.deadline = exchange.deadline
        exchange.ip = self.ip
        exchange.sent = True
        super().send(data)


class _Https(_Http, HTTPSConnection):
    """The same over TLS; the name in the certificate and in SNI stays the URL's."""


class _Ageing(HTTPConnectionPool):
    """Makes a connection anew that is older than whoever uses it wants."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn = super()._get_conn(timeout)
        if isinstance(conn, _Http) and time.monotonic() - conn.made_s > _thread.exchange.oldest_s:
            conn.close()
        return conn


class _Pool(_Ageing):
    ConnectionCls = _Http


class _TlsPool(_Ageing, HTTPSConnectionPool):
    ConnectionCls = _Https

    def _validate_conn(self, conn: Any) -> None:
        # As urllib3 does, less its warning about certificates that the workload file says not to verify.
        if conn.is_closed:
            conn.connect()


class _FreshPool(_Pool):
    """Takes no connection back, so none is used twice."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class _FreshTlsPool(_TlsPool):
    """Takes no connection back, so none is used twice."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


_POOLS: dict[Connection, dict[str, type[HTTPConnectionPool]]] = {
    "pooled": {"http": _Pool, "https": _TlsPool},
    "fresh": {"http": _FreshPool, "https": _FreshTlsPool},
}


class Transport(HTTPAdapter):
    """Sends prepared requests with one connection style.

    A pooled connection that is known to be closed is replaced before use, as every client does; one that turns out
    closed when used is a failure, because that is what a real client sees. One older than `oldest_s` is replaced too.
    """

    def __init__(
        self, network: Network, style: Connection, tls: ssl.SSLContext, *, oldest_s: float | None = None
    ) -> None:
        self._network = network
        self._oldest_s = math.inf if oldest_s is None else oldest_s
        self._style = style
        self._tls = tls
        self._verify = tls.verify_mode == ssl.CERT_REQUIRED
        super().__init__(pool_connections=POOLS, pool_maxsize=IDLE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Called by `requests`: make the pool manager with our pools."""
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS[self._style]

    def cert_verify(self, conn: Any, *_args: Any, **_kwargs: Any) -> None:
        """Called by `requests`: our context has the certificates already, reading them again costs 10 ms a time."""
        conn.cert_reqs = "CERT_REQUIRED" if self._verify else "CERT_NONE"

    def exchange(self, request: requests.PreparedRequest, deadline: Deadline) -> Exchange:
        """Send once and read the whole answer. Never raises for what the network or the server did."""
        exchange = _thread.exchange = Exchange(self._network, deadline, self._oldest_s)
        response = None
        try:
            response = self.send(request, verify=self._verify)
            _ = response.content
            exchange.response = response
        except (requests.RequestException, HTTPError, OSError) as error:
            exchange.says = _says(exchange, error)
            if response is not None:
                response.close()
        finally:
            # Else the thread would keep the answer, and its pool alive, until its next exchange.
            del _thread.exchange
        return exchange

    def close(self) -> None:
        """Close the idle connections now: urllib3 leaves that to the garbage collector."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  urllib3's container refuses to be iterated
            pools[key].close()
        super().close()


def _says(exchange: Exchange, error: BaseException) -> str:
    if not exchange.sent:
        return exchange.says or _reason(error)
    if exchange.deadline.passed:
        return f"no complete answer within {exchange.deadline.timeout_s:g} s"
    return f"after sending: {_reason(error)}"


def _reason(error: BaseException) -> str:
    """The innermost cause in few words: `requests` and urllib3 wrap it several times over."""
    inner: BaseException = error
    seen: set[int] = set()
    while id(inner) not in seen:
        seen.add(id(inner))
        below = [a for a in (getattr(inner, "reason", None), *inner.args) if isinstance(a, BaseException)]
        inner = below[0] if below else inner.__cause__ or inner
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, ssl.SSLError):
        return inner.strerror.lower()
    return str(inner) or type(inner).__name__
