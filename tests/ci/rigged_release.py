"""A release as a drill sees it, where the scripted rig stands in for the workload: down for as long as RIG_DOWN_S says.

It is run by `ci/drill.sh`, as pytest runs any drill, and takes everything from the session that a drill does but the
lab: what it is held against, its folder, its verdict, the exit code.
"""

import os
from pathlib import Path

import msgspec
import pytest

from bench.rig.cases import QUICK, Case
from bench.rig.drilling import declared
from bench.rig.machine import drill_in_peace
from bench.rig.script import Outage, Script
from fixtures import plugin
from fixtures.drill_order import DrillOrder
from fixtures.exits import Ended
from fixtures.outcome import raise_for
from fixtures.session import Session
from reports.folder import JOURNAL, PLAN, judge, write_verdict
from tests.reports.test_folder import journal


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Session:
    """In place of the plugin's, which would bring up a lab."""
    session: Session = request.config.stash[plugin.SESSION]
    return session


@pytest.mark.drill(disruption="az", expects="impact")
def test_release(drill: Session, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    order = DrillOrder(
        test=request.node.nodeid, name="release", says="A release.", disruption="az", expects="impact", parameters={}
    )
    folder, ours = drill._drill_folder(order), drill._declared(order)
    down_s = float(os.environ["RIG_DOWN_S"])
    outage = Outage(begin_s=0.1, end_s=0.1 + down_s, mode="503")
    case = Case(name="release", script=Script(seed=1, outages=(outage,), slowest_s=QUICK.slowest_s), pace=QUICK)
    played, void = drill_in_peace(case, tmp_path)
    if void:
        pytest.skip(f"the machine is too busy to prove anything: {void}")
    for path in played.folder.iterdir():
        path.rename(folder / path.name)
    plan = msgspec.structs.replace(
        declared(case), run=drill.run, drill=order.name, workload=ours.workload, environment=ours.environment,
        disruption="az", objectives=msgspec.structs.replace(ours.objectives, hold_s=QUICK.hold_s),
        last_release=ours.last_release,
    )  # fmt: skip
    (folder / PLAN).write_bytes(msgspec.json.encode(plan))
    journal(folder / JOURNAL, ("a", "verified"), changes=("a",))
    verdict = judge(folder)
    write_verdict(folder, verdict)
    drill.note(Ended(drill=order.test, verdict=verdict.verdict, undo=verdict.undo))
    raise_for(verdict)
