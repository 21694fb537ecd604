"""The *orders* service as a client sees it, on a real database that comes and goes."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import requests

from fixtures.lab.machines.instance import Instance
from fixtures.lab.machines.postgres import Postgres, url
from fixtures.workloads.orders.configuration import Configuration

DEADLINE_S = 30.0
DATABASE_TIMEOUT_S = 0.4
POOLED = 3
WHO = {"region": "eu-west-1", "zone": "eu-west-1b", "instance": "i-0123"}
# The checkout, and whatever this interpreter was told besides.
PYTHONPATH = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH"))))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One instance of orders, and a client of it."""

    def __init__(self, folder: Path, database_port: int) -> None:
        self.port = free_port()
        env = {
            "PYTHONPATH": PYTHONPATH,
            "PYTHONDONTWRITEBYTECODE": "1",
            "DATABASE_URL": url(f"127.0.0.1:{database_port}"),
            "DATABASE_NAME": "orders.cluster.local",
            "DATABASE_TIMEOUT_S": str(DATABASE_TIMEOUT_S),
            "AWS_REGION": WHO["region"],
            "AVAILABILITY_ZONE": WHO["zone"],
            "INSTANCE_ID": WHO["instance"],
        }
        self.log = folder / f"orders-{self.port}.log"
        self.instance = Instance(["{python}", "-m", "fixtures.workloads.orders"], env, self.port, self.log)
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        address = f"http://127.0.0.1:{self.port}{path}"
        answer = self.session.request(method, address, json=body, timeout=DEADLINE_S)
        content = answer.json()
        assert {name: content.pop(name) for name in WHO} == WHO
        return answer.status_code, content

    def wait_for(self, path: str, status: int) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                if self.ask("GET", path)[0] == status:
                    return
            except requests.ConnectionError:
                assert self.instance.alive, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def database_connections(self, database_port: int) -> int:
        """How many connections to its database it holds, those included that it still tries to make."""
        assert self.instance.pid is not None
        held = psutil.Process(self.instance.pid).net_connections("tcp")
        return sum(bool(c.raddr) and c.raddr.port == database_port for c in held)

    def fill_pool(self, database_port: int) -> None:
        """Ask for much at once until it holds several connections."""
        deadline = time.monotonic() + DEADLINE_S
        with ThreadPoolExecutor(8) as pool:
            while self.database_connections(database_port) < POOLED:
                assert time.monotonic() < deadline
                list(
                    pool.map(lambda _: requests.get(f"http://127.0.0.1:{self.port}/health/deep", timeout=5), range(16))
                )

    def close(self) -> None:
        self.session.close()
        self.instance.kill()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that the database's user can traverse; pytest's own are closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="orders-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def database_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def postgres(home: Path, database_port: int) -> Iterator[Postgres]:
    server = Postgres(home / "volume", home / "postgres.log", home / "cache")
    server.create()
    server.start(database_port)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def started(home: Path, postgres: Postgres, database_port: int) -> Iterator[Service]:
    assert postgres.alive
    service = Service(home, database_port)
    service.instance.start()
    try:
        service.wait_for("/orders?limit=1", 200)
        yield service
    finally:
        service.close()


@pytest.fixture
def service(started: Service, postgres: Postgres, database_port: int) -> Iterator[Service]:
    """The service with an empty table, and with its database there again afterwards."""
    with psycopg.connect(url(f"127.0.0.1:{database_port}"), autocommit=True) as connection:
        connection.execute("TRUNCATE orders")
    yield started
    if not postgres.alive:
        postgres.start(database_port)
    started.wait_for("/health/deep", 200)


def order(key: str, version: int = 1, **changes: object) -> dict[str, object]:
    return {"key": key, "version": version, "checksum": f"sum of {key} {version}", "payload": "tea"} | changes


def test_an_order_is_read_as_it_was_placed(service: Service) -> None:
    assert service.ask("POST", "/orders", order("a")) == (201, {"key": "a", "version": 1})
    assert service.ask("GET", "/orders/a") == (200, order("a") | {"effects": 1})


def test_an_order_that_took_effect_twice_shows(service: Service) -> None:
    for version in (1, 1, 2):
        service.ask("POST", "/orders", order("a", version))
    assert service.ask("GET", "/orders/a")[1]["effects"] == 1
    service.ask("POST", "/orders", order("a", 2))
    assert service.ask("GET", "/orders/a") == (200, order("a", 2) | {"effects": 2})
    items = service.ask("GET", "/orders?prefix=a")[1]["items"]
    assert items == [order("a", 2) | {"effects": 2}]


def test_no_such_order(service: Service) -> None:
    assert service.ask("GET", "/orders/none") == (404, {"error": "there is no order none"})
    assert service.ask("PUT", "/orders/none", order("none"))[0] == 404
    assert service.ask("DELETE", "/orders/none") == (200, {"key": "none", "deleted": 0})


def test_an_order_changes_forward_only(service: Service) -> None:
    service.ask("POST", "/orders", order("a"))
    assert service.ask("PUT", "/orders/a", order("a", 3)) == (200, {"key": "a", "version": 3})
    assert service.ask("PUT", "/orders/a", order("a", 3))[0] == 200
    assert service.ask("PUT", "/orders/a", order("a", 2)) == (409, {"error": "order a is at version 3"})
    assert service.ask("GET", "/orders/a") == (200, order("a", 3) | {"effects": 1})


def test_a_removed_order_is_gone(service: Service) -> None:
    service.ask("POST", "/orders", order("a"))
    service.ask("POST", "/orders", order("a"))
    assert service.ask("DELETE", "/orders/a") == (200, {"key": "a", "deleted": 2})
    assert service.ask("GET", "/orders/a")[0] == 404


def test_listing_gives_each_order_of_the_prefix_once(service: Service) -> None:
    # `%` and `_` are wildcards of SQL's LIKE, and must not be here
    keys = [f"run%1_{n:02}" for n in range(7)]
    for key in ("run", "run%1", *keys, "runX1Y00", "ruo", "ß"):
        service.ask("POST", "/orders", order(key))
    service.ask("POST", "/orders", order(keys[3], 2))
    seen: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        path = requests.Request("GET", "http://x/orders", params={"prefix": "run%1_", "cursor": cursor, "limit": 3})
        status, page = service.ask("GET", str(path.prepare().path_url))
        assert status == 200
        seen += [item["key"] for item in page["items"]]
        cursor, pages = page["cursor"], pages + 1
    assert (seen, pages) == (keys, 3)


def test_an_empty_list(service: Service) -> None:
    assert service.ask("GET", "/orders?prefix=x") == (200, {"items": [], "cursor": ""})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "not an order"),
        ({"key": "a"}, "missing required field"),
        (order("a", payload=1), "Expected `str`"),
        (order(""), "at least one character"),
        (order("a/b"), "no `/`"),
        (order("a", payload="\x00"), "NUL"),
        (order("a", version=2**63), "too large"),
        ([], "not an order"),
    ],
)
def test_what_is_no_order(service: Service, body: object, says: str) -> None:
    status, answer = service.ask("POST", "/orders", body)
    assert status == 400
    assert says in answer["error"]
    assert service.ask("GET", "/orders")[1]["items"] == []


def test_other_wrong_requests(service: Service) -> None:
    assert service.ask("POST", "/orders", order("a", payload="x" * 1_000_001))[0] == 413
    assert service.ask("PUT", "/orders/a", order("b"))[0] == 400
    for limit in ("0", "1001", "x", "-1", "²"):
        assert service.ask("GET", f"/orders?limit={limit}")[0] == 400
    assert service.ask("GET", "/nothing")[0] == 404
    assert service.ask("PATCH", "/orders")[0] == 405


def test_health(service: Service) -> None:
    assert service.ask("GET", "/health/shallow") == (200, {"status": "up"})
    assert service.ask("GET", "/health/deep") == (
        200,
        {"status": "up", "database": "orders.cluster.local", "writable": True},
    )


def test_a_dead_database_is_503_and_recovery_needs_no_help(
    service: Service, postgres: Postgres, database_port: int
) -> None:
    for number in range(5):
        assert service.ask("POST", "/orders", order(f"before {number}"))[0] == 201
    service.fill_pool(database_port)
    postgres.kill()
    assert service.ask("POST", "/orders", order("lost"))[0] == 503
    assert service.ask("GET", "/health/deep")[0] == 503
    assert service.ask("GET", "/health/shallow")[0] == 200
    postgres.start(database_port)
    # the first request after it is there: none of the old connections is tried again
    assert service.ask("POST", "/orders", order("after"))[0] == 201
    keys = {item["key"] for item in service.ask("GET", "/orders")[1]["items"]}
    assert keys == {"after", *(f"before {number}" for number in range(5))}


def test_a_silent_database_is_503_within_the_deadline_and_forgotten(
    service: Service, postgres: Postgres, database_port: int
) -> None:
    service.fill_pool(database_port)
    assert postgres.pid is not None
    server = [psutil.Process(postgres.pid), *psutil.Process(postgres.pid).children()]
    for process in server:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        # the first on a connection that goes silent, the second on a new one that is never answered
        for _ in range(2):
            status, answer = service.ask("POST", "/orders", order("silent"))
            assert (status, answer["error"]) == (503, "no answer from the database within 0.4 s")
            # Nothing that led to the silence is kept, neither the connection that was used nor its neighbours.
            # (psycopg's own way of giving up would keep it for 5 s, to ask for a cancellation.)
            asked = time.monotonic()
            while service.database_connections(database_port):
                assert time.monotonic() < asked + 4.0
                time.sleep(0.01)
        assert time.monotonic() >= started + 2 * DATABASE_TIMEOUT_S
    finally:
        for process in server:
            process.resume()
    service.wait_for("/health/deep", 200)
    assert service.ask("POST", "/orders", order("heard"))[0] == 201


def test_instances_that_start_together_before_the_database(home: Path, postgres: Postgres, database_port: int) -> None:
    with psycopg.connect(url(f"127.0.0.1:{database_port}"), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
    postgres.kill()
    services = [Service(home, database_port) for _ in range(3)]
    try:
        for one in services:
            one.instance.start()
        for one in services:
            one.wait_for("/health/shallow", 200)
            assert one.ask("GET", "/orders")[0] == 503
        postgres.start(database_port)
        for number, one in enumerate(services):
            one.wait_for("/orders", 200)
            assert one.ask("POST", "/orders", order(f"k{number}"))[0] == 201
        assert len(services[0].ask("GET", "/orders")[1]["items"]) == 3
    finally:
        for one in services:
            one.close()


def test_it_ends_in_order(home: Path, postgres: Postgres, database_port: int) -> None:
    assert postgres.alive
    one = Service(home, database_port)
    one.instance.start()
    one.wait_for("/health/deep", 200)
    one.session.close()
    one.instance.stop(timeout_s=DEADLINE_S)
    assert one.log.read_text() == ""


def test_a_wrong_environment_is_said(home: Path) -> None:
    log = home / "wrong.log"
    instance = Instance(["{python}", "-m", "fixtures.workloads.orders"], {"PYTHONPATH": PYTHONPATH}, 8080, log)
    instance.start()
    deadline = time.monotonic() + DEADLINE_S
    while instance.alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert log.read_text() == "orders: set DATABASE_URL in the environment\n"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"PORT": ""}, "set PORT"),
        ({"PORT": "0"}, "PORT='0'"),
        ({"PORT": "http"}, "PORT='http'"),
        ({"DATABASE_TIMEOUT_S": "soon"}, "more than 0"),
        ({"DATABASE_TIMEOUT_S": "inf"}, "more than 0"),
        ({"DATABASE_TIMEOUT_S": "-1"}, "more than 0"),
    ],
)
def test_the_environment_is_checked(wrong: dict[str, str], says: str) -> None:
    right = {"PORT": "8080", "DATABASE_URL": "postgresql://orders@127.0.0.1/orders"}
    assert Configuration.from_environment(right).database_timeout_s == 1.0
    with pytest.raises(ValueError, match=says):
        Configuration.from_environment(right | wrong)
