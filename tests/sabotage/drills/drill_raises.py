"""A bad day: the drill's own code fails in the middle, while the zone is down."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


@pytest.mark.drill(disruption="az", expects="impact")
def test_raises(drill: Drill) -> None:
    """A defect in a drill is no verdict, and what it broke is put back."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        drill.recover()
        raise ZeroDivisionError("a defect of the drill's own code")
