"""The rig's data: what it holds of each key, every state that a key ever had, and the ways of losing it."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bench.rig.chance import chance
from bench.rig.script import Loss
from bench.rig.truth import Change, Written

PAGE = 1000


class Row(msgspec.Struct, frozen=True):
    """One key's data. `sound`: the payload is the one that was written."""

    version: int
    checksum: str
    payload: str
    effects: int = 1
    sound: bool = True


class Store:
    """Rows by key. `put` and `delete` are idempotent by version, as a store with conditional writes is.

    What is deleted is the version that the delete names, or an older one: in the order of a key's changes, their rank,
    the delete comes after the write of that version. While an old primary goes on, there are two sets of rows: its own,
    which is written and read then, and the one that everybody asks afterwards.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rows: dict[str, Row] = {}
        self._old: dict[str, Row] | None = None
        self._before: dict[tuple[str, int], tuple[int, Row | None]] = {}
        self._late: dict[str, Row] = {}
        # The rank of the newest write or delete of a key that still stands.
        self._newest: dict[str, int] = {}
        self.changes: dict[str, list[Change]] = {}

    def put(self, key: str, row: Row) -> None:
        """Store a version; the same one again takes effect again."""
        rows = self._current()
        now = rows.get(key)
        rank = rank_of("write", row.version)
        self._before.setdefault((key, rank), (self._newest.get(key, 0), now))
        if now is not None and now.version == row.version:
            row = msgspec.structs.replace(row, effects=now.effects + row.effects)
        if self._newest.get(key, 0) <= rank:
            self._newest[key] = rank
            self._set(rows, key, row)

    def delete(self, key: str, version: int) -> None:
        """Delete what is there at this version or below."""
        rows, rank = self._current(), rank_of("delete", version)
        self._before.setdefault((key, rank), (self._newest.get(key, 0), rows.get(key)))
        if self._newest.get(key, 0) <= rank:
            self._newest[key] = rank
            self._set(rows, key, None)

    def get(self, key: str) -> dict[str, Any] | None:
        """What a reader sees of a key."""
        row = self._current().get(key)
        return None if row is None else _shown(key, row)

    def page(self, prefix: str, cursor: str) -> dict[str, Any]:
        """One page of the keys with this prefix that come after the cursor."""
        rows = self._current()
        keys = sorted(key for key in rows if key.startswith(prefix) and key > cursor)
        found = keys[:PAGE]
        return {"items": [_shown(k, rows[k]) for k in found], "cursor": found[-1] if len(keys) > PAGE else ""}

    # Losing

    def snapshot(self) -> dict[str, Row]:
        """All that is there now."""
        return dict(self._rows)

    def rewind(self, to: dict[str, Row]) -> None:
        """Set everything back."""
        for key in self._rows.keys() | to.keys():
            if self._rows.get(key) != to.get(key):
                self._set(self._rows, key, to.get(key))

    def part(self) -> None:
        """From here on an old primary is written and read."""
        self._old = dict(self._rows)

    def join(self) -> None:
        """The old primary is forgotten: everybody asks the new one, which knows nothing of what went to the old."""
        old, self._old = self._old or {}, None
        for key in old.keys() | self._rows.keys():
            if old.get(key) != self._rows.get(key):
                self._note(key, self._rows.get(key))

    def lose(self, loss: Loss, written: Iterable[Written]) -> None:
        """Do to these writes, given in time order, what the loss says; what is overwritten already is let be."""
        hit = [w for w in written if chance(self._seed, f"{loss.kind}|{w.kind}|{w.key}|{w.version}") < loss.share]
        how: dict[str, Callable[[Written], None]] = {
            "late": self._delay, "corrupt": self._spoil, "corrupt checksum": self._misname, "stranger": self._stranger,
        }  # fmt: skip
        # Newest first: what a replica did not have is taken back in the order opposite to that in which it came.
        for write in reversed(hit):
            how.get(loss.kind, self._take_back)(write)

    def heal(self) -> None:
        """What was late is there."""
        for key, row in self._late.items():
            self._set(self._rows, key, row)
        self._late.clear()

    def _delay(self, write: Written) -> None:
        row = self._rows.get(write.key)
        if row is not None and row.version == write.version:
            self._late.setdefault(write.key, row)
            self._take_back(write)

    def _take_back(self, write: Written) -> None:
        rank = rank_of(write.kind, write.version)
        if self._newest.get(write.key) == rank:
            self._newest[write.key], before = self._before[write.key, rank]
            self._set(self._rows, write.key, before)

    def _spoil(self, write: Written) -> None:
        row = self._rows.get(write.key)
        if row is not None and row.version == write.version:
            self._set(self._rows, write.key, msgspec.structs.replace(row, payload=row.payload[::-1], sound=False))

    def _misname(self, write: Written) -> None:
        row = self._rows.get(write.key)
        if row is not None and row.version == write.version:
            self._set(self._rows, write.key, msgspec.structs.replace(row, checksum=row.checksum[::-1], sound=False))

    def _stranger(self, write: Written) -> None:
        self._set(self._rows, f"{write.key}-stranger", Row(1, "0" * 16, "nobody sent this"))

    def _current(self) -> dict[str, Row]:
        return self._rows if self._old is None else self._old

    def _set(self, rows: dict[str, Row], key: str, row: Row | None) -> None:
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row
        self._note(key, row)

    def _note(self, key: str, row: Row | None) -> None:
        now_ns = time.monotonic_ns()
        change = Change(now_ns, None) if row is None else Change(now_ns, row.version, row.effects, row.sound)
        self.changes.setdefault(key, []).append(change)


def rank_of(kind: str, version: int) -> int:
    """Where a change stands among those of its key."""
    return 2 * version + (kind == "delete")


def _shown(key: str, row: Row) -> dict[str, Any]:
    return {
        "key": key, "version": row.version, "checksum": row.checksum, "payload": row.payload, "effects": row.effects,
    }  # fmt: skip
