"""Sabotage: a drill that breaks nothing, and says that it does."""

import pytest

from fixtures.drill import Drill


@pytest.mark.drill(disruption="az", expects="impact")
def test_no_fault(drill: Drill) -> None:
    """If nothing is broken, nothing is proved."""
    drill.steady()
    drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
