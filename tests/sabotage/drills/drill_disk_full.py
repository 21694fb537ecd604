"""A bad day: the history can grow no more while the workload recovers, as on a full disk."""

import resource

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.drill(disruption="az", expects="impact")
def test_disk_full(drill: Drill) -> None:
    """What cannot be recorded is no verdict, and what was broken is put back."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        size = (drill.around.folder / "history-client.jsonl").stat().st_size
        resource.prlimit(drill.vantage_pid, resource.RLIMIT_FSIZE, (size, size))
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
