"""One total deadline per operation, over everything it does on the network.

`requests` bounds the wait for each single byte, so a server that trickles holds it for ever. Here every send and every
receive of a socket waits at most for what is left of its operation's deadline.
"""

import socket
import ssl
import time
from typing import Any


class DeadlinePassed(TimeoutError):
    """The operation's total time is up."""


class Deadline:
    """A moment on the monotonic clock, `timeout_s` after its making."""

    __slots__ = ("at_s", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.at_s = time.monotonic() + timeout_s

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.at_s

    def remaining_s(self) -> float:
        """S that are left, more than 0. Raises `DeadlinePassed` when none are."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise DeadlinePassed(f"nothing within {self.timeout_s:g} s")
        return left_s


class DeadlineSocket(socket.socket):
    """A TCP socket bound to the deadline of the operation that uses it; a pooled one gets a new one for each."""

    deadline: Deadline | None = None

    def _limit(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining_s())

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within the deadline. http.client reads through this one."""
        self._limit()
        return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive within the deadline."""
        self._limit()
        return super().recv(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send everything within the deadline: the timeout of `socket.sendall` is a total one."""
        self._limit()
        super().sendall(*args, **kwargs)


class DeadlineTlsSocket(ssl.SSLSocket):
    """The same for TLS. Reads, writes and the handshake of one call share that call's timeout (CPython `_ssl.c`)."""

    deadline: Deadline | None = None

    def _limit(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining_s())

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within the deadline."""
        self._limit()
        return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive within the deadline."""
        self._limit()
        return super().recv(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send within the deadline; `SSLSocket.sendall` sends piece by piece through this one."""
        self._limit()
        return super().send(*args, **kwargs)


def tls_context(*, verify: bool, ca_file: str = "", client_cert: str = "", client_key: str = "") -> ssl.SSLContext:
    """Make a client's TLS context whose sockets keep the deadline.

    Trusted is what `ca_file` (PEM) holds; without one, what OpenSSL trusts on this machine (`SSL_CERT_FILE` and
    `SSL_CERT_DIR` are honoured). `client_cert` and `client_key` (PEM, unencrypted; the key may stand in the
    certificate's file) are shown to servers that ask. Raises `ValueError` for a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ValueError(f"ca_file {ca_file}: {error}") from None
    if client_cert:
        try:
            # Without a password function OpenSSL would ask for one on the terminal.
            context.load_cert_chain(client_cert, client_key or None, password=_no_password)
        except OSError as error:
            raise ValueError(f"client_cert {client_cert}, client_key {client_key or client_cert}: {error}") from None
    context.sslsocket_class = DeadlineTlsSocket
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_password() -> str:
    return ""
