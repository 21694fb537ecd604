"""What every kind of plan step has to do. A new one is picked up by standing in the workload file's model."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from botocore.validate import validate_parameters

from fixtures.change import Change
from fixtures.journal import Journal
from fixtures.lab.cloud.routing_state import REGIONS
from fixtures.recovery.planes import plane_of
from fixtures.recovery.runner import make_step
from fixtures.recovery.step import Around, ChangingStep, Step
from fixtures.workload_plans import FenceStep, RouteStep, StepSettings
from reports.steps import StepRecord
from tests.contract.test_faults import operation, unknown_fields
from tests.fixtures import step_fixtures
from tests.fixtures.arc_world import Arc
from tests.fixtures.fake_cloud import FakeTime
from tests.fixtures.recovery_world import (
    PRIMARY,
    World,
    around,
    deploy_step,
    put_back,
    restore_step,
    vault_step,
    workload,
)

# What the settings are called in the file, and so the modules of the steps.
KINDS = sorted(get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(StepSettings)[0]))


def every_step() -> list[StepSettings]:
    """One of each way that changes something: the first steps of the reference workload's plans, and a fence."""
    plans = [workload().plan(key) for key in ("region", "data", "switchover")]
    steps = {step.name: step for plan in plans if plan is not None for step in plan.steps}
    copied = [restore_step("snapshot"), restore_step("recovery-point"), vault_step()]
    made: list[StepSettings] = [FenceStep(name="fence", kind="fence", site="primary"), deploy_step(), *copied]
    return [*made, *steps.values(), *_other_routes()]


def _other_routes() -> list[RouteStep]:
    """The ways to turn traffic that the reference workload does not go."""
    arc = Arc()
    home, away = arc.controls
    given: list[dict[str, Any]] = [
        {"name": "spread", "record": "shop.example", "weights": {"primary": 0, "recovery": 100}},
        {"name": "shift", "away_from": f"{PRIMARY}a", "balancer": "orders-ws", "expires_in": "5m"},
        {"name": "switch", "controls": {home: "Off", away: "On"}, "endpoints": arc.endpoints},
        {"name": "switch-found", "controls": {home: "Off", away: "On"}},
    ]
    return [RouteStep.model_validate({"kind": "route"} | one) for one in given]


STEPS = every_step()
# A copy only adds what clients were told is done: tests/fixtures/test_copy_step.py.
CHANGING = [kind for kind in KINDS if kind not in ("copy", "run", "wait")]


def step_class(kind: str) -> type[Step[Any]]:
    found: type[Step[Any]] = getattr(importlib.import_module(f"fixtures.recovery.{kind}"), kind.title())
    return found


cloud, time = step_fixtures.cloud, step_fixtures.time
world, journal = step_fixtures.world, step_fixtures.journal


@pytest.fixture
def surroundings(world: World, journal: Journal, time: FakeTime) -> Around:
    return around(world, journal, time, last_good_utc_ns=lambda: 1_000 * 10**9)


@pytest.fixture(params=STEPS, ids=lambda step: step.name)
def settings(request: pytest.FixtureRequest) -> StepSettings:
    step: StepSettings = request.param
    return step


@pytest.fixture
def record(settings: StepSettings, surroundings: Around, world: World, time: FakeTime) -> Iterator[StepRecord]:
    """Let it run; afterwards all is as it was."""
    yield make_step(settings, surroundings).run()
    world.resynchronised = True
    put_back(surroundings.journal, world, time)


def changes(journal: Journal) -> list[Change]:
    return [item.change for item in journal.tracked]


def test_each_kind_is_one_class_in_a_file_of_its_name() -> None:
    for kind in KINDS:
        found = step_class(kind)
        assert issubclass(found, Step)
        own = [
            one
            for one in vars(importlib.import_module(found.__module__)).values()
            if inspect.isclass(one) and issubclass(one, Step) and one.__module__ == found.__module__
        ]
        assert own == [found]
        assert found.kind() == kind
        assert found.__doc__


def test_each_kind_that_changes_something_is_looked_at_here() -> None:
    assert {step.kind for step in STEPS} == set(CHANGING)
    assert all(issubclass(step_class(kind), ChangingStep) == (kind in CHANGING) for kind in KINDS)


def test_it_is_done_and_put_back(record: StepRecord, journal: Journal, world: World, time: FakeTime) -> None:
    assert (record.outcome, record.error) == ("done", "")
    assert changes(journal)
    world.resynchronised = True
    assert put_back(journal, world, time).clean
    for change in changes(journal):
        assert world.cloud.observe(change.read) == change.before
    assert journal.close()


def test_its_changes_are_data_with_an_undo_and_a_read(record: StepRecord, journal: Journal) -> None:
    assert record.region
    for change in changes(journal):
        assert change.kind == "recovery"
        assert change.undo
        assert change.before != change.expect
        assert msgspec.json.decode(msgspec.json.encode(change), type=Change) == change


def test_each_call_is_one_that_aws_knows(record: StepRecord, journal: Journal) -> None:
    assert record.calls
    for change in changes(journal):
        for call in (change.call, *change.undo, change.read.call):
            shape = operation(call).input_shape
            assert shape is not None
            validate_parameters(call.parameters, shape)  # raises what is wrong


def test_each_read_finds_what_aws_answers(record: StepRecord, journal: Journal) -> None:
    assert record.outcome == "done"
    for change in changes(journal):
        output = operation(change.read.call).output_shape
        assert output is not None
        for expression in filter(None, (change.read.projection, change.read.moving)):
            unknown = unknown_fields(expression, output)
            assert not unknown, f"{change.read.call.operation}: {expression}: AWS answers no {unknown}"


def test_its_record_tells_each_call(record: StepRecord, journal: Journal, world: World) -> None:
    """What left the process and what is in the record are the same operations, in the Regions that they went to."""
    put_back_later = {call.operation for change in changes(journal) for call in change.undo}
    assert {one.operation for one in record.calls} >= {name for name, _ in world.sent} - put_back_later
    assert {change.call.operation for change in changes(journal)} <= {
        one.operation for one in record.calls if one.answer == "accepted"
    }
    assert all(one.plane == plane_of(one.service, one.operation) for one in record.calls)


def test_it_calls_no_region_that_is_lost(settings: StepSettings, surroundings: Around, world: World) -> None:
    for region in {PRIMARY, "eu-central-1", "us-east-1", *REGIONS}:
        world.cloud.lose(region)
    record = make_step(settings, surroundings).run()
    assert record.outcome == "failed"
    assert ": lost. " in record.error
    assert world.sent == []


def test_control_and_data_plane_are_told_apart() -> None:
    assert plane_of("route53-recovery-cluster", "UpdateRoutingControlState") == "data"
    assert plane_of("route53", "ChangeResourceRecordSets") == "control"
    assert plane_of("sqs", "CreateQueue") == "control"
