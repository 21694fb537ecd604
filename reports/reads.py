"""What the reads of the streams say of consistency: monotonic reads, and reading one's own writes.

Both are told and judge nothing. A workload that reads from replicas promises neither, and what a failover lost also
shows here; whether data was lost is for the ledger to say. Nothing is said against an answer that something sent may
explain: an update in flight, one in doubt that came late, a delete (`reports.sent`). Only what one vantage did is
compared, on its one clock: that is one client (Terry et al. 1994, "Session Guarantees for Weakly Consistent
Replicated Data").
"""

from collections.abc import Iterable, Sequence

import msgspec

from probes.history import History, Operation
from probes.probe import NOT_THERE
from reports.gates import Gate, held
from reports.model import Finding
from reports.sent import Sends, judged_changes
from reports.series import names_of

# Pairs that a finding names; each is two operations.
_PAIRS = 10


class Reads(msgspec.Struct, frozen=True):
    """Pairs that contradict each other, with the later read last; `checked` reads had something to be held against.

    `backwards`: two reads, of which the later one answered an older state. `unseen`: a write that was acknowledged, and
    a read sent after that which does not have it.
    """

    backwards: tuple[tuple[Operation, Operation], ...]
    unseen: tuple[tuple[Operation, Operation], ...]
    checked: int


def read_gates(history: History) -> list[Gate]:
    """Both checks as findings; none where no read named a key."""
    found = check_reads(history)
    if found.checked == 0:
        return []
    return [
        _gate(
            "monotonic reads",
            found.backwards,
            f"None of {found.checked} reads answered an older state than a read before it.",
            "answered an older state of their key than a read that was over before they were sent",
        ),
        _gate(
            "read your writes",
            found.unseen,
            f"Each of {found.checked} reads had what its client was told to be done before.",
            "were sent after a write of their key was acknowledged, and answered without it",
        ),
    ]


def _gate(check: str, pairs: Sequence[tuple[Operation, Operation]], good: str, bad: str) -> Gate:
    if not pairs:
        return held(check, good)
    says = (
        f"{len(pairs)} reads {bad}; nothing that was sent explains it. Whether data was lost is judged by the audits."
    )
    named = names_of(o for pair in pairs[:_PAIRS] for o in pair)
    return Gate(Finding(check=check, verdict="not judged", says=says, operations=named))


def check_reads(history: History) -> Reads:
    """Hold each read against the writes and the reads of its key that were over before it was sent."""
    by_key: dict[tuple[str, str], list[Operation]] = {}
    workload = {(v.header.vantage, s.name) for v in history.vantages for s in v.header.streams if s.role == "workload"}
    for operation in history.operations:
        if operation.kind != "read" or not operation.key or not _answered(operation):
            continue
        if (operation.vantage, operation.stream) in workload:
            by_key.setdefault((operation.vantage, operation.key), []).append(operation)
    keys = {key for _, key in by_key}
    sends = Sends(o for o in judged_changes(history) if o.key in keys)
    backwards, unseen, checked = [], [], 0
    for (vantage, key), reads in by_key.items():
        writes = [o for o in sends.of(key) if o.good and o.vantage == vantage]
        if not writes:
            continue
        checked += len(reads)
        unseen += [(w, r) for r, w in _newest_before(reads, writes) if _without(r, w, sends)]
        backwards += [(a, r) for r, a in _newest_before(reads, reads) if _backwards(a, r, sends)]
    return Reads(_sorted(backwards), _sorted(unseen), checked)


def _sorted(pairs: Iterable[tuple[Operation, Operation]]) -> tuple[tuple[Operation, Operation], ...]:
    return tuple(sorted(pairs, key=lambda pair: (pair[1].sent_ns, pair[1].seq)))


def _answered(read: Operation) -> bool:
    """Whether the workload said what it has: a version, or that there is no such key."""
    return read.observed_version is not None or is_missing(read)


def is_missing(read: Operation) -> bool:
    """Whether it was answered that a key which was acknowledged is not there."""
    return read.outcome == "fail" and read.error.startswith(NOT_THERE)


def _newest_before(reads: Iterable[Operation], before: Iterable[Operation]) -> list[tuple[Operation, Operation]]:
    """Each read with the one of `before` that was sent last of those that were over when it was sent."""
    done = sorted(before, key=lambda o: o.done_ns)
    found, newest, at = [], None, 0
    for read in sorted(reads, key=lambda o: o.sent_ns):
        while at < len(done) and done[at].done_ns < read.sent_ns:
            newest = done[at] if newest is None or done[at].sent_ns > newest.sent_ns else newest
            at += 1
        if newest is not None:
            found.append((read, newest))
    return found


def _without(read: Operation, write: Operation, sends: Sends) -> bool:
    """Whether `read` contradicts an acknowledged `write` (or delete) that was over before it."""
    observed = read.observed_version
    if sends.explained(observed, read, write):
        return False
    if write.kind == "delete":
        return observed is not None
    # A newer version than was ever sent is no older state; the audits tell of it.
    return observed is None or (observed != write.version and bool(sends.makers(write.key, observed)))


def _backwards(earlier: Operation, later: Operation, sends: Sends) -> bool:
    """Whether `later` answered an older state than `earlier`, which was over before it was sent."""
    seen, observed = earlier.observed_version, later.observed_version
    if seen is None or observed == seen or (observed is not None and observed > seen):
        return False
    return not sends.explained(observed, later, earlier)
