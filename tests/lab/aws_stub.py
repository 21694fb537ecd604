"""An AWS endpoint of a test's own on 127.0.0.1, for *orders*: answers by operation, or is silent."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE_S = 30.0
SECRET = {"SecretString": json.dumps({"username": "orders", "password": "x", "engine": "postgres"})}
QUEUE = {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"}
RIGHT: dict[str, tuple[int, dict[str, Any]]] = {
    "GetSecretValue": (200, SECRET),
    "GetQueueUrl": (200, QUEUE),
    "SendMessage": (200, {"MessageId": "1"}),
    "GetQueueAttributes": (200, {"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:orders"}}),
}


class Endpoint(ThreadingHTTPServer):
    """What it was asked, in order, and with which headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, Any]]] = dict(RIGHT)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.heads: list[dict[str, str]] = []
        self.silent = threading.Event()
        self.over = threading.Event()
        self.connections = 0
        self.closes = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.server.asked.append((operation, json.loads(body)))
        self.server.heads.append(dict(self.headers) | {"body": body.decode()})
        if self.server.silent.is_set():
            self.server.over.wait(DEADLINE_S)
            self.close_connection = True
            return
        status, answer = self.server.answers[operation]
        sent = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.close_connection = self.server.closes  # before the answer: after it the test goes on and changes it
        self.wfile.write(sent)

    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def served() -> Iterator[Endpoint]:
    """Serve until the end; whoever still waits for a silent one is let go then."""
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
