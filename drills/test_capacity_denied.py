"""The primary Region cannot be reached, and the recovery Region has no capacity: nothing can be launched there.

When a Region is lost, everybody launches in the next one. A workload that is statically stable has all that it needs
running there, and passes. One that has to scale first does not recover, or at reduced capacity: that is its finding.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.deny_capacity import DenyCapacity
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="standby instances")
def test_capacity_denied(drill: Drill) -> None:
    """If the recovery Region has no capacity to give, it takes orders within the RTO with what runs there already."""
    drill.steady()
    with (
        drill.complicate(DenyCapacity(drill.workload.recovery_region)),
        drill.inject(IsolateRegion(drill.workload.primary_region)),
    ):
        drill.recover()
        drill.audit("at failover")  # before the Region is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.judge()
