"""The register of a folder of runs, `runs.jsonl`: every run is entered when it starts, and once more when it is closed.

A run that was killed, and whose folder was deleted before anybody looked, still has its line here. Lines are chained
(`probes.chained`), appended under a lock, and on the disk before whoever appends goes on.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from probes.chained import broken_links, linked

REGISTER = "runs.jsonl"
REGISTER_SCHEMA = "dr-drills/runs/1"
LOCK = ".runs.lock"
# Whoever holds it writes two small files. A disk that takes longer than that does not work.
LOCK_S = 60.0
_POLL_S = 0.01

State = Literal["ended", "killed"]


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="register"):
    """The first line."""

    at_utc: str
    schema: str = REGISTER_SCHEMA


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """A run started. `number` counts the runs of the folder in the order of their starts, from 1."""

    number: int
    run: str
    at_utc: str


class Closed(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """A run's manifest was written: its SHA-256. `killed`: not by the run itself, which had died."""

    number: int
    run: str
    state: State
    manifest: str
    at_utc: str


class Added(msgspec.Struct, frozen=True, kw_only=True, tag="add"):
    """A file came to a run after it was closed: a signature, or what was put back later. `file` is its path there."""

    run: str
    file: str
    sha256: str
    at_utc: str


Entry = Opened | Started | Closed | Added
_decoder = msgspec.json.Decoder(Entry)


class RegisterBusy(OSError):
    """Somebody else holds the register, and does not let go of it."""


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """All that a register says. `broken` are the numbers of the lines whose link does not hold or that are none."""

    entries: tuple[Entry, ...] = ()
    broken: tuple[int, ...] = ()

    @property
    def started(self) -> dict[str, Started]:
        """Every run that started, by its name."""
        return {one.run: one for one in self.entries if isinstance(one, Started)}

    @property
    def closed(self) -> dict[str, Closed]:
        """Every run that was closed, by its name, in the order of closing."""
        return {one.run: one for one in self.entries if isinstance(one, Closed)}

    def added(self, run: str) -> dict[str, Added]:
        """What came to a run after it was closed, by its path; the newest of each."""
        return {one.file: one for one in self.entries if isinstance(one, Added) and one.run == run}


def read_register(runs: Path) -> Register:
    """What the register of a folder of runs says; an empty one where there is none. Raises OSError."""
    try:
        content = (runs / REGISTER).read_bytes()
    except FileNotFoundError:
        return Register()
    entries: list[Entry] = []
    broken = set(broken_links(content))
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            entries.append(_decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            broken.add(number)
    return Register(entries=tuple(entries), broken=tuple(sorted(broken)))


@contextmanager
def held(runs: Path) -> Iterator[None]:
    """Hold the register: one process and thread at a time. Raises RegisterBusy, or OSError."""
    # Not fixed to the process as `reports.file_lock` is: two threads may close two runs.
    fd = os.open(runs / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        deadline_s = time.monotonic() + LOCK_S
        while not _taken(fd):
            if time.monotonic() > deadline_s:
                raise RegisterBusy(f"{runs / LOCK} is held by another process for more than {LOCK_S:g} s.")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(fd)


def _taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def append(runs: Path, entry: Entry) -> None:
    """Append one line, under `held`. Half a line that a dead process left is cut off. Raises OSError."""
    fd = os.open(runs / REGISTER, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        content = os.pread(fd, os.fstat(fd).st_size, 0)
        size = content.rfind(b"\n") + 1
        os.ftruncate(fd, size)
        lines = content[:size].split(b"\n")[:-1]
        new = [] if lines else [msgspec.json.encode(Opened(at_utc=now_utc()))]
        new.append(linked(msgspec.json.encode(entry), (lines or new)[-1]))
        os.pwrite(fd, b"".join(line + b"\n" for line in new), size)
        os.fsync(fd)
    finally:
        os.close(fd)


def now_utc() -> str:
    """Now, as ISO 8601 with ms."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
