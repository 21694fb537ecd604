"""The PostgreSQL probe on a real server: what it writes, reads and lists, and what it says when the server dies."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from fixtures.lab.machines.postgres import Postgres, url
from probes.deadline import Deadline
from probes.dial import DialMap
from probes.history import Connection, Kind
from probes.ledger import checksum_of
from probes.network import Network
from probes.postgresql import PostgresqlSender, build
from probes.probe import Asked, Listed
from probes.resolve import NameResolver
from probes.spec import PostgresqlProbe

PAYLOAD = "0123456789abcdef01234567"
VIRTUAL = "10.1.1.5"
TABLES = """
    CREATE TABLE kept (key text PRIMARY KEY, version bigint, checksum text, payload text);
    CREATE TABLE loose (key text, version bigint, checksum text, payload text);
    CREATE SCHEMA shop;
    CREATE TABLE shop."Orders" (id text PRIMARY KEY, v int, checksum text, payload text);
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="probe-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[tuple[Postgres, int]]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = int(unused.getsockname()[1])
    postgres = Postgres(home / "volume", home / "log")
    postgres.create()
    postgres.start(port)
    try:
        execute(port, TABLES)
        yield postgres, port
    finally:
        postgres.stop()


@pytest.fixture
def network(home: Path, server: tuple[Postgres, int]) -> Network:
    dial_map = home / "dialmap.json"
    dial_map.write_text(f'{{"client {VIRTUAL}:5432": "localhost:{server[1]}"}}', encoding="utf-8")
    return Network(NameResolver("127.0.0.1:9"), DialMap(dial_map, "client"))


@pytest.fixture
def sender(network: Network) -> Iterator[PostgresqlSender]:
    with closing(sender_on("kept", network)) as sender:
        yield sender


def sender_on(table: str, network: Network, extra: str = "", **columns: str) -> PostgresqlSender:
    return build(PostgresqlProbe(dsn=url(f"{VIRTUAL}:5432") + extra, table=table, columns=columns), network)


def execute(port: int, statements: str) -> None:
    with psycopg.connect(url(f"127.0.0.1:{port}"), autocommit=True) as connection:
        connection.execute(statements.encode())


def asked(kind: Kind, key: str, version: int = 1, connection: Connection = "pooled") -> Asked:
    checksum = checksum_of(key, version, PAYLOAD)
    return Asked(
        kind=kind, connection=connection, key=key, version=version, checksum=checksum, payload=PAYLOAD
    )  # fmt: skip


def everything(sender: PostgresqlSender, prefix: str) -> list[Listed]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = sender.page(prefix, cursor, Deadline(20))
        assert page.answer.outcome == "ok", page.answer.error
        found += page.items
        if not page.cursor:
            return found
        cursor = page.cursor


@pytest.mark.parametrize("connection", ["fresh", "pooled"])
def test_a_row_is_written_read_updated_and_deleted(sender: PostgresqlSender, connection: Connection) -> None:
    key = f"life-{connection}"

    def outcome(kind: Kind, version: int = 1) -> str:
        return sender.send(asked(kind, key, version, connection), Deadline(10)).outcome

    assert outcome("read") == "fail"
    assert outcome("write") == "ok"
    assert outcome("write") == "in-doubt", "there already: nobody else writes it"
    assert outcome("update", 2) == "ok"
    assert outcome("update", 2) == "fail", "a late one must not take it back"
    answer = sender.send(asked("audit", key, 2, connection), Deadline(10))
    assert (answer.observed_version, answer.observed_checksum) == (2, checksum_of(key, 2, PAYLOAD))
    assert (answer.effects, answer.error, answer.resolved_ip) == (1, "", VIRTUAL)
    assert answer.served_by is not None
    assert answer.served_by.instance == "127.0.0.1"
    assert outcome("delete") == "ok"
    assert outcome("delete") == "fail"
    assert sender.send(asked("audit", key), Deadline(10)).observed_version is None


@pytest.mark.parametrize("column", ["payload", "checksum"])
def test_what_is_spoilt_shows(sender: PostgresqlSender, server: tuple[Postgres, int], column: str) -> None:
    key = f"spoilt-{column}"
    sender.send(asked("write", key), Deadline(10))
    execute(server[1], f"UPDATE kept SET {column} = 'spoilt' WHERE key = '{key}'")  # noqa: S608  the test's own words
    answer = sender.send(asked("audit", key), Deadline(10))
    assert answer.observed_checksum not in (None, checksum_of(key, 1, PAYLOAD))
    assert "checksum" in answer.error
    assert everything(sender, key)[0].checksum != checksum_of(key, 1, PAYLOAD)


def test_names_of_ones_own(network: Network) -> None:
    with closing(sender_on("shop.Orders", network, key="id", version="v")) as sender:
        assert sender.send(asked("write", "own-1"), Deadline(10)).outcome == "ok"
        assert [item.key for item in everything(sender, "own-")] == ["own-1"]


def test_two_thousand_rows_are_listed_page_by_page(
    network: Network, server: tuple[Postgres, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among others: keys that LIKE would take for the prefix, were its % and _ not masked."""
    monkeypatch.setattr("probes.postgresql.PAGE_ROWS", 300)
    execute(
        server[1],
        "INSERT INTO kept SELECT 'b_%-' || lpad(n::text, 6, '0'), 1, 'c', 'p' FROM generate_series(1, 2000) n;"
        "INSERT INTO kept SELECT 'bxy-' || n, 1, 'c', 'p' FROM generate_series(1, 500) n;"
        "INSERT INTO kept SELECT 'a-' || n, 1, 'c', 'p' FROM generate_series(1, 500) n",
    )
    with closing(sender_on("kept", network)) as small:
        keys = [item.key for item in everything(small, "b_%-")]
    assert keys == [f"b_%-{number:06d}" for number in range(1, 2001)]


def test_a_row_that_is_there_several_times_is_counted_so_wherever_a_page_ends(
    network: Network, server: tuple[Postgres, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.postgresql.PAGE_ROWS", 4)
    thrice = "INSERT INTO loose SELECT 'd-' || n, 1, 'c', 'p' FROM generate_series(10, 29) n, generate_series(1, 3)"
    execute(server[1], thrice)
    with closing(sender_on("loose", network)) as sender:
        keys = [item.key for item in everything(sender, "d-")]
        assert keys == sorted(f"d-{number}" for number in range(10, 30) for _ in range(3))
        assert sender.send(asked("audit", "d-10"), Deadline(10)).effects == 3


def test_a_reader_refuses_a_write_for_good(network: Network) -> None:
    read_only = "&options=-c%20default_transaction_read_only%3Don"
    with closing(sender_on("kept", network, read_only)) as sender:
        answer = sender.send(asked("write", "reader-1"), Deadline(10))
    assert answer.outcome == "fail"
    assert answer.error.startswith("25006")


def test_a_frozen_server_holds_nobody_beyond_the_deadline(
    sender: PostgresqlSender, server: tuple[Postgres, int]
) -> None:
    assert sender.send(asked("write", "frozen-0"), Deadline(10)).outcome == "ok"
    frozen = backends(server[1])
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        began_s = time.monotonic()
        answer = sender.send(asked("write", "frozen-1"), Deadline(0.4))
        took_s = time.monotonic() - began_s
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert (answer.outcome, answer.error) == ("in-doubt", "no complete answer within 0.4 s")
    assert 0.4 <= took_s < 5


def backends(port: int) -> list[int]:
    """The server's processes of other clients: none of them is anybody's but this test's."""
    with psycopg.connect(url(f"127.0.0.1:{port}"), autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return [int(row[0]) for row in found]


def test_an_idle_connection_that_the_server_ended_is_replaced_before_use(
    sender: PostgresqlSender, server: tuple[Postgres, int]
) -> None:
    assert sender.send(asked("write", "idle-0"), Deadline(10)).outcome == "ok"
    session = sender._idle[0]
    for pid in backends(server[1]):
        execute(server[1], f"SELECT pg_terminate_backend({pid}, 10000)")
    deadline_s = time.monotonic() + 10
    while session.usable:
        assert time.monotonic() < deadline_s, "its end never came"
        time.sleep(0.002)
    assert sender.send(asked("write", "idle-1"), Deadline(10)).outcome == "ok"


def test_a_killed_server_is_refused_and_back_with_all_it_acknowledged(
    sender: PostgresqlSender, server: tuple[Postgres, int]
) -> None:
    """The last test: it leaves another server on the volume."""
    postgres, port = server
    assert sender.send(asked("write", "killed-1"), Deadline(10)).outcome == "ok"
    postgres.kill()
    answer = sender.send(asked("write", "killed-2"), Deadline(10))
    assert answer.outcome in ("fail", "in-doubt")
    answer = sender.send(asked("write", "killed-3", connection="fresh"), Deadline(10))
    assert (answer.outcome, answer.resolved_ip) == ("fail", VIRTUAL)
    assert "refused" in answer.error.lower()
    postgres.start(port)
    assert sender.send(asked("audit", "killed-1"), Deadline(10)).observed_version == 1
