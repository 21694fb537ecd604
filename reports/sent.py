"""What was sent under each key, and what may have come after what.

An acknowledged operation came into effect between its sending and its end; one in doubt at any time since its sending,
or never. So what is read of a key is evidence against an operation only if nothing that was sent explains it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from probes.history import History, Operation

CHANGES = ("write", "update", "delete")


class _Key(msgspec.Struct, frozen=True):
    """A key that was sent more than once: by the version that was written, and what deleted it."""

    by_version: dict[int, list[Operation]]
    deletes: list[Operation]

    def add(self, operation: Operation) -> None:
        if operation.kind == "delete":
            self.deletes.append(operation)
        else:
            self.by_version.setdefault(operation.version, []).append(operation)

    def all(self) -> Iterable[Operation]:
        yield from (o for found in self.by_version.values() for o in found)
        yield from self.deletes


class Sends:
    """Every write, update and delete, by key. Most keys have one; it is kept without a list around it."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._keys: dict[str, Operation | _Key] = {}
        for operation in operations:
            known = self._keys.setdefault(operation.key, operation)
            if known is operation:
                continue
            if not isinstance(known, _Key):
                first, known = known, _Key({}, [])
                known.add(first)
                self._keys[operation.key] = known
            known.add(operation)

    def of(self, key: str) -> Sequence[Operation]:
        """All that was sent under a key, in no certain order."""
        known = self._keys.get(key)
        if known is None:
            return ()
        return tuple(known.all()) if isinstance(known, _Key) else (known,)

    def makers(self, key: str, observed: int | None) -> Sequence[Operation]:
        """What may have left a key as it was observed: what wrote that version, or (None) what deleted it.

        One that was refused counts where its version is there, as nobody else can have written that.
        """
        known = self._keys.get(key)
        if known is None:
            return ()
        if isinstance(known, _Key):
            if observed is None:
                return [d for d in known.deletes if d.outcome != "fail"]
            return known.by_version.get(observed, ())
        if known.kind == "delete":
            return (known,) if observed is None and known.outcome != "fail" else ()
        return (known,) if known.version == observed else ()

    def explained(self, observed: int | None, seen: Operation, of: Operation) -> bool:
        """Whether what `seen` observed may have come after `of`: an operation on the same key, or an earlier read."""
        return any(m is not of and may_follow(m, of.sent_ns, seen.done_ns) for m in self.makers(of.key, observed))

    def last_sent_ns(self, key: str, before_ns: int) -> int | None:
        """When the last operation before `before_ns` was sent under a key; None: there was none."""
        return max((o.sent_ns for o in self.of(key) if o.sent_ns < before_ns), default=None)


def may_follow(operation: Operation, sent_ns: int, until_ns: int) -> bool:
    """Whether `operation` may have come into effect after what was sent at `sent_ns`, and before `until_ns`."""
    return operation.sent_ns < until_ns and (operation.outcome != "ok" or operation.done_ns > sent_ns)


def all_changes(history: History) -> list[Operation]:
    """Every write, update and delete that was sent, also by streams that are not judged."""
    return [o for o in history.operations if o.kind in CHANGES]


def judged_changes(history: History) -> list[Operation]:
    """The writes, updates and deletes of the streams that are judged, in the order in which they were sent."""
    judged = {(v.header.vantage, s.name) for v in history.vantages for s in v.header.streams if s.role == "workload"}
    return [o for o in history.operations if o.kind in CHANGES and (o.vantage, o.stream) in judged]
