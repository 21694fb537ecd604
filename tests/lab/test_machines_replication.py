"""A server can be copied, followed, promoted and brought back to a moment, and says how far it is."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from fixtures.errors import LabError
from fixtures.lab.machines import volume as volumes
from fixtures.lab.machines.archive import Archive, start_restored
from fixtures.lab.machines.postgres import Postgres, url
from fixtures.lab.machines.template import prepare_template

DEADLINE_S = 60.0


@pytest.fixture
def make() -> Iterator[Callable[[str], Postgres]]:
    """Makes servers by name, in a folder that their user can traverse."""
    folder = Path(tempfile.mkdtemp(prefix="machines-"))
    folder.chmod(0o711)
    with ExitStack() as ends:

        def made(name: str) -> Postgres:
            server = Postgres(folder / name, folder / f"{name}.log")
            ends.callback(server.stop)
            return server

        yield made
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def execute(port: int, statement: str) -> list[tuple[object, ...]]:
    address = url(f"127.0.0.1:{port}")
    with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def write(port: int, *numbers: int) -> None:
    for number in numbers:
        execute(port, f"INSERT INTO kept VALUES ({number})")  # noqa: S608 - a number of the test's own


def read(port: int) -> list[object]:
    return [row[0] for row in execute(port, "SELECT number FROM kept ORDER BY 1")]


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


def streams(server: Postgres) -> bool:
    found = server.progress()
    return found is not None and found.streaming


def is_some_seconds(follower: Postgres) -> bool:
    """Whether the last commit that it replayed has an age, and one of this test."""
    found = follower.progress()
    return found is not None and found.replayed_s is not None and 0 <= found.replayed_s < DEADLINE_S


class Couple:
    """A primary with one row, and a server that follows it."""

    def __init__(self, make: Callable[[str], Postgres]) -> None:
        self.first, self.second = make("first"), make("second")
        self.ports = (free_port(), free_port())
        self.first.create()
        self.first.start(self.ports[0])
        execute(self.ports[0], "CREATE TABLE kept (number int)")
        write(self.ports[0], 1)
        self.second.copy_from(f"127.0.0.1:{self.ports[0]}")
        self.follow(self.second, self.ports[1], self.ports[0])

    @staticmethod
    def follow(who: Postgres, port: int, leader: int) -> None:
        who.start(port, follow=f"127.0.0.1:{leader}")
        eventually("it streams", lambda: streams(who))


def test_a_follower_has_what_the_primary_has_and_takes_no_writes_until_it_is_promoted(
    make: Callable[[str], Postgres],
) -> None:
    couple = Couple(make)
    write(couple.ports[0], 2)
    eventually("the row arrives", lambda: read(couple.ports[1]) == [1, 2])
    assert is_some_seconds(couple.second)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        write(couple.ports[1], 3)
    couple.first.kill()
    couple.second.promote()
    write(couple.ports[1], 3)
    assert read(couple.ports[1]) == [1, 2, 3]
    progress = couple.second.progress()
    assert progress is not None
    assert not progress.streaming

    # The old one has its own WAL since: it starts on a fresh copy, and follows.
    volumes.remove(couple.first.volume)
    couple.first.copy_from(f"127.0.0.1:{couple.ports[1]}")
    couple.follow(couple.first, couple.ports[0], couple.ports[1])
    assert read(couple.ports[0]) == [1, 2, 3]


def test_a_primary_that_is_shut_down_leaves_nothing_behind_and_follows_its_successor(
    make: Callable[[str], Postgres],
) -> None:
    couple = Couple(make)
    write(couple.ports[0], *range(2, 20))
    assert couple.first.shut_down()
    clean, position = volumes.last_checkpoint(prepare_template(), couple.first.volume)
    received = couple.second.progress()
    assert clean
    assert received is not None
    assert received.position.split("/")[0] == position.split("/")[0]
    assert int(received.position.split("/")[1], 16) > int(position.split("/")[1], 16)
    couple.second.promote()
    assert read(couple.ports[1]) == [*range(1, 20)]
    couple.follow(couple.first, couple.ports[0], couple.ports[1])
    write(couple.ports[1], 20)
    eventually("the row arrives", lambda: read(couple.ports[0])[-1] == 20)


def test_a_shutdown_without_an_end_is_no_clean_one(make: Callable[[str], Postgres]) -> None:
    server = make("alone")
    assert not server.shut_down()
    server.create()
    server.start(free_port())
    assert not server.shut_down(timeout_s=-1.0)
    assert not server.alive
    assert not volumes.last_checkpoint(prepare_template(), server.volume)[0]


def test_nobody_is_promoted_who_does_not_run(make: Callable[[str], Postgres]) -> None:
    server = make("none")
    assert server.progress() is None
    with pytest.raises(LabError, match="no server runs"):
        server.promote()
    with pytest.raises(LabError, match="pg_basebackup failed"):
        server.copy_from(f"127.0.0.1:{free_port()}")
    assert not server.volume.exists()


@pytest.mark.parametrize("later", [True, False], ids=["more was written", "nothing was written since"])
def test_a_restore_has_what_was_there_at_that_moment(make: Callable[[str], Postgres], later: bool) -> None:  # noqa: FBT001 - a parameter
    source, restored = make("source"), make("restored")
    folder, port = source.volume.parent, free_port()
    archive = Archive(folder / "archive", prepare_template())
    archive.create()
    archive.begin_with(source.create())
    source.start(port, settings=archive.settings())
    execute(port, "CREATE TABLE kept (number int)")
    write(port, 1, 2)
    time.sleep(0.002)
    moment_s = time.time()
    time.sleep(0.002)
    if later:
        # More than one segment: some is archived, some is not yet.
        execute(port, "DELETE FROM kept")
        execute(port, "INSERT INTO kept SELECT generate_series(100, 20000)")
        write(port, 3)
    archive.restore(source.volume, restored.volume, folder / "wal", moment_s)
    again = free_port()
    start_restored(restored, again, folder / "wal", moment_s, {})
    assert read(again) == [1, 2]
    write(again, 4)
    write(port, 5)
    assert len(read(port)) == (19903 if later else 3), "the source goes on"


def test_a_backup_begins_the_window_anew(make: Callable[[str], Postgres]) -> None:
    source, restored = make("source"), make("restored")
    folder, port = source.volume.parent, free_port()
    archive = Archive(folder / "archive", prepare_template())
    archive.create()
    source.create()
    source.start(port, settings=archive.settings())
    execute(port, "CREATE TABLE kept (number int)")
    before_s = time.time()
    for _ in range(2):
        archive.begin_anew(f"127.0.0.1:{port}")
    assert (archive.earliest_s or 0.0) > before_s
    assert len(list((folder / "archive").glob("backup-*"))) == 1
    with pytest.raises(LabError, match="no backup"):
        archive.restore(source.volume, restored.volume, folder / "wal", before_s)
    write(port, 1)
    time.sleep(0.002)
    moment_s = time.time()
    source.kill()
    archive.restore(source.volume, restored.volume, folder / "wal", moment_s)
    archive.forget()
    assert archive.earliest_s is None
    again = free_port()
    start_restored(restored, again, folder / "wal", moment_s, {})
    assert read(again) == [1], "also where the source does not run any more"
