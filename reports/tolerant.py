"""Episodes of a stream whose good service includes some bad operations: they are found by windows.

A window is bad if it holds more bad operations than the allowed share gives by chance. Windows of several lengths are
looked at, so that a short full outage is seen as well as a long thin one.
"""

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from probes.history import Operation
from reports.bounds import MISS_PER_END, Edge, least_surprising, raised_stretch, share_at_least
from reports.series import settled_ns
from reports.steady import Steady

# How unlikely a window must be under the allowed share. A drill has some 10,000 windows: a false one in 100 drills.
CHANCE = 1e-6
# The share inside an episode is taken low (wide ends): its one-sided lower bound that errs this often.
SHARE_MISS = 0.1
# Windows of 2, 4, 8 ... operations, at most this many: at that length 2% instead of 1% shows.
LONGEST_WINDOW = 4096


class Found(msgspec.Struct, frozen=True):
    """An episode: indexes of its first and last bad operation, and its edges."""

    first: int
    last: int
    impact: Edge
    stable_lower_ns: int
    stable_upper_ns: int | None


def find_raised(
    operations: Sequence[Operation], steady: Steady, since_ns: int, hold_ns: int, miss: float = MISS_PER_END
) -> list[Found]:
    """Every episode among `operations` (in sent order) from `since_ns` on; each of its edges errs with `miss`."""
    start = next((i for i, o in enumerate(operations) if settled_ns(o, steady.longest_ns) >= since_ns), len(operations))
    bad = [not o.good for o in operations]
    segments = _merged(_bad_windows(bad, start, steady.allowed), bad, operations, hold_ns)
    edges = [start, *(last + 1 for _, last in segments)]
    limits = [*(first for first, _ in segments[1:]), len(operations)]
    return [
        _found(operations, steady, segment, (begin, limit), miss)
        for segment, begin, limit in zip(segments, edges, limits, strict=False)
    ]


def _bad_windows(bad: Sequence[bool], start: int, allowed: float) -> list[tuple[int, int]]:
    """Index ranges (both ends inclusive) of bad windows of any length, sorted."""
    counts = [0, *accumulate(bad)]
    windows: list[tuple[int, int]] = []
    length = 2
    while length <= min(len(bad) - start, LONGEST_WINDOW):
        least = least_surprising(length, allowed, CHANCE)
        windows += [
            (i, i + length - 1) for i in range(start, len(bad) - length + 1) if counts[i + length] - counts[i] >= least
        ]
        length *= 2
    return sorted(windows)


def _merged(
    windows: list[tuple[int, int]], bad: Sequence[bool], operations: Sequence[Operation], hold_ns: int
) -> list[tuple[int, int]]:
    """Overlapping windows as one, each cut to its first and last bad operation; joined where no hold fits between."""
    joined: list[tuple[int, int]] = []
    for first, last in windows:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    segments: list[tuple[int, int]] = []
    for first, last in joined:
        inside = [i for i in range(first, last + 1) if bad[i]]
        if segments and operations[inside[0]].done_ns - operations[segments[-1][1]].sent_ns < hold_ns:
            segments[-1] = (segments[-1][0], inside[-1])
        else:
            segments.append((inside[0], inside[-1]))
    return segments


def _found(
    operations: Sequence[Operation], steady: Steady, segment: tuple[int, int], within: tuple[int, int], miss: float
) -> Found:
    (first, last), (begin, limit) = segment, within
    inside = [not o.good for o in operations[first : last + 1]]
    share = share_at_least(sum(inside), len(inside), SHARE_MISS)
    # Never as low as the allowed share (a window proved it is higher), never 1 (its logarithm).
    raised = min(0.999, max(share, steady.allowed + 0.05 * (1 - steady.allowed)))
    stretch = raised_stretch([not o.good for o in operations[begin:limit]], steady.allowed, raised, miss)
    low, high = begin + stretch.first_low, begin + stretch.first_high
    return Found(
        first,
        last,
        Edge(_sent_before(operations, low), settled_ns(operations[high], steady.longest_ns)),
        operations[begin + stretch.last_low].sent_ns,
        _good_after(operations, begin + stretch.last_high, limit, steady.longest_ns),
    )


def _sent_before(operations: Sequence[Operation], index: int) -> int:
    """When the last operation that was over before this one was sent, was sent."""
    asked_ns = operations[index].sent_ns
    return next(
        (operations[i].sent_ns for i in range(index - 1, -1, -1) if operations[i].done_ns <= asked_ns), asked_ns
    )


def _good_after(operations: Sequence[Operation], index: int, limit: int, longest_ns: int) -> int | None:
    over_ns = settled_ns(operations[index], longest_ns)
    return next((o.done_ns for o in operations[index + 1 : limit] if o.good and o.sent_ns >= over_ns), None)
