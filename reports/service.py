"""What counts as service: what the recovery time is told by, where that differs from whether an answer came.

- A read that got what was never written was not served, though it was answered: a corrupted table is an outage.
- A read that did not find what was lost was served: the loss counts as data loss, once, and not as an outage too that
  would never end. That it was lost is for an audit to say; a key that an audit found again was only missing, and the
  reads that missed it count as bad.
"""

from collections.abc import Collection

import msgspec

from probes.history import History, Operation
from reports.effects import is_corrupt
from reports.ledger import Audits, all_audits, ledger_by
from reports.reads import is_missing

Key = tuple[str, str]  # vantage, key


def served(history: History, lost: Collection[Key] | None) -> History:
    """The history as recovery time is judged by it. `lost` are the keys that audits missed; None: none was made yet.

    Before an audit every key that is not there is taken for lost: what is decided by that is decided again at the end.
    """
    changed = {id(o): verdict for o in history.operations if (verdict := _otherwise(o, lost)) is not None}
    if not changed:
        return history
    operations = tuple(changed.get(id(o), o) for o in history.operations)
    return msgspec.structs.replace(history, operations=operations)


def is_served(operation: Operation, lost: Collection[Key] | None = None) -> bool:
    """The same for one operation while the drill runs; `lost` as far as audits have said by now."""
    if is_missing(operation):
        return lost is None or (operation.vantage, operation.key) in lost
    return operation.good and not is_corrupt(operation)


def known_lost(history: History) -> frozenset[Key] | None:
    """The keys that audits have missed so far; None before the first audit."""
    return lost_keys(history) if all_audits(history) else None


def lost_keys(history: History) -> frozenset[Key]:
    """The keys of acknowledged writes that any audit missed.

    None where no read missed any, because nobody needs to know then.
    """
    if not any(is_missing(o) for o in history.operations):
        return frozenset()
    fates = (f for audit in all_audits(history) for f in ledger_by(history, Audits(audit, None)).fates)
    return frozenset((f.write.vantage, f.write.key) for f in fates if f.gone)


def _otherwise(operation: Operation, lost: Collection[Key] | None) -> Operation | None:
    if operation.kind != "read":
        return None
    if operation.good:
        return msgspec.structs.replace(operation, outcome="fail") if is_corrupt(operation) else None
    if is_missing(operation) and (lost is None or (operation.vantage, operation.key) in lost):
        return msgspec.structs.replace(operation, outcome="ok")
    return None
