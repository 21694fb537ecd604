"""A bad day: the vantage is killed while the workload recovers, so nobody asks any more."""

import os
import signal

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.drill(disruption="az", expects="impact")
def test_vantage_killed(drill: Drill) -> None:
    """Without a vantage there is no verdict, and what was broken is put back."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        os.kill(drill.vantage_pid, signal.SIGKILL)
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
