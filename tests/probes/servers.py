"""Servers in this process that answer as a test tells them to: an HTTP store and a DNS server."""

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dns.message
import dns.rdatatype
import dns.rrset

ZONE = {"region": "eu-west-1", "zone": "eu-west-1a", "instance": "i-1"}


@dataclass
class Store:
    """What the HTTP server holds, how it behaves (`mode`) and what it was asked."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    mode: str = "ok"
    status: int = 200
    page_size: int = 100
    cursor_forever: bool = False
    fail_pages_from: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def refuses(self, path: str) -> int:
        """The status that a request for that path is refused with; 0: it is not."""
        del path
        return 0

    def get(self, key: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            rows = [row for row in self.rows if row["key"] == key]
        if not rows:
            return 404, ZONE
        newest = max(rows, key=lambda row: row["version"])
        return 200, {**ZONE, **newest, "effects": sum(row["version"] == newest["version"] for row in rows)}

    def page(self, prefix: str, cursor: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            keys = sorted({row["key"] for row in self.rows if row["key"].startswith(prefix) and row["key"] > cursor})
        if self.fail_pages_from and cursor >= self.fail_pages_from:
            return 503, ZONE
        items = [self.get(key)[1] for key in keys[: self.page_size]]
        for item in items:
            item.pop("payload", None)
        following = keys[self.page_size - 1] if len(keys) > self.page_size else ""
        return 200, {**ZONE, "items": items, "cursor": "round" if self.cursor_forever else following}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def setup(self) -> None:
        super().setup()
        self.store.connections += 1

    def log_message(self, *_args: Any) -> None:
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._behave(lambda: self._write(json.loads(body)))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == "/orders":
            self._behave(lambda: self.store.page(query["prefix"], query.get("cursor", "")))
        elif url.path.startswith("/orders/"):
            self._behave(lambda: self.store.get(url.path.removeprefix("/orders/")))
        else:
            self._behave(lambda: (200, ZONE))

    def do_DELETE(self) -> None:
        self._behave(lambda: self._delete(urlsplit(self.path).path.removeprefix("/orders/")))

    def _delete(self, key: str) -> tuple[int, dict[str, Any]]:
        with self.store.lock:
            found = [row for row in self.store.rows if row["key"] == key]
            self.store.rows[:] = [row for row in self.store.rows if row["key"] != key]
        return (200 if found else 404), ZONE

    def _write(self, row: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self.store.lock:
            self.store.rows.append(row)
        return 201, ZONE

    def _behave(self, answer: Callable[[], tuple[int, dict[str, Any]]]) -> None:
        store = self.store
        store.requests.append((self.command, self.path, dict(self.headers.items())))
        if refused := store.refuses(self.path):
            self._say(refused, ZONE)
            return
        modes: dict[str, Callable[[], None]] = {
            "ok": lambda: self._say(*answer()),
            "status": lambda: self._say(store.status, ZONE),
            "garbage": lambda: self._raw(200, b"<html>busy</html>"),
            "hang": self._hang,
            "trickle": self._trickle,
            "trickle without length": lambda: self._trickle(length=False),
            "reset": self._reset,
            "close": self._close,
            "answer, then close": lambda: self._say(*answer(), close=True),
        }
        modes[store.mode]()

    def _say(self, status: int, body: dict[str, Any], *, close: bool = False) -> None:
        # Not announced by a header: the client finds out by itself.
        self.close_connection = self.close_connection or close
        self._raw(status, b"" if status == 204 else json.dumps(body).encode())

    def _raw(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang(self) -> None:
        self.store.released.wait(10)
        self.close_connection = True

    def _trickle(self, *, length: bool = True) -> None:
        self.send_response(200)
        if length:
            self.send_header("Content-Length", "100000")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(500):
                if self.store.released.wait(0.02):
                    return
                self.wfile.write(b" ")
        except OSError:
            return

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close()

    def _close(self) -> None:
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:
        # Without the polite shutdown of the base class, so that SO_LINGER 0 really resets.
        self.close_request(request)

    def handle_error(self, *_args: Any) -> None:
        # A client that left at its deadline.
        return


@contextmanager
def http_server(store: Store, wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[Store]:
    """Serve `store`; everything that it started is gone at the end."""
    handler = type("Handler", (_Handler,), {"store": store, "timeout": 10})
    server = _Server(("127.0.0.1", 0), handler)
    if wrap:
        server.socket = wrap(server.socket)
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        store.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Names:
    """What the DNS server answers: addresses by name, a TTL in s; `silent` says nothing, `cut` truncates over UDP."""

    addresses: dict[str, list[str]] = field(default_factory=dict)
    ttl: int = 1
    silent: bool = False
    cut: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append((name, transport))
        if self.silent:
            return None
        response = dns.message.make_response(query)
        if name not in self.addresses:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif self.cut and transport == "udp":
            response.flags |= dns.flags.TC
        elif question.rdtype == dns.rdatatype.A and self.addresses[name]:
            response.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", "A", self.addresses[name]))
        return response.to_wire()


@contextmanager
def dns_server(names: Names) -> Iterator[Names]:
    """Answer as `names` says, over UDP and TCP on one port."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            if (answer := names.answer(data, "udp")) is not None:
                sock.sendto(answer, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = struct.unpack("!H", self.rfile.read(2))[0]
            if (answer := names.answer(self.rfile.read(length), "tcp")) is not None:
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

    tcp = socketserver.TCPServer(("127.0.0.1", 0), Tcp)
    names.port = tcp.server_address[1]
    servers: list[socketserver.BaseServer] = [tcp, socketserver.UDPServer(("127.0.0.1", names.port), Udp)]
    threads = [threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.01}) for s in servers]
    for thread in threads:
        thread.start()
    try:
        yield names
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
