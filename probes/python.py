"""The python probe: a user's own transaction, by import path.

The class needs nothing of ours:

    class Checkout:
        def __init__(self, **options): ...
        def write(self, key, version, checksum, payload, deadline_s): ...  # done when it returns
        def update(self, key, version, checksum, payload, deadline_s): ...  # only for streams of updates
        def delete(self, key, deadline_s): ...                              # only for streams of deletes
        def read(self, key, deadline_s): ...                # what is there, or None where there is nothing
        def audit(self, key, deadline_s): ...               # the same, for audits; without it audits use `read`
        def list(self, prefix, cursor, deadline_s): ...     # optional: (entries, next cursor), "" after the last
        def close(self): ...                                # optional

"What is there" is a mapping with `version` (int) and `checksum` (str) as they were written, and, where known, `payload`
(its checksum is then computed anew), `effects` (how often this key and version took effect), `region`, `zone` and
`instance` (who answered). An entry of `list` is the same with `key`. A write may return such a mapping, to say who
answered. `deadline_s` is the time that is left, in s. Methods are called from many threads at once.
"""

import functools
import importlib
import inspect
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from probes.deadline import Deadline
from probes.environment import Secrets
from probes.history import Kind, Outcome, ServedBy
from probes.network import Network
from probes.probe import NOT_THERE, Answer, Asked, Page
from probes.spec import PythonProbe
from probes.stored import Stored
from probes.workers import NoRoom, Workers

# Calls that may be running at a time, those that have overrun their deadline among them.
MOST_CALLS = 200
# How long `close` of the transaction may take.
CLOSE_S = 2.0
# The parameters of each method, as they are given to it, by position.
METHODS: dict[str, tuple[str, ...]] = {
    "write": ("key", "version", "checksum", "payload", "deadline_s"),
    "update": ("key", "version", "checksum", "payload", "deadline_s"),
    "delete": ("key", "deadline_s"),
    "read": ("key", "deadline_s"),
    "audit": ("key", "deadline_s"),
    "list": ("prefix", "cursor", "deadline_s"),
}
# Everything that was written must be read back; what else is needed is what the streams ask.
NEEDED = ("write", "read")


class NotDone(Exception):
    """Raised by a transaction: provably not done. Any exception with a true attribute `not_done` means the same."""

    not_done = True


class PythonSender:
    """Calls the methods of one transaction, each in a thread that may be left behind at the deadline.

    Outcomes:
    - ok: the method returned; a read or an audit something that can be read, an audit also None.
    - fail: it raised an exception with a true attribute `not_done`, `ConnectionRefusedError` or `socket.gaierror`: no
      connection, so nothing was sent. Or a read returned None for an acknowledged key. Or as many calls as there may
      be were still running, so that it was not called.
    - in-doubt: any other exception; what it returned cannot be read; or it had not returned at its deadline. That is
      recorded then, and whatever the call comes to later counts for nothing.
    """

    def __init__(self, settings: PythonProbe) -> None:
        self._secrets = Secrets()
        options = {name: self._secrets.read(f"options: {name}", value) for name, value in settings.options.items()}
        kind = find(settings)
        for problem in problems_of(kind, options):
            raise ValueError(problem)
        try:
            self._transaction = kind(**options)
        except Exception as error:  # noqa: BLE001  the constructor is somebody else's code
            raise ValueError(self._secrets.hide(f"{settings.transaction}: {_told(error)}")) from None
        self._workers = Workers(MOST_CALLS, "transaction")

    @property
    def lists(self) -> bool:
        """Whether it has a method `list`."""
        return self._method("list") is not None

    def by_key(self, kind: Kind) -> bool:
        """Every method takes a key. Raises `ValueError` where there is none for this kind."""
        if self._of(kind) is None:
            raise ValueError(f"{type(self._transaction).__name__} has no method {kind}")
        return True

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Call the method of this kind once."""
        method = self._of(asked.kind)
        if method is None:
            raise ValueError(f"{type(self._transaction).__name__} has no method {asked.kind}")
        values = [asked.key]
        if asked.kind in ("write", "update"):
            values += [asked.version, asked.checksum, asked.payload]  # type: ignore[list-item]  # by position
        answer, said = self._call(method, values, deadline)
        if answer is not None:
            return answer
        try:
            return _read(asked, said) if asked.kind in ("read", "audit") else _changed(said)
        except (TypeError, ValueError, KeyError) as error:
            return self._answer("in-doubt", f"what {asked.kind} returned is not understood: {_told(error)}")

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        """Call `list` once."""
        method = self._method("list")
        if method is None:
            raise ValueError("this transaction has no method list")
        answer, said = self._call(method, [prefix, cursor], deadline)
        if answer is not None:
            return Page(answer=answer)
        try:
            entries, following = said
            items = tuple(_stored(str(entry["key"]), entry).listed() for entry in entries)
        except (TypeError, ValueError, KeyError) as error:
            return Page(answer=self._answer("in-doubt", f"what list returned is not understood: {_told(error)}"))
        return Page(answer=Answer(outcome="ok"), items=items, cursor=str(following or ""))

    def close(self) -> None:
        """Call `close` of the transaction, if it has one; one that does not return is left behind."""
        method = self._method("close")
        if method is not None:
            self._call(lambda _: method(), [], Deadline(CLOSE_S))
        self._workers.close()

    def _method(self, name: str) -> Callable[..., Any] | None:
        method: Callable[..., Any] | None = getattr(self._transaction, name, None)
        return method

    def _of(self, kind: Kind) -> Callable[..., Any] | None:
        return self._method(kind) or (self._method("read") if kind == "audit" else None)

    def _call(self, method: Callable[..., Any], values: list[Any], deadline: Deadline) -> tuple[Answer | None, Any]:
        """What the method returned; or the answer, where it did not return in time or raised."""
        try:
            future: Future[Any] = self._workers.submit(functools.partial(method, *values, deadline.remaining_s()))
        except (NoRoom, TimeoutError) as error:
            return self._answer("fail", f"not called: {error}"), None
        try:
            return None, future.result(max(0.0, deadline.remaining_s()))
        except BaseException as error:  # noqa: BLE001  a transaction that raises SystemExit must not end the vantage
            if not future.done() or future.exception() is not error:
                return self._answer("in-doubt", f"not returned within {deadline.timeout_s:g} s"), None
            outcome: Outcome = "fail" if _is_not_done(error) else "in-doubt"
            return self._answer(outcome, _told(error)), None

    def _answer(self, outcome: Outcome, says: str) -> Answer:
        return Answer(outcome=outcome, error=self._secrets.hide(says))


def _is_not_done(error: BaseException) -> bool:
    return bool(getattr(error, "not_done", False)) or isinstance(error, ConnectionRefusedError | socket.gaierror)


def _told(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _stored(key: str, said: Mapping[str, Any]) -> Stored:
    """Raises TypeError, ValueError or KeyError where it is not what the protocol says."""
    checksum, payload, effects = said.get("checksum"), said.get("payload"), said.get("effects")
    if checksum is None and payload is None:
        raise KeyError("checksum or payload")
    return Stored(
        key=key,
        version=int(said["version"]),
        checksum=None if checksum is None else str(checksum),
        payload=None if payload is None else str(payload),
        effects=None if effects is None else int(effects),
    )


def _served_by(said: Mapping[str, Any]) -> ServedBy | None:
    region, zone, instance = (str(said.get(name) or "") for name in ("region", "zone", "instance"))
    return ServedBy(region=region, zone=zone, instance=instance) if region or zone or instance else None


def _changed(said: Any) -> Answer:
    return Answer(outcome="ok", served_by=_served_by(said) if isinstance(said, Mapping) else None)


def _read(asked: Asked, said: Any) -> Answer:
    if said is None:
        if asked.kind == "audit" or asked.absent_is_right:
            return Answer(outcome="ok")
        return Answer(outcome="fail", error=NOT_THERE)
    stored = _stored(asked.key, said)
    return Answer(
        outcome="ok",
        error=stored.differs(asked),
        observed_version=stored.version,
        observed_checksum=stored.observed_checksum(asked),
        effects=stored.effects,
        served_by=_served_by(said),
    )


def find(settings: PythonProbe) -> Any:
    """The class that the import path names. Raises `ValueError`: what is wrong, in which file and line, what to do."""
    module_name, _, name = settings.transaction.partition(":")
    if settings.path and settings.path not in sys.path:
        sys.path.insert(0, settings.path)
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001  a module that calls sys.exit is as wrong as one that raises
        raise ValueError(f"{settings.transaction}: cannot be imported: {_told(error)}{_where(error)}") from None
    kind = getattr(module, name, None)
    if kind is None:
        there = ", ".join(n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module_name)
        raise ValueError(f"{settings.transaction}: {module.__file__} has no {name}. Its classes: {there or 'none'}")
    if not inspect.isclass(kind):
        raise ValueError(f"{settings.transaction}: is a {type(kind).__name__}, not a class")
    return kind


def _where(error: BaseException) -> str:
    """The line of the user's own code that it comes from."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    outside = [frame for frame in frames if Path(frame.filename) != Path(__file__)]
    if not outside:
        return ". It is looked for in the workload file's folder and among the installed packages"
    return f" ({outside[-1].filename}:{outside[-1].lineno})"


def problems_of(kind: Any, options: Mapping[str, str], needed: Sequence[str] = NEEDED) -> list[str]:
    """What the class lacks: the methods that are needed, their parameters, options that it does not take."""
    said = []
    where = f"{kind.__module__}:{kind.__qualname__}"
    for name, parameters in METHODS.items():
        method = getattr(kind, name, None)
        if method is None and name not in needed:
            continue
        wanted = f"{name}(self, {', '.join(parameters)})"
        if method is None:
            said.append(f"{where} has no method {wanted}")
        elif not _takes(method, (None, *parameters), {}):
            said.append(f"{where}: {name}{inspect.signature(method)} should be {wanted}{_line_of(method)}")
    if not _takes(kind, (), dict(options)):
        given = ", ".join(options) or "none"
        said.append(f"{where}{inspect.signature(kind)} does not take the options that are given ({given})")
    return said


def _takes(called: Callable[..., Any], values: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(called).bind(*values, **named)
    except TypeError:
        return False
    except ValueError:
        # Built in, without a signature that could be looked at.
        return True
    return True


def _line_of(method: Any) -> str:
    code = getattr(method, "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code else ""


def build(settings: PythonProbe, network: Network) -> PythonSender:  # noqa: ARG001  a transaction has its own way out
    """Make the probe. Raises `ValueError` for an import path, a class or options that cannot work."""
    return PythonSender(settings)


def main() -> int:
    """Look at the transaction whose settings stand on stdin, without making it: prints what is wrong; 1 if anything.

    Its arguments are the kinds of operation that will be asked.
    For a process of its own: importing somebody's module does whatever that module does.
    """
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=PythonProbe)
    try:
        said = problems_of(find(settings), settings.options, (*NEEDED, *sys.argv[1:]))
    except ValueError as error:
        said = [str(error)]
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
