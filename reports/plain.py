"""Plain episodes of one stream: what its operations prove if service was up or down for everybody at once.

Edges rest on operations that do not overlap. "Up at some moment of [sent, done]" and "down at some moment of
[sent, settled]" say in which order they came only if the one is over before the other begins; two that were in flight
together may have met the service in either order (docs/adr/0005-intervals.md). Where part of the requests may have
failed, `reports/widening.py` moves the outer edges.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from probes.history import Operation
from reports.bounds import MISS_PER_END, Edge, may_be_one, unseen_sends
from reports.series import Series, settled_ns
from reports.steady import Steady
from reports.tolerant import Found, find_raised


class StreamEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one stream; moments in ns on the history's axis.

    `stable_upper_ns` is None where recovery was not seen. `certain`: the edges hold whatever share of the requests
    failed, but in one drill of a million; otherwise each outer edge errs in 2.5% of drills at most. `sends` counts the
    operations from the first bad one to the last, `good_inside` those that were good and lie wholly between them.
    `may_go_on`: the good service after it may be chance, and the next episode of the stream the same one. `bad_spans`
    are the times for which a bad operation stands: from its sending to the next one's. `exact`: every bad operation
    counted; otherwise it was found by windows, and its edges are statistical already.
    """

    series: Series
    impact: Edge
    stable_lower_ns: int
    stable_upper_ns: int | None
    certain: bool
    bad: tuple[Operation, ...]
    sends: int
    good_inside: int
    flaps: int
    bad_spans: tuple[tuple[int, int], ...]
    may_go_on: bool = False
    exact: bool = True


class Window(msgspec.Struct, frozen=True):
    """What is looked at, and how long good service must last to end an episode.

    Operations that may have met the fault (`since_ns`) and cannot have met what came after (`until_ns`).
    """

    since_ns: int
    until_ns: int | None
    hold_ns: int


def plain_episodes(
    series: Series, steady: Steady, window: Window, miss: float = MISS_PER_END
) -> tuple[StreamEpisode, ...]:
    """Every episode of one stream in the window, in time order; `miss` is for the edges of those found by windows."""
    operations = series.operations
    if window.until_ns is not None:
        operations = tuple(o for o in operations if settled_ns(o, steady.longest_ns) <= window.until_ns)
    if steady.allowed > 0:
        found = find_raised(operations, steady, window.since_ns, window.hold_ns, miss)
        return tuple(_tolerant(series, operations, f) for f in found)
    cut = _Exact(series, operations, steady.longest_ns, window)
    groups = cut.groups()
    return _linked([cut.episode(group) for group in groups], groups)


def _linked(episodes: list[StreamEpisode], groups: list[list[int]]) -> tuple[StreamEpisode, ...]:
    """Say of each episode whether the next may be the same one.

    A single bad operation now and then is a partial failure with a small share, however long the good service
    between: nothing in it says that it was over.
    """
    linked: list[StreamEpisode] = []
    chain: list[int] = []
    for i, (episode, group) in enumerate(zip(episodes, groups, strict=True)):
        chain = [*chain, *group] if linked and linked[-1].may_go_on else list(group)
        if i + 1 == len(groups):
            linked.append(episode)
            break
        following = groups[i + 1]
        bad, sends = len(chain) + len(following), following[-1] - chain[0] + 1
        one = may_be_one(bad, sends, following[0] - group[-1] - 1)
        linked.append(msgspec.structs.replace(episode, may_go_on=one))
    return tuple(linked)


class _Exact:
    """Episodes where every bad operation counts."""

    def __init__(self, series: Series, operations: Sequence[Operation], longest_ns: int, window: Window) -> None:
        self._series = series
        self._ops = operations
        self._window = window
        self._longest_ns = longest_ns

    def _settled(self, i: int) -> int:
        return settled_ns(self._ops[i], self._longest_ns)

    def groups(self) -> list[list[int]]:
        """Indexes of the bad operations, one list an episode."""
        groups: list[list[int]] = []
        latest_ns = 0
        for i in [i for i, o in enumerate(self._ops) if o.outcome != "ok"]:
            over_ns = self._settled(i)
            if over_ns < self._window.since_ns:
                continue
            if groups and not self._apart(groups[-1][-1], latest_ns, i):
                groups[-1].append(i)
                latest_ns = max(latest_ns, over_ns)
            else:
                groups.append([i])
                latest_ns = over_ns
        return groups

    def _apart(self, last: int, latest_ns: int, following: int) -> bool:
        """Whether a window that held may lie between two bad operations, and a good one proves that there was any."""
        if self._settled(following) - self._ops[last].sent_ns < self._window.hold_ns:
            return False
        between = self._ops[last + 1 : following]
        asked_ns = self._ops[following].sent_ns
        return any(o.good and o.sent_ns >= latest_ns and o.done_ns <= asked_ns for o in between)

    def episode(self, group: list[int]) -> StreamEpisode:
        """The episode of these bad operations."""
        first, last = group[0], group[-1]
        impact_upper = min(self._settled(i) for i in group)
        stable_lower = self._ops[last].sent_ns
        inside = sum(
            o.good and o.sent_ns > impact_upper and o.done_ns < stable_lower for o in self._ops[first : last + 1]
        )
        return StreamEpisode(
            series=self._series,
            impact=Edge(self._impact_lower(first), impact_upper),
            stable_lower_ns=stable_lower,
            stable_upper_ns=self._stable_upper(group),
            certain=False,
            bad=tuple(self._ops[i] for i in group),
            sends=last - first + 1,
            good_inside=inside,
            flaps=_flaps(group) if inside else 0,
            bad_spans=_spans(self._ops, group, self._series.stream.period_ns),
        )

    def _impact_lower(self, first: int) -> int:
        asked_ns = self._ops[first].sent_ns
        for i in range(first - 1, -1, -1):
            if self._ops[i].good and self._ops[i].done_ns <= asked_ns:
                return self._ops[i].sent_ns
        return min(self._window.since_ns, asked_ns)

    def _stable_upper(self, group: list[int]) -> int | None:
        """When it was good again at the latest. The good operation that parts two groups keeps it out of the next."""
        latest_ns = max(self._settled(i) for i in group)
        up = next((i for i in range(group[-1] + 1, len(self._ops)) if self._ops[i].sent_ns >= latest_ns), None)
        if up is None:
            return None
        soonest = self._ops[up].done_ns
        for i in range(up + 1, len(self._ops)):
            if self._ops[i].sent_ns >= soonest:
                break
            soonest = min(soonest, self._ops[i].done_ns)
        return soonest


def _flaps(group: Sequence[int]) -> int:
    """Runs of good operations that are too long to be chance: the service was back and was lost again."""
    good = group[-1] - group[0] + 1 - len(group)
    least = unseen_sends(good, len(group) - 1)
    return sum(b - a - 1 > least for a, b in pairwise(group))


def _spans(operations: Sequence[Operation], bad: Sequence[int], period_ns: int) -> tuple[tuple[int, int], ...]:
    def end(i: int) -> int:
        return operations[i + 1].sent_ns if i + 1 < len(operations) else operations[i].sent_ns + period_ns

    return tuple((operations[i].sent_ns, end(i)) for i in bad)


def _tolerant(series: Series, operations: Sequence[Operation], found: Found) -> StreamEpisode:
    """An episode of a stream that always fails now and then: found by windows, its edges statistical."""
    bad = [i for i in range(found.first, found.last + 1) if not operations[i].good]
    return StreamEpisode(
        series=series,
        impact=found.impact,
        stable_lower_ns=found.stable_lower_ns,
        stable_upper_ns=found.stable_upper_ns,
        certain=False,
        bad=tuple(operations[i] for i in bad),
        sends=found.last - found.first + 1,
        good_inside=found.last - found.first + 1 - len(bad),
        flaps=0,
        bad_spans=_spans(operations, bad, series.stream.period_ns),
        exact=False,
    )
