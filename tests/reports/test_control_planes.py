"""A limit for control planes: what a plan called is listed Region by Region, and more than the limit fails."""

import msgspec
import pytest

from reports.model import Finding, Verdict
from reports.steps import CallMade, StepRecord
from reports.verdict import Undoing, judge
from tests.truth.simulated import declared_of, drill
from tests.truth.two_sites import step

PROMOTE = step("promote", 5.5, 6.0)
CALL = PROMOTE.calls[0]


def call(operation: str, region: str = "us-east-1", service: str = "route53", **more: str) -> CallMade:
    return msgspec.structs.replace(CALL, operation=operation, region=region, service=service, **more)


def turned(*calls: CallMade, **changes: object) -> StepRecord:
    return step("route", 6.0, 7.0, **{"kind": "route", "calls": calls} | changes)


def judged(*steps: StepRecord, **limits: int) -> Verdict:
    declared = msgspec.structs.replace(declared_of(rto_s=10.0), control_plane=limits)
    return judge(drill(), declared, Undoing("clean", "Put back."), "1", steps)


def finding(verdict: Verdict) -> Finding | None:
    return next((f for f in verdict.findings if f.check == "control planes"), None)


ROUTE = turned(call("ListHostedZones"), call("UpdateHealthCheck"), call("UpdateHealthCheck", answer="refused (x)"))


def test_more_than_the_limit_fails_and_is_listed_by_region() -> None:
    verdict = judged(PROMOTE, ROUTE, recovery=2)
    told = finding(verdict)
    assert verdict.verdict == "fail"
    assert told is not None
    assert told.verdict == "fail"
    assert told.says == (
        "The plan called 3 operations of control planes, and its limit is 2. eu-central-1: rds FailoverGlobalCluster; "
        "us-east-1: route53 ListHostedZones, route53 UpdateHealthCheck."
    )
    assert verdict.recovery_time.verdict == "pass", "the limit is a promise of its own"


def test_the_limit_itself_passes_and_polls_count_once() -> None:
    verdict = judged(PROMOTE, ROUTE, recovery=3)
    assert (verdict.verdict, getattr(finding(verdict), "verdict", "")) == ("pass", "pass")


def test_data_planes_are_not_counted() -> None:
    data = turned(call("UpdateRoutingControlStates", service="route53-recovery-cluster", plane="data"))
    told = finding(judged(data, recovery=0))
    assert told is not None
    assert (told.verdict, told.says) == ("pass", "The plan called 0 operations of control planes, and its limit is 0.")


def test_without_a_limit_or_a_plan_nothing_is_said() -> None:
    assert finding(judged(PROMOTE)) is None
    assert finding(judged(recovery=0)) is None
    assert finding(judged(PROMOTE, switchover=0)) is None, "that is another plan"


def test_the_way_home_is_not_in_it() -> None:
    home = msgspec.structs.replace(PROMOTE, plan="failback")
    told = finding(judged(ROUTE, home, recovery=2))
    assert told is not None
    assert told.verdict == "pass"


@pytest.mark.parametrize(("limit", "expected"), [(1, "fail"), (2, "inconclusive")])
def test_a_plan_that_did_not_end_shows_at_least_so_many(limit: int, expected: str) -> None:
    missed = step("later", 7.0, 7.0, outcome="not reached", calls=())
    told = finding(judged(ROUTE, missed, recovery=limit))
    assert told is not None
    assert told.verdict == expected


def test_what_a_run_step_calls_is_said_not_to_be_seen() -> None:
    told = finding(judged(ROUTE, step("warm", 7.0, 8.0, kind="run", calls=()), recovery=2))
    assert told is not None
    assert "not seen and not in it" in told.says
