"""What a recovery from backups rested on: the copy's age is told, and another template is a fail."""

from typing import Any

import msgspec
import pytest

from reports.backups import COPY, TEMPLATE
from reports.model import Finding, Verdict
from reports.steps import CopyUsed, StepRecord, TemplateSeen
from reports.summary import summary_lines
from reports.verdict import Undoing, judge
from tests.truth.simulated import declared_of, drill
from tests.truth.two_sites import step

USED = CopyUsed(kind="recovery-point", id="arn:1", taken_utc="2026-11-28T17:00:00Z", age_s=7.25, among=3)
SAME = TemplateSeen(sha256="a" * 64, source="orders in eu-west-1", source_sha256="a" * 64, drift="IN_SYNC")


def judged(*steps: StepRecord) -> Verdict:
    return judge(drill(), declared_of(), Undoing("clean", "Put back."), "1", steps)


def deployed(**given: Any) -> StepRecord:
    return msgspec.structs.replace(step("deploy-site", 5.0, 6.0, kind="deploy"), template=replaced(SAME, given))


def replaced(seen: TemplateSeen, given: dict[str, Any]) -> TemplateSeen:
    return msgspec.structs.replace(seen, **given)


def restored(outcome: Any = "done") -> StepRecord:
    return msgspec.structs.replace(step("restore", 6.0, 8.0, kind="restore", outcome=outcome), copy=USED)


def finding(verdict: Verdict, check: str) -> Finding:
    (found,) = [one for one in verdict.findings if one.check == check]
    return found


def test_the_age_of_the_copy_is_told_and_decides_nothing() -> None:
    verdict = judged(restored())
    told = finding(verdict, COPY)
    assert told.verdict == "pass"
    assert "2026-11-28T17:00:00Z, the newest of 3 from before the first sign of trouble" in told.says
    assert "7.2 s older than that" in told.says or "7.3 s older than that" in told.says
    assert verdict.verdict == judged(step("restore", 6.0, 8.0, kind="restore")).verdict == "pass"
    assert verdict.steps[0].copy == USED
    away = msgspec.structs.replace(restored(), copy=msgspec.structs.replace(USED, account="210987654321"))
    assert (
        "17:00:00Z, copied back from the vault of account 210987654321, the newest" in finding(judged(away), COPY).says
    )


def test_a_copy_of_a_restore_that_failed_is_not_judged() -> None:
    assert finding(judged(restored("failed")), COPY).verdict == "not judged"


def test_another_template_fails_the_drill_by_its_name(tmp_path: Any) -> None:
    verdict = judged(deployed(source_sha256="b" * 64))
    told = finding(verdict, TEMPLATE)
    assert (verdict.verdict, told.verdict) == ("fail", "fail")
    assert "Step deploy-site deployed another template (SHA-256 aaaaaaaaaaaa) than orders in eu-west-1" in told.says
    assert any("another template" in line for line in summary_lines(verdict, tmp_path))


@pytest.mark.parametrize(
    ("given", "verdict", "says"),
    [
        ({}, "pass", "as the template says"),
        ({"drift": "", "says": "not implemented"}, "pass", "Its drift is not known: not implemented."),
        ({"drift": "DRIFTED"}, "not judged", "CloudFormation calls it DRIFTED"),
        ({"source_sha256": "", "says": "refused"}, "not judged", "is not known: refused"),
    ],
)
def test_the_same_template_and_what_is_not_known_fail_nothing(given: Any, verdict: str, says: str) -> None:
    found = judged(deployed(**given))
    assert found.verdict == "pass"
    assert finding(found, TEMPLATE).verdict == verdict
    assert says in finding(found, TEMPLATE).says


def test_a_stack_that_needs_to_be_the_same_as_none_has_no_finding() -> None:
    assert TEMPLATE not in {one.check for one in judged(deployed(source="", source_sha256="")).findings}
