"""Whether a restored table holds what the ledger says had been written by the second that it was restored to.

Held against the live ledger and not against the backup, so that what the backup itself had missed shows, too. A write
must be there if it was acknowledged before that second; one that another Region took must be there only if a replica
may not trail so far (`probes.history.Header.audit_trail_s`). Nothing may be there that was sent after it.

On AWS its clock and ours are two. What lies so close to that second that the clocks may explain it is not judged there:
`CLOCKS_NS`, and what the time daemons knew of our offset from UTC, and how far UTC wandered in the drill. Where they
knew nothing, or that is more than `TRUSTED_NS`, what the clocks may still explain is neither right nor wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from probes.history import History, Operation
from probes.offset import reach_s
from reports.bounds import NS_PER_S, seconds
from reports.declared import Declared
from reports.model import Finding
from reports.sent import Sends, all_changes, judged_changes
from reports.series import names_of, region_of
from reports.steps import RestoredRow, RestoredRows, StepRecord
from reports.wall_clock import wandered_ns
from reports.words import utc_text

CHECK = "restored table"
# As much as the restore itself gives to the clocks (fixtures/recovery/restore.py).
CLOCKS_NS = NS_PER_S
# chrony takes no source that may be further off (chrony.conf, "maxdistance"): such a clock is as good as not known.
TRUSTED_NS = 3 * NS_PER_S
# Of a clock that nobody knows, this is known: AWS took calls signed by it, and refuses in most cases what does
# not arrive within five minutes of its signature's time (IAM user guide, "AWS Signature Version 4 for API requests").
# A vantage on another machine, which may have signed nothing, is taken to be no further off.
SIGNED_NS = 300 * NS_PER_S
_SHOWN = 5


def restored_findings(history: History, declared: Declared, steps: Iterable[StepRecord]) -> list[Finding]:
    """A finding for each table that a step restored."""
    return [_judge(history, declared, step, step.restored) for step in steps if step.restored is not None]


class _Clocks(NamedTuple):
    """What is left to the clocks, either side of the second: not judged up to `given_ns`, proved beyond `reach_ns`."""

    given_ns: int
    reach_ns: int
    says: str


def _clocks(history: History, declared: Declared) -> _Clocks:
    """In the lab there is one clock. On AWS: see the module's docstring."""
    if declared.environment == "lab":
        return _Clocks(0, 0, "")
    bases = [history.base, *(v.header.base for v in history.vantages)]
    told = dict.fromkeys(base.boot for base in bases)
    # Processes of one machine have one clock: what any of them knows of it holds.
    known_s = [
        min((s for base in bases if base.boot == boot and (s := reach_s(base.offset)) is not None), default=None)
        for boot in told
    ]
    off_ns = max(SIGNED_NS if s is None or s * NS_PER_S > TRUSTED_NS else round(s * NS_PER_S) for s in known_s)
    moved_ns = wandered_ns(history)
    reach_ns = CLOCKS_NS + off_ns + moved_ns
    given_ns = reach_ns if off_ns + moved_ns <= TRUSTED_NS else CLOCKS_NS
    offsets = " and ".join(dict.fromkeys(base.offset for base in bases))
    says = (
        f"The clocks may explain it: our offset from UTC is {offsets}, and UTC moved by {seconds(moved_ns):.3f} s in "
        f"the drill. Only what lies more than {seconds(reach_ns):.1f} s from that second would be proved"
    )
    return _Clocks(given_ns, reach_ns, says)


def _judge(history: History, declared: Declared, step: StepRecord, held: RestoredRows) -> Finding:
    at_ns = held.at_utc_ns - history.base.utc_of(0)
    trail_ns = max((round(v.header.audit_trail_s * NS_PER_S) for v in history.vantages), default=0)
    judged, sends = judged_changes(history), Sends(all_changes(history))
    rows, clocks = {row.key: row for row in held.rows}, _clocks(history, declared)
    # A key that was deleted is left alone: what is there of it then depends on two moments.
    writes = [o for o in judged if not any(one.kind == "delete" for one in sends.of(o.key))]

    def sure(slack_ns: int) -> list[Operation]:
        """What the table had by then for certain."""
        by_ns = at_ns - slack_ns
        return [
            o for o in writes if o.good and o.done_ns < by_ns - (0 if region_of(o) == step.region else trail_ns)
        ]  # fmt: skip

    def wrong(slack_ns: int) -> list[_Wrong]:
        return [*_missing(sure(slack_ns), rows), *_strange(held.rows, sends, at_ns + slack_ns)]

    moment = utc_text(held.at_utc_ns)
    if found := wrong(clocks.given_ns):
        return _otherwise(found, wrong(clocks.reach_ns), moment, clocks)
    keys = {o.key for o in sure(clocks.given_ns)}
    if not keys:
        says = f"Nothing had been written for certain by {moment}, so what was restored shows nothing."
        return Finding(check=CHECK, verdict="inconclusive", says=says)
    thrown = _not_in_it(writes, rows, step.began_ns)
    says = (
        f"Each of {len(keys)} keys that had been written by {moment} was restored as it had been then, and none of the "
        f"{len(rows)} rows was newer. {len(thrown)} writes that were acknowledged by the time of the restore are not "
        "in it; what was lost of them, the audits say."
    )
    return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(thrown))


_Wrong = tuple[str, Sequence[Operation]]


def _otherwise(found: list[_Wrong], proved: list[_Wrong], moment: str, clocks: _Clocks) -> Finding:
    """What is not as it was: wrong where that is proved, whatever the clocks were; else it is open."""
    told = proved or found
    shown = "; ".join(says for says, _ in told[:_SHOWN])
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    operations = names_of(o for _, one in told for o in one)
    if proved:
        says = f"{len(told)} keys were not restored as they had been at {moment}: {shown}{more}."
        return Finding(check=CHECK, verdict="fail", says=says, operations=operations)
    says = f"{len(told)} keys may not have been restored as they had been at {moment}: {shown}{more}. {clocks.says}."
    return Finding(check=CHECK, verdict="inconclusive", says=says, operations=operations)


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
