"""*orders* as a whole, with a stub of AWS and a real database: no secret no service, no message no order."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.applications import Starlette

from fixtures.lab.cloud.addresses import free_port
from fixtures.lab.machines.postgres import Postgres, url
from fixtures.workloads.orders.app import make_app
from fixtures.workloads.orders.configuration import Configuration
from fixtures.workloads.orders.database import Database
from fixtures.workloads.orders.store import PostgresqlStore
from tests.lab.aws_stub import DEADLINE_S, RIGHT, Endpoint, served

DENIED = (400, {"__type": "AccessDeniedException", "Message": "explicit deny"})
BODY = {"key": "a", "version": 1, "checksum": "c", "payload": "tea"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    home = Path(tempfile.mkdtemp(prefix="orders-"))
    home.chmod(0o711)
    server, found = Postgres(home / "volume", home / "postgres.log", home / "cache"), free_port()
    server.create()
    server.start(found)
    yield found
    server.stop()
    shutil.rmtree(home)


@pytest.fixture
def database(port: int) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url(f"127.0.0.1:{port}"), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        yield connection
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER DATABASE orders RESET default_transaction_read_only")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with served() as server:
        yield server


def environment(endpoint: Endpoint, port: int) -> dict[str, str]:
    return {
        "PORT": "8080",
        "DATABASE_URL": url(f"127.0.0.1:{port}"),
        "DATABASE_TIMEOUT_S": "10",
        "DATABASE_SECRET": "orders-db",
        "QUEUE_NAME": "orders",
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "ASIAX",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_TIMEOUT_S": "10",
    }


class Client:
    """Asks the application as its server does."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        sent = json.dumps(body).encode() if body is not None else b""
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            said.append(dict(message))

        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
        await self._app(scope, receive, send)
        return said[0]["status"], json.loads(said[1]["body"])

    async def place(self, order: object) -> tuple[int, dict[str, Any]]:
        """Place an order once the queue is found, which is a moment after the secret is read."""
        deadline = time.monotonic() + DEADLINE_S
        while "not found yet" in (answer := await self.ask("POST", "/orders", order))[1].get("error", ""):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        return answer

    async def until(self, path: str, status: int) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while (await self.ask("GET", path))[0] != status:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


def with_service(env: dict[str, str], do: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        app = make_app(Configuration.from_environment(env))
        async with app.router.lifespan_context(app):
            await do(Client(app))

    asyncio.run(run())


def test_an_order_has_its_message_before_it_is_there(
    endpoint: Endpoint, port: int, database: psycopg.Connection
) -> None:
    async def run(client: Client) -> None:
        await client.until("/orders", 200)
        assert (await client.place(BODY))[0] == 201
        assert endpoint.asked[-1][0] == "SendMessage"
        before = len(endpoint.asked)
        endpoint.answers["SendMessage"] = DENIED
        status, answer = await client.ask("POST", "/orders", BODY | {"key": "b"})
        assert status == 503
        assert "the order's message was not sent: sqs SendMessage: AccessDeniedException" in answer["error"]
        assert len(endpoint.asked) == before + 1, "it was tried once"
        # what is there already is still read
        assert (await client.ask("GET", "/orders/a"))[0] == 200
        assert (await client.ask("GET", "/health/deep"))[0] == 200
        assert database.execute("SELECT key FROM orders").fetchall() == [("a",)]

    with_service(environment(endpoint, port), run)


def test_its_endpoints_are_told_without_the_database(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.workloads.orders.dependencies.FRESH_S", -1.0)

    async def run(client: Client) -> None:
        assert (await client.ask("GET", "/health/endpoints"))[1]["status"] == "up"
        await client.until("/health/shallow", 200)
        endpoint.answers["GetQueueAttributes"] = DENIED
        status, answer = await client.ask("GET", "/health/endpoints")
        assert (status, answer["region"]) == (503, "eu-west-1")
        assert "explicit deny" in answer["error"]
        assert (await client.ask("GET", "/health/shallow"))[0] == 200, "it makes no instance unhealthy"

    with_service(environment(endpoint, free_port()) | {"DATABASE_TIMEOUT_S": "1"}, run)


def test_an_order_whose_insert_fails_has_had_its_message(
    endpoint: Endpoint, port: int, database: psycopg.Connection
) -> None:
    async def run(client: Client) -> None:
        await client.until("/orders", 200)
        await client.place(BODY)
        database.execute("DROP TABLE orders")
        before = len(endpoint.asked)
        assert (await client.ask("POST", "/orders", BODY))[0] == 503
        assert [operation for operation, _ in endpoint.asked[before:]] == ["SendMessage"]

    with_service(environment(endpoint, port), run)


@pytest.mark.usefixtures("database")
def test_without_its_secret_it_is_not_started_and_serves_nothing(endpoint: Endpoint, port: int) -> None:
    endpoint.answers["GetSecretValue"] = DENIED

    async def run(client: Client) -> None:
        await client.until("/health/shallow", 503)
        for method, path in (
            ("GET", "/health/deep"),
            ("GET", "/orders"),
            ("GET", "/orders/a"),
            ("POST", "/orders"),
            ("PUT", "/orders/a"),
            ("DELETE", "/orders/a"),
        ):
            status, answer = await client.ask(method, path, BODY if method in ("POST", "PUT") else None)
            assert (status, "the secret orders-db is lacking" in answer["error"]) == (503, True), path
        assert not any(operation == "SendMessage" for operation, _ in endpoint.asked)
        endpoint.answers["GetSecretValue"] = RIGHT["GetSecretValue"]
        await client.until("/health/shallow", 200)
        await client.until("/orders", 200)
        await client.until("/health/deep", 200)
        endpoint.answers["GetSecretValue"] = DENIED
        assert (await client.place(BODY))[0] == 201
        assert (await client.ask("GET", "/health/shallow"))[0] == 200, "it was started once, and has all it needs"

    with_service(environment(endpoint, port), run)


@pytest.mark.usefixtures("database")
def test_it_logs_in_as_its_secret_says(endpoint: Endpoint, port: int) -> None:
    stranger = {"SecretString": json.dumps({"username": "stranger", "password": "x"})}
    endpoint.answers["GetSecretValue"] = (200, stranger)

    async def run(client: Client) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while "stranger" not in (await client.ask("GET", "/health/deep"))[1]["error"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    with_service(environment(endpoint, port), run)


def test_a_read_only_database_is_read_and_takes_no_orders(
    endpoint: Endpoint, port: int, database: psycopg.Connection
) -> None:
    env = environment(endpoint, port) | {"DATABASE_CONNECTION_AGE_S": "0.001"}

    async def run(client: Client) -> None:
        await client.until("/orders", 200)
        assert (await client.place(BODY))[0] == 201
        assert (await client.ask("GET", "/health/deep"))[1]["writable"] is True
        database.execute("ALTER DATABASE orders SET default_transaction_read_only = on")
        await asyncio.sleep(0.002)  # past the age of the connections made before: it goes by its name again
        for method, path in (("POST", "/orders"), ("PUT", "/orders/a"), ("DELETE", "/orders/a")):
            status, answer = await client.ask(method, path, BODY if method != "DELETE" else None)
            assert (status, "read-only transaction" in answer["error"]) == (503, True), answer
        assert (await client.ask("GET", "/orders/a"))[0] == 200
        status, answer = await client.ask("GET", "/health/deep")
        assert (status, answer["writable"]) == (200, False)
        database.execute("ALTER DATABASE orders RESET default_transaction_read_only")

    with_service(env, run)


def test_a_standby_that_has_the_table_is_ready(endpoint: Endpoint, port: int, database: psycopg.Connection) -> None:
    with_service(environment(endpoint, port), lambda client: client.until("/orders", 200))
    database.execute("ALTER DATABASE orders SET default_transaction_read_only = on")

    async def run(client: Client) -> None:
        await client.until("/orders", 200)
        status, answer = await client.place(BODY)
        assert (status, "read-only transaction" in answer["error"]) == (503, True)
        # the connection that led to what takes no writes is not used again: the next one finds the writer (or, if
        # the service looked at the table just before this statement, the one after it)
        database.execute("ALTER DATABASE orders RESET default_transaction_read_only")
        deadline = time.monotonic() + DEADLINE_S
        while (await client.place(BODY))[0] != 201:
            assert time.monotonic() < deadline

    with_service(environment(endpoint, port), run)


def test_what_another_operation_held_while_the_writer_went_is_not_used_again(
    port: int, database: psycopg.Connection
) -> None:
    database.execute("CREATE TABLE seen (n integer)")

    async def run() -> None:
        pool = Database(url(f"127.0.0.1:{port}"), DEADLINE_S)
        holds, goes_on = asyncio.Event(), asyncio.Event()

        async def reads(connection: psycopg.AsyncConnection) -> None:
            await connection.execute("SELECT 1")
            holds.set()
            await goes_on.wait()

        async def writes(connection: psycopg.AsyncConnection) -> None:
            await connection.execute("INSERT INTO seen VALUES (1)")

        database.execute("ALTER DATABASE orders SET default_transaction_read_only = on")
        reader = asyncio.create_task(pool.run(reads))
        await holds.wait()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await pool.run(writes)
        database.execute("ALTER DATABASE orders RESET default_transaction_read_only")
        goes_on.set()
        await reader
        await pool.run(writes)
        await pool.close()

    asyncio.run(run())


def test_the_table_is_made_where_it_is_missing_only(port: int, database: psycopg.Connection) -> None:
    async def make() -> None:
        pool = Database(url(f"127.0.0.1:{port}"), DEADLINE_S)
        await PostgresqlStore(pool).create()
        await pool.close()

    asyncio.run(make())
    database.execute("ALTER DATABASE orders SET default_transaction_read_only = on")
    asyncio.run(make())
    database.execute("DROP TABLE orders")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        asyncio.run(make())


@pytest.mark.parametrize("lacking", ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_what_it_needs_to_ask_aws_is_said_at_the_start(endpoint: Endpoint, lacking: str) -> None:
    env = environment(endpoint, 1)
    assert Configuration.from_environment(env).access is not None
    with pytest.raises(ValueError, match=f"set {lacking} in the environment"):
        Configuration.from_environment(env | {lacking: ""})
    without = dict.fromkeys(("DATABASE_SECRET", "QUEUE_NAME", lacking), "")
    assert Configuration.from_environment(env | without).access is None
