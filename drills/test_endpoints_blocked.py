"""The AWS endpoints of the primary Region fail the workload, while its instances and its network are sound."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.block_endpoints import BlockEndpoints, How


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="instances")
@pytest.mark.parametrize("how", [pytest.param("deny", marks=pytest.mark.gate), "swallow"])
def test_endpoints_blocked(drill: Drill, how: How) -> None:
    """If the primary Region's endpoints fail the workload, the recovery Region takes orders within the RTO."""
    drill.steady()
    with drill.inject(BlockEndpoints(drill.workload.primary_region, how)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
