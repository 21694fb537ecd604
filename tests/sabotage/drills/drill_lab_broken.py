"""A bad day: the lab's API and everything behind it die while the zone is down, so nothing can be put back there."""

import os
import signal

import psutil
import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.drill(disruption="az", expects="impact")
def test_lab_broken(drill: Drill) -> None:
    """Without its lab a drill has no verdict, and what was broken ends with the lab."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        os.kill(api_of(drill.around.lab), signal.SIGKILL)
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()


def api_of(lab: str) -> int:
    """The process id of that lab's API."""
    for process in psutil.process_iter():
        try:
            if "fixtures.lab.cloud" in process.cmdline() and process.environ().get("DR_DRILLS_LAB") == lab:
                return process.pid
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    raise AssertionError(f"the lab {lab} has no API process")
