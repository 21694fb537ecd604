"""A table is dropped by mistake: clients are told that it does not exist, replicas follow, and only a restore helps."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.drop_table import DropTable


@pytest.mark.drill(disruption="data", expects="impact", needs="cluster")
def test_table_dropped(drill: Drill) -> None:
    """If a table is dropped, it is restored to the last good second, and what was lost with that is counted."""
    drill.steady()
    with drill.inject(DropTable(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
        if drill.workload.strategy == "active-active":  # each site serves: each has to have what was restored
            drill.compare("at failover")
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")  # what was restored in one place has to be at every other, as the fault was
    drill.judge()
