"""The way home is judged by itself, and disturbs nothing that is judged of the way there."""

import msgspec
import pytest

from probes.history import History
from reports.failback import way_home
from reports.model import Failback, Finding, Verdict
from reports.phases import phases_of
from reports.recovery import stable_since
from reports.steady import baseline
from reports.steps import StepRecord
from reports.verdict import Undoing, judge
from tests.truth.simulated import IMPACT, NS, STABLE, UNDO, Outage, declared_of
from tests.truth.two_sites import BACK, DOWN, HOME, acknowledged, journey, marked, step

CLEAN = Undoing("clean", "All 3 changes were put back.")
BLIP = (28 * NS, 30 * NS)


def judged(history: History, *, rto_s: float = 20.0, rpo_s: float = 0.0, steps: tuple[StepRecord, ...] = ()) -> Verdict:
    return judge(history, declared_of(rto_s=rto_s, rpo_s=rpo_s), CLEAN, "1", steps)


def home_of(verdict: Verdict) -> Failback:
    assert verdict.failback is not None
    return verdict.failback


def finding(verdict: Verdict, check: str) -> Finding:
    return next(f for f in verdict.findings if f.check == check)


def test_a_way_home_that_nobody_saw_is_bounded_by_the_longest_gap() -> None:
    verdict = judged(journey())
    home = home_of(verdict)
    assert (verdict.verdict, home.verdict) == ("pass", "pass")
    assert home.recovery_time.lower_s == 0.0
    assert home.recovery_time.upper_s is not None
    assert 0.05 < home.recovery_time.upper_s < 0.1
    assert "no outage" in home.recovery_time.says
    assert (home.data_loss.lost, home.data_loss.unread) == (0, 0)


def test_without_a_way_home_there_is_nothing_to_judge_of_it() -> None:
    assert judged(journey(home=None)).failback is None


def test_bad_service_on_the_way_home_is_its_own_and_not_the_recoverys() -> None:
    quiet, verdict = judged(journey()), judged(journey([BLIP]))
    assert verdict.recovery_time == quiet.recovery_time
    assert verdict.data_loss == quiet.data_loss
    assert verdict.episodes == quiet.episodes
    time = home_of(verdict).recovery_time
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 2.0 <= time.upper_s
    assert time.upper_s - time.lower_s < 0.2
    assert "On the way home service was bad for" in time.says
    assert finding(verdict, "service while putting back").verdict == "pass"


def test_all_bad_time_counts_together() -> None:
    # More than a hold apart, so two episodes: each meets 2.5 s, both together do not.
    twice = journey([BLIP, (34 * NS, 36 * NS)])
    time = home_of(judged(twice, rto_s=5.0)).recovery_time
    assert time.lower_s is not None
    assert time.upper_s is not None
    assert time.lower_s <= 4.0 <= time.upper_s
    assert time.upper_s - time.lower_s < 0.4
    assert "(2 times)" in time.says
    assert home_of(judged(twice, rto_s=4.5)).verdict == "pass"
    late = judged(twice, rto_s=3.5)
    assert (home_of(late).verdict, late.verdict) == ("fail", "fail")


def test_service_that_does_not_come_back_fails_the_way_home_alone() -> None:
    verdict = judged(journey([(29 * NS, 60 * NS)]), rto_s=10.0)
    assert verdict.recovery_time.verdict == "pass"
    assert home_of(verdict).recovery_time.upper_s is None
    assert (home_of(verdict).verdict, verdict.verdict) == ("fail", "fail")


def test_what_is_lost_on_the_way_home_is_told_apart_from_what_was_lost_before() -> None:
    plain = journey()
    before, after = acknowledged(plain, 4 * NS, IMPACT)[-3:], acknowledged(plain, 22 * NS, HOME)[-2:]
    verdict = judged(journey(lost=before, lost_at_home=after))
    assert (verdict.data_loss.lost, home_of(verdict).data_loss.lost) == (3, 2)
    assert home_of(verdict).verdict == "fail"
    lost = finding(verdict, "failback: data loss")
    assert lost.verdict == "fail"
    assert len(lost.operations) == 2
    only_before = judged(journey(lost=before))
    assert (only_before.data_loss.lost, home_of(only_before).data_loss.lost) == (3, 0)
    assert home_of(only_before).verdict == "pass"


def test_what_was_written_on_the_way_home_is_in_it() -> None:
    gone = acknowledged(journey(), HOME + NS, BACK)[:1]
    verdict = judged(journey(lost_at_home=gone))
    assert (verdict.data_loss.lost, home_of(verdict).data_loss.lost) == (0, 1)


def test_it_is_held_against_the_same_objectives() -> None:
    gone = acknowledged(journey(), 24 * NS, HOME)[-20:]
    assert home_of(judged(journey(lost_at_home=gone), rpo_s=0.0)).verdict == "fail"
    assert home_of(judged(journey(lost_at_home=gone), rpo_s=5.0)).verdict == "pass"
    assert home_of(judged(journey(lost_at_home=gone), rpo_s=0.3)).verdict == "fail"


def test_without_an_audit_after_it_nothing_is_known_of_its_data() -> None:
    home = home_of(judged(journey(audited=False)))
    assert (home.verdict, home.data_loss.verdict) == ("inconclusive", "inconclusive")
    assert "No audit" in home.data_loss.says


def test_a_way_home_without_an_end_passes_nothing() -> None:
    verdict = judged(journey(ended=False))
    assert (home_of(verdict).verdict, verdict.verdict) == ("inconclusive", "inconclusive")
    assert "wrong place" in finding(verdict, "failback ended").says


def test_a_step_of_it_that_failed_is_named_and_nothing_passes() -> None:
    failed = step("home", 28, 29, plan="failback", outcome="failed", error="not allowed")
    verdict = judged(journey(), steps=(failed,))
    assert (home_of(verdict).verdict, verdict.recovery_time.verdict) == ("inconclusive", "pass")
    assert "step home failed after 1.0 s" in finding(verdict, "failback plan").says


def test_an_audit_after_it_is_not_the_one_after_healing() -> None:
    plain = journey()
    gone = acknowledged(plain, 22 * NS, 24 * NS)[:1]
    assert judged(journey(lost_at_home=gone)).data_loss == judged(journey()).data_loss


def test_the_way_home_ends_what_is_judged_where_nothing_is_undone() -> None:
    phases = phases_of(journey(undo=None))
    assert (phases.until_ns, phases.failback_ns) == (HOME, HOME)
    both = phases_of(journey())
    assert (both.until_ns, both.failback_ns) == (UNDO, HOME)
    told = finding(judged(journey(undo=None)), "service while putting back")
    assert told.verdict == "not judged"


@pytest.mark.parametrize("undo", [UNDO, None])
def test_nothing_on_the_way_home_moves_the_live_view_of_the_recovery(undo: int | None) -> None:
    without = stable_since(journey(undo=undo), 3.0)
    assert without is not None
    assert stable_since(journey([BLIP], undo=undo), 3.0) == without
    assert without.stable_lower_s is not None
    assert without.stable_lower_s <= STABLE / NS <= (without.stable_upper_s or 0)


def test_the_clock_from_the_decision_takes_the_recoverys_own_mark() -> None:
    decided = marked(marked(journey(), "decided", 6 * NS), "decided", 28 * NS)
    lower_s, upper_s = judged(decided).clocks["from_decision"]
    assert lower_s <= 3.0 <= upper_s
    assert judged(marked(journey(), "decided", 28 * NS)).clocks["from_decision"] == []


def test_a_vantage_that_was_in_trouble_on_the_way_home_proves_nothing_of_it() -> None:
    history = journey()
    broken = tuple(
        msgspec.structs.replace(o, outcome="in-doubt") if o.stream == "control" and o.sent_ns > HOME else o
        for o in history.operations
    )
    verdict = judged(msgspec.structs.replace(history, operations=broken))
    assert (verdict.recovery_time.verdict, home_of(verdict).verdict) == ("pass", "inconclusive")
    assert finding(verdict, "failback: vantage alive").verdict == "inconclusive"


def test_only_the_way_home_itself_is_looked_at() -> None:
    declared, history = declared_of(), journey(outages=[DOWN, Outage(22 * NS, 23 * NS, "refuse")])
    home = way_home(history, history, declared, baseline(history))
    assert home is not None
    assert home.found.groups == ()


def test_the_outage_on_the_way_there_is_no_write_gap_of_the_way_home() -> None:
    """An RPO looks back so far that the main outage lies in it, which has its own verdict."""
    history = journey([(28 * NS, 29 * NS)], outages=[DOWN])
    confirmed = marked(history, "confirmed", 26 * NS, "probe")
    declared = declared_of(rpo_s=15.0)
    for found, verdict in ((history, "inconclusive"), (confirmed, "pass")):
        gaps = [f.verdict for f in judge(found, declared, CLEAN, "1").findings if f.check == "failback: write gap"]
        assert gaps == ([verdict] if verdict != "pass" else []), "only a gate that does not hold is told"
