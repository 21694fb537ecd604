"""Turns a stream's turn into a transaction, sends it once and writes down what came of it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probes.deadline import Deadline
from probes.history import Operation, Stream
from probes.ledger import Change, Entry, Ledger, checksum_of, payload_of
from probes.probe import Asked, Probe, Sent, operation
from probes.spec import READ_AFTER_S, HttpProbe, VantageSpec

# A key is changed only so long after it was acknowledged: the reads of what it held come first.
CHANGE_AFTER_NS = 1_000_000_000
FIRST_VERSION = 1
_NS_PER_S = 1_000_000_000
# Digits of the sequence number at the end of a key, which counts up.
SEQ_DIGITS = 8


@dataclass(frozen=True)
class _Turn:
    """What is sent in one turn: `entry` is what it changes in the ledger, `borrowed` what it reads of it."""

    asked: Asked
    entry: Entry | None = None
    borrowed: Entry | None = None


class Transactions:
    """Sends the operations of a vantage's streams and records them.

    A write has a key of its own, `<key prefix><number of its stream>-<seq>`. A read asks for the newest acknowledged
    key of the same probe (`HttpProbe.read_after_s`, else `READ_AFTER_S`) that nothing is being changed of; until
    there is one it asks for a key that is never written, and "no such key" is the right answer. Where the spec says
    `read_back`, every second read asks for any acknowledged key instead, chosen by the seed. An update or a delete
    takes the key that was acknowledged longest ago (`CHANGE_AFTER_NS`) and that nothing is in flight for; an update
    writes its next version, and a deleted key is never used again. Where no key is ready, the turn is not left out,
    because a stream that says nothing cannot show that the service is down: it writes a key of its own, and is
    recorded as the write that it is.
    Payloads follow from the seed; which key is changed follows from the order of the acknowledgements.
    `record` is called with each operation; times are ns by `now_ns`. `at_sites` has by its stream's name what asks one
    site in place of the stream's probe.
    Raises `ValueError` for a stream whose probe cannot do what the stream wants.
    """

    def __init__(
        self,
        spec: VantageSpec,
        probes: Mapping[str, Probe],
        ledger: Ledger,
        record: Callable[[Operation], None],
        now_ns: Callable[[], int],
        *,
        at_sites: Mapping[str, Probe] | None = None,
    ) -> None:
        self._spec = spec
        self._ledger = ledger
        self._record = record
        self._now_ns = now_ns
        self._read_after_ns = [_read_after_ns(stream, spec) for stream in spec.streams]
        self._by_key = [_by_key(stream, probes) for stream in spec.streams]
        sites = at_sites or {}
        self._senders = [sites.get(stream.name, probes[stream.probe]) for stream in spec.streams]

    def send(self, index: int, seq: int, due_ns: int) -> None:
        """Send operation `seq` of stream number `index`, once."""
        stream = self._spec.streams[index]
        turn = self._turn(index, seq)
        sent_ns = self._now_ns()
        if turn.entry is not None:
            turn.entry.sent_ns = sent_ns
        answer = self._senders[index].send(turn.asked, Deadline(stream.timeout_ns / 1e9))
        done_ns = self._now_ns()
        sent = Sent(
            vantage=self._spec.name,
            probe=stream.probe,
            stream=stream.name,
            seq=seq,
            due_ns=due_ns,
            sent_ns=sent_ns,
            done_ns=done_ns,
            site=stream.site if stream.role == "stale" else "",
        )
        self._record(operation(sent, turn.asked, answer))
        if turn.entry is not None:
            self._ledger.done(turn.entry, answer.outcome, done_ns)
        if turn.borrowed is not None:
            self._ledger.give_back(turn.borrowed)

    def _turn(self, index: int, seq: int) -> _Turn:
        stream = self._spec.streams[index]
        if not self._by_key[index]:
            return _Turn(Asked(kind=stream.kind, connection=stream.connection, target=stream.target))
        if stream.kind == "write":
            return self._write(index, seq)
        if stream.kind in ("update", "delete"):
            return self._change(index, seq)
        return self._read(index, seq)

    def _read(self, index: int, seq: int) -> _Turn:
        stream = self._spec.streams[index]
        any_of = self._drawn(index, seq) if self._spec.read_back and seq % 2 else None
        entry = self._ledger.borrow(stream.probe, self._now_ns() - self._read_after_ns[index], any_of)
        asked = Asked(
            kind=stream.kind,
            connection=stream.connection,
            target=stream.target,
            key=entry.key if entry else f"{self._spec.key_prefix}never-written",
            version=entry.version if entry else 0,
            checksum=entry.checksum if entry else "",
            absent_is_right=entry is None,
        )
        return _Turn(asked, borrowed=entry)

    def _write(self, index: int, seq: int) -> _Turn:
        stream = self._spec.streams[index]
        key = f"{stream_prefix(self._spec.key_prefix, index)}{seq:0{SEQ_DIGITS}d}"
        entry = Entry(stream.probe, key, FIRST_VERSION, self._checksum(key, FIRST_VERSION))
        self._ledger.send(entry)
        return self._sending(stream, entry)

    def _change(self, index: int, seq: int) -> _Turn:
        stream = self._spec.streams[index]
        before_ns = self._now_ns() - CHANGE_AFTER_NS
        kind: Change = "update" if stream.kind == "update" else "delete"
        entry = self._ledger.change(stream.probe, kind, before_ns, self._checksum)
        return self._write(index, seq) if entry is None else self._sending(stream, entry)

    def _sending(self, stream: Stream, entry: Entry) -> _Turn:
        payload = "" if entry.kind == "delete" else payload_of(self._spec.seed, entry.key, entry.version)
        asked = Asked(
            kind=entry.kind,
            connection=stream.connection,
            target=stream.target,
            key=entry.key,
            version=entry.version,
            checksum=entry.checksum,
            payload=payload,
        )
        return _Turn(asked, entry)

    def _drawn(self, index: int, seq: int) -> int:
        """A number for one read that follows from the seed, like one drawn by lot."""
        return int.from_bytes(hashlib.sha256(f"{self._spec.seed}|{index}|{seq}".encode()).digest()[:8], "big")

    def _checksum(self, key: str, version: int) -> str:
        return checksum_of(key, version, payload_of(self._spec.seed, key, version))


def stream_prefix(key_prefix: str, index: int) -> str:
    """What the keys begin with that stream number `index` of a vantage writes."""
    return f"{key_prefix}{index:02d}-"


def _read_after_ns(stream: Stream, spec: VantageSpec) -> int:
    settings = spec.probes.get(stream.probe)
    return round((settings.read_after_s if isinstance(settings, HttpProbe) else READ_AFTER_S) * _NS_PER_S)


def _by_key(stream: Stream, probes: Mapping[str, Probe]) -> bool:
    if stream.probe not in probes:
        raise ValueError(f"stream {stream.name!r}: there is no probe {stream.probe!r}")
    probe = probes[stream.probe]
    try:
        by_key = probe.by_key(stream.kind)
        makes_keys = stream.kind not in ("update", "delete") or (by_key and probe.by_key("write"))
    except ValueError as error:
        raise ValueError(f"stream {stream.name!r}: {error}") from None
    if not makes_keys:
        raise ValueError(f"stream {stream.name!r}: to {stream.kind} takes a key, and a write that makes one")
    return by_key
