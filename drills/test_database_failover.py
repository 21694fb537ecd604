"""The database's writer is gone, and a reader takes over in the same Region: an Aurora failover."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.fail_over_database import FailOverDatabase


@pytest.mark.drill(disruption="hardware", expects="impact", needs="cluster")
def test_database_failover(drill: Drill) -> None:
    """If the writer goes, a reader takes orders within the RTO, and no acknowledged order is lost."""
    drill.steady()
    with drill.inject(FailOverDatabase(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()  # the old writer is the writer again: clients have met a second failover
    drill.audit("after heal")
    drill.judge()
