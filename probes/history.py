"""The history of a drill: every operation and every mark. Judging reads this and nothing else.

On disk each vantage appends its operations to `history-<vantage>.jsonl`: a `Header` in the first line, an
`Operation` a line after it, a `ClockReading` among them every second, and an `End` in the last line if the vantage
ended in order. The runner appends its
marks to `marks.jsonl` in the same way. Times in a file are ns since that file's own base; loading moves them all
onto the axis of the marks.
"""

from functools import cached_property
from operator import attrgetter
from typing import Literal

import msgspec

from probes.clock import ClockBase

SCHEMA = "dr-drills/history/1"

Kind = Literal["write", "update", "delete", "read", "audit"]
Outcome = Literal["ok", "fail", "in-doubt"]
Connection = Literal["fresh", "pooled"]
Role = Literal["workload", "witness", "control", "heartbeat", "stale"]

# The points of a drill's timeline, in the order in which they usually come.
MarkName = Literal[
    "start", "steady", "complication asked", "complication effective", "complication held",
    "requested", "effective", "impact", "sign", "detected", "decided", "called off", "fenced", "promoted",
    "capacity", "routed", "first success", "stable", "confirmed", "not recovered", "audit", "audited", "undo", "undone",
    "converged", "failback start", "failback end", "metric", "region switch", "passive", "ready", "asked last",
    "purged", "notified", "acknowledged", "decided not to fail over", "automated", "not automated", "interrupted",
    "error", "end",
]  # fmt: skip


# What there are a million of is kept from the garbage collector (gc=False): it refers to nothing that refers back, and
# walking it again and again costs more than all of judging.
class ServedBy(msgspec.Struct, frozen=True, gc=False):
    """Who says it answered: Region, Availability Zone and instance, each empty where it was not said."""

    region: str = ""
    zone: str = ""
    instance: str = ""


class Operation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One transaction: when it was due, sent and done, and what came of it.

    `outcome`: `ok`; `fail` = provably not done (refused, never sent, a definite 4xx); `in-doubt` = sent, and nothing
    proves either way (timeout, reset after send, a 5xx that may have committed).
    `effects` is how often the store holds this key and version (audits only). `observed_version` is None where the
    store answered that it does not have the key. `replaced_version` is the version whose place an update took, where
    its answer says so. `site` is the site that an audit or a heartbeat asked by that site's
    own name; empty for everything that went to the workload's public name.
    """

    vantage: str
    probe: str
    stream: str
    seq: int
    kind: Kind
    due_ns: int
    sent_ns: int
    done_ns: int
    outcome: Outcome
    key: str = ""
    version: int = 0
    checksum: str = ""
    error: str = ""
    status: int = 0
    observed_version: int | None = None
    observed_checksum: str | None = None
    effects: int | None = None
    replaced_version: int | None = None
    served_by: ServedBy | None = None
    resolved_ip: str = ""
    connection: Connection = "fresh"
    site: str = ""

    @property
    def good(self) -> bool:
        """Whether the client got what it asked for."""
        return self.outcome == "ok"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One probe, one target, one connection style: what a vantage sends on one schedule.

    `role`: `workload` streams are judged against the objectives; a `witness` is aimed at one part of the workload
    (its `site` is that part's Availability Zone or Region, its `target` the instance); the `control` stream is aimed
    at something outside the blast radius, to prove that the vantage itself could ask; a `heartbeat` asks another site
    (`site`, by its own name `target`) for keys that were acknowledged, to time the replication to it; a `stale` one
    goes on writing to a site (as a heartbeat asks one) whoever serves the workload: a client that missed the failover.
    """

    name: str
    probe: str
    role: Role
    kind: Kind
    connection: Connection
    period_ns: int
    timeout_ns: int
    site: str = ""
    target: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of a vantage's history: its base, its streams, where it sent from.

    `audit_share` and `audit_whole_s` say which writes its audits read back, `audit_trail_s` how far what they read may
    trail (`probes.spec.VantageSpec`).
    """

    vantage: str
    base: ClockBase
    streams: tuple[Stream, ...]
    run: str
    drill: str
    key_prefix: str
    schema: str = SCHEMA
    host: str = ""
    audit_share: float = 1.0
    audit_whole_s: float = 0.0
    audit_trail_s: float = 0.0


class ClockReading(msgspec.Struct, frozen=True, kw_only=True, tag="clock"):
    """What a vantage's clocks said at one moment; a line among the operations, every second.

    `at_ns` is ns since the vantage's base, `utc_ns` ns of UTC since 1970 then. `asleep_ns` is how long the machine had
    slept since the base (None where the operating system does not say).
    """

    at_ns: int
    utc_ns: int
    asleep_ns: int | None = None


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """Last line of a history that ended in order.

    `operations` counts the operations before it; `unsent` the due operations that could not be sent for want of room.
    """

    operations: int
    unsent: int
    base: ClockBase


class Mark(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One point on the drill's timeline.

    `at_ns` is ns since the marks' base; `source` one of probe, witness, API, step, person, runner;
    `uncertainty_ns` how far before or after it may really have been; `says` one sentence for a reader.
    """

    name: MarkName
    at_ns: int
    source: str
    uncertainty_ns: int = 0
    says: str = ""
    data: dict[str, str | int | float | bool | None] = {}


class MarksHeader(msgspec.Struct, frozen=True, kw_only=True):
    """First line of `marks.jsonl`."""

    base: ClockBase
    run: str
    drill: str
    schema: str = "dr-drills/marks/1"


class VantageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one vantage left: header, end (None if it did not end in order), clocks, how many torn lines were dropped.

    The clock readings' `at_ns` are on the history's axis, as the operations are.
    """

    header: Header
    end: End | None
    torn: int = 0
    clocks: tuple[ClockReading, ...] = ()


class History(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All of a drill, on one axis: operations in the order in which they were sent, and marks in time order.

    `torn_marks` counts marks that were begun and not ended, which a runner leaves that died: 0 or 1.
    """

    base: ClockBase
    vantages: tuple[VantageRecord, ...]
    operations: tuple[Operation, ...]
    marks: tuple[Mark, ...]
    torn_marks: int = 0

    @cached_property
    def by_stream(self) -> dict[tuple[str, str], tuple[Operation, ...]]:
        """The operations of each vantage's streams and audits, in the order of sending (at one moment, of numbering).

        The key is (vantage, stream or audit). Put together once for a history, because every check asks for it.
        """
        found: dict[tuple[str, str], list[Operation]] = {}
        for operation in self.operations:
            found.setdefault((operation.vantage, operation.stream), []).append(operation)
        order = attrgetter("sent_ns", "seq")
        return {name: tuple(sorted(operations, key=order)) for name, operations in found.items()}

    def streams(self, role: Role | None = None) -> tuple[Stream, ...]:
        """Every stream of every vantage, or those of one role."""
        return tuple(s for v in self.vantages for s in v.header.streams if role is None or s.role == role)

    def mark(self, name: MarkName) -> Mark | None:
        """The first mark of that name, or None."""
        return next((m for m in self.marks if m.name == name), None)
