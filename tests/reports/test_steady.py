import msgspec

from reports.steady import baseline
from tests.truth.simulated import IMPACT, MS, NS, Outage, drill


def test_a_sound_baseline_has_no_problems_and_bounds_the_latency() -> None:
    base = baseline(drill())
    assert base.problems == []
    steady = base.streams["v1", "orders write fresh"]
    assert (steady.bad, steady.allowed, steady.longest_ns) == (0, 0.0, 9 * MS)
    assert 78 <= steady.operations <= 81  # 4 s at 20 a second, and nothing of what came after


def test_before_the_fault_is_asked_for_everything_counts() -> None:
    base = baseline(drill(requested=None, undo=None))
    assert base.streams["v1", "orders write fresh"].bad > 0
    assert base.problems


def test_too_few_answers_are_no_baseline() -> None:
    problems = baseline(drill(), until_ns=300 * MS).problems
    assert any("orders write fresh" in p and "needs 10" in p for p in problems)


def test_a_stream_that_fails_often_is_no_baseline_unless_that_is_tolerated() -> None:
    history = drill(background=0.15)
    assert any("at most 5%" in p for p in baseline(history).problems)
    assert baseline(history, tolerance=0.4).problems == []


def test_errors_in_the_baseline_widen_what_is_allowed() -> None:
    history = drill((Outage(NS, NS + 60 * MS, "refuse"), Outage(IMPACT, IMPACT + NS, "refuse")))
    base = baseline(history, tolerance=0.01)
    steady = base.streams["v1", "orders write fresh"]
    assert steady.bad >= 1
    assert steady.allowed == (steady.bad + 1) / (steady.operations + 2) + 0.01


def test_a_witness_or_control_that_does_not_answer_is_a_problem() -> None:
    down = (Outage(0, 30 * NS, "refuse"),)
    assert any("witness a" in p for p in baseline(drill(bitten=down)).problems)
    assert any("control" in p for p in baseline(drill(control=down)).problems)


def test_the_longest_success_is_that_of_all_streams_that_ask_the_same() -> None:
    history = drill()
    slow = next(o for o in history.operations if o.stream == "orders read pooled" and o.good and o.sent_ns > NS)
    slower = msgspec.structs.replace(slow, done_ns=slow.sent_ns + 40 * MS)
    operations = tuple(slower if o is slow else o for o in history.operations)
    base = baseline(msgspec.structs.replace(history, operations=operations))
    assert {s.longest_ns for (_, name), s in base.streams.items() if name.startswith("orders")} == {40 * MS}
    assert base.streams["v1", "witness b"].longest_ns == 9 * MS
