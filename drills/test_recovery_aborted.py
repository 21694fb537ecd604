"""The recovery is called off in its middle, with a step of the plan done, and begun again.

Who takes over does not know how far the other one came: the plan is begun with its first step, as it is written.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="several steps")
def test_recovery_aborted(drill: Drill) -> None:
    """If a recovery is called off and begun again, the recovery Region takes orders within the RTO all the same."""
    drill.steady()
    with drill.inject(IsolateRegion(drill.workload.primary_region)):
        drill.call_off_recovery()  # what was done by then stays
        drill.recover()
        drill.audit("at failover")  # before the Region is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
