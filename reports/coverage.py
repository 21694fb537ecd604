"""How much of the data a sampled audit read, and how much may be lost of what it left out."""

import math

import msgspec

from probes.history import Operation
from reports.ledger import MISSING, Audit, Fate, Ledger

# What "at most so many" may miss.
MISS = 0.05


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """One audit, in keys that hold an acknowledged write from before it.

    `keys` there are, `read` were read. `population` are those that were left to the sample (the others were read one
    and all), `sample` those of them that were read, `missing` those of the sample with a loss. `operations` are the
    first and the last answer.
    """

    name: str
    keys: int
    read: int
    population: int
    sample: int
    missing: int
    operations: tuple[Operation, ...]

    @property
    def share(self) -> float:
        """The share of the keys that was read."""
        return self.read / self.keys if self.keys else 1.0

    @property
    def most_lost(self) -> int:
        """With 95% confidence no more keys than this have a loss among those left to the sample."""
        return most_in_population(self.population, self.sample, self.missing)


def covered(found: Ledger) -> tuple[Coverage, ...]:
    """The coverage of each audit that left keys out; none for audits of everything."""
    sampled = [a for a in found.audits.all if any(r.share < 1.0 for r in a.readings.values())]
    return tuple(_covered(found, audit) for audit in sampled)


def _covered(found: Ledger, audit: Audit) -> Coverage:
    newest: dict[str, Fate] = {}
    missing: set[str] = set()
    for fate in found.fates:
        if fate.acknowledged and fate.write.sent_ns < audit.readings[fate.write.vantage].began_ns:
            newest[fate.write.key] = fate
            if (fate.at_failover if audit is found.audits.at_failover else fate.after_heal) in MISSING:
                missing.add(fate.write.key)
    whole = {f.write.key for f in found.fates if _whole(f.write, audit)}
    population = [key for key in newest if key not in whole]
    sample = [key for key in population if key in audit.answers]
    return Coverage(
        name=audit.name,
        keys=len(newest),
        read=sum(key in audit.answers for key in newest),
        population=len(population),
        sample=len(sample),
        missing=sum(key in missing for key in sample),
        operations=(audit.first, audit.last),
    )


def _whole(write: Operation, audit: Audit) -> bool:
    """Whether the audit was to read its key for it, sample or not: acknowledged or not, it was sent late enough."""
    reading = audit.readings[write.vantage]
    return reading.since_ns <= write.sent_ns < reading.began_ns


def most_in_population(population: int, sample: int, seen: int, miss: float = MISS) -> int:
    """Exact upper confidence bound of how many of a population have a mark, `seen` of a random sample having it.

    The largest number K for which a sample shows `seen` or fewer of them with a probability above `miss`, by the
    hypergeometric distribution (Buonaccorsi 1987, The American Statistician 41(3)). With `seen` = 0 and a small share
    this is the rule of three, 3/n of the population (Hanley and Lippman-Hand 1983, JAMA 249(13)). Without a sample it
    is the whole population. Raises ValueError where the sample does not fit in the population, or `seen` in the sample.
    """
    if not 0 <= seen <= sample <= population:
        raise ValueError("a sample is part of its population, and what is seen part of the sample")
    low, high = seen, population - sample + seen
    while low < high:
        middle = (low + high + 1) // 2
        if _at_most(seen, population, middle, sample) > miss:
            low = middle
        else:
            high = middle - 1
    return low


def _at_most(seen: int, population: int, marked: int, sample: int) -> float:
    """Probability that a sample without replacement holds `seen` marked ones or fewer."""
    total = _log_choose(population, sample)
    lowest = max(0, sample - (population - marked))
    return math.fsum(
        math.exp(_log_choose(marked, x) + _log_choose(population - marked, sample - x) - total)
        for x in range(lowest, min(seen, marked) + 1)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
