"""One connection to PostgreSQL that keeps a total deadline and knows whether anything was asked of the server.

On libpq's own non-blocking calls (PostgreSQL manual, "Asynchronous Command Processing" and "PQconnectStart"):
psycopg's connections wait for as long as the server likes, and a hung one would hold the thread.
"""

import select
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import OperationalError, pq
from psycopg.conninfo import make_conninfo
from psycopg.pq.abc import PGconn, PGresult

from probes.deadline import Deadline, DeadlinePassed

_STATUS = pq.ConnStatus
_POLLING = pq.PollingStatus
_EXEC = pq.ExecStatus
_FIELD = pq.DiagnosticField
_HUNG_UP = select.POLLERR | select.POLLHUP | select.POLLNVAL
# Reads of what an idle connection was told unasked: notices, a farewell, its end.
_UNASKED = 4


class NotConnected(Exception):
    """No session came to be: no statement can have been sent."""


class Lost(Exception):
    """The connection was lost, or the deadline passed, after the statement was given to libpq: nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error that the server answered.

    `severity` is ERROR, FATAL or PANIC; `committing` says that the statement itself had been completed before.
    """

    sqlstate: str
    severity: str
    says: str
    committing: bool


Rows = list[tuple[bytes | None, ...]]


class Session:
    """One connection. Not for use by several threads at a time; `close` it when in doubt."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self.ip = ""

    @classmethod
    def open(cls, conninfo: str, deadline: Deadline) -> "Session":
        """Connect and log in within the deadline. `conninfo` must give `hostaddr`. Raises `NotConnected`."""
        connection = pq.PGconn.connect_start(conninfo.encode())
        try:
            _log_in(connection, deadline)
        except BaseException:
            connection.finish()
            raise
        connection.nonblocking = 1
        return cls(connection)

    @property
    def usable(self) -> bool:
        """Whether it can be used again: nothing under way, and the server has not hung up or said farewell."""
        try:
            for _ in range(_UNASKED):
                if not _ready(self._connection.socket, select.POLLIN, 0):
                    return self._idle()
                self._connection.consume_input()
                self._connection.is_busy()
        except OperationalError:
            return False
        return False

    def _idle(self) -> bool:
        idle = self._connection.transaction_status == pq.TransactionStatus.IDLE
        return idle and self._connection.status == _STATUS.OK

    def run(self, statement: str, parameters: Sequence[str], deadline: Deadline) -> Rows | Failure:
        """Send one statement, which is a transaction by itself, and read until the server is ready again.

        Only then is it committed: the extended protocol says "complete" before it commits. Raises `Lost`.
        """
        try:
            self._connection.send_query_params(statement.encode(), [value.encode() for value in parameters])
            self._flush(deadline)
            results = self._results(deadline)
        except DeadlinePassed:
            raise Lost(f"no complete answer within {deadline.timeout_s:g} s") from None
        except OperationalError as error:
            raise Lost(f"after sending: {first_line(str(error))}") from None
        return _outcome(results)

    def close(self) -> None:
        """Close the connection, whatever it is doing."""
        self._connection.finish()

    def _flush(self, deadline: Deadline) -> None:
        while self._connection.flush():
            events = _wait(self._connection.socket, select.POLLIN | select.POLLOUT, deadline)
            if events & (select.POLLIN | _HUNG_UP):
                self._connection.consume_input()

    def _results(self, deadline: Deadline) -> list[PGresult]:
        """All results up to "ready for query"; libpq makes one of its own, without an SQLSTATE, for a lost server."""
        results: list[PGresult] = []
        while True:
            self._connection.consume_input()
            while self._connection.is_busy():
                _wait(self._connection.socket, select.POLLIN, deadline)
                self._connection.consume_input()
            result = self._connection.get_result()
            if result is None:
                return results
            results.append(result)


def open_session(dsn: dict[str, str], host: str, port: int, deadline: Deadline) -> Session:
    """Open a session at that address; the name in `dsn` stays the one that TLS verifies. Raises `NotConnected`."""
    return Session.open(make_conninfo("", **{**dsn, "hostaddr": host, "port": str(port)}), deadline)


def first_line(text: str) -> str:
    """An error in one line, without libpq's "connection to server at ..." in front."""
    line = (text.strip() or "no reason given").splitlines()[0]
    return line.rpartition("failed: ")[2].removeprefix("FATAL:  ").removeprefix("ERROR:  ")


def _log_in(connection: PGconn, deadline: Deadline) -> None:
    events = {_POLLING.READING: select.POLLIN, _POLLING.WRITING: select.POLLOUT}
    try:
        # libpq's rule: before the first poll, wait as if it had asked for writing.
        wanted = _POLLING.WRITING
        while connection.status != _STATUS.BAD and wanted in events:
            _wait(connection.socket, events[wanted], deadline)
            wanted = _POLLING(connection.connect_poll())
    except DeadlinePassed:
        raise NotConnected(f"no session within {deadline.timeout_s:g} s") from None
    except OperationalError as error:
        raise NotConnected(first_line(str(error))) from None
    if connection.status == _STATUS.BAD or wanted != _POLLING.OK:
        raise NotConnected(first_line(connection.get_error_message()))


def _outcome(results: Sequence[PGresult]) -> Rows | Failure:
    """The rows, or what went wrong. Raises `Lost` where the server did not finish its answer."""
    rows: Rows = []
    complete = False
    for result in results:
        if result.status in (_EXEC.COMMAND_OK, _EXEC.TUPLES_OK):
            complete = True
            rows += [
                tuple(result.get_value(row, column) for column in range(result.nfields))
                for row in range(result.ntuples)
            ]
        else:
            return _failure(result, committing=complete)
    if not complete:
        raise Lost("after sending: the server ended without an answer")
    return rows


def _failure(result: PGresult, *, committing: bool) -> Failure:
    says = first_line(result.get_error_message())
    sqlstate = result.error_field(_FIELD.SQLSTATE)
    if sqlstate is None:
        raise Lost(f"after sending: {says}")
    severity = result.error_field(_FIELD.SEVERITY_NONLOCALIZED) or b"FATAL"
    return Failure(sqlstate=sqlstate.decode(), severity=severity.decode(), says=says, committing=committing)


def _ready(fd: int, events: int, timeout_ms: float) -> int:
    poller = select.poll()
    poller.register(fd, events)
    found = poller.poll(timeout_ms)
    return found[0][1] if found else 0


def _wait(fd: int, events: int, deadline: Deadline) -> int:
    """Wait for one of the events. Raises `DeadlinePassed`."""
    while True:
        # poll() counts whole ms and rounds up, so that it does not spin in the last one.
        found = _ready(fd, events, deadline.remaining_s() * 1000)
        if found:
            return found
