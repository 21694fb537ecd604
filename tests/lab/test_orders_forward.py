"""*orders* where one Region takes all writes: what is sent on, what becomes of it, and what is never sent on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from fixtures.lab.cloud.addresses import free_port
from fixtures.workloads.orders.app import make_app
from fixtures.workloads.orders.configuration import Configuration
from fixtures.workloads.orders.forward import HOP, Forwarder, ForwardInDoubtError, NotForwardedError
from tests.lab.aws_stub import Endpoint, served

WEST, CENTRAL = "eu-west-1", "eu-central-1"
DEADLINE_S, SHORT_S = 30.0, 0.2
ORDER = {"key": "a b", "version": 1, "checksum": "c", "payload": "p"}
WHO = {"region": WEST, "zone": "eu-west-1a", "instance": "i-west"}


class Upstream:
    """Whoever the write name leads to, on a port of its own: `answer` is what it says to a write, None for nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: tuple[int, bytes] | None = (201, json.dumps({"key": "a b", "version": 1, **WHO}).encode())
        self.region = WEST
        self.closes = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines if line)
            body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            answer: tuple[int, bytes] | None = (
                200,
                json.dumps({"status": "up", **WHO, "region": self.region}).encode(),
            )
            if not first.startswith("GET /health/"):
                self.asked.append((first.removesuffix(" HTTP/1.1"), headers, body))
                answer = self.answer
            if answer is None and not self.closes:
                await reader.read()  # until whoever asked gives up
            elif answer is not None:
                head = f"HTTP/1.1 {answer[0]} Any\r\nContent-Length: {len(answer[1])}\r\n\r\n"
                writer.write(head.encode() + answer[1])
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Upstream, str]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with server:
        yield upstream, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# --- the sender alone ------------------------------------------------------------------------------------------------


def sent(do: Callable[[Upstream, Forwarder], Awaitable[None]], timeout_s: float = DEADLINE_S) -> None:
    async def run() -> None:
        async with serving() as (upstream, url):
            await do(upstream, Forwarder(url, timeout_s, CENTRAL))

    asyncio.run(run())


def test_a_write_is_sent_on_once_and_its_answer_is_that_of_who_did_it() -> None:
    async def run(upstream: Upstream, forwarder: Forwarder) -> None:
        answer = await forwarder.send("PUT", "/orders/a%20b", b'{"version": 2}')
        assert (answer.status, answer.body["region"], answer.body["instance"]) == (201, WEST, "i-west")
        ((line, headers, body),) = upstream.asked
        assert (line, body) == ("PUT /orders/a%20b", b'{"version": 2}')
        assert (headers[HOP], headers["Connection"]) == (CENTRAL, "close")
        assert await forwarder.region() == WEST

    sent(run)


def test_where_nobody_takes_the_connection_nothing_was_done() -> None:
    async def run() -> None:
        with pytest.raises(NotForwardedError, match="not connected to the write Region"):
            await Forwarder(f"http://127.0.0.1:{free_port()}", DEADLINE_S, CENTRAL).send("POST", "/orders")

    asyncio.run(run())


def test_a_connection_that_is_not_taken_in_time_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: object) -> None:
        await asyncio.sleep(DEADLINE_S)

    monkeypatch.setattr(asyncio, "open_connection", silence)
    with pytest.raises(NotForwardedError, match=r"within 0\.2 s"):
        asyncio.run(Forwarder("http://127.0.0.1:1", SHORT_S, CENTRAL).send("POST", "/orders"))


def test_what_was_sent_and_not_answered_is_in_doubt_and_not_tried_again() -> None:
    async def run(upstream: Upstream, forwarder: Forwarder) -> None:
        upstream.answer = None
        with pytest.raises(ForwardInDoubtError, match=r"no answer of the write Region: within 0\.2 s"):
            await forwarder.send("POST", "/orders", b"{}")
        upstream.closes = True
        with pytest.raises(ForwardInDoubtError, match="no answer of the write Region"):
            await forwarder.send("POST", "/orders", b"{}")
        assert len(upstream.asked) == 2, "each was sent once"

    sent(run, SHORT_S)


@pytest.mark.parametrize(
    "answer",
    [
        (502, b"<html>Bad Gateway</html>"),
        (200, b"<html>a page of whoever is on the way</html>"),
        (404, b"<html>no such site</html>"),
        (201, b'{"key": "a b", "version": 1}'),
        (201, b"[]"),
        (503, json.dumps({"error": "the table did not answer", **WHO}).encode()),
        (500, json.dumps({"error": "a bug", **WHO}).encode()),
        (408, json.dumps({"error": "too slow", **WHO}).encode()),
        (301, json.dumps(WHO).encode()),
    ],
)
def test_nothing_but_a_final_answer_of_orders_itself_is_one(answer: tuple[int, bytes]) -> None:
    async def run(upstream: Upstream, forwarder: Forwarder) -> None:
        upstream.answer = answer
        with pytest.raises(ForwardInDoubtError):
            await forwarder.send("POST", "/orders", b"{}")

    sent(run)


# --- the service -----------------------------------------------------------------------------------------------------


@pytest.fixture
def table() -> Iterator[Endpoint]:
    """The Region's own table, as far as it is asked."""
    with served() as endpoint:
        endpoint.answers |= {
            "PutItem": (200, {}), "DeleteItem": (200, {}), "DescribeTable": (200, {}), "GetItem": (200, {}),
            "UpdateItem": (200, {"Attributes": {"version": {"N": "1"}}}),
        }  # fmt: skip
        yield endpoint


class Client:
    """Asks the application as its server does."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = json.dumps(body).encode() if body is not None else b""
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            said.append(dict(message))

        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": given}
        await self._app(scope, receive, send)
        return said[0]["status"], json.loads(said[1]["body"])

    async def until_writer(self, *, writer: bool) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while (await self.ask("GET", "/health/deep"))[1].get("writer") is not writer:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


Test = Callable[[Client, Upstream], Awaitable[None]]


def with_service(table: Endpoint, do: Test, monkeypatch: pytest.MonkeyPatch, **env: str) -> None:
    monkeypatch.setattr("fixtures.workloads.orders.writer.PERIOD_S", 0.01)
    given = {
        "PORT": "8080", "ORDERS_TABLE": "orders", "AWS_ENDPOINT_URL": table.url, "AWS_REGION": CENTRAL,
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AVAILABILITY_ZONE": "eu-central-1a",
        "INSTANCE_ID": "i-central", "WRITER_AGE_S": "10", "WRITER_HOLD_S": "1000", "FORWARD_TIMEOUT_S": "10",
    }  # fmt: skip

    async def run() -> None:
        async with serving() as (upstream, url):
            app = make_app(Configuration.from_environment({**given, "WRITE_URL": url, **env}))
            async with app.router.lifespan_context(app):
                await do(Client(app), upstream)

    asyncio.run(run())


def written(table: Endpoint) -> list[str]:
    return [operation for operation, _ in table.asked if operation in ("PutItem", "UpdateItem", "DeleteItem")]


def test_who_is_no_writer_sends_writes_on_and_reads_its_own_replica(
    table: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(client: Client, upstream: Upstream) -> None:
        done = {"key": "a b", "version": 1, **WHO, "via": CENTRAL}
        assert await client.ask("POST", "/orders", ORDER) == (201, done)
        upstream.answer = 404, json.dumps({"error": "there is no order a b", **WHO}).encode()
        assert (await client.ask("PUT", "/orders/a b", {"version": 2, "checksum": "c"}))[0] == 404
        upstream.answer = 200, json.dumps({"key": "a b", "deleted": 1, **WHO}).encode()
        assert (await client.ask("DELETE", "/orders/a b"))[1]["via"] == CENTRAL
        lines = [line for line, _, _ in upstream.asked]
        assert lines == ["POST /orders", "PUT /orders/a%20b", "DELETE /orders/a%20b"]
        assert json.loads(upstream.asked[0][2]) == ORDER
        assert json.loads(upstream.asked[1][2]) == {"key": "a b", "version": 2, "checksum": "c", "payload": ""}
        assert written(table) == []
        status, read = await client.ask("GET", "/orders/a b")
        assert (status, read["region"], len(upstream.asked)) == (404, CENTRAL, 3)

    with_service(table, run, monkeypatch)


def test_what_becomes_of_a_write_that_is_sent_on_is_told(table: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(client: Client, upstream: Upstream) -> None:
        upstream.answer = 503, json.dumps({"error": "no table", **WHO}).encode()
        status, answer = await client.ask("POST", "/orders", ORDER)
        assert (status, answer["region"], "via" in answer) == (504, CENTRAL, False)
        assert answer["error"] == "i-west in eu-west-1 answered 503: no table"
        assert len(upstream.asked) == 1
        assert written(table) == []

    with_service(table, run, monkeypatch)

    async def alone(client: Client, _upstream: Upstream) -> None:
        status, answer = await client.ask("POST", "/orders", ORDER)
        assert (status, answer["region"]) == (503, CENTRAL)
        assert answer["error"].startswith("not connected to the write Region")
        assert written(table) == []

    with_service(table, alone, monkeypatch, WRITE_URL=f"http://127.0.0.1:{free_port()}")


def test_what_was_sent_on_is_never_sent_on_again(table: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(client: Client, upstream: Upstream) -> None:
        for method, path in (("POST", "/orders"), ("PUT", "/orders/a b"), ("DELETE", "/orders/a b")):
            status, answer = await client.ask(method, path, ORDER, **{HOP: WEST})
            assert (status, answer["region"]) == (503, CENTRAL)
            assert "eu-central-1 takes no writes" in answer["error"]
        assert (upstream.asked, written(table)) == ([], [])

    with_service(table, run, monkeypatch)


def test_the_writer_commits_what_comes_to_it_and_what_is_sent_on(
    table: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(client: Client, upstream: Upstream) -> None:
        upstream.region = CENTRAL
        await client.until_writer(writer=True)
        assert (await client.ask("GET", "/health/writer"))[0] == 200
        done = {"key": "a b", "version": 1, "region": CENTRAL, "zone": "eu-central-1a", "instance": "i-central"}
        assert await client.ask("POST", "/orders", ORDER) == (201, done)
        assert await client.ask("POST", "/orders", ORDER, **{HOP: WEST}) == (201, done)
        assert (await client.ask("PUT", "/orders/a b", ORDER))[1]["replaced"] == 1
        assert (await client.ask("DELETE", "/orders/a b"))[0] == 200
        assert written(table) == ["PutItem", "PutItem", "UpdateItem", "DeleteItem"]
        assert upstream.asked == []
        upstream.region = WEST  # the name is turned: it ends at once
        await client.until_writer(writer=False)
        status, answer = await client.ask("GET", "/health/writer")
        assert (status, answer["error"]) == (503, "eu-central-1 takes no writes: the write name leads to eu-west-1")
        assert (await client.ask("POST", "/orders", ORDER))[1]["via"] == CENTRAL
        assert len(written(table)) == 4

    with_service(table, run, monkeypatch, WRITER_AGE_S="0.5", WRITER_HOLD_S="0.6")


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"WRITE_URL": "https://a"}, "must begin with http://"),
        ({"WRITE_URL": "http://a", "AWS_REGION": ""}, "set AWS_REGION"),
        ({"WRITER_HOLD_S": "2", "WRITER_AGE_S": "2"}, "two Regions write at once"),
    ],
)
def test_an_environment_that_cannot_work_is_refused(env: dict[str, str], says: str) -> None:
    given = {"PORT": "80", "DATABASE_URL": "postgresql://a", "AWS_REGION": WEST}
    with pytest.raises(ValueError, match=says):
        Configuration.from_environment(given | env)
