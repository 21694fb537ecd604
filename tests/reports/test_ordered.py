"""Ranks of intervals: the chance of an order, against all orders there are; and what is proved by them."""

from itertools import combinations, product

import pytest

from reports.last_release import Span
from reports.ordered import chance, no_longer, order


def by_hand(worse: int, now: int, then: int) -> float:
    """Of all ways to put runs in order, the share in which so many pairs or more are the worse way round."""
    orders = list(combinations(range(now + then), now))
    pairs = [sum(place > other for place in of for other in range(now + then) if other not in of) for of in orders]
    return sum(found >= worse for found in pairs) / len(orders)


@pytest.mark.parametrize(("now", "then"), [(1, 1), (1, 4), (3, 2), (3, 3), (4, 5)])
def test_the_chance_is_that_of_counting_all_orders(now: int, then: int) -> None:
    for worse in range(now * then + 1):
        assert chance(worse, now, then) == pytest.approx(by_hand(worse, now, then))


def spans(*edges: float) -> list[Span]:
    return [(edge, edge + 0.1) for edge in edges]


def test_intervals_that_touch_prove_nothing() -> None:
    assert not order([(3.0, 3.2)], [(2.9, 3.0)]).proved
    assert order([(3.0001, 3.2)], [(2.9, 3.0)]).apart


def test_a_margin_has_to_be_passed_by_what_is_proved_and_not_by_what_may_be() -> None:
    assert order([(3.0, 9.0)], [(1.0, 1.5)], 1.4).apart
    assert not order([(3.0, 9.0)], [(1.0, 1.5)], 1.5).proved


def test_few_runs_are_proved_worse_only_where_each_is() -> None:
    assert order(spans(3, 4), spans(1, 2)).proved
    assert not order(spans(3, 1.5), spans(1, 2)).proved


def test_many_runs_are_proved_worse_though_some_are_not() -> None:
    then, now = spans(1, 2, 3, 4, 5, 6), spans(4.5, 5.5, 7, 8, 9, 10)
    found = order(now, then)
    assert not found.apart
    assert found.proved
    assert found.by_chance == pytest.approx(by_hand(found.worse, 6, 6))


def test_what_was_never_seen_to_recover_is_worse_and_nothing_is_worse_than_it() -> None:
    assert order([(60.0, None)], [(1.0, 2.0)]).apart
    assert not order([(100.0, 101.0)], [(60.0, None)]).proved


def test_no_worse_is_proved_by_upper_edges_against_the_longest_run() -> None:
    then: list[Span] = [(1.0, 1.2), (2.0, 2.2)]
    assert no_longer([(1.0, 2.0)], then, 0.0)
    assert not no_longer([(1.0, 2.1)], then, 0.0)
    assert no_longer([(1.0, 2.1)], then, 0.1)
    assert not no_longer([(1.0, None)], then, 100.0)


def test_runs_that_are_alike_are_rarely_called_worse() -> None:
    """Over all orders of 3 and 3 runs: at most 5% or the one order in which all are apart."""
    found = [
        order(spans(*(float(i) for i in of)), spans(*(float(i) for i in range(6) if i not in of)))
        for of in combinations(range(6), 3)
    ]
    assert sum(one.proved for one in found) / len(found) <= 0.05
    assert len(list(product(range(3), range(3)))) == found[0].pairs
