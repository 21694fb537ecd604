"""HTTP/1.1 on plain sockets, so that a connection can be held in silence or reset at once."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

_HEAD_END = b"\r\n\r\n"
_RECEIVE = 65536
_REASONS = {200: "OK", 201: "Created", 404: "Not Found", 409: "Conflict", 503: "Service Unavailable"}
# l_onoff, l_linger: a close that sends a RST.
_RESET = struct.pack("ii", 1, 0)


class Request(msgspec.Struct, frozen=True):
    """One request; `query` holds the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


class Connection:
    """One client's connection. `taken(connection, request)` is called for each whole request.

    A client that closes its side is still owed what it asked for: the request was sent, and is done.
    """

    def __init__(self, sock: socket.socket, taken: Callable[["Connection", Request], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._taken = taken
        self._received = b""
        self._unsent = b""
        self._leaving: list[Callable[[], None]] = []
        self._held = False
        self._owed = 0
        self._ended = False
        self._close_after = False
        self.open = True
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._readable)

    def answer(self, status: int, content: Any, left: Callable[[], None] | None = None) -> None:
        """Send an answer, and call `left` once it is on its way: after the silence where it is held, or never."""
        self._owed -= 1
        if not self.open:
            return
        body = msgspec.json.encode(content)
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        self._unsent += f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        if left is not None:
            self._leaving.append(left)
        if not self._held:
            self._flush()

    def hold(self) -> None:
        """Neither read nor write any more."""
        if self.open and not self._held:
            self._held = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def resume(self) -> None:
        """Go on where it stopped."""
        if self.open and self._held:
            self._held = False
            if not self._ended:
                self._loop.add_reader(self._socket, self._readable)
            self._flush()

    def reset(self) -> None:
        """End it with a RST, now."""
        if self.open:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close()

    def close(self) -> None:
        """End it."""
        if self.open:
            self.open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._received += data
        while self.open and not self._held and (request := self._next()) is not None:
            self._owed += 1
            self._taken(self, request)
        if not data and self.open:
            self._ended = True
            self._loop.remove_reader(self._socket)
            self._finish()

    def _next(self) -> Request | None:
        head, found, rest = self._received.partition(_HEAD_END)
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        self._received = rest[length:]
        self._close_after = headers.get("connection", "").lower() == "close"
        method, target, _ = first.split(" ")
        url = urlsplit(target)
        return Request(method, unquote(url.path), dict(parse_qsl(url.query)), rest[:length])

    def _flush(self) -> None:
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        leaving, self._leaving = self._leaving, []
        for left in leaving:
            left()
        if self._unsent:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)
            self._finish()

    def _finish(self) -> None:
        """Close it where nothing more is owed to a client that wants no more."""
        if (self._ended or self._close_after) and self._owed <= 0 and not self._unsent:
            self.close()
