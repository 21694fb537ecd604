"""Sabotage: the database's reader is gone before the drill, so nothing can take over from the writer."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.stop_zone import StopZone
from fixtures.inventory import clusters


@pytest.mark.drill(disruption="az", expects="impact")
def test_reader_removed(drill: Drill) -> None:
    """If the writer's zone is lost and there is no reader, orders do not come back by themselves."""
    selection = drill.workload.selection()
    (cluster,) = clusters(drill.cloud, selection)
    client = drill.cloud.client("rds", selection.region, "plan")
    for member in cluster.members:
        if not member.writer:
            client.delete_db_instance(DBInstanceIdentifier=member.id, SkipFinalSnapshot=True)
    drill.steady()
    with drill.inject(StopZone("eu-west-1a")):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
