"""Readiness: what was found is judged from the marks; what could not be told is neither a pass nor a fail."""

import msgspec
import pytest

from probes.history import History, Mark
from reports.readiness import judge_readiness
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, declared_of, drill

QUIET = drill((), bitten=(), requested=None, undo=None, marks=[("steady", 4 * NS)])


def ready(*outcomes: str) -> History:
    marks = tuple(
        Mark(
            name="ready", at_ns=5 * NS, source="API, eu-central-1", says="So it is.",
            data={"check": f"check {i}", "rule": "REL13-BP04", "site": "recovery", "outcome": outcome},
        )
        for i, outcome in enumerate(outcomes)
    )  # fmt: skip
    return msgspec.structs.replace(QUIET, marks=(*QUIET.marks, *marks))


@pytest.mark.parametrize(
    ("outcomes", "verdicts", "whole"),
    [
        (("held", "held"), ["pass", "pass"], "pass"),
        (("held", "broken", "unknown"), ["pass", "fail", "inconclusive"], "fail"),
        (("held", "unknown"), ["pass", "inconclusive"], "inconclusive"),
        (("held", "does not apply"), ["pass", "not judged"], "pass"),
        (("a word of a later harness",), ["inconclusive"], "inconclusive"),
    ],
)
def test_each_outcome_and_what_comes_of_all(outcomes: tuple[str, ...], verdicts: list[str], whole: str) -> None:
    history = ready(*outcomes)
    assert [finding.verdict for finding in judge_readiness(history)] == verdicts
    declared = declared_of(expects="no fault", fault=False)
    assert judge(history, declared, Undoing("clean", ""), "1").verdict == whole


def test_what_could_not_be_told_says_so() -> None:
    (finding,) = judge_readiness(ready("unknown"))
    assert finding.says == "Could not be told: So it is."
    assert finding.check == "ready: check 0 (recovery)"
