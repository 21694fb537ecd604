"""The primary Region cannot be reached, and no API of it can be called either, from before that on.

In a Region's worst hours its control planes are the first to go. A plan that needs one of them recovers on good days
only, and each step that calls one is named. A plan that gives up a site calls nothing there once it is decided; here
the rule holds for every plan, and all the time.
"""

import pytest

from fixtures.control_plane import DenyControlPlane
from fixtures.drill import Drill
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="instances")
def test_primary_control_plane_denied(drill: Drill) -> None:
    """If no API of the primary Region can be called, the recovery Region takes orders within the RTO all the same."""
    region = drill.workload.primary_region
    drill.steady()
    with drill.complicate(DenyControlPlane(region)), drill.inject(IsolateRegion(region)):
        drill.recover()
        drill.audit("at failover")  # before the Region is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.judge()
