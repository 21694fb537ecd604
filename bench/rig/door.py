"""A listening socket of the rig: it takes connections, refuses them, or lets them meet silence."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable

from bench.rig.wire import Connection, Request

_BACKLOG = 1024
# A handshake on the loopback takes some 50 us.
_FILL_S = 2.0


class Door:
    """Listens on a port of 127.0.0.1 that stays its own. Connections that it took are its own, too."""

    def __init__(self, taken: Callable[[Connection, Request], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._taken = taken
        self._fillers: list[socket.socket] = []
        self._connections: set[Connection] = set()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._silent = False
        self._listen()

    def refuse(self) -> None:
        """Refuse connections and reset the open ones."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = _bound(self.port)
        for connection in self._open():
            connection.reset()
        self._connections.clear()

    def swallow(self) -> None:
        """Answer no SYN any more, and hold the open connections in silence.

        On Linux a listening socket with a full backlog drops the SYN (docs/adr/0002-fabric.md): with a backlog of 0
        it is full with one connection. Where the platform takes connections all the same, they meet silence.
        """
        self._loop.remove_reader(self._socket)
        self._silent = True
        for connection in self._open():
            connection.hold()
        self._socket.listen(0)
        if not _readable(self._socket, 0.0):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._socket.getsockname())
            self._fillers.append(filler)
            if not _readable(self._socket, _FILL_S):
                raise TimeoutError("the backlog did not fill")

    def open(self) -> None:
        """Take connections again, and go on with those that are held."""
        own = {filler.getsockname() for filler in self._fillers}
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._silent = False
        self._listen(own)
        for connection in self._open():
            connection.resume()

    def close(self) -> None:
        """Let go of everything."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for sock in self._fillers:
            sock.close()
        for connection in self._open():
            connection.reset()

    def _listen(self, own: frozenset[object] | set[object] = frozenset()) -> None:
        self._socket.listen(_BACKLOG)
        self._accept(own)
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self, own: frozenset[object] | set[object] = frozenset()) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            while True:
                sock, peer = self._socket.accept()
                if peer in own:
                    sock.close()
                else:
                    self._connections.add(Connection(sock, self._taken))

    def _open(self) -> list[Connection]:
        self._connections = {c for c in self._connections if c.open}
        return list(self._connections)


def _bound(port: int) -> socket.socket:
    """A socket that has the port and does not listen: connections to it are refused, and nobody else gets it."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", port))
    return bound


def _readable(sock: socket.socket, timeout_s: float) -> bool:
    return bool(select.select([sock], [], [], timeout_s)[0])
