"""What the PostgreSQL probe makes of a server's answers, each scripted byte by byte. tests/lab asks a real one."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from probes.deadline import Deadline
from probes.history import Connection, Kind
from probes.network import Network
from probes.postgresql import PostgresqlSender, build, variables
from probes.probe import Answer, Asked
from probes.spec import PostgresqlProbe
from tests.probes.raw_servers import COMPLETE, READY, Raw, error, log_in, password, raw_server, start_up

HELLO = "never-to-be-written-down"


def settings(port: int, **changes: object) -> PostgresqlProbe:
    given: dict[str, object] = {"dsn": f"postgresql://u@127.0.0.1:{port}/d", "table": "kept", **changes}
    return PostgresqlProbe(**given)  # type: ignore[arg-type]  # test shorthand


@contextmanager
def sender_of(raw: Raw, network: Network) -> Iterator[PostgresqlSender]:
    with raw_server(raw), closing(build(settings(raw.port), network)) as sender:
        yield sender


def asked(kind: Kind = "write", connection: Connection = "fresh") -> Asked:
    return Asked(kind=kind, connection=connection, key="t-1", version=1, checksum="c", payload="p")


def answer_to(said: bytes, network: Network, kind: Kind = "write") -> Answer:
    # After an error that ends the session the server closes the connection.
    mode = "answer" if said.endswith(READY) else "last words"
    with sender_of(Raw(mode=mode, says=said, greet=log_in), network) as sender:
        return sender.send(asked(kind), Deadline(5))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (error("25006") + READY, "fail"),
        (error("42501") + READY, "fail"),
        (error("23514") + READY, "fail"),
        (error("57014") + READY, "fail"),
        (error("53100") + READY, "fail"),
        (error("40001") + READY, "fail"),
        # Only this write writes this key: if it is there, something sent it twice.
        (error("23505") + READY, "in-doubt"),
        # A proxy's word for a lost server, and the code that says so itself.
        (error("08006") + READY, "in-doubt"),
        (error("40003") + READY, "in-doubt"),
        # The session ends: that may have come after the commit.
        (error("57P01", "FATAL"), "in-doubt"),
        (error("57P02", "FATAL"), "in-doubt"),
        (error("57P01", "FATAL") + READY, "in-doubt"),
        (error("XX000", "PANIC"), "in-doubt"),
        # Completed, and then something at the commit.
        (COMPLETE + error("XX000") + READY, "in-doubt"),
        (COMPLETE + error("57014") + READY, "in-doubt"),
        (COMPLETE + error("40001") + READY, "fail"),
        (COMPLETE + error("23503") + READY, "fail"),
    ],
)
def test_what_the_server_says_decides_what_is_known(said: bytes, outcome: str, network: Network) -> None:
    answer = answer_to(said, network)
    assert answer.outcome == outcome
    assert answer.error


def test_completed_is_not_committed_until_the_server_is_ready_again(network: Network) -> None:
    with sender_of(Raw(mode="answer", says=COMPLETE, greet=log_in), network) as sender:
        answer = sender.send(asked(), Deadline(1))
    assert (answer.outcome, answer.error) == ("in-doubt", "no complete answer within 1 s")


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_a_change_that_finds_no_row_shows_the_loss(kind: Kind, network: Network) -> None:
    answer = answer_to(COMPLETE + READY, network, kind)
    assert (answer.outcome, answer.error) == ("fail", "an acknowledged key is not there, or is newer")


def test_absence_is_an_answer_to_an_audit_and_a_failure_of_a_read(network: Network) -> None:
    assert answer_to(COMPLETE + READY, network, "audit").outcome == "ok"
    assert answer_to(COMPLETE + READY, network, "read").outcome == "fail"


@pytest.mark.parametrize("sqlstate", ["57P03", "28P01", "3D000", "53300"])
def test_a_login_that_is_refused_is_provably_nothing(sqlstate: str, network: Network) -> None:
    def greet(sock: socket.socket) -> None:
        start_up(sock)
        sock.sendall(error(sqlstate, "FATAL", "not now"))
        sock.shutdown(socket.SHUT_WR)

    with sender_of(Raw(greet=greet), network) as sender:
        answer = sender.send(asked(), Deadline(5))
    assert answer.outcome == "fail"
    assert answer.error.startswith("connect 127.0.0.1:")
    assert answer.error.endswith("not now")


def test_a_login_that_never_ends_is_fail_at_the_deadline(network: Network) -> None:
    raw = Raw()
    raw.greet = lambda sock: (sock.recv(1000), raw.released.wait(10))
    with sender_of(raw, network) as sender:
        answer = sender.send(asked(), Deadline(0.3))
    assert answer.outcome == "fail"
    assert "no session within 0.3 s" in answer.error


def test_the_password_comes_from_the_environment_and_is_hidden_if_the_server_repeats_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[str] = []

    def greet(sock: socket.socket) -> None:
        got.append(password(sock))
        sock.sendall(error("28P01", "FATAL", f"{HELLO} is wrong"))

    with raw_server(Raw(greet=greet)) as raw:
        probe = settings(raw.port, dsn=f"host=127.0.0.1 port={raw.port} user=u dbname=d password=env:SHOP_PW")
        with pytest.raises(ValueError, match=r"dsn: password .* SHOP_PW, which is not set"):
            build(probe, network)
        monkeypatch.setenv("SHOP_PW", HELLO)
        with closing(build(probe, network)) as sender:
            answer = sender.send(asked(), Deadline(5))
    assert got == [HELLO]
    assert answer.outcome == "fail"
    assert HELLO not in answer.error
    assert "(hidden) is wrong" in answer.error


def test_a_pooled_connection_is_used_again_and_a_fresh_one_is_not(network: Network) -> None:
    raw = Raw(mode="answer", says=error("25006") + READY, greet=log_in)
    with sender_of(raw, network) as sender:
        for _ in range(3):
            sender.send(asked(connection="pooled"), Deadline(5))
        assert raw.connections == 1
        for _ in range(2):
            sender.send(asked(connection="fresh"), Deadline(5))
        assert raw.connections == 3


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("host=a,b", "one name or address"),
        ("dbname=d", "one name or address"),
        ("host=/var/run/postgresql", "one name or address"),
        ("host=a hostaddr=10.0.0.1", "one name or address"),
        ("host=a nonsense=1", "no connection string"),
    ],
)
def test_a_connection_string_that_would_hide_an_outage_is_refused(dsn: str, says: str, network: Network) -> None:
    with pytest.raises(ValueError, match=says):
        build(settings(1, dsn=dsn), network)


@pytest.mark.parametrize("table", ["", "a.b.c", 'a"; DROP TABLE b', "1a", "a b"])
def test_a_table_is_a_name_and_nothing_else(table: str, network: Network) -> None:
    with pytest.raises(ValueError, match="no name of a table"):
        build(settings(1, table=table), network)
    with pytest.raises(ValueError, match="columns"):
        build(settings(1, columns={"key": table or "-"}), network)


def test_without_psycopg_it_says_what_to_install(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ValueError, match=r'pip install "psycopg\[binary\]'):
        build(settings(1), network)


@pytest.mark.parametrize(
    ("dsn", "names"),
    [
        ("postgresql://env:U:env:PW@h/d", ["U", "PW"]),
        ("host=h password=env:PW user = 'env:U'", ["PW", "U"]),
        ("postgresql://u@h/d?password=env:PW", ["PW"]),
        ("host=h user=u", []),
    ],
)
def test_the_variables_of_a_connection_string_are_known_without_psycopg(dsn: str, names: list[str]) -> None:
    assert variables(dsn) == names
