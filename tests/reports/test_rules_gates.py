"""Rules of validity, one test each: what the witnesses prove, what each gate taints, and what no gate may excuse."""

from collections.abc import Callable

import msgspec
import pytest

from probes.history import History, Mark, MarkName, Operation, ServedBy
from reports.gates import broken
from reports.phases import phases_of
from reports.verdict import judge
from reports.witness import effect_seen
from tests.reports.test_validity_gates import answered_by
from tests.reports.test_verdict import CLEAN, finding, judged
from tests.truth.simulated import IMPACT, MS, NS, STABLE, UNDO, Outage, declared_of, drill, with_operations

BITTEN = Outage(4 * NS + 200 * MS, UNDO, "swallow")
LATER = Outage(BITTEN.begin + NS, UNDO, "swallow")
# Within one period of the control stream, so that one question of it falls in.
A_CONTROL = 150 * MS
# An RTO that the outage of 4 s meets, and with which a stream may pause for 0.45 s.
RTO_S = 4.5


def kept_only(history: History, keep: Callable[[Operation], bool]) -> History:
    """The history with some operations only, and an end that counts them: nothing was lost, it was never sent."""
    left = msgspec.structs.replace(history, operations=tuple(o for o in history.operations if keep(o)))
    return with_operations(left, ())


def paused(history: History, stream: str, begin: int, end: int) -> History:
    """One stream sent nothing in [begin, end)."""
    return kept_only(history, lambda o: o.stream != stream or not begin <= o.sent_ns < end)


def both_at_a(history: History) -> History:
    """The second witness is aimed at site a as well."""
    (record,) = history.vantages
    streams = tuple(
        msgspec.structs.replace(s, site="a") if s.name == "witness b" else s for s in record.header.streams
    )  # fmt: skip
    header = msgspec.structs.replace(record.header, streams=streams)
    return msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))


def one_control_lost(at: int) -> History:
    """The question to the control target that is sent at `at`, a multiple of 200 ms, is refused; no other is."""
    history = drill(control=(Outage(at - A_CONTROL // 2, at + A_CONTROL // 2, "refuse"),))
    assert [not o.good for o in history.operations if o.stream == "control"].count(True) == 1
    return history


# --- boundaries ---


def test_a_phase_begins_at_the_early_end_of_its_marks_uncertainty() -> None:
    history = drill()
    marks = tuple(msgspec.structs.replace(m, uncertainty_ns=300 * MS) for m in history.marks)
    phases = phases_of(msgspec.structs.replace(history, marks=marks))
    assert (phases.since_ns, phases.until_ns) == (4 * NS - 300 * MS, UNDO - 300 * MS)


def test_the_first_mark_of_a_name_counts() -> None:
    phases = phases_of(drill(marks=[("requested", 6 * NS), ("undo", UNDO + NS)]))
    assert (phases.since_ns, phases.until_ns) == (4 * NS, UNDO)


# --- witnesses ---


def test_what_a_witness_saw_before_the_fault_was_asked_for_is_no_effect() -> None:
    # The baseline is long enough that this outage stands out from the share of bad operations that it leaves.
    early = drill((), bitten=(Outage(8 * NS, 9 * NS, "refuse"),), requested=14 * NS)
    assert not effect_seen(early, declared_of()).complete
    late = drill((), bitten=(Outage(15 * NS, 16 * NS, "refuse"),), requested=14 * NS)
    assert effect_seen(late, declared_of()).complete


def test_of_several_witnesses_at_a_site_the_first_that_was_hit_counts() -> None:
    for bitten, other in ((BITTEN, LATER), (LATER, BITTEN)):
        history = both_at_a(drill(bitten=(bitten,), spared=(other,)))
        effect = effect_seen(history, declared_of(spares=())).bites["a"]
        assert effect is not None
        assert effect.edge.lower_ns <= BITTEN.begin <= effect.edge.upper_ns < LATER.begin


def test_a_fault_is_effective_when_the_last_of_its_sites_is_hit() -> None:
    seen = effect_seen(drill(spared=(LATER,)), declared_of(bites=("a", "b"), spares=()))
    assert seen.effective is not None
    assert BITTEN.begin < seen.effective.lower_ns <= LATER.begin <= seen.effective.upper_ns


def test_a_witness_that_is_not_believed_taints_nothing_where_another_is() -> None:
    history = answered_by(both_at_a(drill(spared=(BITTEN,))), "witness b", ServedBy(zone="x"))
    verdict = judge(history, declared_of(spares=()), CLEAN, "1")
    told = finding(verdict, "witnesses at their targets")
    assert (told.verdict, told.taints) == ("inconclusive", ())
    assert "witness b" in told.says
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict, verdict.verdict) == ("pass",) * 3


# --- what a gate does ---


def test_a_gate_that_is_inconclusive_does_not_heal_what_is_invalid() -> None:
    gate = broken("a check", "It does not hold.")
    assert gate.applied("data loss", "invalid") == "invalid"
    assert gate.applied("data loss", "pass") == "inconclusive"
    assert gate.applied("data loss", "fail") == "inconclusive"


# --- whether it was a drill at all ---


def test_a_drill_without_an_objective_tested_nothing() -> None:
    found = finding(judged(drill(), rto_s=None, rpo_s=None), "objective exists")
    assert found.verdict == "invalid"
    assert "neither an RTO nor an RPO" in found.says


def test_a_bad_baseline_excuses_no_objective_not_even_a_missed_one() -> None:
    # The control did not answer before the fault; from then on nothing is wrong with it.
    verdict = judged(drill(control=(Outage(0, 2 * NS, "refuse"),)), rto_s=2.0)
    assert finding(verdict, "vantage alive").verdict == "pass"
    assert finding(verdict, "baseline good").verdict == "invalid"
    assert (verdict.recovery_time.verdict, verdict.verdict) == ("invalid", "invalid")


def test_a_drill_that_declares_no_fault_and_has_one_is_invalid() -> None:
    verdict = judged(drill(), expects="no fault")
    assert "injects nothing, but it has a fault" in finding(verdict, "fault injected").says
    assert verdict.verdict == "invalid"


def test_a_fault_that_names_no_site_has_no_effect() -> None:
    verdict = judge(drill(), declared_of(bites=()), CLEAN, "1")
    assert "names no site" in finding(verdict, "fault effective").says
    assert verdict.verdict == "invalid"


def test_without_an_effect_not_even_a_miss_is_proved() -> None:
    verdict = judged(drill(bitten=()), rto_s=2.0)
    assert (verdict.recovery_time.verdict, verdict.verdict) == ("invalid", "invalid")


def test_a_spared_site_without_a_witness_is_not_known_to_be_spared() -> None:
    verdict = judge(drill(), declared_of(spares=("b", "c")), CLEAN, "1")
    found = finding(verdict, "fault spares the rest")
    assert found.verdict == "inconclusive"
    assert "aimed at c, which the fault should spare" in found.says
    assert verdict.verdict == "inconclusive"


# --- the vantage ---


def test_without_a_control_stream_nothing_shows_that_the_vantage_was_alive() -> None:
    history = kept_only(drill(), lambda o: o.stream != "control")
    (record,) = history.vantages
    streams = tuple(s for s in record.header.streams if s.role != "control")
    header = msgspec.structs.replace(record.header, streams=streams)
    verdict = judged(msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),)))
    assert "No control stream" in finding(verdict, "vantage alive").says
    assert verdict.verdict == "inconclusive"


def test_a_vantage_in_trouble_can_make_a_miss_up() -> None:
    verdict = judged(drill(control=(Outage(IMPACT, IMPACT + NS, "refuse"),)), rto_s=2.0)
    assert (verdict.recovery_time.verdict, verdict.verdict) == ("inconclusive", "inconclusive")


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (2 * NS, "pass"),  # before the fault was asked for
        (STABLE + 2 * NS, "inconclusive"),  # in the hold, which is 3 s
        (STABLE + 6 * NS, "pass"),  # after it
    ],
)
def test_the_control_target_is_asked_about_what_is_judged(at: int, found: str) -> None:
    verdict = judged(one_control_lost(at))
    assert finding(verdict, "vantage alive").verdict == found
    assert verdict.verdict == found


def test_a_pause_can_make_a_miss_up() -> None:
    # Too short to make the schedule a late one, too long for this RTO: 2 / 20 s, twice.
    verdict = judged(drill(stopped=((STABLE - 100 * MS, STABLE + 200 * MS),)), rto_s=2.0)
    assert finding(verdict, "schedule kept").verdict == "pass"
    assert finding(verdict, "asked all the time").verdict == "inconclusive"
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("inconclusive", "pass")


@pytest.mark.parametrize(
    ("stream", "begin", "end", "found"),
    [
        ("control", STABLE, STABLE + 2 * NS, "inconclusive"),
        ("control", 2 * NS, 3 * NS + 100 * MS, "pass"),  # over before the fault was asked for
        ("control", STABLE + 4 * NS, STABLE + 6 * NS, "pass"),  # after the hold
        ("orders read fresh", IMPACT + NS, IMPACT + 2 * NS, "pass"),  # bad before it and bad after it
        ("orders read fresh", IMPACT + 500 * MS, STABLE - 200 * MS, "inconclusive"),  # a whole hold fits into it
    ],
)
def test_a_pause_matters_where_an_edge_or_a_hold_may_lie_in_it(stream: str, begin: int, end: int, found: str) -> None:
    verdict = judged(paused(drill(), stream, begin, end), rto_s=RTO_S)
    told = finding(verdict, "asked all the time")
    assert told.verdict == found
    assert verdict.verdict == found
    assert (f"stream {stream}," in told.says) == (found == "inconclusive")


def test_a_vantage_that_is_always_late_did_not_keep_its_schedule() -> None:
    for late, found in ((200 * MS, "pass"), (300 * MS, "inconclusive")):
        history = drill()
        operations = tuple(
            msgspec.structs.replace(o, due_ns=o.sent_ns - late) if o.stream.startswith("orders") else o
            for o in history.operations
        )
        verdict = judged(msgspec.structs.replace(history, operations=operations), rto_s=RTO_S)
        assert finding(verdict, "schedule kept").verdict == found
        assert verdict.verdict == found


def test_a_drill_that_sent_the_workload_nothing_is_invalid() -> None:
    found = finding(judged(kept_only(drill(), lambda o: not o.stream.startswith("orders"))), "schedule kept")
    assert (found.verdict, found.says) == ("invalid", "Nothing was sent to the workload.")


# --- the history, and people ---


def test_a_torn_line_is_missed() -> None:
    history = drill()
    torn = (msgspec.structs.replace(history.vantages[0], torn=1),)
    verdict = judged(msgspec.structs.replace(history, vantages=torn))
    assert finding(verdict, "history complete").says.startswith("1 lines of vantage v1 were torn")
    assert verdict.verdict == "inconclusive"


def test_a_drill_without_any_vantage_has_no_history() -> None:
    empty = msgspec.structs.replace(drill(), vantages=(), operations=())
    verdict = judged(empty)
    found = finding(verdict, "history complete")
    assert (found.verdict, found.says) == ("inconclusive", "No vantage left a history.")
    assert verdict.verdict == "invalid"


def test_who_ended_the_drill_helped_nobody() -> None:
    history = drill()
    cases: tuple[tuple[MarkName, str], ...] = (("interrupted", "pass"), ("decided", "inconclusive"))
    for name, found in cases:
        mark = Mark(name=name, at_ns=7 * NS, source="person")
        verdict = judged(msgspec.structs.replace(history, marks=(*history.marks, mark)))
        assert finding(verdict, "recovered without help").verdict == found
