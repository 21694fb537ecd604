"""Effects that no witness sees: data that is not as written, replication that does not arrive, launches that fail."""

from collections.abc import Collection, Iterable

from probes.history import History, Mark, Operation
from reports.bounds import NS_PER_S
from reports.reads import is_missing
from reports.series import Series, series_of

# So much longer than ever before the fault must an acknowledged write have been missing at another site, to prove that
# nothing arrives there any more: three times as long, and at least a second more.
STUCK_TIMES = 3
STUCK_NS = NS_PER_S
# Whose word a mark `sign` is that tells of a launch, the Region left out, and what it says of one that failed for want
# of capacity. Sources: [Auto Scaling: troubleshoot launch failures]; EC2's error code.
LAUNCHES = "Auto Scaling activity"
_LACKING = ("InsufficientInstanceCapacity", "do not have sufficient")


def corrupt_reads(history: History, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The workload's reads and audits sent in [since, until) that got what was never written, as they were answered.

    That is the version that was asked for under a checksum that is not its own, or a payload that does not fit it.
    What was asked of one site by that site's own name is left out.
    """
    audits = (o for o in history.operations if o.kind == "audit" and not o.site)
    return _in_order((o for o in (*_reads(history), *audits) if is_corrupt(o)), since_ns, until_ns)


def missing_reads(history: History, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The workload's reads sent in [since, until) of acknowledged keys that were not there, as they were answered."""
    return _in_order((o for o in _reads(history) if is_missing(o)), since_ns, until_ns)


def stuck_heartbeats(history: History, site: str, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The heartbeats sent to a site in [since, until) that prove that what is written no longer arrives there.

    Each asks for an acknowledged write, and by then had asked for it much longer than any took before. Nothing is
    proved where no write was seen to arrive before.
    """
    asked = [series for series in series_of(history, "heartbeat") if series.stream.site == site]
    return _in_order((o for series in asked for o in _stuck(series, since_ns)), since_ns, until_ns)


def failed_launches(
    history: History, regions: Collection[str], since_ns: int, until_ns: int | None
) -> tuple[Mark, ...]:
    """What Auto Scaling of these Regions said in [since, until) of launches that failed for want of capacity.

    A sign whose moment is not certain counts only where all of it lies in there. Nothing is proved by launches that
    failed like that before already: capacity was short by itself then.
    """
    told = [m for m in history.marks if m.name == "sign" and m.source in _sources(regions) and _lacks_capacity(m)]
    if any(mark.at_ns + mark.uncertainty_ns < since_ns for mark in told):
        return ()
    return tuple(
        mark
        for mark in told
        if mark.at_ns - mark.uncertainty_ns >= since_ns
        and (until_ns is None or mark.at_ns + mark.uncertainty_ns < until_ns)
    )


def _sources(regions: Collection[str]) -> set[str]:
    return {f"{LAUNCHES}, {region}" for region in regions}


def _lacks_capacity(mark: Mark) -> bool:
    return ": Failed" in mark.says and any(words in mark.says for words in _LACKING)


def _stuck(series: Series, since_ns: int) -> list[Operation]:
    first: dict[str, int] = {}
    longest_ns: int | None = None
    found = []
    for operation in series.operations:
        if not operation.good or not operation.version:
            continue
        waited_ns = operation.sent_ns - first.setdefault(operation.key, operation.sent_ns)
        arrived = operation.observed_version is not None and operation.observed_version >= operation.version
        if arrived and operation.done_ns < since_ns:
            longest_ns = max(longest_ns or 0, waited_ns)
        elif (
            longest_ns is not None and not arrived and waited_ns > max(STUCK_TIMES * longest_ns, longest_ns + STUCK_NS)
        ):
            found.append(operation)
    return found


def _reads(history: History) -> tuple[Operation, ...]:
    return tuple(o for series in series_of(history, "workload") for o in series.operations if o.kind == "read")


def is_corrupt(operation: Operation) -> bool:
    """Whether it was answered with the version that was asked for, and that is not what was written."""
    observed = operation.observed_checksum
    same = operation.version > 0 and operation.observed_version == operation.version
    return operation.good and same and observed is not None and observed != operation.checksum


def _in_order(found: Iterable[Operation], since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    inside = (o for o in found if o.sent_ns >= since_ns and (until_ns is None or o.sent_ns < until_ns))
    return tuple(sorted(inside, key=lambda o: (o.done_ns, o.sent_ns, o.stream, o.seq)))
