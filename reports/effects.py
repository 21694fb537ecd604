"""Effects that no witness sees: of the data, of replication that stands, of misleading names, of launches that fail."""

from collections.abc import Collection, Iterable, Iterator

from probes.history import History, Mark, Operation
from probes.resolve import NO_ADDRESS, NO_SUCH_NAME
from reports.bounds import NS_PER_S
from reports.reads import is_missing
from reports.series import Series, series_of

# So much longer than ever before the fault must an acknowledged write have been missing at another site, to prove that
# nothing arrives there any more: three times as long, and at least a second more.
STUCK_TIMES = 3
STUCK_NS = NS_PER_S
# So many reads of one stream must fail in a row. Before the fault at most one in twenty may (`reports.steady`), so by
# chance as many come three times in ten million.
FAILED_IN_A_ROW = 5
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


def failed_reads(history: History, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The workload's reads sent in [since, until) that failed with others of their stream in a row, as they were done.

    A read that was answered well ends a row, and one that was sent before `since_ns` is in none.
    """
    rows = (row for series in series_of(history, "workload") for row in _rows_of_failures(series, since_ns, until_ns))
    return _in_order((o for row in rows if len(row) >= FAILED_IN_A_ROW for o in row), since_ns, until_ns)


def _rows_of_failures(series: Series, since_ns: int, until_ns: int | None) -> Iterator[list[Operation]]:
    row: list[Operation] = []
    for read in series.operations:
        if read.kind != "read" or read.sent_ns < since_ns or (until_ns is not None and read.sent_ns >= until_ns):
            continue
        if read.good:
            yield row
            row = []
        else:
            row.append(read)
    yield row


def stuck_heartbeats(history: History, site: str, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The heartbeats sent to a site in [since, until) that prove that what is written no longer arrives there.

    Each asks for an acknowledged write, and by then had asked for it much longer than any took before. Nothing is
    proved where no write was seen to arrive before.
    """
    asked = [series for series in series_of(history, "heartbeat") if series.stream.site == site]
    return _in_order((o for series in asked for o in _stuck(series, since_ns)), since_ns, until_ns)


def led_elsewhere(history: History, name: str, since_ns: int, until_ns: int | None) -> tuple[Operation, ...]:
    """The workload's operations sent in [since, until) that a name led elsewhere than any before, or to no address.

    Elsewhere is an address that no operation of the same probe was led to before; where none is known, nothing is
    proved. A resolver that does not answer proves nothing either.
    """
    lost = tuple(f"resolve {name}: {says}" for says in (NO_SUCH_NAME, NO_ADDRESS))
    found: list[Operation] = []
    known: dict[str, set[str]] = {}
    asked = [o for series in series_of(history, "workload") for o in series.operations]
    for operation in asked:
        if operation.sent_ns < since_ns and operation.resolved_ip:
            known.setdefault(operation.probe, set()).add(operation.resolved_ip)
    for operation in asked:
        before, ip = known.get(operation.probe, set()), operation.resolved_ip
        if before and ((ip and ip not in before) or (not ip and operation.error in lost)):
            found.append(operation)
    return _in_order(found, since_ns, until_ns)


def failed_launches(
    history: History, regions: Collection[str], since_ns: int, until_ns: int | None
) -> tuple[Mark, ...]:
    """What Auto Scaling of these Regions said in [since, until) of launches that failed for want of capacity.

    Nothing is proved by launches that failed like that before already: capacity was short by itself then.
    """
    if refused_launches(history, regions, None, since_ns):
        return ()
    return refused_launches(history, regions, since_ns, until_ns)


def refused_launches(
    history: History, regions: Collection[str], since_ns: int | None, until_ns: int | None
) -> tuple[Mark, ...]:
    """The same, whatever was before `since_ns` (None: the beginning).

    A sign whose moment is not certain counts only where all of it lies in there.
    """
    told = [m for m in history.marks if m.name == "sign" and m.source in _sources(regions) and _lacks_capacity(m)]
    return tuple(
        mark
        for mark in told
        if (since_ns is None or mark.at_ns - mark.uncertainty_ns >= since_ns)
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
