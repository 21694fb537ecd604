"""The ledger against the audits: what the workload still has of each write that it was sent.

A row a write, with its class. "Before" means over before the other was sent, as everywhere.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from probes.history import History, Operation
from reports.bounds import seconds
from reports.losses import GONE, Class, LossRow
from reports.phases import phases_of
from reports.words import utc_text

Found = Literal["present", "absent", "older", "corrupt", "unread", "not asked"]


class Audit(msgspec.Struct, frozen=True):
    """One reading back. `answers` holds the last answer for each key that got one."""

    name: str
    began_ns: int
    ended_ns: int
    answers: dict[str, Operation]


class Audits(msgspec.Struct, frozen=True):
    """The two that judge: before healing, and after. Either may be missing."""

    at_failover: Audit | None
    after_heal: Audit | None

    @property
    def all(self) -> tuple[Audit, ...]:
        """Those that there are, in time order."""
        return tuple(a for a in (self.at_failover, self.after_heal) if a is not None)


class Fate(msgspec.Struct, frozen=True):
    """What became of one write. `loss_class` is None where it simply survived (or was never done, and is not there).

    `judged` says whether any audit speaks of it; `for_good` whether it was still missing in the last one.
    """

    write: Operation
    at_failover: Found
    after_heal: Found
    loss_class: Class | None
    judged: bool
    for_good: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that it is done."""
        return self.write.good

    @property
    def gone(self) -> bool:
        """Whether it is acknowledged data that an audit did not find."""
        return self.loss_class in GONE


class Ledger(msgspec.Struct, frozen=True):
    """All writes of the judged streams, in the order in which they were sent, and what nobody sent."""

    audits: Audits
    fates: tuple[Fate, ...]
    unexpected: tuple[Operation, ...]

    def of_class(self, *classes: Class) -> tuple[Fate, ...]:
        """The writes of these classes."""
        return tuple(f for f in self.fates if f.loss_class in classes)


def audits_of(history: History) -> Audits:
    """The first audit that began before `undo` did, and the last one that is not it.

    An audit that began after `undo` is one after healing even if it is the only one.
    """
    named: dict[str, list[Operation]] = {}
    for operation in history.operations:
        if operation.kind == "audit":
            named.setdefault(operation.stream, []).append(operation)
    audits = sorted((_audit(name, ops) for name, ops in named.items()), key=lambda a: a.began_ns)
    undo_ns = phases_of(history).until_ns
    first = audits[0] if audits and (undo_ns is None or audits[0].began_ns < undo_ns) else None
    rest = [a for a in audits if a is not first]
    return Audits(first, rest[-1] if rest else None)


def _audit(name: str, operations: Sequence[Operation]) -> Audit:
    ordered = sorted(operations, key=lambda o: (o.sent_ns, o.seq))
    answers = {o.key: o for o in ordered if o.good}
    return Audit(name, min(o.due_ns for o in ordered), max(o.done_ns for o in ordered), answers)


def ledger(history: History) -> Ledger:
    """Classify every write of the judged streams."""
    judged = {(v.header.vantage, s.name) for v in history.vantages for s in v.header.streams if s.role == "workload"}
    writes = [
        o
        for o in history.operations
        if o.kind in ("write", "update", "delete") and (o.vantage, o.stream) in judged
    ]  # fmt: skip
    audits = audits_of(history)
    deletes: dict[str, list[Operation]] = {}
    sends: dict[tuple[str, int], int] = {}
    for write in writes:
        sends[write.key, write.version] = sends.get((write.key, write.version), 0) + 1
        if write.kind == "delete" and write.outcome != "fail":
            deletes.setdefault(write.key, []).append(write)
    fates = tuple(_fate(w, audits, deletes.get(w.key, ()), sends[w.key, w.version]) for w in writes)
    prefixes = tuple(v.header.key_prefix for v in history.vantages)
    return Ledger(audits, fates, _unexpected(audits, sends, prefixes))


def _fate(write: Operation, audits: Audits, deletes: Sequence[Operation], sends: int) -> Fate:
    first, last = _found(write, audits.at_failover), _found(write, audits.after_heal)
    judged = any(found != "not asked" for found in (first, last))
    later = [d for d in deletes if d is not write and d.done_ns > write.sent_ns]
    if write.kind == "delete":
        found = _delete_class(write, audits, (first, last))
    elif later and {first, last} & {"absent", "older"}:
        found = None  # a delete that may have come after it explains what is missing
    else:
        found = _class(write, first, last)
        if found is None and any(_effects(write, a) > sends for a in audits.all):
            found = "duplicated"
    for_good = found in GONE and (last in ("absent", "older") or (audits.after_heal is None))
    return Fate(write, first, last, found, judged, for_good)


def _found(write: Operation, audit: Audit | None) -> Found:
    """What one audit says of one write: nothing if it was sent after the audit began or was still under way."""
    if audit is None or write.sent_ns >= audit.began_ns:
        return "not asked"
    answer = audit.answers.get(write.key)
    if answer is None:
        return "unread"
    if answer.observed_version is None or answer.observed_version < write.version:
        if answer.sent_ns < write.done_ns:
            return "not asked"
        return "absent" if answer.observed_version is None else "older"
    if answer.observed_version > write.version:
        return "not asked"  # a later write took its place: the answer would be the same had it been lost
    return "corrupt" if _differs(answer.observed_checksum, write.checksum) else "present"


def _differs(observed: str | None, written: str) -> bool:
    return bool(written) and observed is not None and observed != written


def _effects(write: Operation, audit: Audit) -> int:
    answer = audit.answers.get(write.key)
    if answer is None or answer.effects is None or answer.observed_version != write.version:
        return 0
    return answer.effects


def _delete_class(write: Operation, audits: Audits, found: tuple[Found, Found]) -> Class | None:
    """A delete is the other way round: what is there at its version or below, once it was acknowledged, came back."""
    answers = [a.answers[write.key] for a in audits.all if write.key in a.answers]
    back = [o for o in answers if o.observed_version is not None and o.observed_version <= write.version]
    if write.good and any(o.sent_ns >= write.done_ns for o in back):
        return "resurrected"
    return "unread" if "unread" in found and not answers else None


def _class(write: Operation, first: Found, last: Found) -> Class | None:
    if write.outcome == "ok":
        return _acknowledged_class(first, last)
    seen = {first, last}
    if write.outcome == "fail":
        there = bool(seen & {"present", "corrupt"})
        return "phantom" if there else "unread" if "unread" in seen and not seen & {"absent", "older"} else None
    latest = last if last not in ("not asked", "unread") else first
    classes: dict[Found, Class] = {
        "corrupt": "corrupt",
        "present": "in-doubt recovered",
        "absent": "in-doubt vanished",
        "older": "in-doubt vanished",
        "unread": "unread",
    }
    return classes.get("unread" if latest == "not asked" and "unread" in seen else latest)


def _acknowledged_class(first: Found, last: Found) -> Class | None:
    if last in ("absent", "older"):
        return "lost" if last == "absent" else "rolled back"
    if first in ("absent", "older"):
        if last in ("present", "corrupt"):
            return "late" if last == "present" else "corrupt"
        return "lost" if first == "absent" else "rolled back"
    if "corrupt" in (first, last):
        return "corrupt"
    if first == "unread" or (first == "not asked" and last == "unread"):
        return "unread"
    return None


def _unexpected(audits: Audits, sent: dict[tuple[str, int], int], prefixes: tuple[str, ...]) -> tuple[Operation, ...]:
    """Answers that hold a key or a version of ours that was never sent. Other people's keys do not count."""
    found: dict[tuple[str, int], Operation] = {}
    for audit in audits.all:
        for answer in audit.answers.values():
            version = answer.observed_version
            if version is not None and answer.key.startswith(prefixes) and (answer.key, version) not in sent:
                found.setdefault((answer.key, version), answer)
    return tuple(found.values())


def loss_rows(found: Ledger, history: History) -> list[LossRow]:
    """Every write that is not simply there, for `losses.csv`."""
    start_ns = phases_of(history).start_ns
    rows = [_row(f, found.audits, start_ns, history) for f in found.fates if f.loss_class is not None]
    return rows + [_stranger(o, found.audits) for o in found.unexpected]


def _stranger(answer: Operation, audits: Audits) -> LossRow:
    """A key that nobody sent: only the audits know it."""

    def says(audit: Audit | None) -> str:
        seen = audit.answers.get(answer.key) if audit else None
        return f"version {seen.observed_version}" if seen is not None else ""

    return LossRow(
        key=answer.key,
        version=answer.observed_version or 0,
        loss_class="unexpected",
        vantage=answer.vantage,
        stream=answer.stream,
        seq=answer.seq,
        at_failover=says(audits.at_failover),
        after_heal=says(audits.after_heal),
    )


def _row(fate: Fate, audits: Audits, start_ns: int, history: History) -> LossRow:
    write = fate.write
    return LossRow(
        key=write.key,
        version=write.version,
        loss_class=fate.loss_class or "unread",
        vantage=write.vantage,
        stream=write.stream,
        seq=write.seq,
        sent_s=seconds(write.sent_ns - start_ns),
        done_s=seconds(write.done_ns - start_ns),
        sent_utc=utc_text(history.base.utc_of(write.sent_ns)),
        done_utc=utc_text(history.base.utc_of(write.done_ns)),
        at_failover=_says(write, fate.at_failover, audits.at_failover),
        after_heal=_says(write, fate.after_heal, audits.after_heal),
    )


def _says(write: Operation, found: Found, audit: Audit | None) -> str:
    if audit is None or found == "not asked":
        return ""
    if found == "older":
        return f"version {audit.answers[write.key].observed_version}"
    if found == "present" and _effects(write, audit) > 1:
        return f"{_effects(write, audit)} effects"
    return {"corrupt": "bad checksum"}.get(found, found)


def lost_writes(fates: Iterable[Fate]) -> list[Operation]:
    """The acknowledged writes that count as lost."""
    return [f.write for f in fates if f.gone]
