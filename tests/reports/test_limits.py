"""Slow service and too little of it are bad service."""

from probes.history import History
from reports.limits import looks
from reports.objectives import Objectives
from reports.recovery import Recovery, recovery, stable_since
from reports.series import series_of
from reports.steady import baseline
from tests.truth.simulated import IMPACT, MS, NS, STABLE, Outage, declared_of, drill

LATE = drill((Outage(IMPACT, STABLE, "late"),))
HALF = drill((Outage(IMPACT, STABLE, "refuse", 0.5),))


def found_in(
    history: History, *, tolerance: float = 0.0, p99_s: float | None = None, capacity: float | None = None
) -> Recovery:
    declared = declared_of(tolerance=tolerance, p99_s=p99_s, capacity=capacity)
    return recovery(history, declared, baseline(history, tolerance=tolerance))


def test_slow_answers_are_no_outage_unless_there_is_a_limit() -> None:
    assert found_in(LATE).groups == ()
    assert found_in(LATE, p99_s=0.1).groups == ()
    found = found_in(LATE, p99_s=0.03)
    assert found.upper_ns is not None
    assert found.lower_ns <= STABLE - IMPACT <= found.upper_ns <= STABLE - IMPACT + 400 * MS
    assert not found.certain
    assert {e.series.stream.name for e in found.groups[0].episodes} == {
        f"orders {kind} {style}: p99" for kind in ("write", "read") for style in ("fresh", "pooled")
    }


def test_one_slow_answer_of_a_hundred_is_within_a_p99_limit() -> None:
    history = drill((Outage(IMPACT, STABLE, "late", 0.008),))
    assert found_in(history, p99_s=0.03).groups == ()


def test_a_baseline_that_misses_the_limit_is_none() -> None:
    assert baseline(LATE, p99_s=0.03).problems == []
    problems = baseline(drill((Outage(NS, 2 * NS, "late"),)), p99_s=0.03).problems
    assert len(problems) == 4
    assert all("longer than 0.03 s" in p for p in problems)


def test_too_few_good_operations_are_bad_service_though_each_failure_is_tolerated() -> None:
    assert found_in(HALF, tolerance=0.9).groups == ()
    assert found_in(HALF, tolerance=0.9, capacity=0.3).groups == ()
    found = found_in(HALF, tolerance=0.9, capacity=0.8)
    assert found.upper_ns is not None
    assert found.lower_ns <= STABLE - IMPACT <= found.upper_ns


def test_a_capacity_that_the_failures_decide_already_is_not_looked_at_twice() -> None:
    streams, base = series_of(HALF, "workload"), baseline(HALF)
    asked = Objectives(rto_s=1.0, rpo_s=None, capacity=1.0)
    assert len(looks(streams, base.streams, asked)) == len(streams)
    assert found_in(HALF, capacity=1.0).groups == found_in(HALF).groups


def test_all_of_the_capacity_is_asked_operation_by_operation() -> None:
    history = drill((Outage(IMPACT, IMPACT + 200 * MS, "refuse"),))
    assert found_in(history, tolerance=0.9).groups == ()
    found = found_in(history, tolerance=0.9, capacity=1.0)
    assert found.upper_ns is not None
    assert found.lower_ns <= 200 * MS <= found.upper_ns
    assert [e.series.stream.name for e in found.groups[0].episodes] == ["capacity"]


def test_the_live_answer_knows_the_limits() -> None:
    slow_to_the_end = drill((Outage(IMPACT, IMPACT + NS, "refuse"), Outage(IMPACT + NS, 30 * NS, "late")))
    assert stable_since(slow_to_the_end, 3.0) is not None
    assert stable_since(slow_to_the_end, 3.0, p99_s=0.03) is None
    assert stable_since(LATE, 3.0, p99_s=0.03) is not None
    assert stable_since(HALF, 3.0, tolerance=0.9, capacity=0.8) is not None
