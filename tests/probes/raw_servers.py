"""A TCP server that greets as its protocol wants it, and then behaves as badly as a test tells it to."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

LIMIT_S = 10.0
# The request that asks for TLS, before PostgreSQL's start-up message ("Message Formats", SSLRequest).
_SSL_REQUEST = 80877103


@dataclass
class Raw:
    """`mode`: what follows a request: hang, reset, close, answer (with `says`), or last words (`says`, and the end)."""

    mode: str = "hang"
    says: bytes = b""
    greet: Callable[[socket.socket], object] = lambda _: None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        self.greet(connection)
        while request := connection.recv(65536):
            self.requests.append(request)
            if self.mode == "answer":
                connection.sendall(self.says)
                continue
            if self.mode == "last words":
                connection.sendall(self.says)
            elif self.mode == "hang":
                self.released.wait(LIMIT_S)
            elif self.mode == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if self.mode == "hang":
            # Whoever has nothing to say waits for an answer all the same.
            self.released.wait(LIMIT_S)


@dataclass
class RawHttp(Raw):
    """Reads whole HTTP requests; `answer` gives the bytes of the answer to a request's body."""

    answer: Callable[[bytes], bytes] = lambda _: b""

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        with connection.makefile("rb") as stream:
            while head := stream.readline():
                length = 0
                while (line := stream.readline()).strip():
                    head += line
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                body = stream.read(length)
                self.requests.append(head + body)
                connection.sendall(self.answer(body))
                if self.mode == "last words":
                    return


@contextmanager
def raw_server(raw: Raw) -> Iterator[Raw]:
    """Serve `raw`; everything that it started is gone at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    raw.port = listener.getsockname()[1]
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            raw.serve(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                raw.connections += 1
                threads.append(threading.Thread(target=one, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield raw
    finally:
        raw.released.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


# PostgreSQL's side of its protocol, as far as a probe needs it (manual, "Message Formats").


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


READY = message(b"Z", b"I")
COMPLETE = message(b"1") + message(b"2") + message(b"n") + message(b"C", b"INSERT 0 1\0")


def error(sqlstate: str, severity: str = "ERROR", says: str = "no") -> bytes:
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": says}
    return message(b"E", b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0")


def start_up(connection: socket.socket) -> dict[str, str]:
    """Read the start-up message, answering no to TLS first where it is asked for."""
    while True:
        length = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))[0]
        body = connection.recv(length - 4, socket.MSG_WAITALL)
        if struct.unpack("!i", body[:4])[0] != _SSL_REQUEST:
            texts = body[4:].decode().rstrip("\0").split("\0")
            return dict(zip(texts[::2], texts[1::2], strict=True))
        connection.sendall(b"N")


def log_in(connection: socket.socket) -> None:
    """Let anybody in, as PostgreSQL does with `trust`."""
    start_up(connection)
    connection.sendall(message(b"R", struct.pack("!i", 0)) + READY)


def password(connection: socket.socket) -> str:
    """Ask for the password in clear, and say what was given."""
    start_up(connection)
    connection.sendall(message(b"R", struct.pack("!i", 3)))
    length = struct.unpack("!i", connection.recv(5, socket.MSG_WAITALL)[1:])[0]
    return connection.recv(length - 4, socket.MSG_WAITALL).decode().rstrip("\0")
