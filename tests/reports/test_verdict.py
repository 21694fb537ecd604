"""Whole drills, judged: what passes, what does not, and by which name each trouble is caught."""

import msgspec
import pytest

from probes.clock import ClockBase
from probes.history import History, Mark, MarkName
from reports.model import Expects, Finding, Verdict
from reports.objectives import Objectives
from reports.verdict import Undoing, judge
from tests.truth.simulated import (
    BASE,
    END,
    IMPACT,
    MS,
    NS,
    STABLE,
    UNDO,
    Outage,
    audit_of,
    declared_of,
    drill,
    kept,
    with_operations,
    writes_of,
)  # fmt: skip

CLEAN = Undoing("clean", "All 3 changes were put back.")
DOWN_FOR_GOOD = (Outage(IMPACT, END, "swallow"),)


def judged(
    history: History,
    *,
    rto_s: float | None = 20.0,
    rpo_s: float | None = 0.0,
    expects: Expects = "impact",
    fault: bool = True,
) -> Verdict:
    declared = declared_of(rto_s=rto_s, rpo_s=rpo_s, expects=expects, fault=fault)
    return judge(history, declared, CLEAN, "1")


def finding(verdict: Verdict, check: str) -> Finding:
    return next(f for f in verdict.findings if f.check == check)


def marked(history: History, name: MarkName, at: int, says: str = "") -> History:
    mark = Mark(name=name, at_ns=at, source="runner", says=says)
    return msgspec.structs.replace(history, marks=tuple(sorted((*history.marks, mark), key=lambda m: m.at_ns)))


def test_a_sound_drill_passes_and_its_numbers_hold_the_truth() -> None:
    verdict = judged(drill())
    assert verdict.verdict == "pass"
    assert {f.verdict for f in verdict.findings if f.check != "synthetic data"} == {"pass"}
    time, loss = verdict.recovery_time, verdict.data_loss
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 4.0 <= time.upper_s
    assert time.upper_s - time.lower_s < 0.13
    assert (time.confidence, time.clock, time.verdict) == (1.0, "total", "pass")
    assert (loss.lost, loss.unread, loss.in_doubt, loss.verdict) == (0, 0, 160, "pass")
    assert verdict.clocks["total"] == [time.lower_s, time.upper_s]
    assert verdict.clocks["from_decision"] == []
    assert next(e.stream for e in verdict.episodes) == "all"
    assert len(verdict.episodes) == 5


def test_recovery_that_is_too_slow_fails() -> None:
    verdict = judged(drill(), rto_s=3.5)
    assert (verdict.verdict, verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("fail", "fail", "pass")


def test_an_objective_within_the_interval_is_inconclusive_and_says_what_to_do() -> None:
    verdict = judged(drill(), rto_s=4.02)
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("inconclusive", "inconclusive")
    assert "ask every" in verdict.recovery_time.says


def test_recovery_that_never_comes_fails_with_a_lower_bound_only() -> None:
    verdict = judged(drill(DOWN_FOR_GOOD), rto_s=10.0)
    time = verdict.recovery_time
    assert verdict.verdict == "fail"
    assert time.upper_s is None
    assert time.lower_s is not None
    assert 14.8 < time.lower_s <= 15.0
    assert "not seen to recover" in time.says
    assert verdict.clocks["total"] == []


def test_recovery_that_never_came_before_the_objective_passed_is_inconclusive() -> None:
    verdict = judged(drill(DOWN_FOR_GOOD), rto_s=60.0)
    assert (verdict.verdict, verdict.recovery_time.upper_s) == ("inconclusive", None)


def test_service_that_recovers_only_with_undo_has_not_recovered() -> None:
    verdict = judged(drill((Outage(IMPACT, UNDO + NS, "refuse"),)), rto_s=60.0)
    assert verdict.recovery_time.upper_s is None
    assert verdict.verdict == "inconclusive"
    assert "still bad when putting things back began" in finding(verdict, "service while putting back").says


def test_a_hold_that_undo_cut_short_proves_nothing() -> None:
    verdict = judged(drill((Outage(IMPACT, UNDO - 2 * NS, "refuse"),)), rto_s=60.0)
    assert verdict.recovery_time.upper_s is None
    held = judged(drill((Outage(IMPACT, UNDO - 4 * NS, "refuse"),)), rto_s=60.0)
    assert held.recovery_time.upper_s is not None


def test_what_undo_disturbs_is_told_and_not_counted() -> None:
    outages = (Outage(IMPACT, STABLE, "refuse"), Outage(UNDO + NS, UNDO + 2 * NS, "refuse"))
    verdict = judged(drill(outages), rto_s=4.5)
    assert verdict.verdict == "pass"
    told = finding(verdict, "service while putting back")
    assert told.verdict == "not judged"
    assert told.says.startswith("Putting things back disturbed the service for 0.9")
    assert told.operations


def test_a_relapse_within_the_hold_belongs_to_the_episode() -> None:
    outages = (Outage(IMPACT, IMPACT + NS, "refuse"), Outage(IMPACT + 2 * NS, STABLE, "refuse"))
    time = judged(drill(outages)).recovery_time
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 4.0 <= time.upper_s
    row = judged(drill(outages)).episodes[0]
    assert row.flaps == 1
    assert 2.9 < row.bad_s < 3.2


def test_a_second_outage_after_the_hold_is_an_episode_of_its_own() -> None:
    outages = (Outage(IMPACT, IMPACT + 2 * NS, "refuse"), Outage(IMPACT + 7 * NS, IMPACT + 10 * NS, "refuse"))
    verdict = judged(drill(outages))
    assert len([e for e in verdict.episodes if e.stream == "all"]) == 2
    time = verdict.recovery_time
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 3.0 <= time.upper_s < 3.2
    assert "lost 2 times" in time.says


def test_no_fault_is_invalid() -> None:
    verdict = judged(drill(), fault=False)
    assert (verdict.verdict, verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("invalid",) * 3
    assert finding(verdict, "fault injected").verdict == "invalid"


def test_a_fault_without_effect_is_invalid() -> None:
    verdict = judged(drill(bitten=()))
    assert verdict.verdict == "invalid"
    assert "No witness saw the fault in a" in finding(verdict, "fault effective").says


def test_a_fault_that_reaches_what_it_should_spare_is_invalid() -> None:
    verdict = judged(drill(spared=(Outage(IMPACT, STABLE, "refuse"),)))
    assert verdict.verdict == "invalid"
    assert "witness b" in finding(verdict, "fault spares the rest").says


def test_a_site_without_a_witness_is_invalid() -> None:
    verdict = judge(drill(), declared_of(bites=("a", "c")), CLEAN, "1")
    assert verdict.verdict == "invalid"
    assert "no witness is aimed at c" in finding(verdict, "fault effective").says


def test_an_expected_impact_that_nobody_saw_is_invalid() -> None:
    assert judged(drill(())).verdict == "invalid"


@pytest.mark.parametrize("expects", ["any", "none"])
def test_where_no_impact_is_fine_the_longest_silence_bounds_it(expects: Expects) -> None:
    verdict = judged(drill(()), expects=expects, rto_s=1.0)
    time = verdict.recovery_time
    assert verdict.verdict == "pass"
    assert time.lower_s == 0
    assert time.upper_s is not None
    assert 0.05 < time.upper_s < 0.07
    assert judged(drill(()), expects=expects, rto_s=0.01).verdict == "inconclusive"


def test_a_planned_switchover_that_is_seen_is_judged() -> None:
    assert judged(drill(), expects="none", rto_s=3.0).verdict == "fail"


def test_a_readiness_drill_injects_nothing_and_is_judged_from_steady_on() -> None:
    quiet = marked(drill((), bitten=(), requested=None), "steady", 4 * NS)
    assert judged(quiet, expects="no fault", fault=False).verdict == "pass"
    seen = marked(drill(bitten=(), requested=None), "steady", 4 * NS)
    assert judged(seen, expects="no fault", fault=False, rto_s=3.0).verdict == "fail"


def test_a_bad_baseline_is_invalid() -> None:
    verdict = judged(drill(background=0.2))
    assert verdict.verdict == "invalid"
    assert finding(verdict, "baseline good").verdict == "invalid"


def test_a_vantage_that_stood_still_at_the_edge_gives_no_verdict() -> None:
    for stop in ((IMPACT - 2 * NS, IMPACT + 600 * MS), (STABLE - NS, STABLE + 2 * NS), (STABLE + NS, STABLE + 4 * NS)):
        verdict = judged(drill(stopped=(stop,)))
        assert verdict.verdict == "inconclusive", stop
        assert finding(verdict, "asked all the time").verdict == "inconclusive"
        assert verdict.data_loss.verdict == "pass"  # nothing was unread
    # With an RTO that the gap makes it seem to miss, it is no miss either.
    assert judged(drill(stopped=((STABLE - NS, STABLE + NS),)), rto_s=2.5).verdict != "fail"


def test_a_pause_that_the_objective_can_bear_widens_the_interval_over_what_may_have_hidden_in_it() -> None:
    short = 600 * MS
    first = Outage(IMPACT, STABLE, "swallow")
    relapse = Outage(STABLE + NS + 100 * MS, STABLE + NS + 500 * MS, "swallow")
    early = Outage(IMPACT - NS + 100 * MS, IMPACT - NS + 500 * MS, "swallow")
    for hidden, since in ((relapse, STABLE + NS), (early, IMPACT - NS)):
        pause = (since, since + short)
        for outages in ((first,), tuple(sorted((first, hidden), key=lambda o: o.begin))):
            verdict = judged(drill(outages, stopped=(pause,), requested=3 * NS))
            time = verdict.recovery_time
            truth_s = (max(o.end for o in outages) - min(o.begin for o in outages)) / NS
            assert time.lower_s is not None
            assert time.upper_s is not None
            assert time.lower_s <= truth_s <= time.upper_s
            assert (verdict.verdict, time.verdict) == ("pass", "pass")
    plain = judged(drill(requested=3 * NS)).recovery_time.upper_s
    assert plain is not None
    assert plain < 4.2


def test_a_pause_long_before_the_outage_is_none_of_it() -> None:
    paused = judged(drill(stopped=((2 * NS, 2 * NS + 500 * MS),))).recovery_time
    assert paused.upper_s is not None
    assert paused.upper_s < 4.2


def test_a_pause_in_the_middle_of_the_outage_hides_nothing() -> None:
    history = drill(stopped=((IMPACT + NS, IMPACT + NS + 300 * MS),))
    gate = finding(judged(history), "asked all the time")
    # The control stream stood still as well, and cannot speak for that time.
    assert "stream control" in gate.says or gate.verdict == "pass"


def test_a_control_target_that_fails_gives_no_verdict() -> None:
    verdict = judged(drill(control=(Outage(IMPACT, STABLE, "swallow"),)))
    assert verdict.verdict == "inconclusive"
    assert finding(verdict, "vantage alive").verdict == "inconclusive"


def test_a_history_without_its_end_cannot_pass_but_a_proven_miss_stands() -> None:
    history = drill()
    cut = msgspec.structs.replace(history.vantages[0], end=None)
    torn = msgspec.structs.replace(history, vantages=(cut,))
    assert judged(torn).verdict == "inconclusive"
    assert judged(torn, rto_s=2.0).verdict == "fail"


def test_a_lost_line_is_noticed() -> None:
    history = drill()
    short = msgspec.structs.replace(history, operations=history.operations[:-1])
    assert finding(judged(short), "history complete").verdict == "inconclusive"


def test_a_wall_clock_that_steps_is_told() -> None:
    history = drill()
    record = history.vantages[0]
    assert record.end is not None
    base = ClockBase(mono_ns=END, utc_ns=BASE.utc_ns + END + 2 * NS, boot="boot")
    end = msgspec.structs.replace(record.end, base=base)
    stepped = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, end=end),))
    told = finding(judged(stepped), "wall clock steady")
    assert told.verdict == "inconclusive"
    assert "+2.000 s" in told.says
    assert judged(stepped).verdict == "pass"  # durations come from the monotonic clock


def test_a_harness_error_never_passes() -> None:
    history = marked(drill(), "error", UNDO + 1, "KeyError in a plan step")
    assert judged(history).verdict == "invalid"
    assert judged(history, rto_s=2.0).verdict == "fail"


def test_an_interrupted_drill_is_aborted_unless_a_miss_is_proved() -> None:
    history = marked(drill(), "interrupted", STABLE + NS)
    verdict = judged(history)
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("aborted", "not judged")
    assert verdict.recovery_time.upper_s is not None
    assert judged(history, rto_s=2.0).verdict == "fail"


def test_a_drill_that_ended_before_the_fault_is_invalid_and_has_no_numbers() -> None:
    verdict = judged(drill(requested=None, undo=None))
    assert verdict.verdict == "invalid"
    assert verdict.recovery_time.lower_s is None
    assert "ended before the fault" in finding(verdict, "fault injected").says


def test_without_any_objective_nothing_was_tested() -> None:
    assert judged(drill(), rto_s=None, rpo_s=None).verdict == "invalid"
    verdict = judged(drill(), rpo_s=None)
    assert (verdict.verdict, verdict.data_loss.verdict) == ("pass", "not judged")


def test_a_lost_write_fails_an_rpo_of_zero_and_names_it() -> None:
    history = drill(audits=())
    writes = writes_of(history)
    lost = next(w for w in writes if w.outcome == "ok" and w.sent_ns > IMPACT - NS)
    stored = {k: s for k, s in kept(writes).items() if k != lost.key}
    keys = [w.key for w in writes if w.sent_ns < 19 * NS]
    verdict = judged(with_operations(history, audit_of(keys, "at failover", 19 * NS, stored)))
    assert (verdict.verdict, verdict.data_loss.lost, verdict.recovery_time.verdict) == ("fail", 1, "pass")
    assert finding(verdict, "data loss").operations == (f"v1/{lost.stream}/{lost.seq}",)


def test_a_proven_loss_is_not_hidden_by_a_key_that_was_not_read() -> None:
    history = drill(audits=())
    writes = writes_of(history)
    early = [w.key for w in writes if w.outcome == "ok"][:2]
    stored = {k: s for k, s in kept(writes).items() if k != early[0]}
    keys = [w.key for w in writes if w.sent_ns < 19 * NS]
    unread = audit_of(keys, "at failover", 19 * NS, kept(writes), unread=early[1:])
    assert judged(with_operations(history, unread)).verdict == "inconclusive"
    both = audit_of(keys, "at failover", 19 * NS, stored, unread=early[1:])
    assert judged(with_operations(history, both)).verdict == "fail"


def test_a_key_that_the_audit_left_out_is_unread() -> None:
    history = drill(audits=())
    writes = writes_of(history)
    keys = [w.key for w in writes if w.sent_ns < 19 * NS][1:]
    verdict = judged(with_operations(history, audit_of(keys, "at failover", 19 * NS, kept(writes))))
    assert (verdict.verdict, verdict.data_loss.unread) == ("inconclusive", 1)


def test_without_an_audit_nothing_is_known_of_the_data() -> None:
    verdict = judged(drill(audits=()))
    assert (verdict.verdict, verdict.data_loss.verdict, verdict.data_loss.upper_s) == ("inconclusive",) * 2 + (None,)


def test_a_missed_rto_is_not_hidden_by_unread_data() -> None:
    verdict = judged(drill(audits=()), rto_s=2.0)
    assert (verdict.verdict, verdict.data_loss.verdict) == ("fail", "inconclusive")


def test_writes_too_far_apart_cannot_prove_a_small_rpo() -> None:
    assert judged(drill(), rpo_s=5.0).verdict == "pass"
    verdict = judged(drill(period=300 * MS), rpo_s=1.0, rto_s=20.0)
    assert verdict.verdict == "inconclusive"
    assert finding(verdict, "write gap").verdict == "inconclusive"


def test_other_clocks_are_measured_where_their_marks_are() -> None:
    history = marked(marked(drill(), "decided", IMPACT + NS), "audited", UNDO - NS // 2)
    clocks = judged(history).clocks
    assert clocks["from_decision"][0] <= 3.0 <= clocks["from_decision"][1]
    assert clocks["audited"][0] <= 14.5 <= clocks["audited"][1]
    assert clocks["first_success"][0] <= 4.0 <= clocks["first_success"][1]
    base = declared_of(rto_s=3.5)
    objectives = Objectives(rto_s=3.5, rpo_s=0.0, clock="from_decision", hold_s=3.0)
    assert judge(history, base, CLEAN, "1").verdict == "fail"
    by_decision = msgspec.structs.replace(base, objectives=objectives)
    assert judge(history, by_decision, CLEAN, "1").verdict == "pass"
    unmarked = judge(drill(), by_decision, CLEAN, "1")
    assert unmarked.recovery_time.verdict == "inconclusive"


def test_dirty_undo_is_told_apart() -> None:
    verdict = judge(drill(), declared_of(), Undoing("dirty", "1 of 3 changes is not proved to be put back."), "1")
    assert (verdict.verdict, verdict.undo) == ("pass", "dirty")
    assert finding(verdict, "putting back").verdict == "fail"


def test_part_of_the_requests_failing_is_95_percent_sure() -> None:
    time = judged(drill((Outage(IMPACT, STABLE, "refuse", 1 / 3),))).recovery_time
    assert time.confidence == 0.95
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 4.0 <= time.upper_s < 8


def test_every_sentence_is_one_for_a_stranger() -> None:
    for verdict in (judged(drill()), judged(drill(DOWN_FOR_GOOD)), judged(drill(()), fault=False)):
        for told in verdict.findings:
            assert told.says.endswith(".")
            assert "None" not in told.says.replace("None of", "").replace("None was", "")
