"""The runner's end of a vantage process: starts it, asks it for audits, ends it, and never leaves it behind."""

import contextlib
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from probes.commands import Command, Reply
from probes.spec import VantageSpec

ROOT = Path(__file__).resolve().parents[1]
READY_S = 30.0
# Beyond an audit's own deadline: the writes in flight when it began, and its last attempt.
AUDIT_GRACE_S = 30.0
STOP_S = 30.0
LAST_WORDS = 5


class VantageLost(Exception):
    """The vantage ended, or says nothing any more. Its history up to then is on the disk."""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """One audit: how many keys were asked for, and how many of them were never answered."""

    name: str
    keys: int
    unread: int


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the synthetic data: how many keys were ever sent, and how many of them may still be there."""

    keys: int
    left: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What a vantage had done when it ended in order: operations recorded, and due ones that could not be sent."""

    operations: int
    unsent: int


class VantageProcess:
    """A vantage in a process of its own, with the runner's environment. `log` takes what it writes to stderr.

    Use it as a context manager: at its end the process is gone, whatever happened. The process also ends by itself
    when its runner dies.
    """

    def __init__(self, spec: VantageSpec, log: Path) -> None:
        self.spec = _absolute(spec)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._replies: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        self._error = ""
        self._ended: Ended | None = None

    def start(self) -> None:
        """Start it; returns when its schedule runs. Raises `VantageLost`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "probes.vantage"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        self._listener = threading.Thread(target=self._listen, name=f"vantage {self.spec.name}", daemon=True)
        self._listener.start()
        try:
            self._tell(msgspec.json.encode(self.spec))
            self._reply(READY_S, "start")
        except VantageLost:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process's id. Raises `VantageLost` before the start."""
        if self._process is None:
            raise VantageLost(f"vantage {self.spec.name} was not started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs. A stopped one (SIGSTOP) does, in this sense."""
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """Raise `VantageLost` with its last words if it has ended without being told to."""
        if self._ended is None and not self.alive:
            raise self._lost("ended by itself")

    def audit(self, name: str, deadline_s: float, *, host: str = "", site: str = "") -> AuditReport:
        """Have it read back all its writes within `deadline_s`: from the public name, or from one site's own `host`.

        Raises `ValueError` where only one of `host` and `site` is given, and `VantageLost`.
        """
        if bool(host) != bool(site):
            raise ValueError("an audit at a site needs both its host and its name")
        self._tell(msgspec.json.encode(Command(audit=name, deadline_s=deadline_s, host=host, site=site)))
        reply = self._reply(deadline_s + AUDIT_GRACE_S, f"audit {name!r}")
        return AuditReport(name=name, keys=reply.keys, unread=reply.unread)

    def purge(self, deadline_s: float) -> Purged:
        """Have it send nothing more, and delete all that it has written within `deadline_s`. Raises `VantageLost`."""
        self._tell(msgspec.json.encode(Command(purge=True, deadline_s=deadline_s)))
        while not (reply := self._reply(deadline_s + AUDIT_GRACE_S, "purge")).purged:
            # An audit that was given up says so before.
            continue
        return Purged(keys=reply.keys, left=reply.left)

    def stop(self) -> Ended:
        """End it in order; again, say what it said then. Raises `VantageLost`; the process is gone either way."""
        if self._ended is not None:
            return self._ended
        try:
            self._tell(msgspec.json.encode(Command(stop=True)))
            while not (reply := self._reply(STOP_S, "stop")).stopped:
                # An audit that was given up says so before the end.
                continue
            self._wait()
            self._ended = Ended(operations=reply.operations, unsent=reply.unsent)
            return self._ended
        finally:
            self.kill()

    def kill(self) -> None:
        """Make sure that the process is gone and nothing of it is kept open. Safe to call at any time."""
        process, listener = self._process, self._listener
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        if listener is not None:
            listener.join()
        _close(process.stdin)
        _close(process.stdout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def _wait(self) -> None:
        if self._process is not None:
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                raise self._lost(f"did not end within {STOP_S:g} s") from None

    def _tell(self, line: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise VantageLost(f"vantage {self.spec.name} was not started")
        try:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
        except (OSError, ValueError):
            raise self._lost("ended by itself") from None

    def _listen(self) -> None:
        process = self._process
        if process is not None and process.stdout is not None:
            for line in process.stdout:
                reply = msgspec.json.decode(line, type=Reply)
                if reply.error is not None:
                    self._error = reply.error
                else:
                    self._replies.put(reply)
        self._replies.put(None)

    def _reply(self, timeout_s: float, to: str) -> Reply:
        try:
            reply = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            raise self._lost(f"did not answer to {to} within {timeout_s:g} s") from None
        if reply is None:
            self._replies.put(None)
            self._wait()
            raise self._lost("ended by itself")
        return reply

    def _lost(self, says: str) -> VantageLost:
        code = None if self._process is None else self._process.poll()
        how = "" if code is None else f" (exit code {code})"
        return VantageLost(f"vantage {self.spec.name} {says}{how}: {self._error or self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return " / ".join(lines[-LAST_WORDS:]) or "it said nothing"


def _absolute(spec: VantageSpec) -> VantageSpec:
    """Paths as the process will need them: it works in another folder."""
    dial_map = None if spec.dial_map is None else str(Path(spec.dial_map).resolve())
    return msgspec.structs.replace(spec, folder=str(Path(spec.folder).resolve()), dial_map=dial_map)


def _close(pipe: IO[bytes] | None) -> None:
    # A pipe whose reader died still holds what could not be flushed, and says so when it is closed.
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()
