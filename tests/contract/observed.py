"""What each fault and each plan step really calls: in moto, and where moto knows too little, answered by hand."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.subjects import Subject, faults, steps
from fixtures.aws import Cloud, Purpose, Seen
from fixtures.change import Call, Read
from fixtures.commands import SERVICE
from fixtures.fault import RowsOfDrill
from fixtures.faults.corrupt_table import CorruptTable
from fixtures.faults.delete_rows import DeleteRows
from fixtures.iam_harness import EVERY_DRILL
from fixtures.journal import Journal
from fixtures.needs import named
from fixtures.projection import project
from fixtures.recovery.calls import StepFailed
from fixtures.recovery.copy import Copy
from fixtures.recovery.deploy import Deploy
from fixtures.recovery.restore import Restore
from fixtures.recovery.restore_copy import GUARDS, SUBNETS
from fixtures.recovery.run import Run
from fixtures.recovery.step import Around
from fixtures.undo import undo_all
from fixtures.workload_plans import CopyStep, RestoreStep, RunStep
from tests.fixtures.bucket_world import cloud as bucket_cloud
from tests.fixtures.bucket_world import key as object_key
from tests.fixtures.bucket_world import objects
from tests.fixtures.bucket_world import workload as bucket_workload
from tests.fixtures.dynamodb_world import PREFIX, SELECTED, key, row, table
from tests.fixtures.dynamodb_world import workload as table_workload
from tests.fixtures.fake_cloud import EPOCH_NS, FakeTime, header
from tests.fixtures.recovery_world import deploy_step, restore_step, workload
from tests.fixtures.test_automation import FUNCTION, Runs
from tests.fixtures.test_automation import REGION as RUNS_REGION
from tests.fixtures.test_execution import MACHINE, Machine
from tests.fixtures.test_region_switch import GIVEN, Switch
from tests.lab.dynamodb_lab import HOME
from tests.lab.s3_lab import SOURCE, client


@dataclass
class Observed:
    """The calls of one kind, in all its ways. `done` was called until it was in effect, `undone` by its undo."""

    done: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    sees: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    undoes: set[str] = field(default_factory=set)

    def of_journal(self, journal: Journal) -> None:
        """Take in what the changes are that it made."""
        for change in (one.change for one in journal.tracked):
            reads = (change.read, *change.resolve.values())
            self.sees |= _on_aws(one.call for one in reads)
            self.writes |= _on_aws([change.call])
            self.undoes |= _on_aws(change.undo)

    @property
    def declaration(self) -> str:
        """What its class would have to say."""
        reads = self.done - self.sees - self.writes - EVERY_DRILL.calls
        parts = {"reads": reads, "sees": self.sees, "writes": self.writes, "undoes": self.undoes}
        lines = [f"        {name}={tuple(sorted(calls))!r}," for name, calls in parts.items() if calls]
        return "\n".join(("    needs: ClassVar[Needs] = Needs(", *lines, "    )"))


def _on_aws(calls: Iterable[Call]) -> frozenset[str]:
    """Those of the operator's roles: what is called in another account's vault, a role of that account's calls."""
    return named((one.service, one.operation) for one in calls if one.service != SERVICE and not one.account)


@cache
def observed() -> dict[type[Any], Observed]:
    """Of each fault and step. One that changes nothing by itself (a command, a person's go) is not in it."""
    found: dict[type[Any], Observed] = {}
    for group in (faults, steps):
        with group() as subjects:
            for subject in subjects:
                assert subject.kind is not None
                _observe(found.setdefault(subject.kind, Observed()), subject)
    for kind, done in (
        (CorruptTable, _rows(CorruptTable)), (DeleteRows, _rows(DeleteRows)), (Restore, _restored_table()),
        (Copy, _copied()), (Run, _run()), (Deploy, _deployed()), (Restore, _networked()),
        (Restore, _restored_objects()),
    ):  # fmt: skip
        _merge(found.setdefault(kind, Observed()), done)
    return found


def _merge(into: Observed, one: Observed) -> None:
    for name in ("done", "undone", "sees", "writes", "undoes"):
        getattr(into, name).update(getattr(one, name))


def _observe(into: Observed, subject: Subject) -> None:
    subject.cloud.called.clear()
    time = FakeTime()
    make = subject.ready(time)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder), header(), stamp=time.stamp) as journal:
        make(journal)
        subject.settled()
        _undone(into, journal, subject.cloud, time)


def _undone(into: Observed, journal: Journal, cloud: Cloud, time: FakeTime) -> None:
    """Take in what was called until now, then what the undo calls."""
    into.of_journal(journal)
    into.done |= named(cloud.called)
    cloud.called.clear()
    assert undo_all(journal, cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None).clean
    into.undone |= named(cloud.called)
    journal.close()


def _rows(kind: type[CorruptTable | DeleteRows]) -> Observed:
    """Of a fault of rows in a DynamoDB table."""
    found = Observed()
    with table() as held, tempfile.TemporaryDirectory() as folder:
        held.put(*(row(key(seq)) for seq in range(3)))
        held.cloud.called.clear()
        fault = kind("orders-db")
        fault.belongs_to(RowsOfDrill(prefix=PREFIX, max_rows=3), longest_s=600.0)
        fault.plan(held.cloud, SELECTED)
        with Journal.open(Path(folder), header(), stamp=held.time.stamp) as journal:
            fault.inject(journal, held.cloud)
            _undone(found, journal, held.cloud, held.time)
    return found


def _restored_table() -> Observed:
    """Of a restore of a DynamoDB table, with a row to copy back, one to take out and one that was written since."""
    found = Observed()
    with table() as held, tempfile.TemporaryDirectory() as folder:
        held.time.at_s = 5.0
        held.put(*(row(key(seq)) for seq in range(3)))
        held.time.at_s = 12.0
        held.give(key(0), "not its own")
        held.put(row(key(7)) | {"payload": {"S": "not its own"}})
        held.cloud.called.clear()
        with Journal.open(Path(folder), header(), stamp=held.time.stamp) as journal:
            given = {"name": "restore", "kind": "restore", "store": "orders-db", "to_identifier": "orders-restored"}
            settings = RestoreStep.model_validate(given | {"swap": "copy-back"})
            around = _around(held.cloud, journal, held.time, workload=table_workload())
            record = Restore(settings, around).run()
            assert record.outcome == "done", record.error
            _undone(found, journal, held.cloud, held.time)
    found.writes |= {f"dynamodb:{name}" for name in ("PutItem", "DeleteItem") if f"dynamodb:{name}" in found.done}
    return found


def _restored_objects() -> Observed:
    """Of a restore of objects, one to put back and one to take out."""
    found = Observed()
    with objects() as held, tempfile.TemporaryDirectory() as folder:
        client(HOME).put_object(Bucket=SOURCE, Key=object_key(1), Body=b"spoilt")
        client(HOME).put_object(Bucket=SOURCE, Key=object_key(9), Body=b"spoilt")
        cloud, time = bucket_cloud(), held.lab.time
        cloud.called.clear()
        with Journal.open(Path(folder), header(), stamp=time.stamp) as journal:
            given = {"name": "restore", "kind": "restore", "store": "documents", "source": "versions"}
            around = _around(
                cloud, journal, time, workload=bucket_workload(), last_good_utc_ns=lambda: 100 * 10**9
            )  # versions have the real clock's dates
            record = Restore(RestoreStep.model_validate(given), around).run()
            assert record.outcome == "done", record.error
            _undone(found, journal, cloud, time)
    found.writes |= {name for name in found.done if name in ("s3:CopyObject", "s3:DeleteObject")}
    return found


class _Answers:
    """Stands for AWS where a database would have to be run: what two clusters answer a `copy`."""

    def __init__(self) -> None:
        self.environment = "lab"
        self.called: set[tuple[str, str]] = set()
        self._pages: list[list[list[dict[str, Any]]]] = [
            [],  # the store's own cluster has no rows
            [[{"stringValue": "a"}, {"longValue": 1}]],  # the restored one has one
            [],
            [[{"stringValue": "key"}]],  # the columns that can be written
            [[{"stringValue": "{}"}]],  # all of that row
            [],  # it was added
        ]

    def perform(self, call: Call, _bound: Any = None, _purpose: Purpose = "fault") -> dict[str, Any]:
        self.called.add((call.service, call.operation))
        if call.operation == "DescribeSecret":
            return {"ARN": "secret"}
        if call.operation == "DescribeDBClusters":
            return {"DBClusters": [{"DBClusterArn": "arn", "Status": "available", "Endpoint": ""}]}
        return {"records": self._pages.pop(0)}

    def look(self, read: Read, bound: Mapping[str, Any] | None = None, purpose: Purpose = "watch") -> Seen:
        return Seen(project(read.projection, self.perform(read.call, bound, purpose)), False)


def _copied() -> Observed:
    settings = CopyStep.model_validate({"name": "home", "kind": "copy", "store": "orders-db"})
    cloud: Any = _Answers()
    found = _unjournaled(lambda around: Copy(settings, around).run(), cloud)
    assert not cloud._pages, "each answer was asked for"
    found.done |= named(cloud.called)
    found.writes = {"rds-data:ExecuteStatement"}
    return found


class _Stacks:
    """Stands for CloudFormation where moto knows too little: a stack that is on its way, and then has failed."""

    def __init__(self) -> None:
        self.called: set[tuple[str, str]] = set()
        self.status = "CREATE_IN_PROGRESS"

    def perform(self, call: Call, _bound: Any = None, _purpose: Purpose = "fault") -> dict[str, Any]:
        self.called.add((call.service, call.operation))
        outputs = [{"OutputKey": name, "OutputValue": "x"} for name in (SUBNETS, GUARDS)]
        answers: dict[str, dict[str, Any]] = {
            "GetTemplate": {"TemplateBody": "{}"},
            "DetectStackDrift": {"StackDriftDetectionId": "1"},
            "DescribeStackDriftDetectionStatus": {
                "DetectionStatus": "DETECTION_COMPLETE", "StackDriftStatus": "IN_SYNC",
            },
            "DescribeStacks": {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]},
            "DescribeStackResources": {"StackResources": []},
            "DescribeStackEvents": {"StackEvents": []},
        }  # fmt: skip
        return answers[call.operation]

    def look(self, read: Read, bound: Mapping[str, Any] | None = None, purpose: Purpose = "watch") -> Seen:
        return Seen(project(read.projection, self.perform(read.call, bound, purpose)), False)


def _deployed() -> Observed:
    """Of a deploy: the primary site's stack before the fault, a stack that is not complete yet, and one that failed."""
    stacks = _Stacks()
    cloud: Any = stacks

    def look(around: Around) -> None:
        step = Deploy(deploy_step(same_as="orders-ws"), around)
        assert step.survey().drift == "IN_SYNC"
        assert "CREATE_IN_PROGRESS" in step.missing()
        stacks.status = "CREATE_FAILED"
        with pytest.raises(StepFailed):
            step.missing()

    found = _unjournaled(look, cloud)
    found.done |= named(stacks.called)
    found.writes = {"cloudformation:DetectStackDrift"}
    return found


def _networked() -> Observed:
    """Of a restore from a copy into a stack's network; and of one by AWS Backup, what it adds to the new cluster."""
    stacks = _Stacks()
    cloud: Any = stacks

    def look(around: Around) -> None:
        copies = Restore(restore_step("snapshot", stack="orders-ws"), around).copies
        assert copies is not None
        assert copies.network() == ("x", ("x",))

    found = _unjournaled(look, cloud)
    found.done |= named(stacks.called)
    found.writes = {"rds:AddTagsToResource"}
    return found


def _run() -> Observed:
    """Of all that is run on AWS, an execution that is still running when its step has to end among it."""
    found = Observed()
    for timeout, looks in (("30s", 2), ("1s", 10**6)):
        settings = RunStep.model_validate({"name": "warm", "kind": "run", "timeout": timeout, "state_machine": MACHINE})
        machine = Machine(looks=looks)
        cloud: Any = machine
        _unjournaled(lambda around, of=settings: Run(of, around).run(), cloud)  # type: ignore[misc]  # bound now
        found.done |= named((call.service, call.operation) for call in machine.calls)
    ways: tuple[tuple[dict[str, str], int], ...] = (
        ({"runbook": "WarmCaches", "region": RUNS_REGION}, 2),
        ({"runbook": "WarmCaches", "region": RUNS_REGION, "timeout": "1s"}, 10**6),
        ({"function": FUNCTION}, 0),
    )
    for looks, timeout in ((2, "30s"), (10**6, "1s")):
        settings = RunStep.model_validate({"name": "switch", "kind": "run", "timeout": timeout} | GIVEN)
        switch: Any = Switch(looks=looks)
        _unjournaled(lambda around, of=settings: Run(of, around).run(), switch)  # type: ignore[misc]  # bound now
        found.done |= named((call.service, call.operation) for call in switch.calls)
    for given, looks in ways:
        settings = RunStep.model_validate({"name": "warm", "kind": "run"} | given)
        runs: Any = Runs(looks=looks)
        _unjournaled(lambda around, of=settings: Run(of, around).run(), runs)  # type: ignore[misc]  # bound now
        found.done |= named((call.service, call.operation) for call in runs.calls)
    found.writes = {call for call in found.done if ":Get" not in call and ":Describe" not in call}
    return found


def _unjournaled(run: Callable[[Around], Any], cloud: Cloud) -> Observed:
    """Run a step that makes no change of the journal's."""
    time = FakeTime()
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder), header(), stamp=time.stamp) as journal:
        run(_around(cloud, journal, time, restored={("orders-db", workload().primary.name): "restored"}))
        assert not journal.tracked
    return Observed()


def _around(cloud: Cloud, journal: Journal, time: FakeTime, **given: Any) -> Around:
    told: dict[str, Any] = {
        "cloud": cloud, "workload": workload(), "journal": journal, "now_ns": lambda: int(time.at_s * 1e9),
        "say": lambda _: None, "clock": time.clock, "wait": time.sleep,
        "last_good_utc_ns": lambda: EPOCH_NS + int(11.5 * 1e9),
    }  # fmt: skip
    return Around(**(told | given))
