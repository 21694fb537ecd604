"""The PostgreSQL probe: writes, reads and audits one table in SQL, each statement a transaction of its own."""

import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from probes.deadline import Deadline
from probes.environment import Secrets
from probes.history import Kind, Outcome, ServedBy
from probes.network import Network, NotConnected
from probes.probe import NOT_THERE, Answer, Asked, Page
from probes.spec import PostgresqlProbe
from probes.stored import Stored

if TYPE_CHECKING:
    from probes.postgresql_session import Failure, Rows, Session

MISSING = 'a postgresql probe needs psycopg, which is not installed here: pip install "psycopg[binary]>=3.3"'
# Rows of one page: one answer of some hundred kB, and 100,000 keys in a few dozen of them.
PAGE_ROWS = 5000
# Idle connections that are kept; PostgreSQL's own default is 100 connections for everybody.
IDLE = 50
# One key of a table without a unique key: how often it stands there is counted up to this.
MOST_EFFECTS = 100
KINDS: tuple[Kind, ...] = ("write", "update", "delete", "read", "audit")
COLUMNS = ("key", "version", "checksum", "payload")
DEFAULT_PORT = 5432
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"
_TABLE = re.compile(rf"{IDENTIFIER}(\.{IDENTIFIER})?")
_NAME = re.compile(IDENTIFIER)


def quoted(table: str) -> str:
    """A name, or `schema.name`, as it stands in a statement. Raises `ValueError` for anything else."""
    if not _TABLE.fullmatch(table):
        raise ValueError(f"{table!r} is no name of a table or column: letters, digits and _, at most one dot")
    return ".".join(f'"{part}"' for part in table.split("."))


def variables(dsn: str) -> list[str]:
    """The environment variables that a connection string names, in either of its forms."""
    return re.findall(r"(?:[=:]|//)\s*'?env:([A-Za-z_][A-Za-z0-9_]*)", dsn)


class Statements:
    """The SQL of one table. Raises `ValueError` for names that are none, and for columns that there are not."""

    def __init__(self, table: str, columns: dict[str, str]) -> None:
        for name, column in columns.items():
            if name not in COLUMNS or not _NAME.fullmatch(column):
                raise ValueError(f"columns: {name} = {column!r}. Allowed: names for {', '.join(COLUMNS)}")
        key, version, checksum, payload = (f'"{columns.get(name, name)}"' for name in COLUMNS)
        where = quoted(table)
        who = "host(inet_server_addr())"
        self.write = (
            f"INSERT INTO {where} ({key}, {version}, {checksum}, {payload}) VALUES ($1, $2, $3, $4) RETURNING {who}"  # noqa: S608  names are checked, values are parameters
        )
        # A late arrival never takes a row back to an older version.
        self.update = (
            f"UPDATE {where} SET {version} = $2, {checksum} = $3, {payload} = $4 "  # noqa: S608  the same
            f"WHERE {key} = $1 AND {version} < $2 RETURNING {who}"
        )
        self.delete = f"DELETE FROM {where} WHERE {key} = $1 RETURNING {who}"  # noqa: S608  the same
        self.read = (
            f"SELECT {who}, {key}, {version}, {checksum}, {payload} FROM {where} "  # noqa: S608  the same
            f"WHERE {key} = $1 ORDER BY {version} DESC LIMIT {MOST_EFFECTS}"
        )
        # Keyset pagination: OFFSET would read everything before it again and again. Keys from the prefix on, so that
        # the index is entered there (in every usual collation what begins with a text sorts after that text).
        self.page = (
            f"SELECT {who}, {key}, {version}, {checksum}, {payload} FROM {where} "  # noqa: S608  the same
            f"WHERE {key} >= $1 AND {key} > $2 AND {key} LIKE $3 ORDER BY {key} LIMIT {PAGE_ROWS}"
        )


class PostgresqlSender:
    """Sends the statements of one `PostgresqlProbe`.

    Outcomes, after the manual's "Message Flow" (an error of severity ERROR ends the transaction) and its appendix
    "PostgreSQL Error Codes":
    - ok: the server completed the statement and was ready for the next, which it only is after the commit. Of an audit
      also "no such row".
    - fail: no session (name, refused, TLS, password, 57P03 cannot_connect_now, no answer): no statement was sent. Or
      the statement ended with severity ERROR (23505 unique_violation apart, see below): 25006
      read_only_sql_transaction, 42501 insufficient_privilege, 57014 query_canceled, 53100 disk_full. Or an update or
      delete that found no row: the key was acknowledged, so its loss shows there.
    - in-doubt: lost, or the deadline passed, after the statement was sent; FATAL and PANIC (57P01 admin_shutdown,
      57P02 crash_shutdown), which may come after the commit; classes 08 and 40003 statement_completion_unknown, which
      say so themselves (a proxy's word for a lost server); an error after the statement was completed, at its commit,
      but for classes 23 and 40, which say that it was rolled back.
      A write that finds its key there already (23505): nobody else writes it, so something on the way sent it twice.
    """

    def __init__(self, settings: PostgresqlProbe, network: Network, secrets: Secrets) -> None:
        self._statements = Statements(settings.table, settings.columns)
        self._network = network
        self._secrets = secrets
        self._dsn = _dsn(settings.dsn, secrets)
        self._idle: list[Session] = []
        self._lock = threading.Lock()

    @property
    def lists(self) -> bool:
        """Always: SQL can."""
        return True

    def by_key(self, kind: Kind) -> bool:
        """Every statement names a key, whatever its kind."""
        return kind in KINDS

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Send the statement of this kind once."""
        reads = asked.kind in ("read", "audit")
        statement = self._statements.read if reads else getattr(self._statements, asked.kind)
        parameters = [asked.key]
        if asked.kind in ("write", "update"):
            parameters += [str(asked.version), asked.checksum, asked.payload]
        answer, rows = self._run(statement, parameters, asked, deadline)
        if answer.outcome != "ok":
            return answer
        if reads:
            return _read(answer, asked, rows)
        return _changed(answer, rows)

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        """Ask for the page after `cursor`, the last key of the page before."""
        asked = Asked(kind="audit", connection="pooled")
        like = re.sub(r"([\\%_])", r"\\\1", prefix) + "%"
        answer, rows = self._run(self._statements.page, [prefix, cursor, like], asked, deadline)
        if answer.outcome != "ok":
            return Page(answer=answer)
        stored = [_stored(row) for row in rows]
        following = ""
        if len(stored) == PAGE_ROWS:
            # Where keys are not unique, the last one may go on beyond the page: it is read with the next.
            stored = [one for one in stored if one.key != stored[-1].key]
            if not stored:
                return Page(answer=Answer(outcome="in-doubt", error=f"one key stands there {PAGE_ROWS} times"))
            following = stored[-1].key
        return Page(answer=answer, items=tuple(one.listed() for one in stored), cursor=following)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def _run(
        self, statement: str, parameters: Sequence[str], asked: Asked, deadline: Deadline
    ) -> tuple[Answer, "Rows"]:
        from probes.postgresql_session import Failure, Lost  # noqa: PLC0415  psycopg is optional, see `build`

        try:
            session = self._session(asked, deadline)
        except NotConnected as error:
            return Answer(outcome="fail", error=self._secrets.hide(str(error)), resolved_ip=error.ip), []
        try:
            came = session.run(statement, parameters, deadline)
        except Lost as error:
            session.close()
            return Answer(outcome="in-doubt", error=self._secrets.hide(str(error)), resolved_ip=session.ip), []
        except BaseException:
            session.close()
            raise
        self._put_back(session, asked)
        if isinstance(came, Failure):
            return self._failed(came, asked, session.ip), []
        return Answer(outcome="ok", served_by=_served_by(came), resolved_ip=session.ip), came

    def _failed(self, failure: "Failure", asked: Asked, ip: str) -> Answer:
        says = f"{failure.sqlstate}: {failure.says}"
        if asked.kind == "write" and failure.sqlstate == "23505":
            return Answer(outcome="in-doubt", error=f"{says} (something sent it twice)", resolved_ip=ip)
        outcome: Outcome = "fail" if _is_definite(failure) else "in-doubt"
        return Answer(outcome=outcome, error=self._secrets.hide(says), resolved_ip=ip)

    def _session(self, asked: Asked, deadline: Deadline) -> "Session":
        """A session of the style asked for. Idle ones that the server left are replaced, as every client does."""
        if asked.connection == "pooled":
            while (idle := self._take()) is not None:
                if idle.usable:
                    return idle
                idle.close()
        return self._open(deadline)

    def _take(self) -> "Session | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _put_back(self, session: "Session", asked: Asked) -> None:
        with self._lock:
            if asked.connection == "pooled" and len(self._idle) < IDLE and session.usable:
                self._idle.append(session)
                return
        session.close()

    def _open(self, deadline: Deadline) -> "Session":
        from probes import postgresql_session as sessions  # noqa: PLC0415  psycopg is optional, see `build`

        host, port = self._dsn["host"], int(self._dsn["port"])
        real_host, real_port, ip = self._network.locate(host, port, deadline)
        try:
            session = sessions.open_session(self._dsn, real_host, real_port, deadline)
        except sessions.NotConnected as error:
            raise NotConnected(f"connect {ip}:{port}: {error}", ip) from None
        session.ip = ip
        return session


def _is_definite(failure: "Failure") -> bool:
    if failure.severity != "ERROR" or failure.sqlstate.startswith("08") or failure.sqlstate == "40003":
        return False
    return not failure.committing or failure.sqlstate[:2] in ("23", "40")


def _changed(answer: Answer, rows: "Rows") -> Answer:
    if rows:
        return answer
    return Answer(outcome="fail", error=f"{NOT_THERE}, or is newer", resolved_ip=answer.resolved_ip)


def _read(answer: Answer, asked: Asked, rows: "Rows") -> Answer:
    if not rows:
        if asked.kind == "audit" or asked.absent_is_right:
            return answer
        says = NOT_THERE
        return Answer(outcome="fail", error=says, resolved_ip=answer.resolved_ip)
    versions = [_stored(row) for row in rows]
    newest = [one for one in versions if one.version == versions[0].version]
    chosen = next((one for one in newest if one.observed_checksum(asked) != asked.checksum), newest[0])
    return Answer(
        outcome="ok",
        error=chosen.differs(asked),
        observed_version=chosen.version,
        observed_checksum=chosen.observed_checksum(asked),
        effects=len(newest),
        served_by=answer.served_by,
        resolved_ip=answer.resolved_ip,
    )


def _stored(row: Sequence[bytes | None]) -> Stored:
    """A row of `read` or `page`. What is NULL there is told apart from every text that a probe writes."""
    _, key, version, checksum, payload = (None if field is None else field.decode(errors="replace") for field in row)
    return Stored(key=key or "", version=int(version or 0), checksum=checksum or "", payload=payload or "")


def _served_by(rows: "Rows") -> ServedBy | None:
    """The server's own address: behind a name or a proxy, which of them answered."""
    address = rows[0][0] if rows else None
    return ServedBy(instance=address.decode()) if address else None


def _dsn(dsn: str, secrets: Secrets) -> dict[str, str]:
    """The keywords of the connection string, `env:NAME` replaced. Raises `ValueError`; the string is not shown."""
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415  psycopg is optional, see `build`

    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(dsn).items()}
    except ProgrammingError:
        raise ValueError("dsn is no connection string or URL of PostgreSQL's") from None
    found = {name: secrets.read(f"dsn: {name}", value) for name, value in given.items()}
    if "," in found.get("host", ",") or "hostaddr" in found or found["host"].startswith(("/", "@")):
        raise ValueError(
            "dsn: host must be one name or address: more of them would be retries, a socket has no network"
        )
    # A ticket of Kerberos would be asked for by default, in a round trip of its own.
    return {"port": str(DEFAULT_PORT), "gssencmode": "disable", "application_name": "dr-drills"} | found


def build(settings: PostgresqlProbe, network: Network) -> PostgresqlSender:
    """Make the probe. Raises `ValueError` for a connection string or a table that cannot work, or without psycopg."""
    try:
        import psycopg  # noqa: F401, PLC0415  psycopg is an extra: who asks over HTTP only does not need it
    except ImportError as error:
        raise ValueError(f"{MISSING} ({error})") from None
    return PostgresqlSender(settings, network, Secrets())
