"""Bad input: the zone that shall lose power has nothing in it."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.drill(disruption="az", expects="impact")
def test_empty_zone(drill: Drill) -> None:
    """Where there is nothing to break, nothing is proved."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1d")):
        drill.recover()
    drill.judge()
