"""The RDS Data API in front of a real server, asked by botocore's own client."""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend
from moto.rds.models import rds_backends

from fixtures.lab.cloud import data_sessions
from fixtures.lab.cloud.addresses import free_port
from fixtures.lab.cloud.data_api import DataApi
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT, World
from fixtures.lab.machines.postgres import Postgres, url

REGION = "eu-west-1"
DEADLINE_S = 30.0


class Database:
    """A cluster, its real server, and the API that leads there."""

    def __init__(self, home: Path) -> None:
        self.lock = threading.RLock()
        self.wakes = 0
        self.serves = True
        self.port = free_port()
        self.server = Postgres(home / "volume", home / "postgres.log", home / "cache")
        world = cast("World", SimpleNamespace(databases=rds_backends[ACCOUNT][REGION]))
        self.front = DataApi({REGION: world}, self.lock, self._port_of)
        self.api = Server(self.lock, self._wake, [self.front])

    def _port_of(self, region: str, cluster: str) -> int:
        assert (region, cluster) == (REGION, "orders")
        return self.port if self.serves else 0

    def _wake(self) -> None:
        self.wakes += 1

    def start(self) -> None:
        self.server.create()
        self.server.start(self.port)
        self.api.start()
        rds = self.client("rds")
        login = {"MasterUsername": "orders", "MasterUserPassword": "not-a-secret", "DatabaseName": "orders"}
        self.arn = rds.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", **login)[
            "DBCluster"
        ]["DBClusterArn"]
        self.secret = self.make_secret("orders-db", json.dumps({"username": "orders", "password": "not-a-secret"}))
        self.data = self.client("rds-data")

    def make_secret(self, name: str, text: str) -> str:
        return str(self.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])

    def client(self, service: str) -> Any:
        return boto3.client(
            cast("Any", service),
            endpoint_url=f"http://{self.api.address}",
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106  # made up
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def run(self, sql: str, **given: Any) -> dict[str, Any]:
        given = {"resourceArn": self.arn, "secretArn": self.secret} | given
        answer: dict[str, Any] = self.data.execute_statement(sql=sql, **given)
        del answer["ResponseMetadata"]
        return answer

    def fails(self, code: str, sql: str, **given: Any) -> str:
        with pytest.raises(ClientError) as failed:
            self.run(sql, **given)
        error = failed.value.response["Error"]
        assert error["Code"] == code, error
        # botocore knows the code from the model of rds-data
        assert type(failed.value) is self.data.exceptions.from_code(code)
        return str(error["Message"])

    def rows(self) -> list[Any]:
        with psycopg.connect(url(f"127.0.0.1:{self.port}")) as connection:
            return connection.execute("SELECT key, payload FROM orders ORDER BY key").fetchall()


@pytest.fixture(scope="module")
def started() -> Iterator[Database]:
    home = Path(tempfile.mkdtemp(prefix="data-api-"))
    home.chmod(0o711)
    moto_api_backend.reset()
    database = Database(home)
    try:
        database.start()
        yield database
    finally:
        database.front.end()
        database.api.stop()
        database.server.stop()
        shutil.rmtree(home)
        moto_api_backend.reset()


@pytest.fixture
def database(started: Database) -> Database:
    started.serves = True
    started.run("DROP TABLE IF EXISTS orders")
    started.run("CREATE TABLE orders (key text PRIMARY KEY, payload text, extra jsonb, at timestamptz)")
    return started


def text(name: str, value: str, hint: str = "") -> dict[str, Any]:
    return {"name": name, "value": {"stringValue": value}} | ({"typeHint": hint} if hint else {})


INSERT = "INSERT INTO orders (key, payload) VALUES (:key, :payload)"


def test_rows_are_changed_and_counted(database: Database) -> None:
    for key in ("a", "b"):
        answer = database.run(INSERT, parameters=[text("key", key), text("payload", "tea :key 5%")])
        assert answer == {"numberOfRecordsUpdated": 1, "generatedFields": []}
    assert database.rows() == [("a", "tea :key 5%"), ("b", "tea :key 5%")]
    rows = json.dumps([{"key": "a", "payload": "milk"}, {"key": "x", "payload": "none"}])
    sql = """UPDATE orders SET payload = given.payload
             FROM json_to_recordset(:rows::json) AS given(key text, payload text) WHERE orders.key = given.key"""
    assert database.run(sql, parameters=[text("rows", rows)])["numberOfRecordsUpdated"] == 1
    returned = database.run("DELETE FROM orders RETURNING key, payload")
    assert returned["numberOfRecordsUpdated"] == 2
    assert [[f["stringValue"] for f in r] for r in returned["records"]] == [["b", "tea :key 5%"], ["a", "milk"]]
    assert database.rows() == []


KINDS = """SELECT 1::int AS i, 2.5::float8 AS f, 1.10::numeric AS n, true AS b, 'x'::text AS t, NULL::text AS z,
    '\\x746561'::bytea AS y, ARRAY[1, 2] AS l, ARRAY['a', 'b'] AS s, '{"a": 1}'::jsonb AS j,
    timestamptz '2026-11-24 03:00:00.5+01' AS at"""


def test_every_type_as_aws_gives_it(database: Database) -> None:
    answer = database.run(KINDS, includeResultMetadata=True)
    assert answer["records"] == [
        [
            {"longValue": 1},
            {"doubleValue": 2.5},
            {"stringValue": "1.10"},
            {"booleanValue": True},
            {"stringValue": "x"},
            {"isNull": True},
            {"blobValue": b"tea"},
            {"arrayValue": {"longValues": [1, 2]}},
            {"arrayValue": {"stringValues": ["a", "b"]}},
            {"stringValue": '{"a": 1}'},
            {"stringValue": "2026-11-24 02:00:00.5"},
        ]
    ]
    assert answer["numberOfRecordsUpdated"] == 0
    columns = answer["columnMetadata"]
    assert [c["label"] for c in columns] == ["i", "f", "n", "b", "t", "z", "y", "l", "s", "j", "at"]
    assert [(c["typeName"], c["type"]) for c in columns[:2]] == [("int4", 4), ("float8", 8)]
    wanted = {"decimalReturnType": "DOUBLE_OR_LONG", "longReturnType": "STRING"}
    first = database.run(KINDS, resultSetOptions=wanted)["records"][0]
    assert (first[0], first[2]) == ({"stringValue": "1"}, {"doubleValue": 1.1})


def test_records_as_json(database: Database) -> None:
    answer = database.run(KINDS, formatRecordsAs="JSON")
    assert set(answer) == {"formattedRecords", "numberOfRecordsUpdated", "generatedFields"}
    (row,) = json.loads(answer["formattedRecords"])
    assert row | {"at": ""} == {
        "i": 1, "f": 2.5, "n": 1.1, "b": True, "t": "x", "z": None, "y": "dGVh", "l": [1, 2], "s": ["a", "b"],
        "j": '{"a": 1}', "at": "",
    }  # fmt: skip
    assert json.loads(database.run("SELECT 1 AS x WHERE false", formatRecordsAs="JSON")["formattedRecords"]) == []


def test_texts_are_varchar_unless_a_hint_says_otherwise(database: Database) -> None:
    sql = "INSERT INTO orders (key, extra) VALUES (:key, :extra)"
    says = database.fails("DatabaseErrorException", sql, parameters=[text("key", "a"), text("extra", "{}")])
    assert "is of type jsonb but expression is of type character varying" in says
    assert "42804" in says
    database.run(sql, parameters=[text("key", "a"), text("extra", '{"sugar": 2}', "JSON")])
    hinted = [
        text("d", "2026-11-24", "DATE"),
        text("s", "2026-11-24 02:00:00.5", "TIMESTAMP"),
        text("m", "02:00", "TIME"),
    ]
    hinted += [text("u", "00000000-0000-0000-0000-000000000001", "UUID"), text("n", "1.5", "DECIMAL")]
    found = database.run("SELECT pg_typeof(:d)::text, pg_typeof(:s)::text, pg_typeof(:m)::text, pg_typeof(:u)::text,"
                         " pg_typeof(:n)::text, (SELECT extra->>'sugar' FROM orders)", parameters=hinted)  # fmt: skip
    kinds = ["date", "timestamp without time zone", "time without time zone", "uuid", "numeric", "2"]
    assert [f["stringValue"] for f in found["records"][0]] == kinds


def test_a_transaction_is_kept_until_it_is_finished(database: Database) -> None:
    asked = {"resourceArn": database.arn, "secretArn": database.secret}
    for finish, status, rows in (
        (database.data.rollback_transaction, "Rollback Complete", []),
        (database.data.commit_transaction, "Transaction Committed", [("a", "tea")]),
    ):
        of = {"transactionId": database.data.begin_transaction(**asked)["transactionId"]}
        database.run(INSERT, parameters=[text("key", "a"), text("payload", "tea")], **of)
        assert database.rows() == []
        assert finish(**asked, **of)["transactionStatus"] == status
        assert database.rows() == rows
        database.fails("TransactionNotFoundException", "SELECT 1", **of)


def test_an_idle_transaction_is_rolled_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"resourceArn": database.arn, "secretArn": database.secret}
    of = {"transactionId": database.data.begin_transaction(**asked)["transactionId"]}
    database.run(INSERT, parameters=[text("key", "a"), text("payload", "tea")], **of)
    monkeypatch.setattr(data_sessions, "IDLE_S", -1.0)
    database.fails("TransactionNotFoundException", "SELECT 1", **of)
    assert database.rows() == []


def test_a_batch_is_done_wholly_or_not_at_all(database: Database) -> None:
    asked = {"resourceArn": database.arn, "secretArn": database.secret, "sql": INSERT}
    sets = [[text("key", key), text("payload", "tea")] for key in ("a", "b")]
    assert len(database.data.batch_execute_statement(parameterSets=sets, **asked)["updateResults"]) == 2
    with pytest.raises(database.data.exceptions.DatabaseErrorException, match="23505"):
        database.data.batch_execute_statement(
            parameterSets=[[text("key", "c"), text("payload", "tea")], sets[0]], **asked
        )
    assert database.rows() == [("a", "tea"), ("b", "tea")]


def test_errors_are_those_of_the_model(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "42P01" in database.fails("DatabaseErrorException", "SELECT * FROM nothing")
    assert "multiple commands" in database.fails("DatabaseErrorException", "SELECT 1; SELECT 2")
    database.fails("BadRequestException", "SELECT :missing")
    database.fails("BadRequestException", "SELECT 1", resourceArn="arn:aws:rds:eu-west-1:123456789012:db:orders")
    database.fails("BadRequestException", "SELECT 1", resourceArn=database.arn.replace(REGION, "eu-central-1"))
    database.fails("BadRequestException", "SELECT repeat('x', 1048576)")
    database.fails("DatabaseNotFoundException", "SELECT 1", resourceArn=f"{database.arn}-2")
    database.fails("SecretsErrorException", "SELECT 1", secretArn="arn:aws:secretsmanager:eu-west-1:1:secret:no-AbCdEf")
    database.fails("InvalidSecretException", "SELECT 1", secretArn=database.make_secret("broken", "not JSON"))
    stranger = database.make_secret("stranger", json.dumps({"username": "nobody", "password": "x"}))
    assert "nobody" in database.fails("DatabaseErrorException", "SELECT 1", secretArn=stranger)
    monkeypatch.setattr(data_sessions, "STATEMENT_S", 0.05)
    database.fails("StatementTimeoutException", "SELECT pg_sleep(60)")


def test_no_writer_no_answer(database: Database) -> None:
    database.serves = False
    assert "isn't available" in database.fails("DatabaseUnavailableException", "SELECT 1")
    database.serves = True
    says = database.fails("DatabaseUnavailableException", "SELECT pg_terminate_backend(pg_backend_pid())")
    assert "terminating connection" in says


def test_a_standby_reads_and_refuses_writes(database: Database) -> None:
    asked = {"resourceArn": database.arn, "secretArn": database.secret}
    of = {"transactionId": database.data.begin_transaction(**asked)["transactionId"]}
    database.run("SET TRANSACTION READ ONLY", **of)
    assert database.run("SELECT 1", **of)["records"] == [[{"longValue": 1}]]
    assert "25006" in database.fails("DatabaseErrorException", "DELETE FROM orders", **of)
    database.data.rollback_transaction(**asked, **of)


def test_a_slow_statement_stalls_nobody_and_wakes_nobody(database: Database) -> None:
    before = database.wakes
    with psycopg.connect(url(f"127.0.0.1:{database.port}")) as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        slow = threading.Thread(target=database.run, args=("SELECT pg_advisory_lock(7)::text",))
        slow.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while holder.execute(waiting).fetchone() != (1,):
            assert slow.is_alive()
        # the statement waits; moto still answers, and other statements are run
        assert database.client("secretsmanager").list_secrets()["SecretList"]
        assert database.run("SELECT 1")["records"] == [[{"longValue": 1}]]
        assert slow.is_alive()
    slow.join(DEADLINE_S)
    assert not slow.is_alive()
    assert database.wakes == before
