"""The old primary after a failover: whether it took writes from clients that missed it, and what became of these.

Streams of the role `stale` go on writing to the old primary by its own name. What it acknowledges once another site
has been promoted, nobody else has: two sites take orders ("split brain"), and one of the two will be thrown away.
"""

from collections.abc import Iterator

import msgspec

from probes.history import History, Operation
from reports.ledger import Audit, all_audits
from reports.model import Finding
from reports.phases import main_mark
from reports.series import names_of, series_of

CHECK = "old primary fenced"
# Keys that the sentence names; the operations are named in full.
_SHOWN = 10


class LateWrites(msgspec.Struct, frozen=True):
    """What stale clients sent from the promotion until the way home began, and what the last audit says of it.

    `returned` are those sent once the fault was undone.
    """

    sent: tuple[Operation, ...]
    returned: tuple[Operation, ...]
    audit: Audit | None

    @property
    def acknowledged(self) -> tuple[Operation, ...]:
        """What the old primary took."""
        return tuple(o for o in self.sent if o.good)

    @property
    def gone(self) -> tuple[Operation, ...]:
        """What of that the last audit did not find."""
        return tuple(o for o in self.acknowledged if not self._is_there(o))

    def _is_there(self, write: Operation) -> bool:
        answer = self.audit.answers.get(write.key) if self.audit is not None else None
        return answer is not None and answer.observed_version == write.version


def late_writes(history: History) -> LateWrites | None:
    """None where no stale client was there, or nothing was promoted."""
    promoted, undone = main_mark(history, "promoted"), history.mark("undone")
    home = history.mark("failback start")
    if promoted is None or not series_of(history, "stale"):
        return None
    until_ns = home.at_ns if home is not None else None
    sent = tuple(
        o for o in _stale(history) if o.sent_ns > promoted.at_ns and (until_ns is None or o.sent_ns < until_ns)
    )
    returned = tuple(o for o in sent if undone is not None and o.sent_ns > undone.at_ns)
    audits = [a for a in all_audits(history) if sent and a.began_ns > sent[-1].done_ns]
    return LateWrites(sent, returned, audits[-1] if audits else None)


def _stale(history: History) -> Iterator[Operation]:
    found = (o for series in series_of(history, "stale") for o in series.operations)
    return iter(sorted(found, key=lambda o: (o.sent_ns, o.seq)))


def judge_old_primary(history: History) -> Finding | None:
    """Fail if the old primary took a write, with each of them; inconclusive if it was not asked after its return."""
    found = late_writes(history)
    if found is None:
        return None
    taken = found.acknowledged
    if taken:
        return Finding(check=CHECK, verdict="fail", says=_split_brain(found), operations=names_of(taken))
    if not found.returned:
        says = "Nobody wrote to the old primary between its return and the way home: its fence was not tried."
        return Finding(check=CHECK, verdict="inconclusive", says=says)
    answered = sum(o.status > 0 for o in found.returned)
    says = (
        f"The old primary took none of {len(found.sent)} writes that clients still sent to it after the promotion; "
        f"{len(found.returned)} of them after it was back, of which it refused {answered}."
    )
    return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(found.returned[:_SHOWN]))


def _split_brain(found: LateWrites) -> str:
    taken, gone = found.acknowledged, found.gone
    keys = ", ".join(o.key for o in gone[:_SHOWN]) + (f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else "")
    if found.audit is None:
        fate = "No audit came after them, so what became of them is not known."
    elif gone:
        fate = f'By "{found.audit.name}" {len(gone)} of them are not in the workload: {keys}.'
    else:
        fate = f'By "{found.audit.name}" all of them are in the workload.'
    return f"The old primary acknowledged {len(taken)} writes after another site was promoted (split brain). {fate}"
