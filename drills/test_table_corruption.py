"""A table is corrupted by a client that writes what it should not: replicas follow, and only a restore undoes it."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.corrupt_table import CorruptTable


@pytest.mark.gate
@pytest.mark.scorecard
@pytest.mark.drill(disruption="data", expects="impact", needs="rows")
def test_table_corruption(drill: Drill) -> None:
    """If a table is corrupted, it is discovered, restored to the last good second, and what was lost is counted."""
    drill.steady()
    with drill.inject(CorruptTable(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
        if drill.workload.strategy == "active-active":  # each site serves: each has to have what was put right
            drill.compare("at failover")
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")  # what was put right in one place has to arrive wherever the corruption did
    drill.judge()
