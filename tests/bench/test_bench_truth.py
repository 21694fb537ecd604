from typing import Any

import msgspec
import pytest

from bench.truth import (
    Asked,
    Bracket,
    Drilled,
    Entry,
    Measured,
    Moment,
    NoTruth,
    allowed_width_ns,
    bracket,
    broken,
    disagreements,
    failure_bound,
    measured,
    missed,
    moments,
    too_often,
)  # fmt: skip
from probes.clock import ClockBase
from reports.bounds import Edge
from reports.model import DataLoss, Episode, RecoveryTime, Verdict

MS = 1_000_000
S = 1000 * MS
ZONE, OTHER = "eu-west-1a", "eu-west-1b"

WRITER_LOST = (
    Moment(1 * S, "database writer serves", "db-1", ZONE),
    Moment(6000 * MS, "instance loses power", "i-1", ZONE),
    Moment(6001 * MS, "database writer lost", "db-1", "failover"),
    Moment(6010 * MS, "instance lost power", "i-1", ZONE),
    Moment(6025 * MS, "database server killed", "orders"),
    Moment(6900 * MS, "group terminates", "i-1", "unhealthy"),
    Moment(8200 * MS, "database writer serves", "db-2", OTHER),
    Moment(16 * S, "database writer lost", "db-2", "failover"),
    Moment(18 * S, "database writer serves", "db-1", ZONE),
)
INSTANCE_LOST = (
    Moment(6000 * MS, "instance loses power", "i-1", ZONE),
    Moment(6010 * MS, "instance lost power", "i-1", ZONE),
    Moment(7300 * MS, "target unhealthy", "i-1", ZONE),
    Moment(7400 * MS, "group terminates", "i-1", "unhealthy"),
    Moment(7500 * MS, "group terminates", "i-2", "surplus"),
    Moment(7500 * MS, "instance loses power", "i-2", OTHER),
)


def drilled(**changes: Any) -> Drilled:
    usual: dict[str, Any] = {"zone": ZONE, "requested_ns": 5 * S, "undo_ns": 15 * S, "ttl_ns": S, "reconnect_ns": S}
    return Drilled(**(usual | changes))


def found(**changes: Any) -> Measured:
    """What was measured of WRITER_LOST, and is true."""
    usual: dict[str, Any] = {
        "impact": Edge(5960 * MS, 6030 * MS), "stable": Edge(9 * S, 9060 * MS), "recovery": Edge(2970 * MS, 3100 * MS),
        "episodes": 1, "lost": 0, "loss_lower_s": 0.0, "confidence": 1.0,
    }  # fmt: skip
    return Measured(**(usual | changes))


TRUE = bracket(WRITER_LOST, drilled())


def test_the_log_is_moved_onto_the_axis_of_the_marks() -> None:
    base = ClockBase(mono_ns=100, utc_ns=5, boot="boot")
    later = Entry(mono_ns=160, utc_ns=65, event="b", subject="y")
    earlier = Entry(mono_ns=90, utc_ns=0, event="a", subject="x", detail="z")
    assert moments([later, earlier], base) == (Moment(-10, "a", "x", "z"), Moment(60, "b", "y"))


def test_a_lost_writer_is_bracketed_by_its_loss_and_by_the_last_way_to_miss_the_new_one() -> None:
    assert TRUE.impact == Edge(6000 * MS, 6025 * MS)
    assert TRUE.stable == Edge(8200 * MS, 8200 * MS + 500 * MS + S + S)
    assert TRUE.recovery == Edge(2175 * MS, 4700 * MS)


def test_a_dead_target_is_bracketed_by_when_the_load_balancer_gave_it_up() -> None:
    true = bracket(INSTANCE_LOST, drilled())
    assert true == Bracket(Edge(6000 * MS, 6010 * MS), Edge(6800 * MS, 7800 * MS))


def test_a_target_that_was_given_up_within_a_round_was_in_service_until_it_lost_its_power() -> None:
    log = [*INSTANCE_LOST[:2], Moment(6100 * MS, "group terminates", "i-1", "unhealthy")]
    assert bracket(log, drilled()).stable == Edge(6010 * MS, 6600 * MS)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (INSTANCE_LOST[2:], "nothing in eu-west-1a lost its power"),
        (INSTANCE_LOST[:2], "nothing says that the load balancer took it out"),
        ([m for m in WRITER_LOST if m.subject != "db-2"], "'database writer serves' is not in the log"),
        ([m for m in WRITER_LOST if m.event != "database server killed"], "'database server killed' is not in the log"),
        ([m for m in INSTANCE_LOST if m.event != "instance lost power"], "'instance lost power' of i-1"),
    ],
)
def test_a_log_that_does_not_say_enough_is_no_truth(log: list[Moment], says: str) -> None:
    with pytest.raises(NoTruth, match=says):
        bracket(log, drilled())


def test_what_the_undo_broke_is_not_the_fault() -> None:
    early = drilled(requested_ns=15 * S, undo_ns=20 * S)
    assert bracket([*WRITER_LOST, Moment(16_020 * MS, "database server killed", "orders")], early).impact.lower_ns == (
        16 * S
    )


def test_a_lab_that_broke_by_itself_is_named() -> None:
    assert broken(WRITER_LOST) == []
    assert broken([*WRITER_LOST, Moment(S, "process died", "i-3", OTHER)]) == ["the lab: process died: i-3 eu-west-1b"]


def test_true_numbers_agree() -> None:
    assert disagreements(found(), TRUE) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"impact": Edge(5900 * MS, 5999 * MS)}, "impact 5.900..5.999 s ends 0.0010 s before"),
        ({"impact": Edge(6026 * MS, 6100 * MS)}, "impact 6.026..6.100 s begins 0.0010 s after"),
        ({"stable": Edge(8000 * MS, 8199 * MS)}, "recovery 8.000..8.199 s ends 0.0010 s before"),
        ({"stable": Edge(10_701 * MS, 10_800 * MS)}, "recovery 10.701..10.800 s begins 0.0010 s after"),
        ({"recovery": Edge(2000 * MS, 2174 * MS)}, "recovery time 2.000..2.174 s ends 0.0010 s before"),
        ({"recovery": Edge(4701 * MS, 4800 * MS)}, "recovery time 4.701..4.800 s begins 0.0010 s after"),
        ({"episodes": 2}, "seen to be bad 2 times"),
        ({"lost": 1}, "1 writes lost"),
        ({"loss_lower_s": 0.2}, "at least 0.200 s"),
    ],
)
def test_each_number_that_the_truth_rules_out_is_named(changes: dict[str, Any], says: str) -> None:
    (said,) = disagreements(found(**changes), TRUE)
    assert says in said
    is_interval = changes.keys() & {"impact", "stable", "recovery"}
    assert missed(found(**changes, confidence=0.95), TRUE) == ([said] if is_interval else [])
    assert disagreements(found(**changes, confidence=0.95), TRUE) == ([] if is_interval else [said])


@pytest.mark.parametrize(
    ("misses", "intervals", "too_many"),
    [(0, 0, False), (1, 1, False), (1, 20, False), (5, 20, False), (6, 20, True), (2, 2, False), (3, 3, True)],
)
def test_chance_misses_seldom_and_not_always(misses: int, intervals: int, too_many: bool) -> None:  # noqa: FBT001 - expected
    assert too_often(misses, intervals) is too_many


def test_an_edge_that_only_touches_agrees() -> None:
    touching = found(impact=Edge(5 * S, 6000 * MS), stable=Edge(10_700 * MS, 11 * S), recovery=Edge(4700 * MS, 6 * S))
    assert disagreements(touching, TRUE) == []


def row(stream: str, share: float, operations: int, **changes: Any) -> Episode:
    usual: dict[str, Any] = {
        "stream": stream, "impact_lower_s": 1.0, "impact_upper_s": 1.1, "stable_lower_s": 4.0, "stable_upper_s": 4.25,
        "bad_s": 3.0, "flaps": 0, "share": share, "operations": operations,
    }  # fmt: skip
    return Episode(**(usual | changes))


def verdict(*rows: Episode, upper_s: float | None = 3.25) -> Verdict:
    recovery = RecoveryTime(
        objective_s=20.0, lower_s=2.9, upper_s=upper_s, confidence=0.95, clock="total", verdict="pass"
    )  # fmt: skip
    counts: dict[str, Any] = dict.fromkeys(
        ("acknowledged", "lost", "late", "rolled_back", "corrupt", "duplicated", "in_doubt", "in_doubt_recovered",
         "unexpected", "phantom", "unread", "lost_for_good", "in_flight_at_impact"), 0,
    )  # fmt: skip
    loss = DataLoss(
        objective_s=0.0, lower_s=0.0, upper_s=0.1, verdict="pass", **(counts | {"lost": 2, "rolled_back": 1})
    )  # fmt: skip
    return Verdict(
        run_id="run", drill="az", parameters={}, workload="orders", strategy="multi-az", disruption="az",
        expects="impact", environment="lab", judged_by="0", verdict="pass", undo="clean", recovery_time=recovery,
        data_loss=loss, clocks={}, marks=[], episodes=list(rows), findings=[], does_not_show=[],
    )  # fmt: skip


def test_what_the_verdict_says_is_put_onto_the_axis_of_the_marks() -> None:
    later = row("all", 1.0, 3, impact_lower_s=9.0, stable_lower_s=10.0, stable_upper_s=11.0)
    said = measured(verdict(row("all", 1.0, 60), row("write", 1.0, 60), later), 7)
    assert said == Measured(
        impact=Edge(S + 7, 1100 * MS + 7), stable=Edge(10 * S + 7, 11 * S + 7), recovery=Edge(2900 * MS, 3250 * MS),
        episodes=2, lost=3, loss_lower_s=0.0, confidence=0.95,
    )  # fmt: skip


@pytest.mark.parametrize(
    "without",
    [
        verdict(),
        verdict(row("all", 1.0, 60), upper_s=None),
        verdict(row("all", 1.0, 60, stable_upper_s=None)),
    ],
)
def test_a_recovery_that_was_not_seen_cannot_be_compared(without: Verdict) -> None:
    with pytest.raises(ValueError, match="the verdict"):
        measured(without, 0)


def width(*met: tuple[int, int], gap_ms: int = 50, longest_ms: int = 20, back_ms: int = 0) -> int:
    asked = Asked(period_ns=50 * MS, gap_ns=gap_ms * MS, longest_ns=longest_ms * MS, back_ns=back_ms * MS, met=met)
    return allowed_width_ns(asked)


def test_the_allowed_width_is_two_periods_and_two_latencies() -> None:
    assert width((0, 120), (0, 121)) == 140 * MS
    assert width((0, 120), gap_ms=53) == 146 * MS, "what was really sent counts"
    assert width((0, 120), longest_ms=60) == 280 * MS, "three where operations overlap"
    assert width((0, 120), back_ms=57) == 177 * MS, "the first answer of a service that is just back, at one edge"
    assert width((0, 120), back_ms=5) == 140 * MS


def test_a_partial_failure_may_be_wider_and_the_thinner_its_evidence_the_more() -> None:
    some, fewer = width((20, 11)), width((10, 6))
    assert 140 * MS < some < fewer
    assert (some - 140 * MS) % (2 * 50 * MS) == 0
    assert width((20, 11), (10, 6)) == fewer, "the thinnest counts"
    assert width((40, 21)) == some, "and no more than is near an end"
    assert width((3, 1)) == 140 * MS, "one bad send says nothing of a share"


@pytest.mark.parametrize(("runs", "bound"), [(1, 0.95), (5, 0.45), (10, 0.26), (59, 0.05)])
def test_clean_runs_bound_the_probability_of_failing(runs: int, bound: float) -> None:
    assert round(failure_bound(runs), 2) == bound


def test_an_entry_is_read_as_the_lab_writes_it() -> None:
    line = b'{"mono_ns":1,"utc_ns":2,"event":"instance lost power","subject":"i-1","detail":"eu-west-1a"}'
    assert msgspec.json.decode(line, type=Entry) == Entry(
        mono_ns=1, utc_ns=2, event="instance lost power", subject="i-1", detail="eu-west-1a"
    )
