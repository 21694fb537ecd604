"""Rules of putting streams together: groups, pauses, the clocks and the objective, each by the few that tell."""

from collections.abc import Sequence

import msgspec
import pytest

from probes.history import Mark, MarkName, Operation
from reports.bounds import MISS_PER_END, Edge
from reports.group import Group
from reports.limits import looks
from reports.objectives import Objectives, allowed_period_s
from reports.pauses import over_pauses
from reports.phases import Phases
from reports.plain import StreamEpisode, Window, plain_episodes
from reports.recovery import Recovery, clocks, longest_unseen_ns, measured, recovery
from reports.recovery_time import compare, judge_recovery
from reports.series import Series, settled_ns
from reports.steady import Steady, baseline
from tests.reports.test_rules_recovery import good, history, op, refused, series
from tests.truth.simulated import MS, NS, declared_of, drill

WINDOW = Window(since_ns=0, until_ns=None, hold_ns=NS)
EXACT = Steady(operations=10, bad=0, longest_ns=20 * MS, allowed=0.0)


def episode(first_ms: int, last_ms: int, *, name: str = "s", since: int = 0) -> StreamEpisode:
    """A full outage of one stream that is asked every 100 ms: good until just before, and just after."""
    sent = [*good(first_ms - 100), *refused(*range(first_ms, last_ms + 1, 100)), *good(last_ms + 100)]
    (found,) = plain_episodes(series(name, sent), EXACT, msgspec.structs.replace(WINDOW, since_ns=since))
    return found


def group(*episodes: StreamEpisode) -> Group:
    ends = [e.stable_upper_ns for e in episodes if e.stable_upper_ns is not None]
    return Group(episodes, max(ends) if len(ends) == len(episodes) else None)


def found_in(*asked: Series, hold_s: float = 1.0) -> Recovery:
    """What is found in streams that were asked for 4 s before the request."""
    marks = [Mark(name="requested", at_ns=4 * NS, source="runner")]
    made = history(*asked, marks=marks)
    return recovery(made, declared_of(hold_s=hold_s), baseline(made))


def asked(name: str, *bad_ms: tuple[int, int], until_ms: int = 20_000, probe: str = "p") -> Series:
    """A stream that is asked every 100 ms and refused from each moment to the other."""
    sent = range(0, until_ms, 100)
    bad = {at for at in sent for first, last in bad_ms if first <= at <= last}
    return series(name, [op(at, 1, "fail") if at in bad else op(at) for at in sent], probe=probe)


# --- several streams ---


def test_a_group_begins_with_its_earliest_stream_and_is_as_certain_as_its_least_certain() -> None:
    early, late = episode(5000, 6000), episode(5500, 7000, name="t")
    both = group(early, late)
    assert both.impact == Edge(early.impact.lower_ns, early.impact.upper_ns)
    assert both.stable_lower_ns == late.stable_lower_ns
    sure = msgspec.structs.replace(early, certain=True)
    assert group(sure, sure).certain
    assert not group(sure, late).certain


def test_service_is_good_again_when_its_latest_stream_is() -> None:
    found = found_in(asked("long", (6000, 12_000)), asked("short", (6000, 9000), probe="q"))
    (both,) = found.groups
    assert both.stable_upper_ns == max(e.stable_upper_ns or 0 for e in both.episodes)
    assert both.stable_upper_ns >= 12_110 * MS


def test_an_outage_that_may_go_on_reaches_the_next_one_of_its_probe() -> None:
    # Two single failures, four seconds apart: one in forty that goes on is as likely as two that came and went.
    thin = asked("s", (6000, 6000), (10_000, 10_000))
    assert len(found_in(thin).groups) == 1
    full = asked("s", (6000, 8000), (12_000, 14_000))
    assert len(found_in(full).groups) == 2


def test_the_longest_of_several_outages_counts() -> None:
    found = found_in(asked("s", (5000, 7000), (11_000, 15_000)))
    short, long = found.groups
    assert found.lower_ns == long.stable_lower_ns - long.impact.upper_ns
    assert long.stable_upper_ns is not None
    assert found.upper_ns == long.stable_upper_ns - long.impact.lower_ns
    assert found.lower_ns > short.stable_lower_ns - short.impact.upper_ns


def test_an_outage_without_an_end_leaves_the_recovery_time_without_one() -> None:
    found = found_in(asked("s", (5000, 7000), (15_000, 20_000)))
    assert [g.stable_upper_ns is None for g in found.groups] == [False, True]
    assert found.upper_ns is None


def test_an_outage_that_one_operation_met_lasted_at_least_nothing() -> None:
    assert found_in(asked("s", (6000, 6000))).lower_ns == 0


def test_every_stream_must_have_been_asked_for_the_whole_hold() -> None:
    bad = (6000, 12_000)
    both = [found_in(asked("s", bad), asked("t", bad, until_ms=until)) for until in (20_000, 12_800)]
    assert [f.held for f in both] == [True, False]
    assert [f.upper_ns is None for f in both] == [False, True]


def test_several_looks_divide_among_them_what_may_be_missed() -> None:
    made = drill(background=0.02)
    declared, base = declared_of(tolerance=0.02), baseline(made, tolerance=0.02)
    found = recovery(made, declared, base)
    window = Window(4 * NS, 20 * NS, 3 * NS)
    edges = [e.impact for g in found.groups for e in g.episodes]
    assert len(edges) == 4

    def each(miss: float) -> list[Edge]:
        streams = (e.series for g in found.groups for e in g.episodes)
        return [plain_episodes(s, base.streams[s.id], window, miss)[0].impact for s in streams]

    assert edges == each(MISS_PER_END / 4)
    assert edges != each(MISS_PER_END)


# --- limits ---


def test_a_slow_answer_shows_that_service_was_slow_within_the_limit() -> None:
    late = op(100, 400)
    limit = Objectives(rto_s=20.0, rpo_s=None, p99_s=0.03)
    stream = series("s", [*good(0), late])
    by_time = looks([stream], {stream.id: EXACT}, limit)[1]
    assert settled_ns(by_time.series.operations[1], by_time.steady.longest_ns) == 130 * MS


def test_a_capacity_is_a_share_of_what_the_baseline_did_well() -> None:
    half = Objectives(rto_s=20.0, rpo_s=None, capacity=0.5)
    stream = series("s", good(0, 100))
    steady = Steady(operations=98, bad=9, longest_ns=20 * MS, allowed=0.9)  # a tenth was bad before
    assert looks([stream], {stream.id: steady}, half)[1].steady.allowed == pytest.approx(1 - 0.5 * 0.9)


# --- pauses ---

OUTAGE = group(episode(5000, 6000))  # first bad at 5 s, good again at 6.11 s


def every(begin_ms: int, end_ms: int) -> list[Operation]:
    return good(*range(begin_ms, end_ms, 100))


def over(*streams: Series, window: Window = WINDOW) -> tuple[int, int]:
    (found,) = over_pauses([OUTAGE], streams, window)
    return found.impact.lower_ns // MS, (found.stable_upper_ns or 0) // MS


def test_while_a_stream_that_asks_the_same_goes_on_there_is_no_pause() -> None:
    paused, steady = [*every(0, 4000), *every(4500, 9000)], every(0, 9000)
    assert over(series("s", paused)) == (3900, 6110)
    assert over(series("s", paused), series("t", steady)) == (4900, 6110)
    assert over(series("s", paused), series("t", steady, probe="q")) == (3900, 6110)


@pytest.mark.parametrize(("end_ms", "lower_ms"), [(4800, 2900), (4000, 2900), (3800, 4900)])
def test_a_pause_within_a_hold_before_an_outage_may_hide_its_beginning(end_ms: int, lower_ms: int) -> None:
    assert over(series("s", [*every(0, 3000), *every(end_ms, 9000)])) == (lower_ms, 6110)


def test_a_pause_hides_nothing_before_the_fault_was_asked_for() -> None:
    window = msgspec.structs.replace(WINDOW, since_ns=4200 * MS)
    assert over(series("s", [*every(0, 4000), *every(4500, 9000)]), window=window) == (4200, 6110)


@pytest.mark.parametrize(("begin_ms", "upper_ms"), [(6200, 6710), (7000, 7510), (7400, 6110)])
def test_a_pause_anywhere_in_the_hold_may_hide_a_relapse(begin_ms: int, upper_ms: int) -> None:
    asked_again = series("s", [*every(0, begin_ms), *every(begin_ms + 500, 9000)])
    assert over(asked_again) == (4900, upper_ms)


# --- clocks ---

TWO = Recovery(Phases(0, 0, None), (group(episode(5000, 6000)), group(episode(9000, 11_000))), 0, None)


def clocked(*marks: tuple[MarkName, int], uncertain_ms: int = 0, found: Recovery = TWO) -> dict[str, list[float]]:
    made = [Mark(name=n, at_ns=at * MS, source="runner", uncertainty_ns=uncertain_ms * MS) for n, at in marks]
    return clocks(found, history(marks=made))


def test_the_clock_from_decision_runs_to_the_end_of_the_last_outage_with_the_marks_uncertainty() -> None:
    assert clocked(("decided", 7000))["from_decision"] == [4.0, 4.11]
    assert clocked(("decided", 7000), uncertain_ms=200)["from_decision"] == [3.8, 4.31]
    assert clocked(("decided", 11_050))["from_decision"] == [0.0, 0.06]


def test_the_clock_from_decision_has_no_upper_bound_where_recovery_was_not_seen() -> None:
    ended = msgspec.structs.replace(TWO, groups=(msgspec.structs.replace(TWO.groups[0], stable_upper_ns=None),))
    decided = Mark(name="decided", at_ns=5500 * MS, source="runner")
    assert measured(ended, history(marks=[decided]), "from_decision") == (500 * MS, None)


def test_the_clock_audited_runs_from_the_first_impact_with_the_marks_uncertainty() -> None:
    assert clocked(("audited", 12_000), uncertain_ms=200)["audited"] == [6.799, 7.3]


def first_success(*operations: Operation, later: tuple[Group, ...] = ()) -> Sequence[float]:
    (found,) = plain_episodes(series("s", operations), EXACT, WINDOW)
    made = Recovery(Phases(0, 0, None), (group(found), *later), 0, None)
    return clocked(found=made)["first_success"]


def test_the_first_success_is_a_success_that_was_asked_after_the_impact_of_the_longest_outage() -> None:
    # The one that is under way when the first is refused may have met the service before that.
    asked_of = (*good(200), op(290, 40), *refused(300, 400), *good(500))
    assert first_success(*asked_of) == [0.209, 0.31]
    later = (group(episode(9000, 11_000)),)
    assert first_success(*asked_of, later=later) == [2.109, 2.21]
    longer = (*good(200), *refused(*range(300, 3000, 100)), *good(3000))
    assert first_success(*longer, later=later) == first_success(*longer) == [2.709, 2.81]
    silent = msgspec.structs.replace(episode(9000, 11_000), series=series("s", refused(9000, 11_000)))
    assert first_success(*asked_of, later=(group(silent),)) == []


def test_no_clock_ends_where_service_was_not_seen_to_recover() -> None:
    endless = msgspec.structs.replace(TWO.groups[1], stable_upper_ns=None)
    ended = msgspec.structs.replace(TWO, groups=(TWO.groups[0], endless))
    made = history(marks=[Mark(name="audited", at_ns=12_000 * MS, source="runner")])
    for clock in ("first_success", "audited"):
        lower_ns, upper_ns = measured(ended, made, clock) or (None, 0)
        assert (measured(TWO, made, clock) or (None, None))[1] is not None
        assert (lower_ns is not None, upper_ns) == (True, None)
        objectives = Objectives(rto_s=30.0, rpo_s=None, clock=clock)
        told = judge_recovery(made, msgspec.structs.replace(declared_of(), objectives=objectives), ended)
        assert (told.verdict, told.upper_s) == ("inconclusive", None)


def test_a_mark_that_came_too_late_or_too_early_measures_nothing() -> None:
    assert clocked(("decided", 11_200))["from_decision"] == []
    assert clocked(("decided", 11_200), uncertain_ms=200)["from_decision"] == [0.0, 0.11]
    assert clocked(("audited", 4000))["audited"] == []


# --- what nobody met ---


def test_an_outage_that_nobody_met_is_bounded_by_the_widest_gap_between_two_successes() -> None:
    often, seldom = series("often", every(0, 2000)), series("seldom", good(0, 500, 1000, 1500))
    nothing = Recovery(Phases(0, 0, None), (), 0, 0)
    assert longest_unseen_ns(history(often), nothing) == 110 * MS
    assert longest_unseen_ns(history(often, seldom), nothing) == 510 * MS
    assert longest_unseen_ns(history(often, series("once", good(0))), nothing) is None


def test_where_an_impact_was_expected_and_not_seen_no_recovery_time_is_shown() -> None:
    made = drill(())
    found = recovery(made, declared_of(), baseline(made))
    assert judge_recovery(made, declared_of(expects="impact"), found).upper_s is None
    assert judge_recovery(made, declared_of(expects="any"), found).upper_s is not None


# --- the objective ---


@pytest.mark.parametrize(("lower_s", "upper_s", "says"), [
    (1.0, 2.0, "pass"), (1.0, 2.1, "inconclusive"), (2.0, 3.0, "inconclusive"), (2.1, 3.0, "fail"),
    (2.1, None, "fail"), (1.0, None, "inconclusive"), (None, None, "inconclusive"),
])  # fmt: skip
def test_all_of_the_interval_must_meet_the_objective_or_miss_it(
    lower_s: float | None, upper_s: float | None, says: str
) -> None:
    assert compare(lower_s, upper_s, 2.0) == says


def test_an_rto_allows_a_period_of_a_twentieth_within_its_limits() -> None:
    assert [allowed_period_s(rto_s) for rto_s in (0.1, 20.0, 1000.0)] == [0.02, 1.0, 5.0]
