"""Sabotage: the vantage is stopped (SIGSTOP) while the workload recovers, so nobody asks."""

import os
import signal
import time

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone

STOPPED_S = 2.5


@pytest.mark.drill(disruption="az", expects="impact")
def test_stopped_vantage(drill: Drill) -> None:
    """What nobody asked for, nobody knows."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        os.kill(drill.vantage_pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.kill(drill.vantage_pid, signal.SIGCONT)
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
