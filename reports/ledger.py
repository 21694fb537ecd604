"""The ledger against the audits: what the workload still has of each write that it was sent.

A row a write, with its class; updates and deletes are writes, too. "Before" means over before the other was sent, as
everywhere. An answer speaks against a write only if nothing else that was sent explains it (`reports.sent`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from probes.history import History, Operation
from probes.ledger import in_sample, whole_since_ns
from reports.bounds import NS_PER_S, seconds
from reports.losses import Class, LossRow
from reports.phases import phases_of
from reports.sent import Sends, all_changes, judged_changes
from reports.words import utc_text

# `deleted` and `back` are said of a delete: the key is not there, or (again) is. `not sampled` and `not asked` say
# nothing of the write: the audit left its key out, or its answer would be the same with and without the write.
Found = Literal["present", "absent", "older", "corrupt", "unread", "not asked", "not sampled", "deleted", "back"]
MISSING: tuple[Found, ...] = ("absent", "older", "back")
SILENT: tuple[Found, ...] = ("not asked", "not sampled")
BACK: tuple[Found, ...] = ("present", "deleted")


class Reading(msgspec.Struct, frozen=True):
    """How one vantage audits: from when on, and which of its keys. `since_ns` and `share` as in `probes.ledger`.

    Where several sites take writes, what is read back at one may trail what another took by `trail_ns`: of a write that
    was sent since `fault_ns` and was done less than that before it was looked for, its absence says nothing. What was
    sent before the fault is never excused so: what a lost site had not passed on is just what is looked for.
    """

    began_ns: int
    share: float
    since_ns: int
    trail_ns: int = 0
    fault_ns: int = 0

    def trails(self, write: Operation, answer: Operation) -> bool:
        """Whether the site that answered may just not have had that write yet."""
        return write.sent_ns >= self.fault_ns and answer.sent_ns < write.done_ns + self.trail_ns


class Audit(msgspec.Struct, frozen=True):
    """One reading back. `answers` holds the last answer for each key that got one; `readings` is by vantage."""

    name: str
    began_ns: int
    ended_ns: int
    answers: dict[str, Operation]
    readings: dict[str, Reading]
    first: Operation
    last: Operation

    def reads(self, write: Operation, sends: Sends) -> bool:
        """Whether it was to read the key of this write, given that it was sent before the audit began."""
        reading = self.readings[write.vantage]
        if reading.share >= 1.0 or in_sample(write.key, reading.share):
            return True
        return (sends.last_sent_ns(write.key, reading.began_ns) or 0) >= reading.since_ns


class Audits(msgspec.Struct, frozen=True):
    """The two that judge: before healing, and after. Either may be missing.

    `last` is the last of all where that is a third one, after the way home: it judges no loss, but what it finds again
    was not lost for good.
    """

    at_failover: Audit | None
    after_heal: Audit | None
    last: Audit | None = None

    @property
    def all(self) -> tuple[Audit, ...]:
        """Those that judge, as far as there are any, in time order."""
        return tuple(a for a in (self.at_failover, self.after_heal) if a is not None)

    @property
    def final(self) -> Audit | None:
        """The one that says what came back: the last after healing; None: nobody looked then."""
        return self.last or self.after_heal


class Fate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one write. `loss_class` is None where it simply survived (or was never done, and is not there).

    `judged`: an audit speaks of it. `gone`: it was acknowledged, and an audit did not find it (or found what it had
    deleted). `final` is what `Audits.final` found of one that is gone, and `after_heal` of any other. `kept`: an audit
    proves that the data holds it. `corrupt` and `duplicated` are said of it whatever its class.
    """

    write: Operation
    at_failover: Found
    after_heal: Found
    final: Found
    loss_class: Class | None
    judged: bool
    gone: bool = False
    kept: bool = False
    corrupt: bool = False
    duplicated: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that it is done."""
        return self.write.good

    @property
    def for_good(self) -> bool:
        """Whether it was still gone when the data was last looked at after healing."""
        return self.gone and self.final in MISSING


class Ledger(msgspec.Struct, frozen=True):
    """All writes of the judged streams, in the order in which they were sent, and what nobody sent."""

    audits: Audits
    fates: tuple[Fate, ...]
    unexpected: tuple[Operation, ...]

    def of_class(self, *classes: Class) -> tuple[Fate, ...]:
        """The writes of these classes."""
        return tuple(f for f in self.fates if f.loss_class in classes)


def audits_of(history: History) -> Audits:
    """The first audit that began before `undo` did, and the last one before the way home that is not it.

    An audit that began after `undo` is one after healing even if it is the only one. One after the way home is not:
    what is missing then may have been lost on it (`reports.failback`).
    """
    phases = phases_of(history)
    every = all_audits(history)
    audits = [a for a in every if phases.failback_ns is None or a.began_ns < phases.failback_ns]
    undo_ns = phases.until_ns
    first = audits[0] if audits and (undo_ns is None or audits[0].began_ns < undo_ns) else None
    rest = [a for a in audits if a is not first]
    return Audits(first, rest[-1] if rest else None, every[-1] if len(every) > len(audits) else None)


def all_audits(history: History, site: str = "") -> list[Audit]:
    """Every audit of the workload's public name, or of one site's own name, in time order."""
    named: dict[str, list[Operation]] = {}
    for operation in history.operations:
        if operation.kind == "audit" and operation.site == site:
            named.setdefault(operation.stream, []).append(operation)
    return sorted((_audit(name, ops, history) for name, ops in named.items()), key=lambda a: a.began_ns)


def _audit(name: str, operations: Sequence[Operation], history: History) -> Audit:
    ordered = sorted(operations, key=lambda o: (o.sent_ns, o.seq))
    answers = {o.key: o for o in ordered if o.good}
    began_ns: dict[str, int] = {}
    for o in ordered:
        began_ns[o.vantage] = min(o.due_ns, began_ns.get(o.vantage, o.due_ns))
    first_ns = min(began_ns.values())
    readings, fault = {}, history.mark("requested")
    for header in (v.header for v in history.vantages):
        since_ns = began_ns.get(header.vantage, first_ns)
        whole_ns = whole_since_ns(since_ns, header.audit_whole_s)
        trail_ns = round(header.audit_trail_s * NS_PER_S)
        readings[header.vantage] = Reading(
            since_ns, header.audit_share, whole_ns, trail_ns, 0 if fault is None else fault.at_ns
        )
    return Audit(name, first_ns, max(o.done_ns for o in ordered), answers, readings, ordered[0], ordered[-1])


def ledger(history: History) -> Ledger:
    """Classify every write of the judged streams."""
    return ledger_by(history, audits_of(history))


def ledger_by(history: History, audits: Audits) -> Ledger:
    """The same by these two audits."""
    writes = judged_changes(history)
    sends = Sends(all_changes(history))
    fates = tuple(_fate(w, audits, sends) for w in writes)
    prefixes = tuple(v.header.key_prefix for v in history.vantages)
    return Ledger(audits, fates, _unexpected(audits, sends, prefixes))


def _fate(write: Operation, audits: Audits, sends: Sends) -> Fate:
    first, last = _found(write, audits.at_failover, sends), _found(write, audits.after_heal, sends)
    corrupt = "corrupt" in (first, last)
    duplicated = write.outcome != "fail" and any(_too_often(write, a, sends) for a in audits.all)
    found = _class(write, first, last)
    if duplicated and found in (None, "in-doubt recovered"):
        found = "duplicated"
    gone = write.good and (first in MISSING or last in MISSING)
    final = last if audits.last is None or not gone else _found(write, audits.last, sends)
    if found in _GONE_AS.values() and final in BACK:
        found = "late"
    return Fate(
        write=write,
        at_failover=first,
        after_heal=last,
        final=final,
        loss_class=found,
        judged=first not in SILENT or last not in SILENT,
        gone=gone,
        kept=write.good and not gone and not corrupt and _kept(write, audits, first, last),
        corrupt=corrupt,
        duplicated=duplicated,
    )


def _kept(write: Operation, audits: Audits, first: Found, last: Found) -> bool:
    """Whether the data held it at the failover.

    What is there after healing may have come back only then, with a delete that hides that it was gone; so the later
    audit speaks only for what was sent after the first one began.
    """
    audit = audits.at_failover
    if audit is None or write.sent_ns >= audit.readings[write.vantage].began_ns:
        return last == "present"
    return first == "present"


def _found(write: Operation, audit: Audit | None, sends: Sends) -> Found:
    """What one audit says of one write: nothing if it was sent after the audit began or was still under way."""
    if audit is None or write.sent_ns >= audit.readings[write.vantage].began_ns:
        return "not asked"
    answer = audit.answers.get(write.key)
    if answer is None:
        return "unread" if audit.reads(write, sends) else "not sampled"
    found = _deleted(write, answer, sends) if write.kind == "delete" else _stored(write, answer, sends)
    return "not asked" if found in MISSING and audit.readings[write.vantage].trails(write, answer) else found


def _stored(write: Operation, answer: Operation, sends: Sends) -> Found:
    observed = answer.observed_version
    if observed == write.version:
        return "corrupt" if _differs(answer.observed_checksum, write.checksum) else "present"
    if sends.explained(observed, answer, write):
        return "not asked"  # a later write took its place: the answer would be the same had it been lost
    if observed is not None and observed > write.version and not sends.makers(write.key, observed):
        return "corrupt"  # a newer version than any that was sent: what was written is not what is there
    if answer.sent_ns < write.done_ns:
        return "not asked"
    return "absent" if observed is None else "older"


def _deleted(write: Operation, answer: Operation, sends: Sends) -> Found:
    """A delete is the other way round: what was there before it, once it was acknowledged, came back."""
    observed = answer.observed_version
    if observed is None:
        return "deleted"
    if answer.sent_ns < write.done_ns or sends.explained(observed, answer, write):
        return "not asked"
    known = observed <= write.version or sends.makers(write.key, observed)
    return "back" if known else "not asked"


def _differs(observed: str | None, written: str) -> bool:
    return bool(written) and observed is not None and observed != written


def _effects(write: Operation, audit: Audit) -> int:
    answer = audit.answers.get(write.key)
    if write.kind == "delete" or answer is None or answer.observed_version != write.version:
        return 0
    return answer.effects or 0


def _too_often(write: Operation, audit: Audit, sends: Sends) -> bool:
    """More than one effect of what was sent once; after the audit began there may be more."""
    effects = _effects(write, audit)
    return effects > 1 and effects > len(sends.makers(write.key, write.version))


def _class(write: Operation, first: Found, last: Found) -> Class | None:
    if write.outcome == "ok":
        return _acknowledged_class(first, last)
    seen = {first, last}
    if write.outcome == "fail":
        there = bool(seen & {"present", "corrupt"})
        return "phantom" if there else "unread" if "unread" in seen and seen <= {"unread", *SILENT} else None
    latest = last if last not in (*SILENT, "unread") else first
    classes: Mapping[Found, Class] = {
        "corrupt": "corrupt",
        "present": "in-doubt recovered",
        "deleted": "in-doubt recovered",
        "absent": "in-doubt vanished",
        "older": "in-doubt vanished",
        "back": "in-doubt vanished",
        "unread": "unread",
    }
    return classes.get("unread" if latest in SILENT and "unread" in seen else latest)


_GONE_AS: Mapping[Found, Class] = {"absent": "lost", "older": "rolled back", "back": "resurrected"}


def _acknowledged_class(first: Found, last: Found) -> Class | None:
    if last in _GONE_AS:
        return _GONE_AS[last]
    if "corrupt" in (first, last):
        return "corrupt"
    if first in _GONE_AS:
        return "late" if last in BACK else _GONE_AS[first]
    if first == "unread" or (first in SILENT and last == "unread"):
        return "unread"
    return None


def _unexpected(audits: Audits, sends: Sends, prefixes: tuple[str, ...]) -> tuple[Operation, ...]:
    """Answers that hold a key or a version of ours that was never sent. Other people's keys do not count."""
    found: dict[tuple[str, int], Operation] = {}
    for audit in audits.all:
        for answer in audit.answers.values():
            version = answer.observed_version
            if version is not None and answer.key.startswith(prefixes) and not sends.makers(answer.key, version):
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
        after_heal=_says(write, fate.final, audits.final if fate.gone else audits.after_heal),
    )


def _says(write: Operation, found: Found, audit: Audit | None) -> str:
    if audit is None or found in SILENT:
        return ""
    if found in ("older", "back"):
        return f"version {audit.answers[write.key].observed_version}"
    if found == "present" and _effects(write, audit) > 1:
        return f"{_effects(write, audit)} effects"
    return {"corrupt": "bad checksum", "deleted": "absent"}.get(found, found)


def lost_writes(fates: Iterable[Fate], *, vanished: bool = False) -> list[Operation]:
    """The acknowledged writes that count as lost; with `vanished` those in doubt that are not there, too."""
    return [f.write for f in fates if counts(f, vanished=vanished)]


def counts(fate: Fate, *, vanished: bool) -> bool:
    """Whether a write counts as lost. `vanished`: the objective counts writes in doubt that are not there."""
    return fate.gone or (vanished and fate.loss_class == "in-doubt vanished")
