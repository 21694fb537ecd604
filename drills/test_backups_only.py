"""The primary Region is lost, and nothing but copies of its backups is left: all else is deployed anew."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.isolate_region import IsolateRegion


@pytest.mark.scorecard
@pytest.mark.drill(
    disruption="region", expects="impact", strategy="backup-restore", primary="region", needs="instances"
)
def test_backups_only(drill: Drill) -> None:
    """If only backups are left, the recovery site takes orders within the RTO, and what is lost keeps to the RPO."""
    drill.steady()
    with drill.inject(IsolateRegion(drill.workload.primary_region)):
        drill.recover()
        drill.audit("at failover")  # before the Region is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.judge()
