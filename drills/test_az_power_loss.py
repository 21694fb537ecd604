"""An Availability Zone loses power: its instances are gone at once, and no new ones can be launched there."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.first_zone("gate", "scorecard")
@pytest.mark.drill(disruption="az", expects="impact", needs="instances")
def test_az_power_loss(drill: Drill, zone: str) -> None:
    """If a zone loses power, the other zones take orders again within the RTO, and no acknowledged order is lost."""
    drill.steady()
    with drill.inject(StopZone(zone)):
        drill.recover()
        drill.audit("at failover")  # before the zone is back: what would be gone if it never came back
    drill.settle()  # undo proved, service good again
    drill.audit("after heal")
    drill.judge()  # raises ObjectiveMissed, Inconclusive or InvalidDrill, with the numbers
