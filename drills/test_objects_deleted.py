"""Objects are deleted by mistake: the bucket hides them under delete markers, and has what they held as versions."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.delete_objects import DeleteObjects


@pytest.mark.drill(disruption="data", expects="impact", needs="objects")
def test_objects_deleted(drill: Drill) -> None:
    """If objects are deleted, it is discovered, and each is put back from its versions within the RTO."""
    drill.steady()
    with drill.inject(DeleteObjects(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
