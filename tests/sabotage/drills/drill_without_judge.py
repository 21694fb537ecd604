"""Sabotage: a drill whose author forgot to judge it."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone


# A group that looks just then takes the instance out before any client meets it.
@pytest.mark.drill(disruption="az", expects="any")
def test_without_judge(drill: Drill) -> None:
    """A drill that nobody judges is judged all the same."""
    drill.steady()
    with drill.inject(StopZone("eu-west-1c")):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
