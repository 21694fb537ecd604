"""Whether a restored table holds what the ledger says had been written by the second that it was restored to.

Held against the live ledger and not against the backup, so that what the backup itself had missed shows, too. A write
must be there if it was acknowledged before that second; one that another Region took must be there only if a replica
may not trail so far (`probes.history.Header.audit_trail_s`). Nothing may be there that was sent after it. On AWS its
clock and the vantage's are two, so what lies within `CLOCKS_NS` of that second is not judged there.
"""

from collections.abc import Iterable, Iterator, Sequence

from probes.history import History, Operation
from reports.bounds import NS_PER_S
from reports.declared import Declared
from reports.model import Finding
from reports.sent import Sends, all_changes, judged_changes
from reports.series import names_of, region_of
from reports.steps import RestoredRow, RestoredRows, StepRecord
from reports.words import utc_text

CHECK = "restored table"
# As much as the restore itself gives to the clocks (fixtures/recovery/restore.py).
CLOCKS_NS = NS_PER_S
_SHOWN = 5


def restored_findings(history: History, declared: Declared, steps: Iterable[StepRecord]) -> list[Finding]:
    """A finding for each table that a step restored."""
    return [_judge(history, declared, step, step.restored) for step in steps if step.restored is not None]


def _judge(history: History, declared: Declared, step: StepRecord, held: RestoredRows) -> Finding:
    at_ns = held.at_utc_ns - history.base.utc_of(0)
    clocks_ns = 0 if declared.environment == "lab" else CLOCKS_NS
    trail_ns = max((round(v.header.audit_trail_s * NS_PER_S) for v in history.vantages), default=0)
    judged, sends = judged_changes(history), Sends(all_changes(history))
    rows = {row.key: row for row in held.rows}

    def must(write: Operation) -> bool:
        """Whether the table had it by then for certain."""
        by_ns = at_ns - clocks_ns - (0 if region_of(write) == step.region else trail_ns)
        return write.good and write.done_ns < by_ns

    # A key that was deleted is left alone: what is there of it then depends on two moments.
    writes = [o for o in judged if not any(one.kind == "delete" for one in sends.of(o.key))]
    wrong = [*_missing([o for o in writes if must(o)], rows), *_strange(held.rows, sends, at_ns + clocks_ns)]
    moment = utc_text(held.at_utc_ns)
    if wrong:
        shown = "; ".join(says for says, _ in wrong[:_SHOWN])
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        says = f"{len(wrong)} keys were not restored as they had been at {moment}: {shown}{more}."
        return Finding(check=CHECK, verdict="fail", says=says, operations=names_of(o for _, one in wrong for o in one))
    sure = {o.key for o in writes if must(o)}
    if not sure:
        says = f"Nothing had been written for certain by {moment}, so what was restored shows nothing."
        return Finding(check=CHECK, verdict="inconclusive", says=says)
    thrown = _not_in_it(writes, rows, step.began_ns)
    says = (
        f"Each of {len(sure)} keys that had been written by {moment} was restored as it had been then, and none of the "
        f"{len(rows)} rows was newer. {len(thrown)} writes that were acknowledged by the time of the restore are not "
        "in it; what was lost of them, the audits say."
    )
    return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(thrown))


_Wrong = tuple[str, Sequence[Operation]]


def _missing(writes: Iterable[Operation], rows: dict[str, RestoredRow]) -> Iterator[_Wrong]:
    """Keys whose newest version of these is not there, nor a later one."""
    newest: dict[str, Operation] = {}
    for write in writes:
        if write.key not in newest or write.version > newest[write.key].version:
            newest[write.key] = write
    for key, write in newest.items():
        version = rows[key].version if key in rows else None
        if version is None or version < write.version:
            seen = "nothing" if version is None else f"version {version}"
            yield f"{key} has {seen} for version {write.version}", [write]


def _strange(rows: Iterable[RestoredRow], sends: Sends, until_ns: int) -> Iterator[_Wrong]:
    """Keys that hold what nobody had sent by then, or what is not what was sent."""
    for row in rows:
        makers = sends.makers(row.key, row.version)
        if not any(o.sent_ns < until_ns for o in makers):
            yield f"{row.key} has version {row.version}, which was not sent by then", makers
        elif not row.right:
            yield f"{row.key} has another checksum than its content's", makers


def _not_in_it(writes: Iterable[Operation], rows: dict[str, RestoredRow], by_ns: int) -> list[Operation]:
    """The writes that were acknowledged before the restore began, and are newer than what it has."""
    done = (o for o in writes if o.good and o.done_ns < by_ns)
    return [o for o in done if o.key not in rows or rows[o.key].version < o.version]
