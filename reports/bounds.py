"""Edges as intervals, and the statistics that widen them."""

import math
from bisect import bisect_left
from collections.abc import Sequence

import msgspec

NS_PER_S = 1_000_000_000

# Half of what a 95% interval may miss: one half for the impact, one for the recovery.
MISS_PER_END = 0.025


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

    This is ceil(ln(miss) / ln(1 - q)) for a share q that is not known, but estimated from `bad` further bad sends
    and the `good` ones between them. Where each send fails with probability q, the runs of good sends before the
    first bad send and between the bad ones are exchangeable, whatever q is. So, given that the known runs hold
    `good` sends in all, the unseen run is longer than m with probability prod((good + i) / (good + bad + i), i =
    1..m) at most, and the smallest m that brings it down to `miss` errs in at most that share of drills: no
    estimate of q is trusted, and for many bad sends m tends to that formula. Raises ValueError for bad < 1: then
    nothing is known of q.
    """
    if bad < 1:
        raise ValueError("a share cannot be estimated without a further bad send")
    if bad == 1:
        return math.ceil(((good + 1) / miss) - (good + 1))
    chance, sends = 1.0, 0
    while chance > miss:
        sends += 1
        chance *= (good + sends) / (good + bad + sends)
    return sends


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


# Four ways to err (each end too early or too late), 5% in all.
_LIKELIHOOD = math.log(4 / 0.05)


def raised_stretch(bad: Sequence[bool], usual: float, raised: float) -> Stretch:
    """Where in `bad` the share of bad sends is `raised` instead of `usual`, at 95%. Raises ValueError for an empty one.

    A send speaks for the stretch by its log likelihood ratio. The best stretch maximises their sum, and an end may lie
    wherever the sum stays within ln(80) of the best. Seen from the true end, that ratio is a martingale of mean 1 in
    each direction, so it exceeds 80 with probability 1/80 at most (Ville's inequality): four directions make 5%. A
    `raised` that is too low only lowers what a send can say, so the ends come out wider.
    """
    for_bad, for_good = math.log(raised / usual), math.log((1 - raised) / (1 - usual))
    says = [for_bad if b else for_good for b in bad]
    first, last = _best_stretch(says)
    firsts = [i for i, rest in _sums_back(says, last) if rest >= _sum(says, first, last) - _LIKELIHOOD]
    lasts = [i for i, rest in _sums_on(says, first) if rest >= _sum(says, first, last) - _LIKELIHOOD]
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
