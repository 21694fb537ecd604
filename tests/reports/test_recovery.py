"""Edges, operation by operation, and the live question that is asked while a drill runs."""

import msgspec
import pytest

from probes.history import History, Operation, Outcome, Stream
from reports.bounds import Edge
from reports.episodes import StreamEpisode, Window, stream_episodes
from reports.recovery import Recovery, recovery, stable_since
from reports.series import Series
from reports.steady import Steady, baseline
from tests.truth.simulated import IMPACT, MS, NS, STABLE, Mode, Outage, declared_of, drill

STREAM = Stream(
    name="s", probe="p", role="workload", kind="read", connection="fresh", period_ns=100 * MS, timeout_ns=NS
)  # fmt: skip
WINDOW = Window(since_ns=0, until_ns=None, hold_ns=NS)
EXACT = Steady(operations=10, bad=0, longest_ns=20 * MS, allowed=0.0)


def op(sent_ms: float, took_ms: float, outcome: Outcome = "ok") -> Operation:
    sent = int(sent_ms * MS)
    return Operation(
        vantage="v", probe="p", stream="s", seq=sent, kind="read", due_ns=sent, sent_ns=sent,
        done_ns=sent + int(took_ms * MS), outcome=outcome,
    )  # fmt: skip


def episodes(*operations: Operation, window: Window = WINDOW, steady: Steady = EXACT) -> tuple[StreamEpisode, ...]:
    ordered = tuple(sorted(operations, key=lambda o: o.sent_ns))
    return stream_episodes(Series("v", STREAM, ordered), steady, window)


def good(*sent_ms: float) -> list[Operation]:
    return [op(s, 10) for s in sent_ms]


def test_the_edges_of_a_full_outage() -> None:
    bad = [op(300, 1000, "in-doubt"), op(400, 1000, "in-doubt")]
    (found,) = episodes(*good(100, 200), *bad, *good(500, 600))
    # After the last good one was sent; by the longest success after the first bad one was sent.
    assert found.impact == Edge(200 * MS, 320 * MS)
    # After the last bad one was sent; by the end of the next good one.
    assert (found.stable_lower_ns, found.stable_upper_ns) == (400 * MS, 510 * MS)
    assert not found.certain  # two bad operations tell nothing of the share


def test_a_quick_refusal_is_known_at_once() -> None:
    (found,) = episodes(*good(200), op(300, 1, "fail"), op(400, 1, "fail"), *good(500))
    assert found.impact == Edge(200 * MS, 301 * MS)


def test_operations_in_flight_together_do_not_say_which_came_first() -> None:
    # The good one was answered after the bad one was sent: it may have met the service before it.
    (found,) = episodes(op(100, 10), op(295, 10), op(300, 15, "in-doubt"), op(305, 3), op(330, 5))
    assert found.impact.lower_ns == 100 * MS
    assert found.stable_upper_ns == 335 * MS
    assert found.good_inside == 0  # neither good one is proved to lie inside the outage


def test_goods_within_the_outage_make_it_partial_and_wider() -> None:
    operations = [op(100 * i, 10, "ok" if i < 20 or i > 60 or i % 3 else "in-doubt") for i in range(100)]
    (found,) = episodes(*operations)
    assert not found.certain
    assert found.impact.lower_ns < 2000 * MS  # wider than to the last good one before the first bad one
    assert found.impact.upper_ns == 2110 * MS
    assert found.stable_lower_ns == 6000 * MS
    assert found.stable_upper_ns is not None
    assert found.stable_upper_ns > 6110 * MS


def test_a_window_that_held_ends_an_episode_and_a_shorter_one_does_not() -> None:
    def twice(gap: int) -> tuple[StreamEpisode, ...]:
        first = [op(100 * i, 1, "fail") for i in range(10, 20)]
        second = [op(100 * i, 1, "fail") for i in range(20 + gap, 30 + gap)]
        between = good(*(100 * i for i in range(20, 20 + gap)))
        return episodes(
            *good(800, 900), *first, *between, *second, *good(*(100 * i for i in range(30 + gap, 60 + gap)))
        )

    assert len(twice(5)) == 1
    assert twice(5)[0].flaps == 1
    assert len(twice(30)) == 2


def test_single_failures_far_apart_may_be_one_thin_failure() -> None:
    operations = [op(100 * i, 10, "in-doubt" if i in (50, 90) else "ok") for i in range(200)]
    first, second = episodes(*operations)
    assert first.may_go_on
    assert not second.may_go_on
    long = [op(100 * i, 10, "in-doubt" if 50 <= i < 70 or 100 <= i < 120 else "ok") for i in range(200)]
    assert not any(e.may_go_on for e in episodes(*long))


def test_what_was_over_before_the_fault_does_not_count_but_what_was_in_flight_does() -> None:
    window = msgspec.structs.replace(WINDOW, since_ns=305 * MS)
    assert episodes(*good(100, 200), op(300, 2, "fail"), *good(400), window=window) == ()
    (found,) = episodes(*good(100, 200), op(300, 8, "fail"), *good(400), window=window)
    assert found.impact == Edge(200 * MS, 308 * MS)


def test_what_may_be_the_work_of_undo_does_not_count() -> None:
    window = msgspec.structs.replace(WINDOW, until_ns=305 * MS)
    assert episodes(*good(100, 200), op(300, 8, "fail"), *good(400), window=window) == ()


def test_a_stream_that_is_tolerated_to_fail_now_and_then_is_bad_only_by_windows() -> None:
    steady = msgspec.structs.replace(EXACT, allowed=0.03)
    noise = [op(100 * i, 10, "ok" if i % 40 else "in-doubt") for i in range(400)]
    assert episodes(*noise, steady=steady) == ()
    assert len(episodes(*noise)) >= 1
    outage = [msgspec.structs.replace(o, outcome="in-doubt") if 150 <= i < 200 else o for i, o in enumerate(noise)]
    (found,) = episodes(*outage, steady=steady)
    assert found.impact.lower_ns <= 15_000 * MS <= found.impact.upper_ns
    assert found.stable_upper_ns is not None
    assert found.stable_lower_ns <= 20_000 * MS <= found.stable_upper_ns
    assert not found.certain


def until(history: History, now_ns: int) -> History:
    """What a follower has read by then."""
    done = tuple(o for o in history.operations if o.done_ns <= now_ns)
    marks = tuple(m for m in history.marks if m.at_ns <= now_ns)
    return msgspec.structs.replace(history, operations=done, marks=marks)


@pytest.mark.parametrize("mode", ["refuse", "swallow", "hang"])
def test_the_live_answer_comes_after_the_hold_and_is_what_is_judged(mode: Mode) -> None:
    history = drill((Outage(IMPACT, STABLE, mode),))
    hold_s = 3.0
    first = next(at for at in range(4 * NS, 20 * NS, NS // 4) if stable_since(until(history, at), hold_s))
    assert STABLE + 3 * NS <= first <= STABLE + 3 * NS + int(1.6 * NS)  # the hold, a timeout, and a little
    live = stable_since(until(history, first), hold_s)
    found = recovery(history, declared_of(hold_s=hold_s), baseline(history))
    assert live is not None
    assert live.stable_upper_s == (found.groups[-1].stable_upper_ns or 0) / NS
    assert live.impact_lower_s <= IMPACT / NS <= live.impact_upper_s


def test_the_live_answer_waits_while_service_flaps_or_is_not_hit_yet() -> None:
    flapping = [Outage(IMPACT + i * 2 * NS, IMPACT + i * 2 * NS + NS, "refuse") for i in range(7)]
    history = drill(flapping)
    assert all(stable_since(until(history, at), 3.0) is None for at in range(4 * NS, 20 * NS, NS // 4))
    assert stable_since(drill(()), 3.0) is None
    assert stable_since(drill(requested=None, undo=None), 3.0) is None


def test_the_live_answer_needs_every_stream() -> None:
    history = drill()
    silent = tuple(o for o in history.operations if o.stream != "orders read pooled" or o.sent_ns < STABLE + NS)
    assert stable_since(history, 3.0) is not None
    assert stable_since(msgspec.structs.replace(history, operations=silent), 3.0) is None


def test_the_live_answer_waits_for_what_is_still_in_flight() -> None:
    # A thin relapse begins within the hold. Its bad operations are known a timeout later, the good ones at once.
    relapse = Outage(STABLE + 2800 * MS, STABLE + 5 * NS, "swallow", 0.3)
    history = drill((Outage(IMPACT, STABLE, "refuse"), relapse))
    times = range(STABLE + 3 * NS, STABLE + 6 * NS, NS // 20)
    assert [at for at in times if stable_since(until(history, at), 3.0)] == []


def test_streams_that_contradict_each_other_show_a_partial_failure() -> None:
    """Each stream has one bad operation; between the two, both had good ones."""

    def found(bad: dict[str, tuple[int, ...]]) -> Recovery:
        history = drill(())
        operations = tuple(
            msgspec.structs.replace(o, outcome="in-doubt") if o.seq in bad.get(o.stream, ()) else o
            for o in history.operations
        )
        history = msgspec.structs.replace(history, operations=operations)
        return recovery(history, declared_of(), baseline(history))

    apart = found({"orders write fresh": (100,), "orders read fresh": (110,)})
    assert not apart.certain
    assert apart.groups[0].impact.upper_ns - apart.groups[0].impact.lower_ns > NS // 2
    together = found({"orders write fresh": (100,), "orders read fresh": (100,)})
    assert not together.certain  # two operations: nobody knows how many would have failed
