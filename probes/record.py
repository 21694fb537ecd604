"""Writes the history as it happens, so that a crash costs next to nothing.

JSON lines, because a torn tail then costs the torn line only.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from probes.chained import linked
from probes.clock import ClockBase
from probes.history import ClockReading, End, Header, Mark, MarksHeader, Operation
from probes.redaction import Redactor

# If the process dies, what it had not handed to the operating system yet is lost: at most this much.
FLUSH_S = 0.05
# If the machine dies, what was not on the disk is lost: at most this much and the time one fsync takes.
SYNC_S = 0.5


class RecordingFailed(OSError):
    """The history could not be written: the disk is full, or worse."""


class Recorder:
    """Appends a vantage's operations to its history file from a thread of its own.

    The header is on the disk when the constructor returns. `on_error` is called once, from whichever thread noticed,
    when writing fails; nothing is written after that. `redactor` takes out what must not be written. Raises
    `RecordingFailed`, or `FileExistsError` when the file holds something already: two histories are never mixed.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        on_error: Callable[[RecordingFailed], None],
        redactor: Redactor | None = None,
    ) -> None:
        self._path = path
        self._redacted = (redactor or Redactor()).line
        self._on_error = on_error
        self._encoder = msgspec.json.Encoder()
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()
        self._disk = threading.Lock()
        self._stop = threading.Event()
        self._failed: RecordingFailed | None = None
        self.operations = 0
        self._fd = _create(path, self._redacted(self._encoder.encode(header)))
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def add(self, operation: Operation) -> None:
        """Append one operation. Never waits for the disk."""
        with self._lock:
            self._waiting.append(self._redacted(self._encoder.encode(operation)))
            self.operations += 1

    def note(self, reading: ClockReading) -> None:
        """Append what the clocks say. Never waits for the disk."""
        with self._lock:
            self._waiting.append(self._encoder.encode(reading))

    def flush(self) -> None:
        """Return when everything added so far is on the disk. Raises `RecordingFailed`."""
        self._write(sync=True)
        if self._failed:
            raise self._failed

    def end(self, unsent: int, base: ClockBase) -> End:
        """Write the last line and close the file. Raises `RecordingFailed`."""
        self._finish()
        end = End(operations=self.operations, unsent=unsent, base=base)
        with self._lock:
            self._waiting.append(self._encoder.encode(end))
        try:
            self.flush()
        finally:
            os.close(self._fd)
        return end

    def close(self) -> None:
        """Close the file without an end, as for a vantage that could not end in order."""
        self._finish()
        self._write(sync=True)
        os.close(self._fd)

    def _finish(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        synced_s = time.monotonic()
        while not self._stop.wait(FLUSH_S):
            sync = time.monotonic() - synced_s >= SYNC_S
            self._write(sync=sync)
            if sync:
                synced_s = time.monotonic()

    def _write(self, *, sync: bool) -> None:
        with self._disk:
            with self._lock:
                lines, self._waiting = self._waiting, []
            if self._failed:
                return
            try:
                if lines:
                    write_lines(self._fd, lines)
                if sync:
                    os.fsync(self._fd)
            except OSError as error:
                self._failed = _failure(self._path, error)
        if self._failed:
            self._on_error(self._failed)


class MarksFile:
    """Appends marks, each on the disk when `add` returns, and chained to the line before it.

    Raises `RecordingFailed`, or `FileExistsError` when the file holds something already.
    """

    def __init__(self, path: Path, header: MarksHeader, redactor: Redactor | None = None) -> None:
        self._path = path
        self._redacted = (redactor or Redactor()).line
        self._lock = threading.Lock()
        self._last = self._redacted(msgspec.json.encode(header))
        self._fd = _create(path, self._last)

    def add(self, mark: Mark) -> None:
        """Append one mark and wait for the disk. Raises `RecordingFailed`."""
        with self._lock:
            line = linked(self._redacted(msgspec.json.encode(mark)), self._last)
            try:
                write_lines(self._fd, [line])
                os.fsync(self._fd)
            except OSError as error:
                raise _failure(self._path, error) from error
            self._last = line

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def write_lines(fd: int, lines: list[bytes]) -> None:
    """Write all of `lines`; the kernel may take them piece by piece. Raises `OSError`."""
    left = memoryview(b"\n".join(lines) + b"\n")
    while left:
        left = left[os.write(fd, left) :]


def _create(path: Path, header: bytes) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        _begin(fd, path, header)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _begin(fd: int, path: Path, header: bytes) -> None:
    if os.fstat(fd).st_size:
        raise FileExistsError(f"{path.name} holds a history already")
    try:
        write_lines(fd, [header])
        os.fsync(fd)
    except OSError as error:
        raise _failure(path, error) from error


def _failure(path: Path, error: OSError) -> RecordingFailed:
    return RecordingFailed(error.errno, f"cannot write {path.name}: {error.strerror or error}")
