"""A recovery that was called off: what was done by then, and whether the plan bore to be begun again."""

from reports.called_off import CHECK
from reports.model import Finding, Verdict
from reports.plan_steps import plan_advice
from reports.steps import StepRecord
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, declared_of, drill
from tests.truth.two_sites import marked, step

OFF = marked(drill(), "called off", round(6.5 * NS))
STOPPED = "the plan was ended before the step was done"
FIRST = (step("promote", 5.5, 6.4), step("scale", 5.5, 6.5, outcome="failed", error=STOPPED))
AGAIN = (step("promote", 7.0, 7.1), step("scale", 7.0, 9.5))


def judged(*steps: StepRecord, off: bool = True) -> Verdict:
    return judge(OFF if off else drill(), declared_of(rto_s=10.0), Undoing("clean", "Put back."), "1", steps)


def finding(verdict: Verdict, check: str = CHECK) -> Finding | None:
    return next((f for f in verdict.findings if f.check == check), None)


def test_a_plan_that_is_begun_again_and_done_passes_as_it_ended_last() -> None:
    verdict = judged(*FIRST, *AGAIN)
    told, plan = finding(verdict), finding(verdict, "plan")
    assert told is not None
    assert (verdict.verdict, told.verdict) == ("pass", "pass")
    assert told.says == (
        "The recovery was called off 2.5 s after the fault was asked for: promote done, scale cut short. "
        "Begun again 0.5 s later, all its 2 steps were done in 2.5 s."
    )
    assert plan is not None
    assert plan.says.startswith("The plan's 2 steps were done")
    assert plan_advice(verdict) == []
    assert len(plan_advice(judged(*FIRST))) == 1
    assert len(verdict.steps) == 4, "each run of a step is in the record"


def test_a_step_that_does_not_bear_to_be_done_again_is_named() -> None:
    again = step("promote", 7.0, 7.1, outcome="failed", error="it is the writer already")
    verdict = judged(*FIRST, again, step("scale", 7.0, 9.5))
    told = finding(verdict)
    assert told is not None
    assert (verdict.verdict, told.verdict) == ("fail", "fail")
    assert "promote: it is the writer already" in told.says


def test_one_that_is_not_begun_again_is_told_and_leaves_no_pass() -> None:
    verdict = judged(*FIRST)
    told = finding(verdict)
    assert told is not None
    assert (verdict.verdict, told.verdict) == ("inconclusive", "not judged")
    assert told.says.endswith("It was not begun again.")


def test_other_recoveries_are_not_asked() -> None:
    assert finding(judged(*AGAIN, off=False)) is None
