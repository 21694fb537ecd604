"""Replication lag before the fault, by heartbeats: when an acknowledged write was first there at another site.

A heartbeat that found the write proves that it was there at some moment of [sent, done]; one that did not, that it was
not there at some moment of its own. So with the moment at which the client was told that it is done:

    lag in ( sent(last that did not find it) - done(write) , done(first that found it) - done(write) ]

and the lower edge is 0 where the first heartbeat found it already. The quantiles are those of the writes that were
followed, by nearest rank, of the lower edges and of the upper ones: each holds the true quantile of these writes.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from probes.history import History, Operation
from reports.bounds import NS_PER_S, seconds
from reports.gates import Gate
from reports.model import Finding, PublishedLag, ReplicationLag
from reports.phases import phases_of
from reports.sent import all_changes
from reports.series import Series, names_of, series_of

CHECK = "replication lag"
# A write that a site has not had for so much longer than any other took is no slow one: nothing arrives any more.
STILL_TIMES = 3
STILL_NS = NS_PER_S


class WriteLag(msgspec.Struct, frozen=True):
    """One write's lag in ns since `acknowledged_ns`. `upper_ns` is None where it was not seen at the site in time."""

    acknowledged_ns: int
    lower_ns: int
    upper_ns: int | None
    proof: tuple[Operation, ...]


class SiteLag(msgspec.Struct, frozen=True):
    """The heartbeats to one site in some time: those that were answered or not, and the writes they followed.

    A write that was still waited for at its end is `waiting`. It is among `writes` only if it had been waited for
    longer than any took: the others say nothing of how long they would have taken.
    """

    site: str
    asked: tuple[Operation, ...]
    writes: tuple[WriteLag, ...]
    waiting: tuple[WriteLag, ...]


def replication_lag(lags: Iterable[SiteLag], history: History) -> list[ReplicationLag]:
    """The lag to each site that heartbeats were sent to, or a store's own service tells of, by the sites' names."""
    measured, told = {found.site: found for found in lags}, _published(history)
    return [
        _figures(measured.get(site, SiteLag(site, (), (), ())), told.get(site, []))
        for site in sorted(measured.keys() | told.keys())
    ]


def _published(history: History) -> dict[str, list[PublishedLag]]:
    """By the site: what the marks `metric` tell."""
    found: dict[str, list[PublishedLag]] = {}
    for mark in history.marks:
        if mark.name == "metric":
            one = msgspec.convert({**mark.data, "source": mark.source, "says": mark.says}, PublishedLag)
            found.setdefault(str(mark.data["site"]), []).append(one)
    return found


def site_lags(history: History) -> list[SiteLag]:
    """What the heartbeats saw that were over before the fault was asked for (or all, where none was)."""
    return lags_between(history, None, phases_of(history).since_ns)


def lags_between(history: History, since_ns: int | None, until_ns: int | None) -> list[SiteLag]:
    """What the heartbeats saw that were sent since the one moment and over before the other (None: all of them)."""
    if not series_of(history, "heartbeat"):
        return []
    told = {(o.vantage, o.key, o.version): o for o in all_changes(history) if o.good and o.kind != "delete"}
    by_site: dict[str, list[Series]] = {}
    for series in series_of(history, "heartbeat"):
        by_site.setdefault(series.stream.site, []).append(series)
    return [_site(site, by_site[site], told, since_ns or 0, until_ns) for site in sorted(by_site)]


def _site(
    site: str,
    streams: Iterable[Series],
    told: dict[tuple[str, str, int], Operation],
    since_ns: int,
    until_ns: int | None,
) -> SiteLag:
    asked: list[Operation] = []
    found: list[WriteLag] = []
    for series in streams:
        inside = [
            o
            for o in series.operations
            if o.version and o.sent_ns >= since_ns and (until_ns is None or o.done_ns < until_ns)
        ]
        asked += inside
        by_write: dict[tuple[str, str, int], list[Operation]] = {}
        for operation in inside:
            if operation.good:
                by_write.setdefault((operation.vantage, operation.key, operation.version), []).append(operation)
        found += [_write_lag(told[write], answers) for write, answers in by_write.items() if write in told]
    seen = [lag for lag in found if lag.upper_ns is not None]
    longest_ns = max((lag.upper_ns or 0 for lag in seen), default=0)
    waiting = [lag for lag in found if lag.upper_ns is None]
    longer = [lag for lag in waiting if lag.lower_ns > longest_ns]
    return SiteLag(site, tuple(asked), (*seen, *longer), tuple(waiting))


def _write_lag(write: Operation, answers: Sequence[Operation]) -> WriteLag:
    there = [o for o in answers if o.observed_version is not None and o.observed_version >= write.version]
    first = min(there, key=lambda o: o.done_ns, default=None)
    without = [o for o in answers if o not in there and (first is None or o.sent_ns < first.done_ns)]
    last = max(without, key=lambda o: o.sent_ns, default=None)
    lower_ns = 0 if last is None else max(0, last.sent_ns - write.done_ns)
    upper_ns = None if first is None else max(0, first.done_ns - write.done_ns)
    if upper_ns is not None:
        lower_ns = min(lower_ns, upper_ns)
    return WriteLag(write.done_ns, lower_ns, upper_ns, tuple(o for o in (write, last, first) if o is not None))


def _figures(found: SiteLag, published: list[PublishedLag]) -> ReplicationLag:
    widths = [w.upper_ns - w.lower_ns for w in found.writes if w.upper_ns is not None]
    return ReplicationLag(
        site=found.site,
        writes=len(found.writes),
        heartbeats=len(found.asked),
        unanswered=sum(not o.good for o in found.asked),
        resolution_s=seconds(max(widths)) if widths else None,
        p50_s=quantile(found.writes, 0.5),
        p95_s=quantile(found.writes, 0.95),
        p99_s=quantile(found.writes, 0.99),
        max_s=quantile(found.writes, 1.0),
        published=published,
    )


def quantile(writes: Sequence[WriteLag], share: float) -> tuple[float, float | None] | None:
    """[lower, upper] in s of the nearest rank of `share` (0..1); None without a write.

    Whatever the true lags are within their intervals, the one of that rank lies between the lower edge and the upper
    edge of that rank.
    """
    if not writes:
        return None
    rank = _rank(len(writes), share)
    lower_ns = sorted(w.lower_ns for w in writes)[rank]
    upper = sorted(math.inf if w.upper_ns is None else w.upper_ns for w in writes)[rank]
    return seconds(lower_ns), None if upper == math.inf else seconds(int(upper))


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """The value of the nearest rank of `share` (0..1) among values in their order; there is one at least."""
    return ordered[_rank(len(ordered), share)]


def _rank(count: int, share: float) -> int:
    return max(0, math.ceil(count * share) - 1)


def lag_gates(lags: Iterable[SiteLag]) -> list[Gate]:
    """What is told of the lag, a finding a site. It judges nothing: what was lost by it, the ledger says."""
    return [_gate(found) for found in lags]


def _gate(found: SiteLag) -> Gate:
    seen = [w for w in found.writes if w.upper_ns is not None]
    stuck = [w for w in found.waiting if seen and w.lower_ns > _still_ns(seen)]
    answered = sum(o.good for o in found.asked)
    if stuck:
        longest = max(stuck, key=lambda w: w.lower_ns)
        says = (
            f"Replication to {found.site} stood still before the fault: a write was not there "
            f"{seconds(longest.lower_ns):.1f} s after it was acknowledged, and the slowest of {len(seen)} before it "
            f"took {seconds(max(w.upper_ns or 0 for w in seen)):.1f} s at most."
        )
        return _told(says, longest.proof)
    if not seen:
        says = f"No acknowledged write was seen at {found.site} before the fault ({answered} heartbeats were answered)."
        return _told(says, found.asked[-5:])
    slowest = max(seen, key=lambda w: w.upper_ns or 0)
    says = (
        f"Before the fault {len(seen)} acknowledged writes were seen at {found.site}, the slowest "
        f"{seconds(slowest.upper_ns or 0):.2f} s at most after it was acknowledged ({answered} of {len(found.asked)} "
        "heartbeats were answered)."
    )
    return Gate(Finding(check=CHECK, verdict="pass", says=says, operations=names_of(slowest.proof)))


def _still_ns(seen: Sequence[WriteLag]) -> int:
    longest_ns = max(w.upper_ns or 0 for w in seen)
    return max(STILL_TIMES * longest_ns, longest_ns + STILL_NS)


def _told(says: str, proof: Iterable[Operation]) -> Gate:
    return Gate(Finding(check=CHECK, verdict="not judged", says=says, operations=names_of(proof)))
