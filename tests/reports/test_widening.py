"""Outer edges whatever the share: what is certain, what is likely, and what cannot be told."""

import msgspec
import pytest

from probes.history import History
from reports.declared import Declared
from reports.recovery import Recovery, recovery
from reports.recovery_time import judge_recovery
from reports.steady import baseline
from tests.truth.simulated import IMPACT, MS, NS, STABLE, Outage, declared_of, drill

# 20 a second on each of four streams; the drill of `simulated.py` is requested at 4 s and put back at 20 s.
WRITES = ("orders write fresh", "orders write pooled")
READS = ("orders read fresh", "orders read pooled")


def failing(*first_and_last: tuple[str, int, int], but: tuple[tuple[str, int], ...] = ()) -> History:
    """A drill in which the operations of a stream from one number to another failed, `but` some."""
    bad = {(s, i) for s, first, last in first_and_last for i in range(first, last + 1)} - set(but)
    history = drill(())
    operations = tuple(
        msgspec.structs.replace(o, outcome="in-doubt", done_ns=o.sent_ns + MS) if (o.stream, o.seq) in bad else o
        for o in history.operations
    )
    return msgspec.structs.replace(history, operations=operations)


def found_in(history: History, declared: Declared | None = None) -> Recovery:
    return recovery(history, declared or declared_of(), baseline(history))


def width(found: Recovery) -> float:
    assert found.upper_ns is not None
    return (found.upper_ns - found.lower_ns) / NS


def test_a_long_outage_of_all_streams_is_certain_and_needs_no_widening() -> None:
    found = found_in(failing(*((s, 120, 160) for s in WRITES + READS)))
    assert found.certain
    assert found.cautious is None
    assert width(found) < 2 * 0.052 + 2 * 0.009


def test_one_stream_alone_is_never_certain_but_narrow_from_forty_operations_on() -> None:
    many, few = (found_in(failing((WRITES[0], 120, 120 + n - 1))) for n in (40, 20))
    assert not many.certain
    assert width(many) < 2 * 0.052 + 2 * 0.009
    assert width(few) == pytest.approx(width(many) + 2 * 0.05, abs=0.01)  # one more send at each end


def test_one_good_answer_in_between_makes_it_partial() -> None:
    long = [(s, 120, 160) for s in WRITES + READS]
    found = found_in(failing(*long, but=((READS[0], 140),)))
    assert not found.certain
    assert found.cautious is not None
    assert width(found.cautious) > width(found)


def test_streams_that_were_plainly_not_hit_do_not_make_it_partial() -> None:
    found = found_in(failing(*((s, 120, 220) for s in WRITES)))
    assert width(found) < 2 * 0.052 + 2 * 0.009


def test_streams_that_may_have_been_missed_by_luck_do() -> None:
    found = found_in(failing((WRITES[0], 120, 122)))
    plain = found_in(failing(*((s, 120, 122) for s in WRITES + READS)))
    assert width(found) > 5 * width(plain)


def test_a_verdict_rests_on_the_wider_edges_and_says_so() -> None:
    history = failing(*((s, 120, 125) for s in WRITES))
    found = found_in(history)
    assert found.cautious is not None
    assert found.upper_ns is not None
    assert found.cautious.upper_ns is not None
    between_s = (found.upper_ns + found.cautious.upper_ns) / 2 / NS
    for rto_s, verdict in ((between_s, "inconclusive"), (found.cautious.upper_ns / NS + 0.001, "pass")):
        said = judge_recovery(history, declared_of(rto_s=rto_s), found)
        assert said.verdict == verdict, said.says
        assert said.confidence == 0.95
        assert ("once in a million" in said.says) == (verdict == "inconclusive")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_lost_answers_are_over_when_service_was_good_for_a_hold(count: int) -> None:
    history = failing((WRITES[0], 160, 160 + count - 1))
    found = found_in(history, declared_of(hold_s=2.0))
    assert found.cautious is not None
    assert found.cautious.upper_ns is not None
    assert found.cautious.upper_ns <= (2 * 2.0 + 0.05 * count + 0.02) * NS
    assert judge_recovery(history, declared_of(rto_s=5.0, hold_s=2.0), found).verdict == "pass"


def test_not_recovered_is_at_least_so_long_and_a_miss_once_that_is_beyond_the_objective() -> None:
    history = drill((Outage(IMPACT, 30 * NS, "refuse"),))
    found = found_in(history)
    assert not found.held
    for rto_s, verdict in ((10.0, "fail"), (18.0, "inconclusive")):
        said = judge_recovery(history, declared_of(rto_s=rto_s), found)
        assert (said.verdict, said.upper_s) == (verdict, None)
        assert said.says.startswith("Service was not seen to recover: bad for at least 14.9")


def test_service_that_was_not_asked_for_a_whole_hold_after_it_has_not_recovered() -> None:
    outage = (Outage(IMPACT, STABLE, "refuse"),)
    early, late = (found_in(drill(outage, undo=STABLE + after * NS)) for after in (2, 4))
    assert (early.held, early.upper_ns) == (False, None)
    assert late.held
    assert late.recovered
