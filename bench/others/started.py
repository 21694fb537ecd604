"""What a comparison starts: processes on a leash, all gone at its end whatever happened."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
# What runs in processes of its own; it needs nothing of this project.
SCRIPTS = Path(__file__).with_name("scripts")
# Beyond what a tool was told to take: starting, writing its record, a busy machine.
GRACE_S = 60.0
_LAST_WORDS = 400
# A leash that is let go kills and ends at once; a busy machine gets this long.
_ENDS_S = 20.0


class ToolFailed(Exception):
    """A tool did not do what it was told: its last words."""


class Running:
    """One tool at work; its output goes to `log`."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        self._name = Path(command[0]).name
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPTS / "leash.py"), *command],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def wait(self, timeout_s: float, good: tuple[int, ...] = (0,)) -> str:
        """Wait for its end; what it said. Raises ToolFailed."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.end()
            raise ToolFailed(f"{self._name} did not end within {timeout_s:g} s: {self._last_words()}") from None
        if code not in good:
            raise ToolFailed(f"{self._name} ended with {code}: {self._last_words()}")
        return self._said()

    def said(self, text: str, timeout_s: float) -> str:
        """What it said, as soon as `text` is in it. Raises ToolFailed if that does not come."""
        until_s = time.monotonic() + timeout_s
        while text not in self._said():
            if self.process.poll() is not None or time.monotonic() > until_s:
                raise ToolFailed(f"{self._name} did not say {text!r}: {self._last_words()}")
            time.sleep(0.02)
        return self._said()

    def end(self) -> None:
        """Make sure that it is gone. Safe to call at any time, from any thread."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        return self._said()[-_LAST_WORDS:].strip() or "it said nothing"


class Started:
    """Everything that runs. Use it as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Running] = []
        # Whoever waits for something else than a process waits for this as well.
        self.over = threading.Event()

    def start(self, command: Sequence[str], log: Path) -> Running:
        """Start a tool. Raises ToolFailed when the comparison is over."""
        with self._lock:
            if self.over.is_set():
                raise ToolFailed("the comparison is over")
            running = Running(command, log)
            self._running.append(running)
            return running

    def run(self, command: Sequence[str], log: Path, seconds: float, good: tuple[int, ...] = (0,)) -> str:
        """Run a tool that takes so many seconds; what it said. Raises ToolFailed."""
        return self.start(command, log).wait(seconds + GRACE_S, good)

    def end(self) -> None:
        """End all of them."""
        with self._lock:
            self.over.set()
            running = list(self._running)
        for one in running:
            one.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
