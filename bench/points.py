"""Each moment at which a run can be struck: before an AWS call or a journal's line, and after it took effect.

Counted in the order in which they come, so that the same run struck at each of them in turn is struck everywhere.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from fixtures.change import Call
from fixtures.commands import Commands
from fixtures.journal_files import JournalFile

Strike = Literal["dies before", "dies after", "throttled", "server error", "denied", "expired", "no answer"]
DEATHS: tuple[Strike, ...] = ("dies before", "dies after")
FAILURES: tuple[Strike, ...] = ("throttled", "server error", "denied", "expired", "no answer")
LINE = "a line of the journal, or a command"
# What AWS answers, and with which status.
_ANSWERS = {
    "throttled": ("Throttling", 400),
    "server error": ("InternalFailure", 500),
    "denied": ("AccessDenied", 403),
    "expired": ("ExpiredToken", 400),
}


class Died(BaseException):
    """The process is dead from here on: nothing in it does anything any more."""


class Points:
    """Counts what passes, and strikes at number `at` (None: never). One run's; safe to pass in several threads.

    A death's `at` counts everything; a failure's counts calls only, since lines cannot fail, and threads may pass among
    them in another order than when they were counted.
    """

    def __init__(self, at: int | None = None, strike: Strike = "dies before") -> None:
        self.passed: list[str] = []
        self.calls: list[str] = []  # those of them that are calls
        self.struck = ""
        self._at = at
        self._strike = strike
        self._dead = False
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Let every AWS call of this process, every command, and every line of a journal pass here."""
        # botocore's own, where every call passes.
        call, append = BaseClient._make_api_call, JournalFile.append  # type: ignore[attr-defined]  # noqa: SLF001
        run = Commands.run

        def called(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            name = f"{client.meta.service_model.service_id} {operation}"
            return self._pass(name, lambda: call(client, operation, parameters), fails=operation)

        def appended(file: JournalFile, lines: bytes) -> None:
            self._pass(LINE, lambda: append(file, lines))

        def ran(commands: Commands, asked: Call) -> Any:
            return self._pass(LINE, lambda: run(commands, asked))  # it can be died at, as a line can

        with (
            patch.object(BaseClient, "_make_api_call", called),
            patch.object(JournalFile, "append", appended),
            patch.object(Commands, "run", ran),
        ):
            yield

    def _pass(self, name: str, do: Callable[[], Any], *, fails: str = "") -> Any:
        with self._lock:
            if self._dead:
                raise Died(name)
            counted = self.passed if self._strike in DEATHS else self.calls
            mine = len(counted) == self._at and (bool(fails) or self._strike in DEATHS)
            self.passed.append(name)
            if fails:
                self.calls.append(name)
            if mine:
                self.struck = name
                self._dead = self._strike == "dies before"
        if not mine:
            return do()
        if self._strike in _ANSWERS:
            code, status = _ANSWERS[self._strike]
            answer: Any = {
                "Error": {"Code": code, "Message": "as told"},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            raise ClientError(answer, fails)
        if self._dead:
            raise Died(name)
        do()
        if self._strike == "no answer":
            raise ReadTimeoutError(endpoint_url="as told")
        self._dead = True
        raise Died(name)
