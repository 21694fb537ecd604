"""A bucket's replication to the recovery site stops, and nobody who uses it notices."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.pause_bucket_replication import PauseBucketReplication


@pytest.mark.scorecard
@pytest.mark.drill(disruption="region", expects="none", primary="region", needs="objects")
def test_bucket_replication_paused(drill: Drill) -> None:
    """If replication stops, clients stay where they are, and once it goes on nothing is missing at any site."""
    drill.steady()
    with drill.inject(PauseBucketReplication(drill.workload.stores[0].name)):
        drill.recover()  # there is nothing to recover from: for as long, replication stands still
    drill.settle()
    drill.audit("after heal")
    drill.compare("after heal")
    drill.judge()
