"""Capacity: a standby that serves less than production did has recovered at reduced capacity, as the report says."""

import msgspec
import pytest

from probes.history import History, Operation, ServedBy
from reports.capacity import CHECK
from reports.model import Finding
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, STABLE, declared_of, drill


def changed(history: History, change: dict[str, object], *, every: int = 1, since: int = STABLE + NS) -> History:
    """Each `every`-th operation of the workload from then on is so."""

    def one(operation: Operation) -> Operation:
        mine = operation.stream.startswith("orders") and operation.sent_ns >= since and operation.seq % every == 0
        return msgspec.structs.replace(operation, **change) if mine else operation

    return msgspec.structs.replace(history, operations=tuple(map(one, history.operations)))


def machines(before: int, after: int) -> History:
    def one(operation: Operation) -> Operation:
        count = before if operation.sent_ns < STABLE else after
        served = ServedBy(region="eu-west-1", instance=f"i-{operation.seq % count}")
        return msgspec.structs.replace(operation, served_by=served) if operation.good else operation

    whole = drill()
    return msgspec.structs.replace(whole, operations=tuple(map(one, whole.operations)))


def found(history: History, strategy: str = "warm-standby", **objective: float | str) -> Finding | None:
    declared = msgspec.structs.replace(declared_of(**objective), strategy=strategy)  # type: ignore[arg-type]  # shorthand
    verdict = judge(history, declared, Undoing("clean", ""), "1")
    return next((finding for finding in verdict.findings if finding.check == CHECK), None)


def test_what_serves_as_before_has_recovered() -> None:
    finding = found(drill())
    assert finding is not None
    assert finding.verdict == "pass"
    assert "100.0% were done well after the recovery" in finding.says


@pytest.mark.parametrize("strategy", ["multi-az", "active-active"])
def test_it_is_asked_of_standbys_only(strategy: str) -> None:
    assert found(drill(), strategy) is None


def test_nothing_is_said_where_nothing_was_lost_or_nothing_came_back() -> None:
    assert found(drill(())) is None
    assert found(drill(), expects="no failover") is None
    assert found(changed(drill(), {"outcome": "fail"}, since=STABLE)) is None


def test_fewer_machines_are_reduced_capacity_without_an_objective() -> None:
    finding = found(machines(3, 1))
    assert finding is not None
    assert finding.verdict == "not judged"
    assert finding.says.startswith("Recovered at reduced capacity: 1 instances answered, before 3.")
    whole = found(machines(3, 3))
    assert whole is not None
    assert whole.verdict == "pass"


def test_an_objective_that_is_missed_fails() -> None:
    half = changed(drill(), {"outcome": "fail", "status": 429}, every=2)
    finding = found(half, capacity=0.9, tolerance=0.6)
    assert finding is not None
    assert (finding.verdict, "serves at reduced capacity: Less than 90%" in finding.says) == ("fail", True)
    kept = found(half, capacity=0.4, tolerance=0.6)
    assert kept is not None
    assert kept.verdict == "pass"


def test_service_that_did_not_hold_is_reduced_capacity_if_some_of_it_was_done() -> None:
    finding = found(changed(drill(), {"outcome": "fail"}, every=2))
    assert finding is not None
    assert finding.verdict == "not judged"
    assert finding.says.startswith("Not recovered, and serves at reduced capacity:")


def test_a_p99_beyond_its_objective_fails() -> None:
    whole = drill()
    slow = tuple(
        msgspec.structs.replace(o, done_ns=o.sent_ns + NS // 2)
        if o.good and o.stream.startswith("orders") and o.sent_ns > STABLE + NS
        else o
        for o in whole.operations
    )
    finding = found(msgspec.structs.replace(whole, operations=slow), p99_s=0.2)
    assert finding is not None
    assert (finding.verdict, "p99 is beyond its objective of 0.2 s" in finding.says) == ("fail", True)
