"""Writes that two Regions took to one key, neither knowing of the other's: the later one stands, the other is dropped.

Whoever replicates asynchronously between Regions that all take writes has to choose between such two; DynamoDB's
global tables keep the one with the later time [Amazon DynamoDB Developer Guide: global tables, conflict resolution].
The client was told of both that they are done. It is seen where an update's answer says which version it took the place
of: an older one than another Region had acknowledged by the time it was sent.

Told, and judged by nothing: the version that stands may be the one that was meant to. An acknowledged version that
should stand and does not is a loss, and the ledger has it.
"""

from collections.abc import Iterator, Mapping, Sequence

from probes.history import History, Operation
from reports.ledger import all_audits
from reports.model import Conflict, Finding
from reports.sent import judged_changes
from reports.series import names_of, region_of

CHECK = "conflicts"
# Conflicts that the sentence names; the verdict has all of them.
_SHOWN = 10


def conflicts(history: History) -> list[Conflict]:
    """Every conflict that the answers prove, in the order in which the later write was sent."""
    return [_row(*pair, standing) for pair, standing in _found(history)]


def judge_conflicts(history: History) -> Finding | None:
    """All conflicts in a sentence, or that there was none; None where no answer says what it took the place of."""
    if not _told(history):
        return None
    found = list(_found(history))
    if not found:
        says = "No update took the place of a version older than another Region had acknowledged."
        return Finding(check=CHECK, verdict="not judged", says=says)
    rows = [_row(*pair, standing) for pair, standing in found]
    shown = "; ".join(_words(row) for row in rows[:_SHOWN])
    more = f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    says = f"{len(rows)} keys were changed in two Regions that did not know of each other's change: {shown}{more}."
    return Finding(
        check=CHECK, verdict="not judged", says=says, operations=names_of(o for pair, _ in found for o in pair)
    )


Pair = tuple[Operation, Operation]  # the two writes, the later one last


def _found(history: History) -> Iterator[tuple[Pair, int | None]]:
    """Each pair of writes, and the version that is known to have stood after both (None: that is not known)."""
    if not _told(history):  # a long history without any is not put in order by its keys
        return
    by_key: dict[tuple[str, str], list[Operation]] = {}
    for change in judged_changes(history):
        if change.good and change.kind != "delete":
            by_key.setdefault((change.vantage, change.key), []).append(change)
    last = _last_answers(history)
    pairs = [
        ((unseen, later), changes)
        for changes in by_key.values()
        for later in changes
        if (unseen := _unseen(later, changes)) is not None
    ]
    for pair, changes in sorted(pairs, key=lambda found: found[0][1].sent_ns):
        yield pair, _standing(pair, changes, last)


def _told(history: History) -> bool:
    """Whether any answer says what it took the place of."""
    return any(o.replaced_version is not None for o in history.operations)


def _unseen(later: Operation, changes: Sequence[Operation]) -> Operation | None:
    """The newest version that another Region had acknowledged before `later` was sent, and that it did not replace."""
    replaced = later.replaced_version
    if replaced is None:
        return None
    before = (o for o in changes if o.done_ns < later.sent_ns and replaced < o.version < later.version)
    return max((o for o in before if _apart(o, later)), key=lambda o: o.version, default=None)


def _apart(one: Operation, other: Operation) -> bool:
    regions = [o.served_by.region for o in (one, other) if o.served_by is not None and o.served_by.region]
    return len(set(regions)) == 2  # noqa: PLR2004 - both say where, and it is not the same


def _last_answers(history: History) -> Mapping[tuple[str, str], Operation]:
    """The answer of the last audit that read each key by the workload's public name."""
    return {(o.vantage, o.key): o for audit in all_audits(history) for o in audit.answers.values()}


def _standing(pair: Pair, changes: Sequence[Operation], last: Mapping[tuple[str, str], Operation]) -> int | None:
    """What the next update replaced, or else what the last audit saw; either only if it is one of the two versions."""
    later = pair[1]
    versions = {o.version for o in pair}
    after = sorted((o for o in changes if o.version > later.version), key=lambda o: o.version)
    if after:
        seen = after[0].replaced_version
    else:
        answer = last.get((later.vantage, later.key))
        seen = answer.observed_version if answer is not None and answer.sent_ns > later.done_ns else None
    return seen if seen in versions else None


def _row(earlier: Operation, later: Operation, standing: int | None) -> Conflict:
    return Conflict(
        key=later.key,
        earlier=earlier.version,
        earlier_region=region_of(earlier),
        later=later.version,
        later_region=region_of(later),
        replaced=later.replaced_version or 0,
        stands=standing,
    )


def _words(row: Conflict) -> str:
    standing = "which one stands is not known" if row.stands is None else f"version {row.stands} stands"
    return (
        f"{row.key}: version {row.earlier} in {row.earlier_region} and version {row.later} in {row.later_region}, "
        f"each over an older one; {standing}"
    )
