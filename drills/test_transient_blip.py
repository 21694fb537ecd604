"""The primary Region cannot be reached for a moment, and is back before anybody should have done anything about it."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.drill(disruption="region", expects="no failover", primary="region", needs="instances")
def test_transient_blip(drill: Drill) -> None:
    """If a Region is gone for a moment only, the workload stays where it is: a failover would cost more than it."""
    drill.steady()
    with drill.inject(IsolateRegion(drill.workload.primary_region)):
        pass  # put back as soon as a witness has seen it
    drill.recover()  # the plan would start now, if it let itself be fooled
    drill.audit("after heal")
    drill.judge()
