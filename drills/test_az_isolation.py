"""An Availability Zone cannot be reached, and all that is in it runs on: the network is lost, not the power.

Nobody but a plan fails a database over for that, in the lab: where its writer is in the zone, `[plans.az]` has to, or
the objective is missed.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.isolate_zone import IsolateZone


@pytest.mark.drill(disruption="az", expects="impact", needs="instances")
def test_az_isolation(drill: Drill, zone: str) -> None:
    """If a zone is cut off, the other zones take orders again within the RTO, and no acknowledged order is lost."""
    drill.steady()
    with drill.inject(IsolateZone(zone)):
        drill.recover()
        drill.audit("at failover")  # before the zone is back: what would be gone if it never came back
    drill.settle()  # undo proved, service good again
    drill.audit("after heal")
    drill.judge()  # raises ObjectiveMissed, Inconclusive or InvalidDrill, with the numbers
