"""Whether one group of runs is worse than another, where each run is known as an interval only.

What a single run took differs from run to run, and nobody knows how. So nothing is assumed of it but that the runs of
a group are alike: the test is Mann and Whitney's (1947), by ranks, one-sided and exact.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from reports.last_release import Span

# What chance may do, where it is said that chance did not do it.
RARE = 0.05


class Order(NamedTuple):
    """How two groups lie: the pairs of a run now and a run then of which it is proved that the one now is worse.

    `by_chance` bounds how often so many pairs come about where both groups are alike. `apart`: all pairs are.
    """

    worse: int
    pairs: int
    by_chance: float

    @property
    def apart(self) -> bool:
        """Whether each run now is worse than each run then."""
        return 0 < self.pairs == self.worse

    @property
    def proved(self) -> bool:
        """Whether the intervals prove that the runs now are worse than those then."""
        return self.apart or self.by_chance <= RARE


def order(now: Sequence[Span], then: Sequence[Span], margin_s: float = 0.0) -> Order:
    """Compare the groups; a run is worse than another where it was longer by more than `margin_s` in any case.

    Pairs whose intervals allow both do not count as worse, so that chance is never taken for smaller than it is.
    """
    worse = sum(upper is not None and lower > upper + margin_s for (lower, _), (_, upper) in product(now, then))
    return Order(worse, len(now) * len(then), chance(worse, len(now), len(then)))


def chance(worse: int, now: int, then: int) -> float:
    """Probability of `worse` pairs or more, of now * then, where all runs are alike: exact, by counting orders.

    The numbers of orders by their pairs are the coefficients of a Gaussian binomial.
    """
    counts = [1] + [0] * (now * then)
    for j in range(1, then + 1):
        for k in range(len(counts) - 1, now + j - 1, -1):
            counts[k] -= counts[k - now - j]
        for k in range(j, len(counts)):
            counts[k] += counts[k - j]
    return sum(counts[worse:]) / math.comb(now + then, now)


def no_longer(now: Sequence[Span], then: Sequence[Span], margin_s: float) -> bool:
    """Whether it is proved that no run now was longer than the longest run then by more than `margin_s`."""
    longest = max(lower for lower, _ in then)
    return all(upper is not None and upper <= longest + margin_s for _, upper in now)
