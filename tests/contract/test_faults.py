"""What every fault under `fixtures/faults/` has to do. A new one is picked up by being there."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
import msgspec
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import validate_parameters

import fixtures.faults
from fixtures.aws import Cloud
from fixtures.change import Call, Change, Plan, Read
from fixtures.commands import SERVICE, Asked
from fixtures.errors import NoTarget
from fixtures.fault import Fault, RowsOfDrill
from fixtures.journal import Journal
from fixtures.projection import OPTIONS, fill, variables_of
from fixtures.undo import undo_all
from reports.declared import DeclaredFault
from tests.fixtures.fake_cloud import FakeTime, header
from tests.fixtures.fake_rows import FakeRows
from tests.fixtures.moto_regions import NOBODY, PREFIX, two_regions
from tests.fixtures.moto_regions import WITH_ARCHIVE as BOTH


def every_fault() -> list[type[Fault]]:
    modules = [
        importlib.import_module(f"fixtures.faults.{found.name}")
        for found in pkgutil.iter_modules(fixtures.faults.__path__)
    ]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Fault) and kind.__module__ == module.__name__
    ]


FAULTS = every_fault()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One world for all: every fault has to leave it as it was."""
    rows = FakeRows()
    rows.add(*(f"{PREFIX}00-{seq:08d}" for seq in range(8)), "somebody-elses")
    with two_regions(rows) as cloud:
        yield cloud


@pytest.fixture(params=FAULTS, ids=lambda kind: kind.path())
def fault(request: pytest.FixtureRequest) -> Fault:
    kind: type[Fault] = request.param
    fault = next(iter(kind.variants(BOTH)))
    fault.belongs_to(RowsOfDrill(prefix=PREFIX, max_rows=5), longest_s=600.0)
    return fault


@pytest.fixture
def plan(fault: Fault, cloud: Cloud) -> Plan:
    return fault.plan(cloud, BOTH)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def undo(fault: Fault, journal: Journal, cloud: Cloud, time: FakeTime) -> bool:
    return fault.undo(journal, cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None).clean


def test_there_are_faults_and_each_file_holds_one() -> None:
    files = [found.name for found in pkgutil.iter_modules(fixtures.faults.__path__)]
    assert files
    assert sorted(kind.__module__.rpartition(".")[2] for kind in FAULTS) == sorted(files)


def test_its_path_leads_to_it(fault: Fault) -> None:
    module, _, name = fault.path().partition(":")
    assert getattr(importlib.import_module(module), name) is type(fault)


def test_planning_changes_nothing(fault: Fault, plan: Plan, cloud: Cloud) -> None:
    assert plan.targets
    assert plan.changes
    assert bool(plan.bites) is (plan.proved_by in ("witnesses", "heartbeats", "names"))  # others bite at no site
    assert not set(plan.bites) & set(plan.spares)
    assert plan.does_not_show
    assert fault.is_undone(cloud)
    assert fault.plan(cloud, BOTH) == plan


def test_without_the_fault_it_is_not_in_effect(fault: Fault, plan: Plan, cloud: Cloud) -> None:
    """The control: a check that cannot fail would say so here."""
    assert plan is fault.planned
    assert not fault.in_effect(cloud)
    assert all(change.before != change.expect for change in plan.changes)


def test_nothing_to_break_is_no_target(fault: Fault, cloud: Cloud) -> None:
    with pytest.raises(NoTarget):
        fault.plan(cloud, NOBODY)


def test_its_whole_life(fault: Fault, plan: Plan, cloud: Cloud, time: FakeTime, tmp_path: Path) -> None:
    with Journal.open(tmp_path, header(), stamp=time.stamp) as journal:
        fault.inject(journal, cloud)
        assert fault.in_effect(cloud)
        assert not fault.is_undone(cloud)
        assert undo(fault, journal, cloud, time)
        assert fault.is_undone(cloud)
        assert not fault.in_effect(cloud)
        assert journal.close()
    assert plan.changes


def test_it_is_undone_from_the_journal_alone(
    fault: Fault,
    plan: Plan,
    cloud: Cloud,
    time: FakeTime,
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path, header(), stamp=time.stamp) as journal:
        fault.inject(journal, cloud)
    with Journal.take_over(journal.path, stamp=time.stamp) as later:
        assert undo_all(later, cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None).clean
        assert later.close()
    assert [cloud.observe(change.read) for change in plan.changes] == [change.before for change in plan.changes]


def test_its_plan_is_data(plan: Plan) -> None:
    written = msgspec.json.encode(plan)
    assert msgspec.json.decode(written, type=Plan) == plan
    assert msgspec.json.decode(written, type=DeclaredFault).fault == plan.fault
    ids = [change.id for change in plan.changes]
    assert len(set(ids)) == len(ids)
    assert [change.seq for change in plan.changes] == sorted({change.seq for change in plan.changes})


def test_its_waves_are_all_its_changes(fault: Fault, plan: Plan) -> None:
    waves = [change for wave in fault.waves(plan.changes) for change in wave]
    assert sorted(change.id for change in waves) == sorted(change.id for change in plan.changes)


def test_each_call_is_one_that_aws_knows(plan: Plan) -> None:
    for change in plan.changes:
        for call in (change.call, *change.undo, *[read.call for read in reads_of(change)]):
            if call.service == SERVICE:
                assert msgspec.convert(call.parameters, Asked)
                continue
            shape = operation(call).input_shape
            assert shape is not None
            validate_parameters(with_variables(call.parameters), shape)  # raises what is wrong


def test_each_read_finds_what_aws_answers(plan: Plan) -> None:
    """A projection of a made-up full answer finds something; with a field that AWS does not know it finds nothing."""
    for change in plan.changes:
        for read in (one for one in reads_of(change) if one.call.service != SERVICE):
            output = operation(read.call).output_shape
            assert output is not None
            for expression in filter(None, (read.projection, read.moving)):
                unknown = unknown_fields(expression, output)
                assert not unknown, f"{read.call.operation}: {expression}: AWS answers no {unknown}"


def test_the_check_of_fields_can_fail() -> None:
    call = Call(service="ec2", region="eu-west-1", operation="DescribeInstances", parameters={})
    output = operation(call).output_shape
    assert output is not None
    assert unknown_fields("Reservations[].Instances[].{id: InstanceId, state: State.Nmae}", output) == {"Nmae"}
    assert unknown_fields("Reservations[].Instances[?Placement.Zone=='a']", output) == {"Zone"}
    assert unknown_fields("length(Reservations[].Instances[?State.Name=='running'][]) > `0`", output) == set()


def test_what_the_guard_allows(plan: Plan) -> None:
    """Each target carries what the guard asks of it; else no drill with this fault could ever start."""
    tags = BOTH.tags
    assert all(tags.items() <= target.tags.items() for target in plan.targets)


def reads_of(change: Change) -> list[Read]:
    return [change.read, *change.resolve.values()]


def operation(call: Call) -> Any:
    return service_model(call.service).operation_model(call.operation)


@cache
def service_model(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def with_variables(parameters: dict[str, Any]) -> dict[str, Any]:
    call = Call(service="any", region="any", operation="any", parameters=parameters)
    bound = dict.fromkeys(variables_of(call), "bound")
    filled: dict[str, Any] = fill(parameters, bound)
    return filled


def unknown_fields(expression: str, output: Shape) -> set[str]:
    """Fields in a JMESPath that are not where it looks for them in a full answer, or nowhere in the answer at all."""
    compiled = jmespath.compile(expression)
    tree: Any = compiled.parsed
    missed: set[str] = set()
    free: set[str] = set()
    compiled.search(full_answer(output, missed, free), options=OPTIONS)
    return missed | (fields_of(tree) - keys_of(tree) - free - known_names(output))


class Noting(dict[str, Any]):
    """An answer that notes which of the fields asked of it it does not have."""

    def __init__(self, members: dict[str, Any], missed: set[str]) -> None:
        super().__init__(members)
        self.missed = missed

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self.missed.add(key)
        return super().get(key, default)


class AnyKey(dict[str, Any]):
    """A map whose keys are its user's own, such as tags: it has any that is asked of it, and notes it."""

    def __init__(self, free: set[str]) -> None:
        super().__init__()
        self.free = free

    def get(self, key: str, default: Any = None) -> Any:
        del default
        self.free.add(key)
        return f"value of {key}"


def full_answer(shape: Shape, missed: set[str], free: set[str], depth: int = 8) -> Any:
    """An answer with every field set, one item in each list."""
    if isinstance(shape, StructureShape):
        members = shape.members.items() if depth else ()
        return Noting({name: full_answer(member, missed, free, depth - 1) for name, member in members}, missed)
    if isinstance(shape, ListShape):
        return [full_answer(shape.member, missed, free, depth - 1)] if depth else []
    if isinstance(shape, MapShape):
        return AnyKey(free)
    return {"boolean": True, "integer": 1, "long": 1, "double": 1.0}.get(shape.type_name, "text")


def fields_of(node: dict[str, Any]) -> set[str]:
    own = {node["value"]} if node["type"] == "field" else set()
    return own.union(*(fields_of(child) for child in node["children"]))


def keys_of(node: dict[str, Any]) -> set[str]:
    """Names that the expression gives itself: `{id: InstanceId}` may be sorted by `id` afterwards."""
    own = {node["value"]} if node["type"] == "key_val_pair" else set()
    return own.union(*(keys_of(child) for child in node["children"]))


def known_names(shape: Shape, depth: int = 8) -> set[str]:
    if isinstance(shape, StructureShape) and depth:
        return set(shape.members).union(*(known_names(member, depth - 1) for member in shape.members.values()))
    if isinstance(shape, ListShape) and depth:
        return known_names(shape.member, depth - 1)
    return set()
