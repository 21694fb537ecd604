"""A blip must not fail over: seen by the plan's steps, and by who answers."""

from collections.abc import Sequence

import msgspec

from probes.history import History, ServedBy
from reports.model import Finding, Verdict
from reports.staying import judge_staying
from reports.steps import StepRecord
from reports.verdict import Undoing, judge
from tests.truth.simulated import IMPACT, NS, Outage, declared_of, drill
from tests.truth.two_sites import step

DECLARED = msgspec.structs.replace(declared_of(), expects="no failover")
BLIP = (Outage(IMPACT, IMPACT + NS // 2, "refuse"),)
UNDO = IMPACT + NS // 2


def answered(history: History, *regions: tuple[int, str]) -> History:
    """Who answers, from when on."""

    def served(sent_ns: int) -> ServedBy:
        return ServedBy(region=[region for since, region in regions if since <= sent_ns][-1])

    operations = tuple(
        msgspec.structs.replace(o, served_by=served(o.sent_ns)) if o.stream.startswith("orders") else o
        for o in history.operations
    )
    return msgspec.structs.replace(history, operations=operations)


def judged(history: History, steps: Sequence[StepRecord] = ()) -> Verdict:
    return judge(history, DECLARED, Undoing("clean", "Put back."), "1", tuple(steps))


def staying(history: History, steps: Sequence[StepRecord] = ()) -> Finding:
    found = judge_staying(history, DECLARED, steps)
    assert found is not None
    return found


def test_a_blip_that_is_sat_out_passes_with_its_own_recovery_time() -> None:
    history = answered(drill(BLIP, undo=UNDO), (0, "eu-west-1"))
    verdict = judged(history)
    assert verdict.verdict == "pass"
    found = verdict.recovery_time
    assert found.lower_s is not None
    assert found.upper_s is not None
    assert found.lower_s <= 0.5 <= found.upper_s
    assert "came from eu-west-1" in next(f.says for f in verdict.findings if f.check == "no failover")


def test_a_plan_that_a_blip_starts_fails_by_name() -> None:
    history = answered(drill(BLIP, undo=UNDO), (0, "eu-west-1"))
    verdict = judged(history, [step("promote", 6.0, 8.1)])
    assert verdict.verdict == "fail"
    found = next(f for f in verdict.findings if f.check == "no failover")
    assert (found.verdict, "promote" in found.says, "`after`" in found.says) == ("fail", True, True)


def test_answers_from_another_region_fail_though_no_plan_was_run() -> None:
    history = answered(drill(BLIP, undo=UNDO), (0, "eu-west-1"), (7 * NS, "eu-central-1"), (9 * NS, "eu-west-1"))
    found = staying(history)
    assert found.verdict == "fail"
    assert "came from eu-central-1, before only from eu-west-1" in found.says
    assert found.operations


def test_a_step_that_was_not_reached_moved_nothing() -> None:
    history = answered(drill(BLIP, undo=UNDO), (0, "eu-west-1"))
    assert staying(history, [step("promote", 6.0, 6.0, outcome="not reached", calls=())]).verdict == "pass"


def test_answers_that_do_not_say_where_they_come_from_prove_nothing() -> None:
    assert staying(drill(BLIP, undo=UNDO)).verdict == "inconclusive"
    assert judged(drill(BLIP, undo=UNDO)).verdict == "inconclusive"


def test_other_drills_are_not_asked() -> None:
    assert judge_staying(drill(BLIP), declared_of(), [step("promote", 6.0, 8.1)]) is None
