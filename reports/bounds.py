"""Edges as intervals, and the statistics that widen them."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache

import msgspec

NS_PER_S = 1_000_000_000

# Half of what a 95% interval may miss: one half for the impact, one for the recovery.
MISS_PER_END = 0.025
# The same for an interval that is called certain, and for the edges that a verdict rests on: both ends together err in
# one drill of a million, whatever share of the requests failed.
CERTAIN_MISS_PER_END = 5e-7


class Edge(msgspec.Struct, frozen=True):
    """A moment that is known to lie in [lower_ns, upper_ns], ns on the history's axis."""

    lower_ns: int
    upper_ns: int


def seconds(ns: int) -> float:
    """Ns as s. Never rounded: an edge that is rounded inwards would be false."""
    return ns / NS_PER_S


def span(start: Edge, end: Edge) -> Edge:
    """How long it was from `start` to `end`: at least from the one's upper edge to the other's lower, and never < 0."""
    return Edge(max(0, end.lower_ns - start.upper_ns), max(0, end.upper_ns - start.lower_ns))


def unseen_sends(good: int, bad: int, miss: float = MISS_PER_END) -> int:
    """How many sends beyond the first (or last) bad one a partial failure may reach without another bad send.

    The share q of sends that fail is not known and not estimated: `bad` further bad sends were seen, and `good` ones
    between them. Where each send fails with probability q, the runs of good sends before the first bad one and between
    the bad ones are exchangeable, whatever q is. So, given all s good sends of those runs, each way to share them out
    is as likely, and the unseen run has r of them or more with probability prod((good + i) / (good + bad + i), i =
    1..r), where good = s - r. The smallest m is taken with which r = m + 1 has at most `miss`: the unseen run is longer
    than m in at most that share of drills, for every q. For many bad sends m tends to ceil(ln(miss) / ln(1 - q)) - 1;
    where none was good between 39 further bad ones it is 0. Raises ValueError for bad < 1: then nothing is known of q.
    """
    if bad < 1:
        raise ValueError("a share cannot be told without a further bad send")
    most = math.log(miss)
    known = math.lgamma(good + 1) - math.lgamma(good + bad + 1)

    def enough(run: int) -> bool:
        """Whether a run of so many is rare enough; what is equal but for the rounding of logarithms is."""
        chance = math.lgamma(good + run + 1) - math.lgamma(good + bad + run + 1) - known
        return chance <= most + 1e-9

    high = 1
    while not enough(high):
        high *= 2
    return bisect_left(range(high // 2, high + 1), True, key=enough) + high // 2 - 1


def less_hit(bad: int, good: int, other_bad: int, other_good: int) -> float:
    """Probability that a stream has `other_bad` bad sends or fewer, by luck alone, where another has `bad` and `good`.

    Fisher's exact test, one-sided: all sends fail with the same probability, whatever it is. Small: they do not.
    """
    if other_bad * (bad + good) >= bad * (other_bad + other_good):
        return 1.0  # hit as often or more; the tail is not worth its sum
    drawn, failed = other_bad + other_good, bad + other_bad
    rest = good + other_good
    term = math.exp(
        _log_choose(failed, other_bad) + _log_choose(rest, other_good) - _log_choose(failed + rest, drawn)
    )  # fmt: skip
    total, b = 0.0, other_bad
    while b >= 0 and term > total * 1e-12:
        total += term
        term *= b * (rest - drawn + b) / ((failed - b + 1) * (drawn - b + 1))
        b -= 1
    return min(1.0, total)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def may_be_one(bad: int, sends: int, gap: int, miss: float = MISS_PER_END) -> bool:
    """Whether a run of `gap` good sends may be chance within one partial failure with `bad` of `sends` bad."""
    return bad > 0 and gap * math.log1p(-min(bad / sends, 1 - 1e-12)) > math.log(miss)


def chance_of(bad: int, sends: int, share: float) -> float:
    """Probability of at least `bad` bad sends among `sends` when each is bad with probability `share`."""
    if bad <= 0:
        return 1.0
    if share <= 0.0 or bad > sends:
        return 0.0
    if share >= 1.0:
        return 1.0
    odds = share / (1 - share)
    term = math.exp(
        math.lgamma(sends + 1) - math.lgamma(bad + 1) - math.lgamma(sends - bad + 1)
        + bad * math.log(share) + (sends - bad) * math.log1p(-share)
    )  # fmt: skip
    total = 0.0
    for k in range(bad, sends + 1):
        total += term
        term *= odds * (sends - k) / (k + 1)
    return min(1.0, total)


@cache
def least_surprising(sends: int, share: float, chance: float) -> int:
    """Smallest number of bad sends among `sends` with a probability below `chance`; sends + 1 if there is none."""
    return bisect_left(range(sends + 2), True, key=lambda bad: chance_of(bad, sends, share) < chance)


def share_at_least(bad: int, sends: int, miss: float) -> float:
    """One-sided lower confidence bound of a share (Clopper and Pearson 1934): too high with probability `miss`."""
    if bad == 0:
        return 0.0
    low, high = 0.0, bad / sends
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if chance_of(bad, sends, middle) > miss else (middle, high)
    return low


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of sends with a raised share of bad ones; the sends at which it may begin and end, both inclusive."""

    first_low: int
    first_high: int
    last_low: int
    last_high: int


def raised_stretch(bad: Sequence[bool], usual: float, raised: float, miss: float = MISS_PER_END) -> Stretch:
    """Where in `bad` the share of bad sends is `raised` instead of `usual`. Raises ValueError for an empty one.

    A send speaks for the stretch by its log likelihood ratio. The best stretch maximises their sum, and an end may lie
    wherever the sum stays within ln(2 / miss) of the best. Seen from the true end, that ratio is a martingale of mean
    1 in each direction, so it exceeds 2 / miss with probability miss / 2 at most (Ville's inequality): each end errs
    with `miss` at most, both with 5% by default. A `raised` that is too low only lowers what a send can say, so the
    ends come out wider.
    """
    for_bad, for_good = math.log(raised / usual), math.log((1 - raised) / (1 - usual))
    says = [for_bad if b else for_good for b in bad]
    first, last = _best_stretch(says)
    least = _sum(says, first, last) - math.log(2 / miss)
    firsts = [i for i, rest in _sums_back(says, last) if rest >= least]
    lasts = [i for i, rest in _sums_on(says, first) if rest >= least]
    return Stretch(min(firsts), max(firsts), min(lasts), max(lasts))


def _best_stretch(says: Sequence[float]) -> tuple[int, int]:
    """First and last index of the slice with the largest sum (Kadane)."""
    best, found = -math.inf, (0, 0)
    total, first = 0.0, 0
    for i, value in enumerate(says):
        if total <= 0:
            total, first = 0.0, i
        total += value
        if total > best:
            best, found = total, (first, i)
    if best == -math.inf:
        raise ValueError("no sends")
    return found


def _sum(says: Sequence[float], first: int, last: int) -> float:
    return math.fsum(says[first : last + 1])


def _sums_back(says: Sequence[float], last: int) -> list[tuple[int, float]]:
    total, sums = 0.0, []
    for i in range(last, -1, -1):
        total += says[i]
        sums.append((i, total))
    return sums


def _sums_on(says: Sequence[float], first: int) -> list[tuple[int, float]]:
    total, sums = 0.0, []
    for i in range(first, len(says)):
        total += says[i]
        sums.append((i, total))
    return sums
