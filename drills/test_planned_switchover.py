"""The workload is moved to its recovery site and back, on purpose and with everything in order."""

import pytest

from fixtures.drill import Drill


@pytest.mark.drill(disruption="region", expects="none")
def test_planned_switchover(drill: Drill) -> None:
    """If the workload is switched over, its clients wait no longer than the RTO, and nothing at all is lost."""
    drill.steady()
    drill.switch_over()
    drill.audit("at failover")
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
