"""Objects are overwritten by a client that writes what it should not: the bucket has what they held as versions."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.overwrite_objects import OverwriteObjects


@pytest.mark.scorecard
@pytest.mark.drill(disruption="data", expects="impact", needs="objects")
def test_objects_overwritten(drill: Drill) -> None:
    """If objects are overwritten, it is discovered, and each is put right from its versions within the RTO."""
    drill.steady()
    with drill.inject(OverwriteObjects(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
