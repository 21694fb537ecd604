import math

import pytest

from reports.bounds import (
    Edge,
    chance_of,
    least_surprising,
    less_hit,
    may_be_one,
    raised_stretch,
    share_at_least,
    span,
    unseen_sends,
)  # fmt: skip


def miss(share: float, bads: int) -> float:
    """Exact probability that the widening is too small, with `bads` further bad sends at the end."""
    missed = reached = 0.0
    good = 0
    while reached < 1 - 1e-7 and good < 30_000:
        chance = math.exp(
            math.lgamma(good + bads) - math.lgamma(bads) - math.lgamma(good + 1)
            + bads * math.log(share) + good * math.log1p(-share)
        )  # fmt: skip
        missed += chance * (1 - share) ** (unseen_sends(good, bads) + 1)
        reached += chance
        good += 1
    return missed


@pytest.mark.parametrize("bads", [1, 2, 5, 10])
@pytest.mark.parametrize("share", [0.05, 0.2, 1 / 3, 0.5, 0.8, 0.95])
def test_the_widening_errs_in_no_more_than_it_says_whatever_the_share(share: float, bads: int) -> None:
    assert miss(share, bads) <= 0.025


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5])
def test_with_much_evidence_the_widening_is_that_of_a_known_share(share: float) -> None:
    bads = 20_000
    known = math.ceil(math.log(0.025) / math.log(1 - share))
    assert abs(unseen_sends(round(bads * (1 - share) / share), bads) - known) <= 1


def test_the_smallest_widening_that_suffices_is_taken() -> None:
    assert unseen_sends(3, 1) == 155  # a run of 156: (3 + 1) / (3 + 1 + 156) = 0.025
    assert unseen_sends(0, 10) == 1  # a run of 2: 1/11 * 2/12
    assert unseen_sends(0, 38) == 1
    assert unseen_sends(0, 39) == 0  # a run of 1: 1/40 = 0.025
    with pytest.raises(ValueError, match="further bad send"):
        unseen_sends(5, 0)


@pytest.mark.parametrize(("bads", "run"), [(39, 1), (81, 4), (300, 3)])
def test_no_share_lets_a_run_of_good_sends_before_bad_ones_alone_be_likelier_than_that(bads: int, run: int) -> None:
    """Where none was good in between: max over q of q^bads (1 - q)^run, which lies at q = bads / (bads + run)."""
    share = bads / (bads + run)
    worst = share**bads * (1 - share) ** run
    miss = math.exp(math.lgamma(run + 1) + math.lgamma(bads + 1) - math.lgamma(run + bads + 1))
    assert worst <= miss
    assert unseen_sends(0, bads, miss * 1.001) == run - 1
    assert unseen_sends(0, bads, miss * 0.99) == run


def test_a_stream_that_is_hit_less_is_told_from_luck() -> None:
    assert less_hit(3, 0, 0, 2) == pytest.approx(0.1)  # one way of C(5, 3) = 10
    assert less_hit(20, 10, 1, 30) == pytest.approx(7.7667e-8, rel=1e-4)
    assert less_hit(5, 5, 5, 5) == 1.0
    assert less_hit(5000, 5000, 100, 9000) < 1e-300


def test_few_failures_may_be_one_thin_failure_and_many_may_not() -> None:
    assert may_be_one(2, 1002, 1000)
    assert not may_be_one(40, 140, 100)
    assert not may_be_one(10, 10, 1)


def test_binomial_tails() -> None:
    assert chance_of(1, 2, 0.5) == pytest.approx(0.75)
    assert chance_of(0, 5, 0.1) == 1
    assert chance_of(3, 2, 0.1) == 0
    assert least_surprising(10, 0.01, 1e-6) == 5
    assert chance_of(5, 10, 0.01) < 1e-6 < chance_of(4, 10, 0.01)
    low = share_at_least(5, 20, 0.1)
    assert chance_of(5, 20, low) == pytest.approx(0.1)


def test_a_raised_stretch_is_found_with_room_at_both_ends() -> None:
    bad = [i in (7, 61) or 30 <= i < 50 for i in range(80)]
    found = raised_stretch(bad, 0.02, 0.9)
    assert found.first_low <= 30 <= found.first_high
    assert found.last_low <= 49 <= found.last_high
    assert found.first_low > 7
    assert found.last_high < 61


def test_a_span_is_never_negative_and_carries_both_edges() -> None:
    assert span(Edge(10, 20), Edge(50, 70)) == Edge(30, 60)
    assert span(Edge(10, 20), Edge(5, 30)) == Edge(0, 20)
