"""What service is judged by besides failures: how long good answers take, and how many there are.

Each limit is one more look at the same operations, by the same windows: a `Series` in which "bad" means that the limit
was missed, and how often it may be.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from probes.history import Operation, Stream
from reports.bounds import NS_PER_S
from reports.objectives import Objectives
from reports.series import Series, StreamId
from reports.steady import SLOW_SHARE, Steady

CAPACITY = "capacity"


class Look(msgspec.Struct, frozen=True):
    """One way to look at operations, and how often they may be bad in it."""

    series: Series
    steady: Steady


def looks(streams: Sequence[Series], steady: dict[StreamId, Steady], objectives: Objectives) -> list[Look]:
    """Each stream by its failures; by its slow answers if there is a limit; all together if there is a capacity."""
    found = [Look(s, steady[s.id]) for s in streams]
    if objectives.p99_s is not None:
        found += [_by_time(s, round(objectives.p99_s * NS_PER_S)) for s in streams]
    if objectives.capacity is not None and streams:
        found += _by_capacity(streams, [steady[s.id] for s in streams], objectives.capacity)
    return found


def slow(operation: Operation, limit_ns: int) -> bool:
    """Whether a good operation took longer than the limit."""
    return operation.good and operation.done_ns - operation.sent_ns > limit_ns


def _by_time(series: Series, limit_ns: int) -> Look:
    """The good operations of a stream, those above the limit as bad ones.

    A slow one proves that service was slow at some moment of [sent, sent + limit]: had it been fast all that time, the
    answer would have come by then.
    """
    good = [o for o in series.operations if o.good]
    marked = tuple(msgspec.structs.replace(o, outcome="in-doubt") if slow(o, limit_ns) else o for o in good)
    count = sum(not o.good for o in marked)
    return Look(
        Series(series.vantage, _named(series.stream, f"{series.stream.name}: p99"), marked),
        Steady(len(marked), count, limit_ns, SLOW_SHARE),
    )


def _by_capacity(streams: Sequence[Series], steady: Sequence[Steady], capacity: float) -> list[Look]:
    """All streams as one, of which so many operations must be good that the baseline's rate times `capacity` is met.

    The schedule is open loop, so the rate of good operations over that of the baseline is the share that is good over
    the baseline's. Nothing where the streams' own shares demand as much already.
    """
    operations, bad = sum(s.operations for s in steady), sum(s.bad for s in steady)
    usual = (bad + 1) / (operations + 2) if bad else 0.0
    allowed = max(0.0, 1.0 - capacity * (1.0 - usual))
    if all(s.allowed <= allowed for s in steady):
        return []
    merged = tuple(sorted(_all(streams), key=attrgetter("sent_ns")))
    period_ns = max(1, round(1 / sum(1 / s.stream.period_ns for s in streams)))
    stream = msgspec.structs.replace(_named(streams[0].stream, CAPACITY), probe=CAPACITY, period_ns=period_ns)
    longest_ns = max(s.longest_ns for s in steady)
    return [Look(Series(streams[0].vantage, stream, merged), Steady(operations, bad, longest_ns, allowed))]


def _all(streams: Iterable[Series]) -> Iterable[Operation]:
    return (o for s in streams for o in s.operations)


def _named(stream: Stream, name: str) -> Stream:
    return msgspec.structs.replace(stream, name=name)
