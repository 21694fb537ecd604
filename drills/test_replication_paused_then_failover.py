"""Replication has stopped, nobody has noticed, and then the primary site is lost: a failover loses all since.

It holds what `drill.unnoticed` of the workload file says: for so long, replication stands still before an alarm rings
and somebody acts. Where that is longer than the RPO, the RPO is missed, and what is missing is named, write by write.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.lose_site import LoseSite
from fixtures.faults.pause_replication import PauseReplication


@pytest.mark.drill(disruption="region", expects="impact", primary="region", needs="replication")
def test_replication_paused_then_failover(drill: Drill) -> None:
    """If replication stood still unnoticed when the primary site is lost, what is lost keeps to the RPO."""
    paused, *_ = PauseReplication.variants(drill.workload.selection())  # of the first store that has a copy elsewhere
    drill.steady()
    with (
        drill.complicate(paused, lasts_s=drill.workload.drill.unnoticed_s),
        drill.inject(LoseSite(drill.workload.primary_region)),
    ):
        drill.recover()
        drill.audit("at failover")  # before the site is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.judge()
