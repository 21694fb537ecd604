"""The workload's primary Region cannot be reached: nothing goes in or out of its subnets."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.gate
@pytest.mark.scorecard
@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="instances")
def test_region_isolation(drill: Drill, region: str) -> None:
    """If the primary Region is cut off, the recovery Region takes orders within the RTO; then the way home."""
    drill.steady()
    with drill.inject(IsolateRegion(region)):
        drill.recover()
        drill.audit("at failover")  # before the Region is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
