"""A drill is killed in the lab, and nobody puts it back: its schedule fires, and its program does.

What runs it is moto's interpreter in the lab's own API.
"""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.aws import Cloud
from fixtures.change import Call
from fixtures.lab import Lab
from tests.sabotage.quick import Run, running, state_of

REGION, ZONE = "eu-west-1", "eu-west-1a"
TABLE = f'[dead_man]\nafter = "15s"\nregion = "{REGION}"\n\n[lab]'
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:dr-drills-undo"
HANGS_S = 120.0


@dataclass
class Killed:
    """A drill that was killed once its fault was in effect, and the lab that outlives it."""

    run: Run
    up: Lab
    workload: Path
    healthy: dict[str, Any]
    hurt: dict[str, Any]
    cloud: Cloud

    def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        call = Call(service=service, region=REGION, operation=operation, parameters=parameters)
        return self.cloud.perform(call, purpose="plan")

    def executions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("stepfunctions", "ListExecutions", stateMachineArn=MACHINE)["executions"]
        return found


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    workload = folder / "quick.toml"
    with ExitStack() as ends:
        run = ends.enter_context(running(folder, "power_loss", changes={"[lab]": TABLE}, SABOTAGE_ZONE=ZONE))
        run.await_mark("start")
        (up,) = run.labs()
        healthy = state_of(up, workload)
        run.await_mark("effective")
        hurt = state_of(up, workload)
        run.process.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        yield Killed(run, up, workload, healthy, hurt, ends.enter_context(Cloud.for_lab(up.endpoint_url)))


def test_a_killed_drill_is_put_back_by_nobody(killed: Killed) -> None:
    assert killed.hurt != killed.healthy
    assert len(killed.ask("scheduler", "ListSchedules")["Schedules"]) == 1
    until = time.monotonic() + HANGS_S
    while [one["status"] for one in killed.executions()] != ["SUCCEEDED"] or _state(killed) != killed.healthy:
        assert time.monotonic() < until, (killed.executions(), _state(killed), killed.healthy)
        time.sleep(0.2)
    assert killed.ask("scheduler", "ListSchedules")["Schedules"] == [], "it fires once"
    ended = killed.ask("stepfunctions", "DescribeExecution", executionArn=killed.executions()[0]["executionArn"])
    told = json.loads(ended["output"])["changes"]
    assert {one["outcome"] for one in told} == {"verified"}
    assert len(told) >= 2
    # A person who comes later finds nothing to do, and leaves nothing.
    undo = killed.run.journal("undo", "--keep-lab")
    assert undo.returncode == 0, undo.stdout + undo.stderr
    assert list(killed.run.state.glob("*.jsonl")) == []
    machine = killed.ask("stepfunctions", "DescribeStateMachine", stateMachineArn=MACHINE)
    assert json.loads(machine["definition"])["StartAt"] == "Nothing"


def _state(killed: Killed) -> dict[str, Any]:
    return state_of(killed.up, killed.workload)
