"""The vantage's own account of what it wrote: the keys, and what became of each write."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from probes.history import Outcome


def checksum_of(key: str, version: int, payload: str) -> str:
    """Checksum of one write: the first 16 hex digits of the SHA-256 of `key|version|payload`."""
    return hashlib.sha256(f"{key}|{version}|{payload}".encode()).hexdigest()[:16]


def payload_of(seed: int, key: str) -> str:
    """The payload written under `key`: 24 hex digits that follow from the seed, so that a drill can be repeated."""
    return hashlib.sha256(f"{seed}|{key}".encode()).hexdigest()[:24]


@dataclass(slots=True)
class Entry:
    """One write. `outcome` is "pending" while it is in flight; `done_ns` is ns since the vantage's base."""

    probe: str
    key: str
    version: int
    checksum: str
    outcome: Outcome | Literal["pending"] = "pending"
    done_ns: int = 0


class Ledger:
    """Every write of a vantage, by probe. Safe to use from many threads."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._acknowledged: dict[str, deque[Entry]] = {}
        self._changed = threading.Condition()

    def send(self, entry: Entry) -> None:
        """Note a write. Called before it is sent, so that no listing can hold a key that is not in here."""
        with self._changed:
            self._entries.setdefault(entry.probe, {})[entry.key] = entry

    def done(self, entry: Entry, outcome: Outcome, done_ns: int) -> None:
        """Note what became of it."""
        with self._changed:
            entry.outcome = outcome
            entry.done_ns = done_ns
            if outcome == "ok":
                self._acknowledged.setdefault(entry.probe, deque()).append(entry)
            self._changed.notify_all()

    def newest(self, probe: str, before_ns: int) -> Entry | None:
        """The newest write that was acknowledged before `before_ns`, or None.

        `before_ns` must not go back from call to call by more than the calls of other threads overlap: older
        entries are dropped as newer ones come of age.
        """
        with self._changed:
            acknowledged = self._acknowledged.get(probe)
            if not acknowledged:
                return None
            while len(acknowledged) > 1 and acknowledged[1].done_ns <= before_ns:
                acknowledged.popleft()
            return acknowledged[0] if acknowledged[0].done_ns <= before_ns else None

    def entries(self, probe: str) -> list[Entry]:
        """Every write of `probe` that has been sent up to now."""
        with self._changed:
            return list(self._entries.get(probe, {}).values())

    def probes(self) -> list[str]:
        """The probes that wrote."""
        with self._changed:
            return list(self._entries)

    def unknown(self, probe: str, keys: Iterable[str]) -> list[str]:
        """Those of `keys` that were never sent."""
        with self._changed:
            known = self._entries.get(probe, {})
            return [key for key in keys if key not in known]

    def wait_done(self, entries: list[Entry], timeout_s: float) -> bool:
        """Wait until none of `entries` is in flight any more; False if that takes longer than `timeout_s`."""
        with self._changed:
            waiting = [entry for entry in entries if entry.outcome == "pending"]
            return self._changed.wait_for(lambda: all(e.outcome != "pending" for e in waiting), timeout_s)
