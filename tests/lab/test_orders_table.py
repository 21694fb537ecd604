"""*orders* over a DynamoDB table: the service as a client sees it, with moto in the table's place."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from fixtures.lab.machines.instance import Instance
from fixtures.workloads.orders.configuration import Configuration
from tests.fixtures.moto_server import served

DEADLINE_S = 30.0
REGION, TABLE = "eu-west-1", "orders-aa"
PYTHONPATH = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH"))))
ORDER = {"key": "a-1", "version": 1, "checksum": "c1", "payload": "p1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One instance, and a client of it. `table` is asked past it."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.port = free_port()
        env = {
            "PYTHONPATH": PYTHONPATH, "PYTHONDONTWRITEBYTECODE": "1", "ORDERS_TABLE": TABLE, "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing",
        }  # fmt: skip
        self.instance = Instance(["{python}", "-m", "fixtures.workloads.orders"], env, self.port, log)
        session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=REGION)  # noqa: S106 - no secret
        self.table = session.client("dynamodb", endpoint_url=url)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        answer = requests.request(method, f"http://127.0.0.1:{self.port}{path}", json=body, timeout=DEADLINE_S)
        return answer.status_code, {
            name: value for name, value in answer.json().items() if name not in ("region", "zone", "instance")
        }

    def start(self) -> None:
        self.instance.start()
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                if self.ask("GET", "/health/shallow")[0] == 200:
                    return
            except requests.ConnectionError:
                assert self.instance.alive
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def create(self) -> None:
        self.table.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served() as url:
        service = Service(url, tmp_path_factory.mktemp("orders") / "log")
        service.start()
        yield service
        service.instance.kill()
        service.table.close()


@pytest.fixture
def service(started: Service) -> Iterator[Service]:
    """With an empty table."""
    started.create()
    yield started
    if TABLE in started.table.list_tables()["TableNames"]:
        started.table.delete_table(TableName=TABLE)


def test_an_order_is_taken_read_changed_and_removed(service: Service) -> None:
    assert service.ask("POST", "/orders", ORDER) == (201, {"key": "a-1", "version": 1})
    assert service.ask("GET", "/orders/a-1") == (200, {**ORDER, "effects": 1})
    changed = {"version": 3, "checksum": "c3", "payload": "p3"}
    assert service.ask("PUT", "/orders/a-1", changed) == (200, {"key": "a-1", "version": 3, "replaced": 1})
    assert service.ask("GET", "/orders/a-1") == (200, {"key": "a-1", **changed, "effects": 1})
    item = service.table.get_item(TableName=TABLE, Key={"key": {"S": "a-1"}})["Item"]
    assert item == {"key": {"S": "a-1"}, "version": {"N": "3"}, "checksum": {"S": "c3"}, "payload": {"S": "p3"}}
    assert service.ask("DELETE", "/orders/a-1") == (200, {"key": "a-1", "deleted": 1})
    assert service.ask("DELETE", "/orders/a-1") == (200, {"key": "a-1", "deleted": 0})
    assert service.ask("GET", "/orders/a-1")[0] == 404


def test_no_order_goes_back_to_an_older_version(service: Service) -> None:
    assert service.ask("PUT", "/orders/a-1", {"version": 2, "checksum": "c"})[0] == 404
    service.ask("POST", "/orders", {**ORDER, "version": 5})
    assert service.ask("PUT", "/orders/a-1", {"version": 4, "checksum": "c"})[0] == 409
    assert service.ask("POST", "/orders", {**ORDER, "version": 4})[0] == 409
    assert service.ask("GET", "/orders/a-1")[1]["version"] == 5


def test_a_listing_is_whole_and_knows_its_end(service: Service) -> None:
    for number in range(7):
        service.ask("POST", "/orders", {**ORDER, "key": f"{'ab'[number % 2]}-{number}"})
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        status, page = service.ask("GET", f"/orders?prefix=a-&limit=3&cursor={cursor}")
        assert status == 200
        found += [item["key"] for item in page["items"]]
        cursor, pages = page["cursor"], pages + 1
    assert sorted(found) == ["a-0", "a-2", "a-4", "a-6"]
    assert pages >= 2


def test_without_its_table_nothing_is_taken_and_the_health_says_so(service: Service) -> None:
    assert service.ask("GET", "/health/deep") == (200, {"status": "up", "database": TABLE, "writable": True})
    assert service.ask("GET", "/health/endpoints") == (200, {"status": "up"})
    service.table.delete_table(TableName=TABLE)
    for method, path, body in (("POST", "/orders", ORDER), ("GET", "/orders/a-1", None), ("GET", "/health/deep", None)):
        status, answer = service.ask(method, path, body)
        assert (status, "ResourceNotFoundException" in answer["error"]) == (503, True)
    assert service.ask("GET", "/health/shallow")[0] == 200  # what the table does makes no instance unhealthy


def test_the_environment_names_a_table_or_a_database() -> None:
    aws = {"AWS_ENDPOINT_URL": "http://a", "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    found = Configuration.from_environment({"PORT": "80", "ORDERS_TABLE": TABLE, **aws})
    assert (found.table, found.database_url, found.access is not None) == (TABLE, "", True)
    with pytest.raises(ValueError, match="DATABASE_URL"):
        Configuration.from_environment({"PORT": "80"})
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL and AWS_REGION"):
        Configuration.from_environment({"PORT": "80", "ORDERS_TABLE": TABLE})
