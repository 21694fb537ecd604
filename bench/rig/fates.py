"""What really became of each write, and what judging says of it.

The class is worked out anew from what the client was told (the ledger's column) and from what the rig held when each
audit was over; nothing of judging is used for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from bench.rig.drilling import NS_PER_S, Drilled
from bench.rig.truth import Change, Span, Truth, Written
from probes.history import Operation
from reports.folder import Evidence, judge, load, losses
from reports.losses import LossRow

_LOST = ("lost", "rolled back", "late")
_WRITING = ("write", "update", "delete")
# A write is named by its stream, its key and its number there; what nobody sent by its key and version.
Name = tuple[str, str, int]


class Fates(msgspec.Struct, frozen=True, kw_only=True):
    """All writes of a case: how many of each class in truth, and each that judging missed, invented or misfiled.

    `loss_s` is the measured loss, `true_loss_s` the true one, both in s; None where nothing was lost.
    """

    mode: str
    seed: int
    writes: int
    classes: dict[str, int]
    wrong: tuple[str, ...]
    loss_s: tuple[float, float | None] | None
    true_loss_s: tuple[float, float] | None


def fates(drilled: Drilled, seed: int) -> Fates:
    """Hold the classes and the seconds of a case against the truth."""
    evidence = load(drilled.folder)
    writes = [o for o in evidence.history.operations if o.kind in _WRITING]
    true = true_classes(drilled, evidence, writes)
    said = {_row_name(row): str(row.loss_class) for row in losses(evidence)}
    wrong = [
        f"{name} is {true.get(name)}, and judged {said.get(name)}"
        for name in sorted(true.keys() | said.keys())
        if true.get(name) != said.get(name)
    ]
    measured = judge(evidence).data_loss
    lost = [o for o in writes if true.get(_name(o)) in _LOST]
    span = _true_loss(drilled, writes, lost) if lost else None
    loss_s = None if measured.lower_s is None or not lost else (measured.lower_s, measured.upper_s)
    return Fates(
        mode=drilled.case.name,
        seed=seed,
        writes=len(writes),
        classes={name: list(true.values()).count(name) for name in sorted(set(true.values()))},
        wrong=(*wrong, *_not_acknowledged(drilled, evidence, writes), *_seconds_wrong(loss_s, span)),
        loss_s=loss_s,
        true_loss_s=None if span is None else (span.lower_ns / NS_PER_S, span.upper_ns / NS_PER_S),
    )


def true_classes(drilled: Drilled, evidence: Evidence, writes: list[Operation]) -> dict[Name, str]:
    """The class of each write that has one, and of what nobody sent."""
    audits = _audits(drilled, evidence)
    found: dict[Name, str] = {}
    for write in writes:
        others = [o for o in writes if o.key == write.key and o is not write and o.outcome != "fail"]
        states = [audit.state(write.key) for audit in audits if audit.speaks_of(write, others)]
        name = _class(write, states) if states else ""
        if name:
            found[_name(write)] = name
    sent = {(o.key, o.version) for o in writes}
    for key in drilled.truth.keys:
        for version in (audit.state(key).version for audit in audits):
            if version is not None and (key, version) not in sent:
                found["", key, version] = "unexpected"
    return found


@dataclass(frozen=True)
class _Audit:
    """One audit: what the rig held when it was asked to list all that it has. Times on the history's axis."""

    truth: Truth
    zero_ns: int
    began_ns: int
    listed_ns: int

    def state(self, key: str) -> Change:
        return self.truth.state(key, self.listed_ns + self.zero_ns)

    def speaks_of(self, write: Operation, others: list[Operation]) -> bool:
        """Whether it can tell what became of a write: not if it came later, was overwritten, or perhaps deleted."""
        state = self.state(write.key)
        if write.sent_ns >= self.began_ns:
            return False
        if write.kind == "delete":
            return True
        if state.version is None:
            return not any(o.kind == "delete" and o.sent_ns < self.listed_ns for o in others)
        return state.version <= write.version


def _audits(drilled: Drilled, evidence: Evidence) -> list[_Audit]:
    zero_ns = evidence.history.base.mono_ns
    began = {o.stream: o.due_ns for o in evidence.history.operations if o.kind == "audit"}
    listed = [max(at_ns for at_ns in drilled.truth.listed if at_ns <= end_ns) for end_ns in drilled.audited_ns]
    return [
        _Audit(drilled.truth, zero_ns, began_ns, listed_ns - zero_ns)
        for began_ns, listed_ns in zip(sorted(began.values()), listed, strict=True)
    ]


def _class(write: Operation, states: list[Change]) -> str:
    """The row of the table of loss classes, `states` being what the audits read that can tell."""
    if write.kind == "delete":
        return _delete_class(write, [s.version is None for s in states])
    there = [s.version == write.version for s in states]
    if write.outcome == "in-doubt":
        return "in-doubt recovered" if there[-1] else "in-doubt vanished"
    if write.outcome == "fail":
        return "phantom" if any(there) else ""
    return _acknowledged_class(states, there)


def _delete_class(write: Operation, gone: list[bool]) -> str:
    """A key is not used again after its delete, so any version that is there is one that is still there, or again."""
    if write.outcome == "in-doubt":
        return "in-doubt recovered" if gone[-1] else "in-doubt vanished"
    if not write.good or all(gone):
        return ""
    return "resurrected" if not gone[-1] else "late"


def _acknowledged_class(states: list[Change], there: list[bool]) -> str:
    if not there[-1]:
        return "rolled back" if states[-1].version is not None else "lost"
    if not all(s.sound for s, seen in zip(states, there, strict=True) if seen):
        return "corrupt"
    if not all(there):
        return "late"
    return "duplicated" if any(s.effects > 1 for s in states) else ""


def _not_acknowledged(drilled: Drilled, evidence: Evidence, writes: list[Operation]) -> Iterator[str]:
    """Writes that the client calls done though the rig did not say so while it was asked: one axis is wrong."""
    zero_ns = evidence.history.base.mono_ns
    answered = {_taken(w): w for w in drilled.truth.written if w.acknowledged}
    for write in writes:
        if not write.good:
            continue
        known = answered.get(_taken(write))
        if known is None or not write.sent_ns <= known.arrived_ns - zero_ns <= write.done_ns:
            yield f"{write.key} is acknowledged, and the rig did not do it between its sending and its end"


def _true_loss(drilled: Drilled, writes: list[Operation], lost: list[Operation]) -> Span:
    """Loss = max(impact, newest lost) - recovery point, by the order in which the rig took them.

    The recovery point lies between the newest write that is older than every lost one, and the oldest lost one.
    """
    arrived = {_taken(w): w.arrived_ns for w in drilled.truth.written}
    gone = [arrived[_taken(o)] for o in lost]
    kept = [arrived[_taken(o)] for o in writes if o.good and o not in lost]
    older = [at_ns for at_ns in kept if at_ns < min(gone)]
    end_ns = max(*gone, *(d.begin_ns for d in drilled.truth.down[:1]))
    return Span(end_ns - min(gone), end_ns - max(older, default=min(gone)))


def _seconds_wrong(measured_s: tuple[float, float | None] | None, true: Span | None) -> Iterator[str]:
    if measured_s is None or true is None:
        return
    lower_s, upper_s = measured_s
    if lower_s > true.upper_ns / NS_PER_S:
        yield f"a loss of at least {lower_s:.6f} s, and it was {true.upper_ns / NS_PER_S:.6f} s at most"
    if upper_s is not None and upper_s < true.lower_ns / NS_PER_S:
        yield f"a loss of at most {upper_s:.6f} s, and it was {true.lower_ns / NS_PER_S:.6f} s at least"


def _name(write: Operation) -> Name:
    return write.stream, write.key, write.seq


def _row_name(row: LossRow) -> Name:
    return ("", row.key, row.version) if row.loss_class == "unexpected" else (row.stream, row.key, row.seq)


def _taken(write: Operation | Written) -> tuple[str, str, int]:
    return write.kind, write.key, write.version
