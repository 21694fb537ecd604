"""Outer edges that hold whatever share of the requests failed.

A partial failure shows itself late by luck and hides early. How far, is told by the operations of all streams that it
hit alike (docs/adr/0006-certain.md): `n` bad ones with hardly a good one between leave no room for a run of good ones
before the first; two bad ones leave much.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge, nsmallest
from operator import attrgetter

import msgspec

from probes.history import Operation
from reports.bounds import CERTAIN_MISS_PER_END, MISS_PER_END, Edge, less_hit, unseen_sends
from reports.plain import StreamEpisode, Window
from reports.series import Series, StreamId, settled_ns
from reports.steady import Steady

# Bad sends that the share at an end is told from, where part of the sends failed: near enough to be the share there.
LOCAL_BAD = 10
# Fewer bad sends than this cannot tell any share, so their edges are never certain.
FEW_BAD = 4
# So unlikely must it be that a stream was hit with the same share before it is not asked for that share.
UNLIKE = 1e-6

_SENT = attrgetter("sent_ns")


class Meeting(msgspec.Struct, frozen=True):
    """What the streams that were hit alike met in one episode of the service.

    `bad` in the order of sending. `settled_ns`: when the last of them was settled. `begin_ns`, `end_ns`: from when it
    is known to have been bad, and until when. `streams` are the streams, `inside` their good operations that lie
    wholly in between.
    """

    streams: tuple[Series, ...]
    bad: tuple[Operation, ...]
    settled_ns: int
    begin_ns: int
    end_ns: int
    inside: tuple[Operation, ...]


def widened(
    episodes: Sequence[StreamEpisode],
    streams: Sequence[Series],
    steady: Mapping[StreamId, Steady],
    window: Window,
    miss: float = MISS_PER_END,
) -> list[StreamEpisode]:
    """The plain episodes of one episode of the service, each with outer edges that err with `miss` at most.

    `streams` are all that may have met it. Episodes found by windows are returned as they are.
    """
    found: list[StreamEpisode] = []
    known: dict[tuple[StreamId, ...], Meeting] = {}
    for e in episodes:
        if not e.exact:
            found.append(e)
            continue
        alike = tuple(s for s in streams if s.stream.probe == e.series.stream.probe and _alike(e, s, steady))
        ids = tuple(s.id for s in alike)
        if ids not in known:
            known[ids] = _meeting(alike, [o for o in episodes if o.exact and o.series.id in ids], steady)
        found.append(_moved(e, known[ids], [o for o in episodes if o.series.id in ids], window, miss))
    return found


def _alike(e: StreamEpisode, series: Series, steady: Mapping[StreamId, Steady]) -> bool:
    """Whether the stream may have been hit with the same share of its operations as the episode's own."""
    if series.id == e.series.id:
        return True
    if series.id not in steady or steady[series.id].allowed > 0:
        return False
    good, bad = 0, 0
    for o in _between(series, e.impact.upper_ns, e.stable_lower_ns):
        good, bad = good + o.good, bad + (not o.good)
    # The first bad operation of the episode is where it was begun to be looked at: it says nothing of the share.
    return less_hit(len(e.bad) - 1, e.good_inside, bad, good) > UNLIKE


def _between(series: Series, begin_ns: int, end_ns: int) -> Iterator[Operation]:
    """The operations that were sent after `begin_ns` and done before `end_ns` (bad ones: sent before it)."""
    operations = series.operations
    for i in range(bisect_left(operations, begin_ns + 1, key=_SENT), len(operations)):
        if operations[i].sent_ns >= end_ns:
            return
        if operations[i].done_ns < end_ns or not operations[i].good:
            yield operations[i]


def _meeting(streams: tuple[Series, ...], hit: Sequence[StreamEpisode], steady: Mapping[StreamId, Steady]) -> Meeting:
    begin_ns, end_ns = min(e.impact.upper_ns for e in hit), max(e.stable_lower_ns for e in hit)
    inside = [o for s in streams for o in _between(s, begin_ns, end_ns) if o.good]
    return Meeting(
        streams=streams,
        bad=tuple(sorted((o for e in hit for o in e.bad), key=_SENT)),
        settled_ns=max(settled_ns(o, steady[e.series.id].longest_ns) for e in hit for o in e.bad),
        begin_ns=begin_ns,
        end_ns=end_ns,
        inside=tuple(inside),
    )


def _moved(
    e: StreamEpisode, met: Meeting, alike: Sequence[StreamEpisode], window: Window, miss: float
) -> StreamEpisode:
    """The episode with its edges moved outwards; nothing moves them inwards."""
    lower_ns = min(e.impact.lower_ns, _impact_lower(met, window, miss))
    # A fault cannot bite before it was asked for.
    lower_ns = max(lower_ns, min(window.since_ns, e.impact.lower_ns))
    upper_ns, cut_short = _stable_upper(met, window, miss)
    if e.stable_upper_ns is None:
        upper_ns = None
    elif upper_ns is not None:
        upper_ns = max(upper_ns, e.stable_upper_ns)
    return msgspec.structs.replace(
        e,
        impact=Edge(lower_ns, e.impact.upper_ns),
        stable_upper_ns=upper_ns,
        certain=_certain(met, alike, window),
        may_go_on=e.may_go_on or cut_short,
    )


def _certain(met: Meeting, plain: Sequence[StreamEpisode], window: Window) -> bool:
    """Whether the plain edges hold whatever the share: none was good in between, and there are enough bad ones."""
    if met.inside or len(met.bad) < FEW_BAD:
        return False
    upper_ns, _ = _stable_upper(met, window, CERTAIN_MISS_PER_END)
    ends = [e.stable_upper_ns for e in plain]
    known = [end for end in ends if end is not None]
    lower_ns = min(e.impact.lower_ns for e in plain)
    if len(known) < len(ends):
        return lower_ns <= _impact_lower(met, window, CERTAIN_MISS_PER_END)
    return (
        lower_ns <= _impact_lower(met, window, CERTAIN_MISS_PER_END) and upper_ns is not None and upper_ns <= max(known)
    )


def _run(met: Meeting, miss: float, *, back: bool) -> int | None:
    """How many good operations may have met it unnoticed at its beginning (`back`: at its end). None: any number."""
    if len(met.bad) == 1:
        return None
    if not met.inside:
        return unseen_sends(0, len(met.bad) - 1, miss)
    local = met.bad[-LOCAL_BAD - 1 :] if back else met.bad[: LOCAL_BAD + 1]
    good = sum(o.good for s in met.streams for o in _between(s, local[0].sent_ns, local[-1].sent_ns + 1))
    return unseen_sends(good, len(local) - 1, miss)


def _impact_lower(met: Meeting, window: Window, miss: float) -> int:
    """The sending of the last good operation that can be relied on to have met good service."""
    asked_ns = met.bad[0].sent_ns
    run = _run(met, miss, back=False)
    # However thin the failure: good for a whole hold is good, by what "recovered" means, before it as well as after.
    least_ns = max(window.since_ns, asked_ns - window.hold_ns)
    left = -1 if run is None else run
    for o in merge(*(_backwards(s, asked_ns) for s in met.streams), key=_SENT, reverse=True):
        if o.sent_ns < least_ns:
            break
        if o.good and o.done_ns <= asked_ns:
            if left == 0:
                return o.sent_ns
            left -= 1
    return least_ns


def _backwards(series: Series, before_ns: int) -> Iterator[Operation]:
    operations = series.operations
    return (operations[i] for i in range(bisect_left(operations, before_ns, key=_SENT) - 1, -1, -1))


def _stable_upper(met: Meeting, window: Window, miss: float) -> tuple[int | None, bool]:
    """When it was good again at the latest, and whether it was bad again before that could be said.

    Of any m + 1 good operations after it at least one met good service, where at most m may have met it unnoticed:
    those that were done first say so first.
    """
    run = _run(met, miss, back=True)
    last_ns = met.bad[-1].sent_ns
    held_ns = last_ns + window.hold_ns
    done: list[int] = []
    for o in merge(*(_onwards(s, met.settled_ns) for s in met.streams), key=_SENT):
        if window.until_ns is not None and o.done_ns > window.until_ns:
            continue
        if not o.good:
            return (max(done) if done else None), True
        if o.sent_ns >= held_ns:
            return max([held_ns, *nsmallest(1, done)]), False
        if run is not None and len(done) > run and o.sent_ns >= nsmallest(run + 1, done)[-1]:
            break
        done.append(o.done_ns)
    if run is None or len(done) <= run:
        return None, False
    return nsmallest(run + 1, done)[-1], False


def _onwards(series: Series, since_ns: int) -> Iterator[Operation]:
    operations = series.operations
    return (operations[i] for i in range(bisect_left(operations, since_ns, key=_SENT), len(operations)))


def alone(
    episodes: Iterable[StreamEpisode], steady: Steady, window: Window, miss: float = MISS_PER_END
) -> list[StreamEpisode]:
    """Each episode of one stream by itself. Where none was good in between it stays plain: one target, up or down."""
    return [widened([e], [e.series], {e.series.id: steady}, window, miss)[0] if e.good_inside else e for e in episodes]
