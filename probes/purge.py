"""Deletes what a vantage wrote, key by key, once nothing reads it any more: synthetic data is not left to pile up.

Exactly the keys of the ledger are deleted, each by itself, and nothing that only looks like them.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec

from probes.deadline import Deadline, DeadlinePassed
from probes.ledger import Entry, Ledger
from probes.probe import NOT_THERE, Asked, Probe
from probes.spec import AnyProbe, HttpProbe

# One deletion may take so long; and so many are under way at a time.
ATTEMPT_S = 5.0
DELETERS = 8
# So a probe says that its condition did not hold: the key may be there, with another version.
NEWER = "or is newer"
# A workload that refuses so many deletions one after the other will refuse the next: better said soon than waited for.
GIVES_UP_AFTER = 50


def purging(settings: AnyProbe) -> AnyProbe:
    """The settings of the probe that purges: an HTTP probe deletes by its request for that, where it has one."""
    if isinstance(settings, HttpProbe) and settings.purge is not None:
        return msgspec.structs.replace(settings, delete=settings.purge)
    return settings


class Purge:
    """One purge of one probe's keys. `stop` ends it early: what is not deleted by then is left."""

    def __init__(self, probe: Probe, deadline: Deadline, stop: threading.Event) -> None:
        self._probe = probe
        self._deadline = deadline
        self._stop = stop
        self._failed = 0  # in a row

    def run(self, ledger: Ledger, name: str) -> tuple[int, int]:
        """Delete every key that the ledger has of the probe `name`: how many there were, and how many are left."""
        keys = ledger.keys(name)
        try:
            if not self._probe.by_key("delete"):
                return len(keys), len(keys)
        except ValueError:  # the workload file does not say how to delete
            return len(keys), len(keys)
        with ThreadPoolExecutor(DELETERS, thread_name_prefix="purge") as deleters:
            left = sum(not gone for gone in deleters.map(self._delete, ledger.expected(name, keys)))
        return len(keys), left

    def _delete(self, entry: Entry) -> bool:
        if self._deadline.passed or self._stop.is_set() or self._failed >= GIVES_UP_AFTER:
            return False
        asked = Asked(
            kind="delete", connection="pooled", key=entry.key, version=entry.version, checksum=entry.checksum
        )  # fmt: skip
        try:
            answer = self._probe.send(asked, Deadline(min(ATTEMPT_S, self._deadline.remaining_s())))
        except DeadlinePassed:
            return False
        gone = answer.outcome == "ok" or (answer.error.startswith(NOT_THERE) and NEWER not in answer.error)
        self._failed = 0 if gone else self._failed + 1
        return gone
