"""Lags that are known to the ns: each write's interval holds its own, and each quantile the true one of its writes."""

import math
from random import Random

import pytest

from probes.history import History
from reports.lag import SiteLag, quantile, site_lags
from tests.truth.simulated import MS, NS, drill, writes_of
from tests.truth.two_sites import with_heartbeats

SEEDS = range(20)


def drawn(seed: int) -> tuple[History, dict[str, int]]:
    """A drill with a lag of its own for each write, some heartbeats unanswered; and those lags by key."""
    random, plain = Random(seed), drill(seed=seed)
    usual = random.choice((5 * MS, 80 * MS, 400 * MS))
    lags = {w.key: int(random.expovariate(1 / usual)) for w in writes_of(plain) if w.good}
    arrives = {w.key: w.done_ns + lags[w.key] for w in writes_of(plain) if w.good}
    unanswered = [seq for seq in range(300) if random.random() < 0.1]
    period = random.choice((20 * MS, 100 * MS))
    return with_heartbeats(plain, arrives, period=period, took=period // 4, unanswered=unanswered), lags


def found(history: History) -> SiteLag:
    (site,) = site_lags(history)
    return site


@pytest.mark.parametrize("seed", SEEDS)
def test_every_interval_holds_the_truth(seed: int) -> None:
    history, lags = drawn(seed)
    site = found(history)
    assert site.writes
    true = []
    for write in site.writes:
        lag = lags[write.proof[0].key]
        assert write.lower_ns <= lag
        assert write.upper_ns is None or lag <= write.upper_ns
        true.append(lag)
    for share in (0.5, 0.95, 0.99, 1.0):
        lower_s, upper_s = quantile(site.writes, share) or (math.inf, None)
        of_them = sorted(true)[max(0, math.ceil(len(true) * share) - 1)] / NS
        assert lower_s <= of_them <= (math.inf if upper_s is None else upper_s)
