"""Faults that nobody chose, one after the other: `--chaos-seed N` draws them, their targets and the pauses between.

Each is a drill of its own. Only faults are drawn that put themselves back, and that clients or replication show.
"""

import pytest

from fixtures.chaos import Chance
from fixtures.chaos_draw import Choice
from fixtures.drill import Drill
from fixtures.faults.block_endpoints import BlockEndpoints
from fixtures.faults.corrupt_table import CorruptTable
from fixtures.faults.delete_objects import DeleteObjects
from fixtures.faults.delete_rows import DeleteRows
from fixtures.faults.drop_table import DropTable
from fixtures.faults.fail_over_database import FailOverDatabase
from fixtures.faults.isolate_region import IsolateRegion
from fixtures.faults.isolate_zone import IsolateZone
from fixtures.faults.overwrite_objects import OverwriteObjects
from fixtures.faults.pause_bucket_replication import PauseBucketReplication
from fixtures.faults.pause_replication import PauseReplication
from fixtures.faults.reboot_database import RebootDatabase
from fixtures.faults.revoke_security_group_rule import RevokeSecurityGroupRule
from fixtures.faults.stop_zone import StopZone

# Never aimed at the recovery site: clients would see nothing of it.
CHOICES = (
    Choice(aims=StopZone.variants, disruption="az"),
    Choice(aims=lambda workload: [IsolateZone(zone) for zone in workload.zones], disruption="az"),
    Choice(aims=FailOverDatabase.variants, disruption="hardware"),
    Choice(aims=RebootDatabase.variants, disruption="hardware"),
    Choice(aims=lambda workload: [IsolateRegion(workload.region)], disruption="region"),
    Choice(
        aims=lambda workload: [BlockEndpoints(workload.region, "deny"), BlockEndpoints(workload.region, "swallow")],
        disruption="region",
    ),
    Choice(aims=RevokeSecurityGroupRule.variants, disruption="region"),
    Choice(aims=PauseReplication.variants, disruption="region", expects="no failover"),
    Choice(aims=PauseBucketReplication.variants, disruption="region", expects="no failover"),
    Choice(aims=CorruptTable.variants, disruption="data"),
    Choice(aims=DeleteRows.variants, disruption="data"),
    Choice(aims=DropTable.variants, disruption="data"),
    Choice(aims=OverwriteObjects.variants, disruption="data"),
    Choice(aims=DeleteObjects.variants, disruption="data"),
)


@pytest.mark.chaos(*CHOICES)
@pytest.mark.drill(disruption="az", expects="any")  # each that is drawn has its own
def test_random_faults(drill: Drill, chance: Chance) -> None:
    """Whatever breaks, and whatever broke before it: its objectives are kept, and all of it is put back."""
    drill.steady()
    with drill.inject(chance.fault):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.fail_back()
    drill.audit("at the end")
    if chance.two_sites:
        drill.compare("at the end")
    drill.judge()
