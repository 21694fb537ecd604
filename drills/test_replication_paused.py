"""Replication to the recovery site stops, and nobody who uses the workload notices: a failover would lose all since."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.pause_replication import PauseReplication


@pytest.mark.drill(disruption="region", expects="no failover", primary="region", needs="unread replication")
def test_replication_paused(drill: Drill) -> None:
    """If replication stops, the workload stays where it is, and once it goes on nothing is missing at any site."""
    drill.steady()
    with drill.inject(PauseReplication(drill.workload.stores[0].name)):
        drill.recover()  # there is nothing to recover from: for as long, replication stands still
    drill.settle()
    drill.audit("after heal")
    drill.compare("after heal")
    drill.judge()
