"""Instances are terminated, as by a clean-up of the wrong ones: the group has to launch others in their place."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.terminate_instances import TerminateInstances


@pytest.mark.first_zone("scorecard")
# "any": whether an operation is under way at an instance as it ends is luck, and all that clients may see.
@pytest.mark.drill(disruption="hardware", expects="any", needs="instances")
def test_instances_terminated(drill: Drill, zone: str) -> None:
    """If a zone's instances are terminated, others take orders within the RTO, and no acknowledged order is lost."""
    drill.steady()
    with drill.inject(TerminateInstances(zone)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()  # as many as before are in service
    drill.audit("after heal")
    drill.judge()
