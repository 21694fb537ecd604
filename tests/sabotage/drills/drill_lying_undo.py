"""Sabotage: the undo's calls are answered well and put nothing back."""

import os

import msgspec
import pytest

from fixtures.aws import Cloud
from fixtures.change import Plan
from fixtures.drill import Drill
from fixtures.fault import Selection
from fixtures.faults.stop_zone import StopZone

# Who interrupts the undo needs it to last until then.
UNDO_DEADLINE_S = float(os.environ.get("SABOTAGE_UNDO_DEADLINE_S", "3"))


class Liar(StopZone):
    """Loses power, and never gets it back."""

    def design(self, cloud: Cloud, selection: Selection) -> Plan:
        """A power loss whose undo is only looked at."""
        honest = super().design(cloud, selection)
        changes = tuple(
            msgspec.structs.replace(change, undo=(change.read.call,), undo_deadline_s=UNDO_DEADLINE_S)
            for change in honest.changes
        )
        return msgspec.structs.replace(honest, changes=changes)


@pytest.mark.drill(disruption="az", expects="impact")
def test_lying_undo(drill: Drill) -> None:
    """If what was broken is not put back, the run says so loudly."""
    drill.steady()
    with drill.inject(Liar("eu-west-1c")):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.audit("after heal")
    drill.judge()
