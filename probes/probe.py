"""What a probe is: it sends one transaction once and says what came of it.

A new kind of probe is one file `probes/<tag>.py`, named after the tag of its settings in `probes.spec`, with
`build(settings, network) -> Probe`.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec

from probes.deadline import Deadline
from probes.history import Connection, Kind, Operation, Outcome, ServedBy
from probes.network import Network

# So a probe begins to say that it found nothing under a key that was acknowledged.
NOT_THERE = "an acknowledged key is not there"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One transaction to send.

    `key` is empty where there is nothing to ask for by key; `absent_is_right` says that the key was never written, so
    that "no such key" is the right answer.
    """

    kind: Kind
    connection: Connection
    key: str = ""
    version: int = 0
    checksum: str = ""
    payload: str = ""
    target: str = ""
    absent_is_right: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of it; the fields are those of `probes.history.Operation`."""

    outcome: Outcome
    error: str = ""
    status: int = 0
    observed_version: int | None = None
    observed_checksum: str | None = None
    effects: int | None = None
    replaced_version: int | None = None
    served_by: ServedBy | None = None
    resolved_ip: str = ""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One entry of a bulk audit. `version`, `checksum` and `effects` are None where the listing does not say."""

    key: str
    version: int | None
    checksum: str | None
    effects: int | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a bulk audit.

    `items` are only to be believed if `answer.outcome` is ok; an empty `cursor` means that this was the last page.
    """

    answer: Answer
    items: tuple[Listed, ...] = ()
    cursor: str = ""


class Probe(Protocol):
    """One kind of synthetic transaction. Safe to use from many threads."""

    def by_key(self, kind: Kind) -> bool:
        """Whether an operation of this kind names a key. Raises `ValueError` where the probe cannot do this kind."""

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Send it once, within the deadline. Never raises for what the workload or the network did."""

    def close(self) -> None:
        """Close every connection that is kept."""


@runtime_checkable
class Lister(Protocol):
    """A probe that can also read back in bulk."""

    @property
    def lists(self) -> bool:
        """Whether it has been told how to."""

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        """Ask for the page at `cursor` (empty: the first) of all keys that start with `prefix`."""


@runtime_checkable
class Batcher(Protocol):
    """A probe that can read many keys back at once, but cannot list what it was never told of."""

    @property
    def batch_size(self) -> int:
        """How many keys one batch may hold."""

    def batch(self, asked: Sequence[Asked], deadline: Deadline) -> Sequence[Answer]:
        """Ask for all these keys within the deadline: an answer for each, in their order, as `send` would give it.

        Never raises for what the workload or the network did: a key that was not read has an answer that is not ok.
        """


def build_probe(settings: msgspec.Struct, network: Network) -> Probe:
    """Make the probe that `settings` describe. Raises `ValueError` where they cannot work."""
    tag = settings.__struct_config__.tag
    module: Any = importlib.import_module(f"probes.{tag}")
    probe: Probe = module.build(settings, network)
    return probe


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One sending of a transaction: by whom, in which stream, and when, in ns on the vantage's axis.

    `site` is the site that an audit or a heartbeat asks by its own name, or empty.
    """

    vantage: str
    probe: str
    stream: str
    seq: int
    due_ns: int
    sent_ns: int
    done_ns: int
    site: str = ""


def operation(sent: Sent, asked: Asked, answer: Answer) -> Operation:
    """Put together what is written down of one transaction."""
    return Operation(
        vantage=sent.vantage,
        probe=sent.probe,
        stream=sent.stream,
        seq=sent.seq,
        kind=asked.kind,
        due_ns=sent.due_ns,
        sent_ns=sent.sent_ns,
        done_ns=sent.done_ns,
        outcome=answer.outcome,
        key=asked.key,
        version=asked.version,
        checksum=asked.checksum,
        error=answer.error,
        status=answer.status,
        observed_version=answer.observed_version,
        observed_checksum=answer.observed_checksum,
        effects=answer.effects,
        replaced_version=answer.replaced_version,
        served_by=answer.served_by,
        resolved_ip=answer.resolved_ip,
        connection=asked.connection,
        site=sent.site,
    )
