"""Heartbeats: how long an acknowledged write takes until another site has it, too.

Each heartbeat stream follows one write at a time. It asks the site for the newest write that was acknowledged, again
and again until the site has it, and then goes on to what is the newest by then. (Asking for the newest one each time
would see nothing at all where the lag is longer than the time between two writes.)
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from probes.deadline import Deadline
from probes.history import Operation, Stream
from probes.ledger import Entry, Ledger
from probes.probe import Answer, Asked, Probe, Sent, operation
from probes.spec import VantageSpec

# A write that the site does not have after so long may never come (it was lost, say): the next one is followed then.
GIVE_UP_NS = 60_000_000_000


@dataclass
class _Followed:
    """What one stream waits for. `entry` is borrowed from the ledger, so that its key is not changed meanwhile."""

    entry: Entry | None = None
    seen: bool = False
    asking: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Heartbeats:
    """Sends the heartbeat streams' operations and records them: kind `read`, with the key that was asked for.

    `ok` says that the site answered, also that it does not have the key (`observed_version` is None then). Until there
    is an acknowledged write, a turn asks for a key that is never written. `probes` has a probe for each heartbeat
    stream, by the stream's name, which asks that stream's site.
    """

    def __init__(
        self,
        spec: VantageSpec,
        probes: Mapping[str, Probe],
        ledger: Ledger,
        record: Callable[[Operation], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._spec = spec
        self._probes = probes
        self._ledger = ledger
        self._record = record
        self._now_ns = now_ns
        self._followed = {name: _Followed() for name in probes}

    def send(self, stream: Stream, seq: int, due_ns: int) -> None:
        """Send one heartbeat, once."""
        followed = self._followed[stream.name]
        entry = self._begin(stream, followed)
        asked = Asked(
            kind="read",
            connection=stream.connection,
            key=entry.key if entry else f"{self._spec.key_prefix}never-written",
            version=entry.version if entry else 0,
            checksum=entry.checksum if entry else "",
            absent_is_right=True,
        )
        sent_ns = self._now_ns()
        answer = self._probes[stream.name].send(asked, Deadline(stream.timeout_ns / 1e9))
        sent = Sent(
            vantage=self._spec.name,
            probe=stream.probe,
            stream=stream.name,
            seq=seq,
            due_ns=due_ns,
            sent_ns=sent_ns,
            done_ns=self._now_ns(),
            site=stream.site,
        )
        self._record(operation(sent, asked, answer))
        self._end(followed, entry, answer)

    def _begin(self, stream: Stream, followed: _Followed) -> Entry | None:
        with followed.lock:
            entry = followed.entry
            if entry is not None and not followed.asking and self._over(followed):
                self._ledger.give_back(entry)
                entry = followed.entry = None
            if entry is None:
                entry = followed.entry = self._ledger.borrow(stream.probe, self._now_ns())
                followed.seen = False
            followed.asking += entry is not None
            return entry

    def _over(self, followed: _Followed) -> bool:
        return followed.seen or (
            followed.entry is not None and self._now_ns() - followed.entry.done_ns > GIVE_UP_NS
        )  # fmt: skip

    def _end(self, followed: _Followed, entry: Entry | None, answer: Answer) -> None:
        if entry is None:
            return
        there = answer.outcome == "ok" and answer.observed_version is not None
        with followed.lock:
            followed.asking -= 1
            followed.seen = followed.seen or (there and (answer.observed_version or 0) >= entry.version)
