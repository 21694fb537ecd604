"""Replication lag by heartbeats: intervals that hold the truth, and what is said where nothing arrives."""

import msgspec
import pytest

from probes.history import History, Mark
from reports.lag import quantile, replication_lag, site_lags
from reports.model import Finding, ReplicationLag, Verdict
from reports.verdict import Undoing, judge
from reports.words import lag_words
from tests.truth.simulated import MS, NS, declared_of, drill, writes_of
from tests.truth.two_sites import with_heartbeats

DRILL = drill()


def arriving(lag: int, *, until: int | None = None) -> dict[str, int]:
    """Every acknowledged write is at the site `lag` after its acknowledgement, but those after `until`."""
    return {w.key: w.done_ns + lag for w in writes_of(DRILL) if w.good and (until is None or w.done_ns < until)}


def beating(lag: int = 300 * MS, **changes: object) -> History:
    return with_heartbeats(DRILL, arriving(lag), **changes)  # type: ignore[arg-type]  # test shorthand


def figures(history: History) -> ReplicationLag:
    (found,) = replication_lag(site_lags(history), history)
    return found


def judged(history: History) -> Verdict:
    return judge(history, declared_of(), Undoing("clean", ""), "1")


def finding(history: History) -> Finding:
    return next(f for f in judged(history).findings if f.check == "replication lag")


@pytest.mark.parametrize("lag", [20 * MS, 300 * MS, 900 * MS])
def test_every_interval_holds_the_lag(lag: int) -> None:
    (found,) = site_lags(beating(lag))
    assert len(found.writes) >= 3
    for write in found.writes:
        assert write.upper_ns is not None
        assert write.lower_ns <= lag <= write.upper_ns
        assert write.upper_ns - write.lower_ns <= 120 * MS
    row = figures(beating(lag))
    for edges in (row.p50_s, row.p95_s, row.p99_s, row.max_s):
        assert edges is not None
        assert edges[1] is not None
        assert edges[0] <= lag / NS <= edges[1]
    assert row.resolution_s is not None
    assert row.resolution_s <= 0.12


def test_a_write_that_the_first_heartbeat_found_may_have_had_no_lag() -> None:
    (found,) = site_lags(beating(0))
    assert {write.lower_ns for write in found.writes} == {0}


def test_only_the_time_before_the_fault_counts() -> None:
    late = {key: at + (5 * NS if at > 4 * NS else 0) for key, at in arriving(300 * MS).items()}
    assert figures(with_heartbeats(DRILL, late)).max_s == figures(beating()).max_s
    assert figures(beating()).heartbeats == 39 - sum(o.version == 0 for o in beating().operations if o.site)


def test_heartbeats_count_for_nothing_else() -> None:
    with_them, without = judged(beating()), judged(DRILL)
    assert with_them.replication_lag != []
    bare = msgspec.structs.replace(
        with_them, replication_lag=[], findings=[f for f in with_them.findings if f.check != "replication lag"]
    )
    assert bare == without
    none_there = with_heartbeats(DRILL, {}, unanswered=range(1000))
    assert judged(none_there).recovery_time == without.recovery_time
    assert judged(none_there).verdict == "pass"


def test_a_heartbeat_without_an_answer_proves_nothing_and_is_counted() -> None:
    row = figures(beating(unanswered={5, 12, 20}))
    assert row.unanswered == 3
    (found,) = site_lags(beating(unanswered={5, 12, 20}))
    assert all(w.lower_ns <= 300 * MS <= (w.upper_ns or 0) for w in found.writes)


def test_a_write_that_was_still_waited_for_is_no_sample() -> None:
    (found,) = site_lags(beating(900 * MS))
    assert len(found.waiting) == 1
    assert all(w.upper_ns is not None for w in found.writes)


def test_replication_that_stood_still_is_said() -> None:
    history = with_heartbeats(DRILL, arriving(100 * MS, until=NS))
    row = figures(history)
    assert row.max_s is not None
    assert row.max_s[0] > 2.0
    assert row.max_s[1] is None
    assert row.p50_s is not None
    assert row.p50_s[1] is not None
    told = finding(history)
    assert told.verdict == "not judged"
    assert "Replication to recovery stood still before the fault" in told.says
    assert finding(beating()).verdict == "pass"


def test_what_was_never_seen_there_is_said() -> None:
    told = finding(with_heartbeats(DRILL, {}))
    assert told.verdict == "not judged"
    assert "No acknowledged write was seen at recovery" in told.says
    nothing = figures(with_heartbeats(DRILL, {}, unanswered=range(1000)))
    assert (nothing.writes, nothing.p50_s, nothing.resolution_s) == (0, None, None)


def test_each_site_has_its_own() -> None:
    two = with_heartbeats(beating(300 * MS), arriving(600 * MS), site="south")
    lags = {row.site: row.p50_s for row in replication_lag(site_lags(two), two)}
    assert list(lags) == ["recovery", "south"]
    assert lags["recovery"] is not None
    assert lags["south"] is not None
    assert lags["recovery"][0] <= 0.3 <= (lags["recovery"][1] or 0)
    assert lags["south"][0] <= 0.6 <= (lags["south"][1] or 0)


def published(**data: str | float) -> Mark:
    told: dict[str, str | int | float | bool | None] = {
        "metric": "AuroraGlobalDBReplicationLag", "site": "recovery", "cluster": "orders-away", "period_s": 60,
        "points": 0,
    }  # fmt: skip
    return Mark(
        name="metric", at_ns=30 * NS, source="CloudWatch, eu-central-1", says="it is not known", data={**told, **data}
    )


def with_marks(history: History, *marks: Mark) -> History:
    return msgspec.structs.replace(history, marks=(*history.marks, *marks))


def test_what_cloudwatch_says_stands_beside_it() -> None:
    row = figures(with_marks(beating(), published(points=12, mean_s=0.31, max_s=0.42)))
    (told,) = row.published
    assert (told.mean_s, told.max_s, told.points, told.period_s) == (0.31, 0.42, 12, 60)
    assert row.writes == figures(beating()).writes
    assert lag_words(row).endswith(
        "; AuroraGlobalDBReplicationLag mean 0.31 s, max 0.42 s (CloudWatch, eu-central-1; 12 points of 60 s)"
    )


def test_what_cloudwatch_says_is_told_of_a_site_without_heartbeats_and_what_it_does_not_say_too() -> None:
    alone = with_marks(DRILL, published(), published(site="south", points=1, mean_s=2.0, max_s=3.0))
    found = replication_lag(site_lags(alone), alone)
    assert [(row.site, row.writes, row.p50_s) for row in found] == [("recovery", 0, None), ("south", 0, None)]
    assert lag_words(found[0]) == (
        "to recovery: not measured (0 heartbeats); CloudWatch, eu-central-1: it is not known"
    )


def test_what_cloudwatch_says_judges_nothing() -> None:
    silent, loud = judged(beating()), judged(with_marks(beating(), published(points=1, mean_s=900.0, max_s=900.0)))
    assert (loud.verdict, loud.findings) == (silent.verdict, silent.findings)


def test_without_heartbeats_there_is_no_lag() -> None:
    assert replication_lag(site_lags(DRILL), DRILL) == []
    assert quantile((), 0.5) is None
