"""Rows are deleted by a faulty clean-up: replicas follow, and only a restore brings them back."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.delete_rows import DeleteRows


@pytest.mark.drill(disruption="data", expects="impact", needs="rows")
def test_rows_deleted(drill: Drill) -> None:
    """If rows are deleted, it is discovered, they are restored, and what was lost with the restore is counted."""
    drill.steady()
    with drill.inject(DeleteRows(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
        if drill.workload.strategy == "active-active":  # each site serves: each has to have what was restored
            drill.compare("at failover")
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")  # what was restored in one place has to be at every other, as the fault was
    drill.judge()
