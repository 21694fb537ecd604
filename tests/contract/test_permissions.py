"""What faults, steps, probes and the harness declare that they call is what they call: nothing more, nothing less."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from fixtures import iam_declared
from fixtures.aws import Cloud
from fixtures.drill_lag import Secondary, lag_points
from fixtures.errors import NoTarget, Refused
from fixtures.guard import lacking
from fixtures.iam_harness import DEAD_MAN, EVERY_DRILL, HARNESS, JOURNAL, LEASE
from fixtures.journal import Journal
from fixtures.journal_elsewhere import Elsewhere
from fixtures.journal_home import JournalHome
from fixtures.lease import TableLease
from fixtures.needs import Needs, named
from fixtures.orphans import Named, orphans
from fixtures.recovery.wait import Wait
from fixtures.scaffold import find
from fixtures.signs.found import watchers
from fixtures.workload import Workload
from probes.dynamodb import CALLS, KINDS, Requests
from probes.probe import Asked
from probes.s3 import CALLS as S3_CALLS
from probes.s3 import KINDS as S3_KINDS
from probes.s3 import Requests as S3Requests
from probes.spec import DynamodbProbe, S3Probe
from tests.contract.observed import Observed, observed
from tests.contract.test_faults import FAULTS
from tests.contract.test_steps import KINDS as STEPS
from tests.contract.test_steps import step_class
from tests.fixtures.fake_cloud import FakeTime, header
from tests.fixtures.moto_regions import BOTH, two_regions
from tests.fixtures.recovery_world import workload
from tests.fixtures.test_journal_home import BUCKET, PLACE, PREFIX, REGION, cloud, s3, time  # noqa: F401  # fixtures
from tests.fixtures.test_lease import TABLE

CHANGING: list[type[Any]] = [*FAULTS, *(step_class(kind) for kind in STEPS)]
# A wait asks a person, and nobody else.
CALLING = [kind for kind in CHANGING if kind is not Wait]
# Declared, and not called in the worlds of this test: for a database without an instance in another zone
# (test_stop_zone_shapes.py), for a row that is written while it is copied back (test_restore_table.py), and for the
# replication of a DynamoDB table (test_pause_table.py).
NOT_HERE = {
    "StopZone": {"rds:StopDBCluster", "rds:StartDBCluster"},
    "Restore": {"dynamodb:GetItem"},
    "PauseReplication": {"dynamodb:DescribeTable"},
}


def declaration(kind: type[Any]) -> Needs:
    found = getattr(kind, "needs", None)
    where = f"{kind.__module__.replace('.', '/')}.py: class {kind.__name__}"
    if not isinstance(found, Needs):
        pytest.fail(
            f"{where} does not declare what it calls. Add, with `from fixtures.needs import Needs`:\n"
            f"{seen(kind).declaration}\nThen: python -m fixtures.iam write"
        )
    return found


def seen(kind: type[Any]) -> Observed:
    return observed().get(kind, Observed())


@pytest.mark.parametrize("kind", CHANGING, ids=lambda kind: kind.__name__)
def test_each_declares_its_calls(kind: type[Any]) -> None:
    for call in declaration(kind).calls:
        service, _, operation = call.partition(":")
        model = botocore.session.get_session().get_service_model(service)
        assert operation in model.operation_names, f"{call}: AWS has no such operation"


@pytest.mark.parametrize("kind", CALLING, ids=lambda kind: kind.__name__)
def test_it_calls_what_it_declares_and_no_more(kind: type[Any]) -> None:
    needs, found = declaration(kind), seen(kind)
    assert found.done, "it was looked at"
    not_declared = found.done - needs.calls - EVERY_DRILL.calls
    assert not not_declared, f"add to `needs`, as in:\n{found.declaration}"
    assert found.writes <= set(needs.writes), found.declaration
    not_declared = found.undone - needs.put_back
    assert not not_declared, f"its undo calls this too: add to `undoes` or `sees`, as in:\n{found.declaration}"


@pytest.mark.parametrize("kind", CALLING, ids=lambda kind: kind.__name__)
def test_it_declares_nothing_that_it_does_not_call(kind: type[Any]) -> None:
    needs, found = declaration(kind), seen(kind)
    called = found.done | found.undone | NOT_HERE.get(kind.__name__, set())
    assert needs.calls - called == set(), f"take it out, or let tests/contract/observed.py do it:\n{found.declaration}"
    assert not set(needs.reads) & EVERY_DRILL.calls, "every drill needs this already"
    assert set(needs.undoes) <= found.undoes | NOT_HERE.get(kind.__name__, set()), found.declaration


def test_one_that_declares_nothing_is_named_with_what_to_add() -> None:
    class Forgetful(FAULTS[0]):  # type: ignore[misc,valid-type]  # any fault
        needs = None

    with pytest.raises(pytest.fail.Exception, match=r"class Forgetful does not declare .*\n    needs: ClassVar"):
        declaration(Forgetful)
    with pytest.raises(Refused, match="Forgetful does not declare what it calls"):
        iam_declared._declared(Forgetful)


def test_everything_that_declares_is_found() -> None:
    assert set(iam_declared.faults()) == {kind.__module__.rpartition(".")[2] for kind in FAULTS}
    assert set(iam_declared.steps()) == set(STEPS)


def test_a_probe_declares_its_calls() -> None:
    requests = Requests(DynamodbProbe(table="orders", region="eu-west-1"))
    made = {requests.of(Asked(kind=kind, connection="pooled", key="a"))[0] for kind in KINDS}
    assert {f"dynamodb:{name}" for name in (*made, "BatchGetItem")} == set(CALLS)
    objects = S3Requests(S3Probe(bucket="documents", region="eu-west-1"))
    made = {objects.of(Asked(kind=kind, connection="pooled", key="a"))[0] for kind in S3_KINDS}
    assert {f"s3:{name}" for name in made} == set(S3_CALLS)
    using = {path.stem for path in Path(importlib.import_module("probes").__path__[0]).glob("*.py")
             if "import AwsCalls" in path.read_text(encoding="utf-8")}  # fmt: skip
    assert using == set(iam_declared.probes()), "a probe that calls AWS has its calls in CALLS"


# --- the harness itself ----------------------------------------------------------------------------------------------


def test_what_watches_and_guards_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workload, "selection", lambda _self, _region=None: BOTH)
    with two_regions() as world:
        for watcher in watchers(world, workload()):
            watcher.look()
        try:
            lacking(world, BOTH.others[0], BOTH)
        except NoTarget:
            pytest.fail("the world has a recovery site")
        find(world, BOTH.tags, [BOTH.region])
        orphans(world, BOTH, Named(dead_man=("dr-drills-undo", "eu-north-1"), tables=(("restored", "orders"),)))
        _with_metric(world)
        # What the readiness checks call: tests/fixtures/readiness/test_checks.py.
        asking = (needs for what, needs in HARNESS.items() if what != "the readiness checks")
        allowed = {call for needs in asking for call in needs.calls} | set(DEAD_MAN.sees)
        called = named(world.called)
    assert called - allowed == set()
    # Where a workload has no such thing, nobody asks for it; `--plan`: tests/fixtures/test_plan_only.py.
    not_asked = {
        "iam:SimulatePrincipalPolicy",
        "rds:DescribeDBClusterSnapshots", "rds:DescribeGlobalClusters", "cloudwatch:DescribeAlarms",
        "route53:ListTagsForResources", "route53:GetHealthCheckStatus",
        "stepfunctions:ListExecutions", "elbv2:DescribeTargetHealth",
    }  # fmt: skip
    assert allowed - called <= not_asked


def _with_metric(world: Cloud) -> None:
    dimensions = [{"Name": "DBClusterIdentifier", "Value": "orders-home"}]
    data = [{"MetricName": "AuroraGlobalDBReplicationLag", "Dimensions": dimensions, "Value": 1.0}]
    world.client("cloudwatch", BOTH.region, "plan").put_metric_data(Namespace="AWS/RDS", MetricData=data)
    lag_points(world, Secondary(BOTH.region, "primary", "orders-home", True), 1_800_000_000.0, 60)


def test_what_the_journal_and_the_lease_call_is_declared(cloud: Cloud, tmp_path: Path) -> None:  # noqa: F811
    clock = FakeTime()
    cloud.called.clear()
    with Journal.open(tmp_path, header(), stamp=clock.stamp, home=JournalHome(cloud, PLACE)) as journal:
        assert Elsewhere(cloud, BUCKET, REGION, PREFIX).journals()
        journal.close()
    read_past_perform = {"s3:GetObject"}  # for its body
    assert named(cloud.called) | read_past_perform == JOURNAL.calls
    cloud.client("dynamodb", TABLE.region, "plan").create_table(
        TableName=TABLE.name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "workload", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "workload", "AttributeType": "S"}],
    )  # fmt: skip
    cloud.called.clear()
    TableLease(cloud, TABLE, "orders", "one")
    with pytest.raises(Refused):
        TableLease(cloud, TABLE, "orders", "other")
    assert named(cloud.called) == LEASE.calls


def each(needs: dict[str, Needs]) -> Iterator[str]:
    for one in needs.values():
        yield from one.calls


def test_what_the_harness_declares_is_known_to_aws() -> None:
    session = botocore.session.get_session()
    for call in {*each(HARNESS), *JOURNAL.calls, *LEASE.calls, *each(iam_declared.probes())}:
        service, _, operation = call.partition(":")
        assert operation in session.get_service_model(service).operation_names, call
