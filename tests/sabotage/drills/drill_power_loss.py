"""An honest drill of one zone, for the tests that do something to it from outside."""

import os

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone

ZONE = os.environ.get("SABOTAGE_ZONE", "eu-west-1c")


@pytest.mark.drill(disruption="az", expects="impact")
def test_power_loss(drill: Drill) -> None:
    """If a zone loses power, orders are taken in the others."""
    drill.steady()
    with drill.inject(StopZone(ZONE)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
