"""Sabotage: a fault whose call is answered well and breaks nothing."""

from collections.abc import Iterable
from typing import Self

import pytest

from fixtures.aws import Cloud
from fixtures.change import Call, Change, Plan, Read
from fixtures.drill import Drill
from fixtures.fault import Fault, Selection
from fixtures.faults.stop_zone import StopZone

TAG = "dr-drills:sabotage"


class TagOnly(Fault):
    """Says that a zone loses power, and only tags its instances."""

    def __init__(self, zone: str) -> None:
        super().__init__()
        self.zone = zone

    @classmethod
    def variants(cls, selection: Selection) -> Iterable[Self]:
        """Aim it at each zone."""
        return [cls(zone) for zone in selection.zones]

    def design(self, cloud: Cloud, selection: Selection) -> Plan:
        """The targets of a power loss, and a change that does not hurt them."""
        honest = StopZone(self.zone).design(cloud, selection)
        ids = [target.id for target in honest.targets if target.kind == "instance"]

        def call(operation: str) -> Call:
            tags = [{"Key": TAG, "Value": "here"}]
            return Call(
                service="ec2", region=selection.region, operation=operation, parameters={"Resources": ids, "Tags": tags}
            )

        read = Read(
            call=Call(
                service="ec2", region=selection.region, operation="DescribeInstances", parameters={"InstanceIds": ids}
            ),
            projection=f"length(Reservations[].Instances[].Tags[?Key=='{TAG}'][])",
        )
        change = Change(
            id="tag-only/1", seq=1, kind="fault", says="instances are tagged", call=call("CreateTags"), read=read,
            before=0, expect=len(ids), undo=(call("DeleteTags"),), in_flight_s=0.0,
        )  # fmt: skip
        return Plan(
            fault=self.path(), says="nothing is broken", targets=honest.targets, changes=(change,), bites=honest.bites,
            spares=honest.spares,
        )  # fmt: skip


@pytest.mark.drill(disruption="az", expects="impact")
def test_no_effect(drill: Drill) -> None:
    """If the fault does not bite, the drill is invalid."""
    drill.steady()
    with drill.inject(TagOnly("eu-west-1c")):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.judge()
