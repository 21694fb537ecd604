"""The vantage's own account of what it sent: every key, every version, and what became of each.

A key has one operation in flight at a time, and is changed again only if that was acknowledged and was no delete: what
is in doubt may still come into effect, and what was refused once (a key that was lost, maybe) would be for ever.
"""

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from probes.history import Outcome

Change = Literal["update", "delete"]

# Keys that are being read just now stand in the way of a change; so many are passed over before it gives up.
_PASSED_OVER = 64
# Keys that are looked up while senders wait: some tenths of a millisecond.
_AT_ONCE = 1000
_HASHES = 2**64
_NS_PER_S = 1_000_000_000


def checksum_of(key: str, version: int, payload: str) -> str:
    """Checksum of one write: the first 16 hex digits of the SHA-256 of `key|version|payload`."""
    return hashlib.sha256(f"{key}|{version}|{payload}".encode()).hexdigest()[:16]


def payload_of(seed: int, key: str, version: int = 1) -> str:
    """The payload of a version of `key`: 24 hex digits that follow from the seed, so that a drill can be repeated.

    Each version has one of its own, so that a newer version over an older payload shows.
    """
    text = f"{seed}|{key}" if version == 1 else f"{seed}|{key}|{version}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def in_sample(key: str, share: float) -> bool:
    """Whether a sampled audit reads `key`: its hash, as a fraction of all hashes, is below `share` (1.0: every key).

    It depends on the key alone, so that judging finds the same sample again, and what is lost cannot choose it.
    """
    if share >= 1.0:
        return True
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") < share * _HASHES


def whole_since_ns(began_ns: int, whole_s: float) -> int:
    """From when on (ns, on the axis of `began_ns`) a sampled audit that began then reads every key that was sent."""
    return began_ns - round(whole_s * _NS_PER_S)


@dataclass(slots=True)
class Entry:
    """One operation that changes a key. `outcome` is "pending" while it is in flight.

    `sent_ns` (0: not sent yet) and `done_ns` are ns since the vantage's base. `version` of a delete is the version that
    it deletes, and it has no checksum.
    """

    probe: str
    key: str
    version: int
    checksum: str
    outcome: Outcome | Literal["pending"] = "pending"
    done_ns: int = 0
    kind: Literal["write", "update", "delete"] = "write"
    sent_ns: int = 0


@dataclass(frozen=True)
class Versions:
    """What is known of one key: the last acknowledged operation, and those of which nobody knows if they were done."""

    acknowledged: Entry | None
    in_doubt: tuple[Entry, ...]


@dataclass
class _Book:
    """One probe's keys.

    `young` are acknowledged entries in the order of their acknowledgement, `aged` those that a reader was once ready
    for (the newest last), `ready` those that may be changed (the oldest first). An entry in them may be outdated.
    """

    keys: dict[str, list[Entry]] = field(default_factory=dict)
    young: deque[Entry] = field(default_factory=deque)
    aged: list[Entry] = field(default_factory=list)
    ready: deque[Entry] = field(default_factory=deque)
    readers: Counter[str] = field(default_factory=Counter)
    in_flight: dict[str, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.keys.setdefault(entry.key, []).append(entry)
        self.in_flight[entry.key] = entry

    def acknowledge(self, entry: Entry) -> None:
        if entry.kind != "delete":
            self.young.append(entry)
            self.ready.append(entry)

    def state(self, entry: Entry) -> Literal["current", "busy", "over"]:
        """Whether the key still is as `entry` left it, is being changed, or is not to be used as that any more."""
        last = next(e for e in reversed(self.keys[entry.key]) if e.outcome != "fail")
        if last is entry:
            return "current"
        return "busy" if last.outcome == "pending" else "over"

    def newest(self, before_ns: int) -> Entry | None:
        while self.young and self.young[0].done_ns <= before_ns:
            self.aged.append(self.young.popleft())
        while self.aged and self.state(self.aged[-1]) == "over":
            self.aged.pop()
        return next((e for e in reversed(self.aged) if e.done_ns <= before_ns and self.state(e) == "current"), None)

    def any_of(self, before_ns: int, drawn: int) -> Entry | None:
        """The entry that a number drawn by lot falls on, or the next one before it that still stands."""
        self.newest(before_ns)  # sorts in what has come of age
        count = len(self.aged)
        tried = (self.aged[(drawn - passed) % count] for passed in range(min(count, _PASSED_OVER)))
        return next((e for e in tried if e.done_ns <= before_ns and self.state(e) == "current"), None)

    def oldest(self, before_ns: int) -> Entry | None:
        """Take the oldest entry that may be changed out of `ready`."""
        passed: list[Entry] = []
        found = None
        while self.ready and self.ready[0].done_ns <= before_ns and len(passed) < _PASSED_OVER and found is None:
            entry = self.ready.popleft()
            if self.state(entry) != "current":
                continue
            if self.readers[entry.key]:
                passed.append(entry)
            else:
                found = entry
        self.ready.extendleft(reversed(passed))
        return found


class Ledger:
    """Every write, update and delete of a vantage, by probe. Safe to use from many threads."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}
        self._changed = threading.Condition()

    def send(self, entry: Entry) -> None:
        """Note a write. Called before it is sent, so that no listing can hold a key that is not in here."""
        with self._changed:
            self._books.setdefault(entry.probe, _Book()).add(entry)

    def change(self, probe: str, kind: Change, before_ns: int, checksum: Callable[[str, int], str]) -> Entry | None:
        """Note an update or a delete of the oldest key that may be changed, and return it; None if there is none.

        It may be if it was acknowledged before `before_ns` and nothing is in flight for it, neither a change nor a
        read. An update has the next version, and its `checksum` (of key and version).
        """
        with self._changed:
            book = self._books.get(probe)
            held = book.oldest(before_ns) if book else None
            if book is None or held is None:
                return None
            version = held.version + 1 if kind == "update" else held.version
            summed = checksum(held.key, version) if kind == "update" else ""
            entry = Entry(probe=probe, key=held.key, version=version, checksum=summed, kind=kind)
            book.add(entry)
            return entry

    def done(self, entry: Entry, outcome: Outcome, done_ns: int) -> None:
        """Note what became of it."""
        with self._changed:
            entry.outcome = outcome
            entry.done_ns = done_ns
            book = self._books[entry.probe]
            book.in_flight.pop(entry.key, None)
            if outcome == "ok":
                book.acknowledge(entry)
            self._changed.notify_all()

    def borrow(self, probe: str, before_ns: int, drawn: int | None = None) -> Entry | None:
        """The newest version that was acknowledged before `before_ns` and still stands, or None.

        With a number `drawn` by lot it is the one that the number falls on, of all of these. Until `give_back` the key
        is not changed. `before_ns` must not go back from call to call by more than the calls of other threads overlap.
        """
        with self._changed:
            book = self._books.get(probe)
            entry = None
            if book is not None:
                entry = book.newest(before_ns) if drawn is None else book.any_of(before_ns, drawn)
            if book is not None and entry is not None:
                book.readers[entry.key] += 1
            return entry

    def give_back(self, entry: Entry) -> None:
        """The reader that borrowed it has its answer."""
        with self._changed:
            readers = self._books[entry.probe].readers
            readers[entry.key] -= 1
            if not readers[entry.key]:
                del readers[entry.key]

    def keys(self, probe: str, since_ns: int | None = None, share: float = 1.0) -> list[str]:
        """Every key that has been sent up to now: those in the sample of `share`, and all sent since `since_ns`."""
        with self._changed:
            book = self._books.get(probe, _Book())
            if share >= 1.0:
                return list(book.keys)
            latest = [(key, entries[-1].sent_ns) for key, entries in book.keys.items()]
        return [
            key
            for key, sent_ns in latest
            if sent_ns == 0 or (since_ns is not None and sent_ns >= since_ns) or in_sample(key, share)
        ]

    def expected(self, probe: str, keys: Sequence[str]) -> list[Entry]:
        """What the workload should have of each key: its last acknowledged operation, or else the last that was sent.

        What it says of another version (one in doubt that was done) is judged later, from the history.
        """
        found: list[Entry] = []
        for start in range(0, len(keys), _AT_ONCE):
            with self._changed:
                known = self._books[probe].keys
                found += [_expected(known[key]) for key in keys[start : start + _AT_ONCE]]
        return found

    def versions(self, probe: str, key: str) -> Versions:
        """What is known of one key. Raises `KeyError` for one that was never sent."""
        with self._changed:
            entries = self._books[probe].keys[key]
            acknowledged = next((e for e in reversed(entries) if e.outcome == "ok"), None)
            return Versions(acknowledged, tuple(e for e in entries if e.outcome == "in-doubt"))

    def checksum(self, probe: str, key: str, version: int) -> str | None:
        """The checksum of a version of `key` that was sent, or None where it was not."""
        with self._changed:
            entries = self._books[probe].keys.get(key, ()) if probe in self._books else ()
            return next((e.checksum for e in entries if e.version == version and e.kind != "delete"), None)

    def probes(self) -> list[str]:
        """The probes that wrote."""
        with self._changed:
            return list(self._books)

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Those of `keys` that were never sent, by no probe: several may write to the same table."""
        with self._changed:
            books = [book.keys for book in self._books.values()]
            return [key for key in keys if not any(key in known for known in books)]

    def in_flight(self, probe: str) -> list[Entry]:
        """What has been sent and is not done."""
        with self._changed:
            return list(self._books.get(probe, _Book()).in_flight.values())

    def wait_done(self, entries: list[Entry], timeout_s: float) -> bool:
        """Wait until none of `entries` is in flight any more; False if that takes longer than `timeout_s`."""
        with self._changed:
            waiting = [entry for entry in entries if entry.outcome == "pending"]
            return self._changed.wait_for(lambda: all(e.outcome != "pending" for e in waiting), timeout_s)


def _expected(entries: list[Entry]) -> Entry:
    return next((e for e in reversed(entries) if e.outcome == "ok"), entries[-1])
