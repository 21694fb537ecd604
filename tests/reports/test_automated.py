"""What the automation was seen to do of its plan: recovery without it is not its own."""

import msgspec
import pytest

from probes.history import History, Mark
from reports.automated import automation_gate
from reports.model import Verdict
from reports.timeline import timeline_svg
from reports.verdict import Undoing, judge
from tests.truth.simulated import IMPACT, NS, Outage, declared_of, drill

REPAIRED = IMPACT + 4 * NS
MISSED = (Outage(IMPACT, IMPACT + 40 * NS, "refuse"),)


def marked(history: History, *marks: tuple[str, str, float]) -> History:
    """Marks of the automation beside its own: name, says, s after the fault was asked for."""
    requested = history.mark("requested")
    assert requested is not None
    made = tuple(
        Mark(name=name, at_ns=requested.at_ns + int(after_s * NS), source="API", says=says)  # type: ignore[arg-type]
        for name, says, after_s in marks
    )
    ordered = sorted((*history.marks, *made), key=lambda one: one.at_ns)
    return msgspec.structs.replace(history, marks=tuple(ordered))


def judged(history: History) -> Verdict:
    return judge(history, declared_of(), Undoing("clean", "Put back."), "1", ())


@pytest.fixture(scope="module")
def recovered() -> History:
    return drill((Outage(IMPACT, REPAIRED, "refuse"),), undo=REPAIRED + 8 * NS)


def test_all_that_was_done_is_named_with_when(recovered: History) -> None:
    told = marked(recovered, ("automated", "promote: b is the writer", 2.0), ("automated", "turn: away", 3.5))
    verdict = judged(told)
    assert verdict.verdict == "pass"
    (finding,) = [f for f in verdict.findings if f.check == "automation"]
    assert finding.verdict == "pass"
    assert "2 steps: promote after 2.0 s, turn after 3.5 s." in finding.says


def test_a_recovery_that_the_automation_did_not_finish_cannot_pass(recovered: History) -> None:
    told = marked(recovered, ("automated", "promote: b", 2.0), ("not automated", "turn: it is turned: as before", 9.0))
    verdict = judged(told)
    assert verdict.verdict == "inconclusive"
    (finding,) = [f for f in verdict.findings if f.check == "automation"]
    assert "1 of the plan's 2 steps. turn: it is turned: as before." in finding.says


def test_a_miss_stays_a_miss() -> None:
    told = marked(drill(MISSED, undo=IMPACT + 40 * NS), ("not automated", "turn: as before", 9.0))
    assert judged(told).recovery_time.verdict == "fail"


def test_where_none_was_watched_there_is_nothing_to_say(recovered: History) -> None:
    assert automation_gate(recovered, declared_of()) is None


def test_where_none_was_to_act_that_is_judged_elsewhere(recovered: History) -> None:
    blip = msgspec.structs.replace(declared_of(), expects="no failover")
    assert automation_gate(marked(recovered, ("automated", "turn: away", 2.0)), blip) is None


def test_the_picture_says_which_step_it_was(recovered: History) -> None:
    told = marked(recovered, ("automated", "promote: b is the writer", 2.0))
    verdict = judged(told)
    assert "automated: promote +" in timeline_svg(told, verdict, declared_of())
