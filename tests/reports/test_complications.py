"""Complications: proved before the fault and up to its end, or nothing is; and each says what came of it."""

from collections.abc import Sequence

import msgspec
import pytest

from fixtures.control_plane import DenyControlPlane
from probes.history import History, Mark, MarkName
from reports.complications import CAPACITY, EFFECTIVE, STANDSTILL, judge_complications
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.model import Finding, Verdict
from reports.steps import CallMade, StepRecord
from reports.verdict import Undoing, judge
from tests.truth.simulated import MS, NS, UNDO, Outage, declared_of, drill, writes_of
from tests.truth.two_sites import step, with_heartbeats

REGION, PRIMARY = "eu-central-1", "eu-west-1"
ASKED, SEEN, REQUESTED = 1 * NS, 2 * NS, 4 * NS
DRILL = drill()
CAPACITY_DENIED = DeclaredFault(
    fault="x", says="no capacity", targets=(DeclaredTarget(kind="Auto Scaling group", id="g", site=REGION),),
    bites=(), spares=("a", "b"), proved_by="failed launches", does_not_show=("Not that.",),
)  # fmt: skip
PAUSED = DeclaredFault(
    fault="x", says="replication stops", targets=(), bites=("recovery",), spares=(), proved_by="heartbeats"
)
DENIED = DenyControlPlane(PRIMARY).declared
STOPPED = "Launching a new EC2 instance: i-1: Failed (We currently do not have sufficient t3.micro capacity.)"


def complicated(
    *marks: Mark, of: DeclaredFault = CAPACITY_DENIED, history: History = DRILL, until_the_end: bool = True
) -> History:
    """A complication asked for before the fault, and there until that was put back."""
    named: list[tuple[MarkName, int]] = [("complication asked", ASKED), ("complication effective", SEEN)]
    if until_the_end:
        named.append(("complication held", UNDO - MS))
    own = [Mark(name=name, at_ns=at, source="runner", says=of.says) for name, at in named]
    every = sorted((*history.marks, *own, *marks), key=lambda m: m.at_ns)
    return msgspec.structs.replace(history, marks=tuple(every))


def late(history: History) -> History:
    """The same complication, asked for after the fault."""
    marks = (
        msgspec.structs.replace(m, at_ns=REQUESTED + NS) if m.name == "complication asked" else m for m in history.marks
    )
    return msgspec.structs.replace(history, marks=tuple(sorted(marks, key=lambda m: m.at_ns)))


def launch(at: int, says: str = STOPPED, region: str = REGION) -> Mark:
    return Mark(name="sign", at_ns=at, source=f"Auto Scaling activity, {region}", says=says, uncertainty_ns=100 * MS)


def judged(
    history: History, complication: DeclaredFault, steps: Sequence[StepRecord] = (), *, rto_s: float = 20.0
) -> Verdict:
    declared = msgspec.structs.replace(declared_of(rto_s=rto_s), complications=(complication,))
    return judge(history, declared, Undoing("clean", "Put back."), "1", tuple(steps))


def finding(verdict: Verdict, check: str) -> Finding:
    return next(f for f in verdict.findings if f.check == check)


def test_one_that_was_seen_and_lasted_lets_a_drill_pass_and_says_so() -> None:
    verdict = judged(complicated(launch(SEEN)), CAPACITY_DENIED)
    assert verdict.verdict == "pass"
    assert finding(verdict, EFFECTIVE).says == (
        "no capacity: it was seen 0.0..1.1 s after it was asked for. It was still there when the fault was put back."
    )
    assert finding(verdict, CAPACITY).verdict == "pass"
    assert "Not that." in verdict.does_not_show


def test_a_launch_that_recovery_could_not_have_proves_it_too() -> None:
    assert finding(judged(complicated(launch(REQUESTED + 3 * NS)), CAPACITY_DENIED), EFFECTIVE).verdict == "pass"


def test_one_that_reached_what_it_should_spare_is_not_what_it_says_it_is() -> None:
    spilled = drill(spared=(Outage(SEEN, SEEN + NS, "swallow"),))
    verdict = judged(complicated(launch(SEEN), history=spilled), CAPACITY_DENIED)
    assert finding(verdict, EFFECTIVE).verdict == "invalid"


@pytest.mark.parametrize(
    ("history", "word"),
    [
        (complicated(), "nothing showed it"),
        (complicated(launch(SEEN, region=PRIMARY)), "nothing showed it"),
        (complicated(launch(SEEN, STOPPED.replace("Failed", "Successful"))), "nothing showed it"),
        (DRILL, "not asked for before the fault"),
        (complicated(launch(SEEN), of=DENIED), "not asked for"),
        (late(complicated(launch(SEEN))), "not asked for"),
    ],
)
def test_a_recovery_under_one_that_nothing_showed_proves_nothing(history: History, word: str) -> None:
    verdict = judged(history, CAPACITY_DENIED)
    assert (verdict.verdict, finding(verdict, EFFECTIVE).verdict) == ("invalid", "invalid")
    assert word in finding(verdict, EFFECTIVE).says


def test_one_that_may_have_ended_too_early_leaves_no_pass() -> None:
    verdict = judged(complicated(launch(SEEN), until_the_end=False), CAPACITY_DENIED)
    assert verdict.verdict == "inconclusive"
    assert "is not known" in finding(verdict, EFFECTIVE).says


def test_a_miss_is_a_miss_although_nothing_made_it_harder() -> None:
    verdict = judged(complicated(), CAPACITY_DENIED, rto_s=1.0)
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("fail", "fail")


def test_clients_who_noticed_it_had_no_baseline() -> None:
    down = Outage(ASKED, ASKED + 2 * NS, "refuse")
    verdict = judged(
        complicated(launch(SEEN), history=drill((down, Outage(5 * NS, 8 * NS, "swallow")))), CAPACITY_DENIED
    )
    assert verdict.verdict == "invalid"
    assert finding(verdict, "baseline good").verdict == "invalid"


def test_capacity_that_recovery_needed_and_did_not_get_is_a_part_of_the_miss() -> None:
    history = complicated(launch(SEEN), launch(REQUESTED + 3 * NS), launch(REQUESTED + 5 * NS))
    missed = finding(judged(history, CAPACITY_DENIED, rto_s=1.0), CAPACITY)
    assert missed.verdict == "fail"
    assert missed.says.startswith(f"Recovery needs capacity that it does not have: 2 launches in {REGION} failed")
    assert "the first 3.0 s after" in missed.says
    kept = judged(history, CAPACITY_DENIED)
    assert (kept.verdict, finding(kept, CAPACITY).verdict) == ("pass", "not judged"), "the RTO was kept all the same"


def test_each_of_two_has_to_last_by_itself() -> None:
    both = complicated(launch(SEEN), history=complicated(of=DENIED, until_the_end=False))
    declared = msgspec.structs.replace(declared_of(), complications=(DENIED, CAPACITY_DENIED))
    verdict = judge(both, declared, Undoing("clean", "Put back."), "1", (step("promote", 5.0, 6.0),))
    assert [f.verdict for f in verdict.findings if f.check == EFFECTIVE] == ["inconclusive", "pass"]


def call(region: str, answer: str = "accepted") -> CallMade:
    return msgspec.structs.replace(step("x", 5.0, 5.1).calls[0], region=region, answer=answer)


def test_a_plan_that_calls_the_primary_fails_by_step_and_call() -> None:
    failed = step("fence", 5.0, 5.5, outcome="failed", calls=(call(PRIMARY, "lost (Lost)"),), error="lost")
    verdict = judged(complicated(of=DENIED), DENIED, [failed, step("promote", 5.0, 6.0)])
    told = finding(verdict, f"control plane of {PRIMARY}")
    assert (verdict.verdict, told.verdict) == ("fail", "fail")
    assert f"fence called rds FailoverGlobalCluster in {PRIMARY}" in told.says
    assert finding(verdict, EFFECTIVE).verdict == "pass"


def test_a_plan_that_calls_elsewhere_passes_and_its_calls_are_counted() -> None:
    verdict = judged(
        complicated(of=DENIED), DENIED, [step("promote", 5.0, 6.0), step("x", 6.0, 6.1, kind="run", calls=())]
    )
    told = finding(verdict, f"control plane of {PRIMARY}")
    assert (verdict.verdict, told.verdict) == ("pass", "pass")
    assert told.says == (
        f"No step of the plan called it: of 1 calls 1 to {REGION}. What run steps start makes calls of its own, which "
        "are neither refused nor seen."
    )


def test_without_a_plan_nothing_is_said_of_control_planes() -> None:
    told = finding(judged(complicated(of=DENIED), DENIED), f"control plane of {PRIMARY}")
    assert told.verdict == "not judged"


def stood_still(history: History) -> tuple[History, Declared]:
    late = {w.key: w.done_ns + 50 * MS if w.done_ns < ASKED else 2**62 for w in writes_of(history) if w.good}
    declared = msgspec.structs.replace(declared_of(), complications=(PAUSED,))
    return with_heartbeats(history, late, period=50 * MS), declared


def test_how_far_behind_the_site_was_is_told_with_what_rang() -> None:
    rang = Mark(name="sign", at_ns=ASKED + NS, source=f"CloudWatch alarm, {REGION}", says="lag is ALARM")
    after = msgspec.structs.replace(rang, at_ns=REQUESTED + NS, says="too late")
    (told,) = judge_complications(*stood_still(complicated(rang, after, of=PAUSED)), (), "pass")
    assert (told.check, told.verdict) == (STANDSTILL, "not judged")
    assert "a write was not at recovery 2." in told.says
    assert told.says.endswith("Alarms by then: lag is ALARM.")
    (quiet,) = judge_complications(*stood_still(complicated(of=PAUSED)), (), "pass")
    assert quiet.says.endswith("No alarm had told of it.")


def test_before_the_fault_nothing_is_said() -> None:
    history = complicated(history=drill(requested=None, undo=None))
    assert [f for f in judged(history, CAPACITY_DENIED).findings if f.check in (EFFECTIVE, CAPACITY)] == []
