"""Rules of a recovery time that no whole drill tells apart: each by the few operations that do."""

from collections.abc import Sequence

import msgspec
import pytest

from probes.clock import ClockBase
from probes.history import Header, History, Mark, MarkName, Operation, Outcome, Role, Stream, VantageRecord
from reports.bounds import Edge
from reports.phases import phases_of
from reports.plain import StreamEpisode, Window, plain_episodes
from reports.series import Series, settled_ns
from reports.steady import Steady, baseline
from reports.widening import widened
from tests.truth.simulated import MS, NS

WINDOW = Window(since_ns=0, until_ns=None, hold_ns=NS)
EXACT = Steady(operations=10, bad=0, longest_ns=20 * MS, allowed=0.0)


def op(sent_ms: int, took_ms: int = 10, outcome: Outcome = "ok") -> Operation:
    return Operation(
        vantage="v", probe="p", stream="s", seq=sent_ms, kind="read", due_ns=sent_ms * MS, sent_ns=sent_ms * MS,
        done_ns=(sent_ms + took_ms) * MS, outcome=outcome,
    )  # fmt: skip


def good(*sent_ms: int) -> list[Operation]:
    return [op(at) for at in sent_ms]


def refused(*sent_ms: int) -> list[Operation]:
    return [op(at, 1, "fail") for at in sent_ms]


def series(name: str, operations: Sequence[Operation], *, role: Role = "workload", probe: str = "p") -> Series:
    stream = Stream(
        name=name, probe=probe, role=role, kind="read", connection="fresh", period_ns=100 * MS, timeout_ns=NS
    )  # fmt: skip
    named = (msgspec.structs.replace(o, stream=name, probe=probe) for o in operations)
    return Series("v", stream, tuple(sorted(named, key=lambda o: o.sent_ns)))


def history(*asked: Series, marks: Sequence[Mark] = ()) -> History:
    base = ClockBase(mono_ns=0, utc_ns=0, boot="boot")
    header = Header(
        vantage="v", base=base, streams=tuple(s.stream for s in asked), run="run", drill="drill", key_prefix="k-"
    )  # fmt: skip
    operations = sorted((o for s in asked for o in s.operations), key=lambda o: o.sent_ns)
    record = VantageRecord(header=header, end=None)
    return History(base=base, vantages=(record,), operations=tuple(operations), marks=tuple(marks))


def plain(*operations: Operation, window: Window = WINDOW, steady: Steady = EXACT) -> tuple[StreamEpisode, ...]:
    return plain_episodes(series("s", operations), steady, window)


def wide(*asked: Series, window: Window = WINDOW) -> dict[str, StreamEpisode]:
    """The first episode of each stream, widened by all of them."""
    first = [plain_episodes(s, EXACT, window)[0] for s in asked if plain_episodes(s, EXACT, window)]
    found = widened(first, asked, {s.id: EXACT for s in asked}, window)
    return {e.series.stream.name: e for e in found}


# --- what one operation proves, and when it counts ---


def test_an_answer_that_took_longer_than_any_before_it_still_says_nothing_after_it_came() -> None:
    assert settled_ns(op(100, 60), 20 * MS) == 160 * MS
    assert settled_ns(op(100, 60, "in-doubt"), 20 * MS) == 120 * MS
    assert settled_ns(op(100, 5, "in-doubt"), 20 * MS) == 105 * MS


def test_a_mark_counts_from_the_earliest_moment_that_it_may_have_been_set() -> None:
    set_at: tuple[tuple[MarkName, int], ...] = (("requested", 5), ("requested", 6), ("undo", 9), ("undo", 10))
    marks = [Mark(name=name, at_ns=at * NS, source="runner", uncertainty_ns=200 * MS) for name, at in set_at]
    phases = phases_of(history(marks=marks))
    assert (phases.since_ns, phases.until_ns) == (4800 * MS, 8800 * MS)


# --- the baseline ---


def test_an_operation_in_flight_when_the_fault_was_asked_for_is_none_of_the_baseline() -> None:
    asked = series("s", [*good(*range(0, 900, 50)), op(950, 70)])
    steady = baseline(history(asked), until_ns=NS).streams["v", "s"]
    assert (steady.operations, steady.longest_ns) == (18, 10 * MS)


def test_a_slow_witness_makes_no_other_witness_slow() -> None:
    slow = series("slow", [op(at, 40) for at in range(0, 900, 100)], role="witness")
    quick = series("quick", good(*range(0, 900, 100)), role="witness")
    base = baseline(history(slow, quick), until_ns=NS)
    assert base.streams["v", "slow"].longest_ns == 40 * MS
    assert base.streams["v", "quick"].longest_ns == 10 * MS


def test_only_a_success_says_how_long_one_takes() -> None:
    failed_late = series("s", [*good(*range(0, 500, 20)), op(500, 400, "in-doubt")])
    assert baseline(history(failed_late), until_ns=2 * NS).streams["v", "s"].longest_ns == 10 * MS
    never = series("s", refused(*range(0, 500, 20)))
    assert baseline(history(never), until_ns=2 * NS).streams["v", "s"].longest_ns == NS  # its timeout


@pytest.mark.parametrize(("role", "needed"), [("witness", 3), ("control", 3), ("workload", 10)])
def test_a_witness_only_has_to_be_seen_answering(role: Role, needed: int) -> None:
    other = series("workload", good(*range(0, 900, 50)))
    for answers, problems in ((needed, 0), (needed - 1, 1)):
        asked = series("asked", good(*range(0, 50 * answers, 50)), role=role)
        assert len(baseline(history(asked, other), until_ns=NS).problems) == problems


def test_witnesses_alone_are_no_baseline() -> None:
    witness = series("w", good(*range(0, 900, 100)), role="witness")
    assert baseline(history(witness), until_ns=NS).problems == ["No stream asks the workload anything."]


# --- plain episodes ---


def test_a_good_operation_parts_two_outages_only_if_it_overlaps_neither() -> None:
    first, second = op(300, 900, "in-doubt"), op(1500, 1, "fail")
    # Sent before the first was settled, answered after the second was sent: either may have met the service first.
    overlapping = [op(310, 30), op(1490, 20)]
    assert len(plain(*good(100), first, *overlapping, second, *good(1700))) == 1
    assert len(plain(*good(100), first, *overlapping, *good(800), second, *good(1700))) == 2


def test_the_impact_came_by_the_first_end_of_any_bad_operation() -> None:
    # The first bad one hangs, the second is refused while the first still might have been answered.
    (found,) = plain(*good(100, 200), op(300, 900, "in-doubt"), *refused(305), *good(500))
    assert found.impact == Edge(200 * MS, 306 * MS)


def test_without_a_good_operation_before_it_the_impact_may_be_as_early_as_the_request() -> None:
    window = msgspec.structs.replace(WINDOW, since_ns=200 * MS)
    (found,) = plain(*refused(300), *good(500), window=window)
    assert found.impact == Edge(200 * MS, 301 * MS)
    in_flight = msgspec.structs.replace(WINDOW, since_ns=305 * MS)
    (found,) = plain(op(300, 9, "fail"), *good(500), window=in_flight)
    assert found.impact == Edge(300 * MS, 309 * MS)


def test_recovery_is_proved_only_after_every_bad_operation_is_settled() -> None:
    # The last bad one is refused at once, but the one before it may have met the outage until 320 ms.
    (found,) = plain(*good(100), op(300, 900, "in-doubt"), *refused(302), op(310, 6), op(330, 10))
    assert (found.stable_lower_ns, found.stable_upper_ns) == (302 * MS, 340 * MS)


def test_the_earliest_answer_proves_the_recovery_whoever_was_asked_first() -> None:
    (found,) = plain(*good(100), *refused(300), op(330, 15), op(332, 4), op(400, 10))
    assert found.stable_upper_ns == 336 * MS


def test_runs_of_good_operations_that_may_be_chance_are_no_relapse() -> None:
    partial = [op(100 * i, 1, "fail") if 20 <= i <= 60 and i % 3 == 0 else op(100 * i) for i in range(90)]
    (found,) = plain(*partial)
    assert found.good_inside > 20
    assert found.flaps == 0


# --- episodes found by windows ---


BURSTY = msgspec.structs.replace(EXACT, allowed=0.01)


def bursts(*first: int) -> list[Operation]:
    """Forty seconds, ten operations in each, with four bad ones in a row from each number on."""
    bad = {i + k for i in first for k in range(4)}
    return [op(100 * i, 10, "in-doubt" if i in bad else "ok") for i in range(400)]


def test_bad_windows_are_one_episode_unless_a_hold_fits_in_between() -> None:
    operations = bursts(150, 240)  # nine seconds from the one to the other; no window reaches over both
    holds = [msgspec.structs.replace(WINDOW, hold_ns=s * NS) for s in (5, 10)]
    assert [len(plain(*operations, window=w, steady=BURSTY)) for w in holds] == [2, 1]


def test_windows_begin_with_what_may_have_met_the_fault() -> None:
    window = msgspec.structs.replace(WINDOW, since_ns=10 * NS)
    assert plain(*bursts(50), window=window, steady=BURSTY) == ()
    assert len(plain(*bursts(50), steady=BURSTY)) == 1


def test_the_edges_of_a_bad_window_rest_on_operations_that_do_not_overlap_it() -> None:
    quick = bursts(150)
    slow = [msgspec.structs.replace(o, done_ns=o.sent_ns + 150 * MS) for o in quick]
    steady = msgspec.structs.replace(BURSTY, longest_ns=150 * MS)
    (plainly,), (overlapping,) = plain(*quick, steady=steady), plain(*slow, steady=steady)
    # Where each is under way when the next is sent, one further away has to say it; its answer takes 140 ms longer.
    assert overlapping.impact.lower_ns == plainly.impact.lower_ns - 100 * MS
    assert overlapping.stable_upper_ns == (plainly.stable_upper_ns or 0) + 240 * MS


# --- widening ---


def outage(first: int, count: int, *, every: int = 100) -> list[Operation]:
    """Ten good operations, `count` refused ones from `first` ms on, and twenty good ones."""
    sent = range(first - 10 * every, first + (count + 20) * every, every)
    return [op(at, 1, "fail") if first <= at < first + count * every else op(at) for at in sent]


def test_streams_of_another_probe_do_not_tell_the_share() -> None:
    few, many = outage(2000, 3), outage(2000, 40)
    alone = wide(series("few", few))["few"]
    other = wide(series("few", few), series("many", many, probe="q"))["few"]
    same = wide(series("few", few), series("many", many))["few"]
    assert (other.impact, other.stable_upper_ns) == (alone.impact, alone.stable_upper_ns)
    assert other.impact.lower_ns < same.impact.lower_ns


def test_a_stream_that_was_good_again_later_is_not_called_good_earlier_because_another_was() -> None:
    early = outage(2000, 40)
    late = [o for o in outage(2000, 40) if not 6000 * MS <= o.sent_ns < 6500 * MS]
    found = wide(series("early", early), series("late", late))
    assert found["early"].stable_upper_ns == 6010 * MS
    assert found["late"].stable_upper_ns == 6510 * MS


def test_a_stream_that_was_never_seen_good_again_gets_no_recovery_from_another() -> None:
    ended = [o for o in outage(2000, 40) if o.sent_ns < 6000 * MS]
    found = wide(series("seen", outage(2000, 40)), series("unseen", ended))
    assert found["seen"].stable_upper_ns is not None
    assert found["unseen"].stable_upper_ns is None


def test_a_single_bad_operation_tells_no_share_so_each_end_is_moved_by_a_hold() -> None:
    found = wide(series("s", outage(3000, 1)), window=msgspec.structs.replace(WINDOW, hold_ns=500 * MS))["s"]
    assert found.impact == Edge(2500 * MS, 3001 * MS)
    assert (found.stable_lower_ns, found.stable_upper_ns) == (3000 * MS, 3500 * MS)


def test_ends_are_moved_by_a_hold_at_most_and_never_before_the_request() -> None:
    window = msgspec.structs.replace(WINDOW, hold_ns=700 * MS, since_ns=2600 * MS)
    found = wide(series("s", outage(3000, 3)), window=window)["s"]
    assert found.impact.lower_ns == 2600 * MS
    assert found.stable_upper_ns == 3900 * MS
    earlier = msgspec.structs.replace(window, since_ns=0)
    assert wide(series("s", outage(3000, 3)), window=earlier)["s"].impact.lower_ns == 2300 * MS


def test_the_widened_impact_counts_no_good_operation_that_overlaps_the_first_bad_one() -> None:
    # Twenty bad ones leave room for one that met it unnoticed. The one from 2990 to 3010 ms is none of the two.
    operations = [*good(2600, 2700, 2800), op(2990, 20), *refused(*range(3000, 5000, 100)), *good(5000, 5100, 5200)]
    assert wide(series("s", operations))["s"].impact.lower_ns == 2700 * MS


def test_what_was_answered_after_putting_back_began_proves_no_recovery() -> None:
    operations = outage(3000, 20)  # one good operation may have met it unnoticed, so that two must be seen
    ends = [msgspec.structs.replace(WINDOW, until_ns=ms * MS) for ms in (5050, 5150)]
    assert [wide(series("s", operations), window=w)["s"].stable_upper_ns for w in ends] == [None, 5110 * MS]


def test_an_outage_that_is_bad_again_before_its_end_can_be_told_may_go_on() -> None:
    window = msgspec.structs.replace(WINDOW, hold_ns=150 * MS)
    again = refused(*range(5100, 11_100, 100))
    asked = series("s", [*good(2800, 2900), *refused(*range(3000, 5000, 100)), *good(5000), *again, *good(11_100)])
    first, _ = plain_episodes(asked, EXACT, window)
    assert not first.may_go_on
    assert wide(asked, window=window)["s"].may_go_on
