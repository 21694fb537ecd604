"""What the lab tells an instance of the names that it calls: a way through the fabric, which knows where they lead."""

import threading
from pathlib import Path
from typing import Any, cast

import boto3
from moto import mock_aws

from fixtures.lab import LabSpec
from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.ec2 import Machines
from fixtures.lab.cloud.reconciler import Reconciler
from fixtures.lab.cloud.world import Machine, World
from fixtures.lab.settings import resolve

REGION = Region(2, "eu-central-1", ("eu-central-1a", "eu-central-1b"))
HERE = REGION.zones[0]
CALLED = "write.orders.shop.example:80"


def world(folder: Path) -> World:
    spec = LabSpec(
        workload="orders", regions={REGION.name: REGION.zones}, templates={}, command=("true",), tags={}, settings={},
        databases={}, calls={"WRITE_URL": CALLED}, environment={"ORDERS_TABLE": "orders"},
    )  # fmt: skip
    return World(spec, REGION, resolve({}), folder, {}, cast("Any", None), threading.RLock())


def test_every_zone_has_a_way_to_each_name(tmp_path: Path) -> None:
    with mock_aws():
        nothing = cast("Any", None)
        share = Reconciler(world(tmp_path), nothing, nothing, nothing, api="127.0.0.1:1")._share()
    sources = [one.source for one in share.routes if one.destination == CALLED]
    assert sources == list(REGION.zones)


def test_an_instance_is_told_the_way_from_its_own_zone(tmp_path: Path) -> None:
    given = world(tmp_path)
    given.listeners = {f"{HERE} {CALLED}": "127.0.0.1:4711", f"{REGION.zones[1]} {CALLED}": "127.0.0.1:4712"}
    with mock_aws():
        ec2: Any = boto3.client("ec2", REGION.name)
        (made,) = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
        told = Machines(given)._environment(Machine(made["InstanceId"], HERE, "10.2.1.4"))
    assert (told["WRITE_URL"], told["ORDERS_TABLE"], told["AWS_REGION"]) == (
        "http://127.0.0.1:4711", "orders", REGION.name,
    )  # fmt: skip
