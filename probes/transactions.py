"""Turns a stream's turn into a transaction, sends it once and writes down what came of it."""

from collections.abc import Callable, Mapping

from probes.deadline import Deadline
from probes.history import Operation, Stream
from probes.ledger import Entry, Ledger, checksum_of, payload_of
from probes.probe import Asked, Probe, Sent, operation
from probes.spec import VantageSpec

# A read asks for the newest key that was acknowledged at least so long ago: time for a reader that is allowed to
# trail its writer a little (Aurora's: "usually much less than 100 ms"), and still a key that a loss would take.
READ_AFTER_NS = 500_000_000
FIRST_VERSION = 1


class Transactions:
    """Sends the operations of a vantage's streams and records them.

    A write has a key of its own, `<key prefix><number of its stream>-<seq>`. A read asks for an acknowledged key of
    the same probe (`READ_AFTER_NS`); until there is one it asks for a key that is never written, and "no such key" is
    the right answer. `record` is called with each operation; times are ns by `now_ns`.
    Raises `ValueError` for a stream whose probe cannot do what the stream wants.
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
        self._by_key = [_by_key(stream, probes) for stream in spec.streams]

    def send(self, index: int, seq: int, due_ns: int) -> None:
        """Send operation `seq` of stream number `index`, once."""
        stream = self._spec.streams[index]
        asked = self._asked(index, seq)
        entry = None
        if stream.kind == "write" and asked.key:
            entry = Entry(probe=stream.probe, key=asked.key, version=asked.version, checksum=asked.checksum)
            self._ledger.send(entry)
        probe = self._probes[stream.probe]
        sent_ns = self._now_ns()
        answer = probe.send(asked, Deadline(stream.timeout_ns / 1e9))
        done_ns = self._now_ns()
        sent = Sent(
            vantage=self._spec.name,
            probe=stream.probe,
            stream=stream.name,
            seq=seq,
            due_ns=due_ns,
            sent_ns=sent_ns,
            done_ns=done_ns,
        )
        self._record(operation(sent, asked, answer))
        if entry is not None:
            self._ledger.done(entry, answer.outcome, done_ns)

    def _asked(self, index: int, seq: int) -> Asked:
        stream = self._spec.streams[index]
        if not self._by_key[index]:
            return Asked(kind=stream.kind, connection=stream.connection, target=stream.target)
        if stream.kind == "write":
            return self._write(index, seq)
        entry = self._ledger.newest(stream.probe, self._now_ns() - READ_AFTER_NS)
        return Asked(
            kind=stream.kind,
            connection=stream.connection,
            target=stream.target,
            key=entry.key if entry else f"{self._spec.key_prefix}never-written",
            version=entry.version if entry else 0,
            checksum=entry.checksum if entry else "",
            absent_is_right=entry is None,
        )

    def _write(self, index: int, seq: int) -> Asked:
        stream = self._spec.streams[index]
        key = f"{self._spec.key_prefix}{index:02d}-{seq:08d}"
        payload = payload_of(self._spec.seed, key)
        return Asked(
            kind=stream.kind,
            connection=stream.connection,
            target=stream.target,
            key=key,
            version=FIRST_VERSION,
            checksum=checksum_of(key, FIRST_VERSION, payload),
            payload=payload,
        )


def _by_key(stream: Stream, probes: Mapping[str, Probe]) -> bool:
    if stream.probe not in probes:
        raise ValueError(f"stream {stream.name!r}: there is no probe {stream.probe!r}")
    try:
        return probes[stream.probe].by_key(stream.kind)
    except ValueError as error:
        raise ValueError(f"stream {stream.name!r}: {error}") from None
