"""The lost primary site comes back after the failover, and some of its clients never heard of that."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.lose_site import LoseSite


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="cluster")
def test_old_primary_returns(drill: Drill) -> None:
    """If the old primary comes back, it takes no more orders, whoever still asks it to: no two sites take any."""
    drill.steady(stale_clients=True)
    with drill.inject(LoseSite(drill.workload.primary_region)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()  # the old primary is back, and its clients write to it
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
