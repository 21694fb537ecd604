"""The primary site is lost at once, with all that was not replicated by then. Only the lab can do that."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.lose_site import LoseSite


@pytest.mark.drill(disruption="region", expects="impact", primary="region")
def test_site_lost(drill: Drill, region: str) -> None:
    """If the primary site is lost, the recovery site takes orders within the RTO, and what is lost keeps to the RPO."""
    drill.steady()
    with drill.inject(LoseSite(region)):
        drill.recover()
        drill.audit("at failover")  # before the site is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
