"""What the lab needs for a site without an instance: a load balancer that is whole without targets, a group of none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from fixtures.lab.cloud.balancing import Balancing
from fixtures.lab.cloud.images import Images
from fixtures.lab.cloud.scaling import Scaling
from fixtures.lab.cloud.world import World

ARN = "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/orders/1"


def balanced(tmp_path: Path, *desired: int) -> Balancing:
    """A load balancer with nobody behind it, and its groups, each to have so many instances."""
    group = SimpleNamespace(arn=ARN, targets={})
    listener = SimpleNamespace(default_actions=[SimpleNamespace(data={"TargetGroupArn": ARN})], port=80)
    groups = {str(i): SimpleNamespace(target_group_arns=[ARN], desired_capacity=n) for i, n in enumerate(desired)}
    world = SimpleNamespace(
        balancing=SimpleNamespace(
            target_groups={ARN: group}, load_balancers={"lb": SimpleNamespace(listeners={"l": listener})}
        ),
        groups=SimpleNamespace(autoscaling_groups=groups),
    )
    made = Balancing(cast("World", world), tmp_path)
    made._deployed = cast("Any", SimpleNamespace(target_group=ARN, targets=()))
    return made


@pytest.mark.parametrize(
    ("desired", "missing"),
    [((0,), ""), ((0, 0), ""), ((1,), "0 of 0 targets healthy"), ((0, 2), "0 of 0 targets"), ((), "0 of 0 targets")],
)
def test_an_empty_load_balancer_is_whole_only_if_no_group_wants_an_instance(
    tmp_path: Path, desired: tuple[int, ...], missing: str
) -> None:
    found = balanced(tmp_path, *desired).missing()
    assert (missing in found) if missing else (found == "")


@pytest.mark.parametrize(("desired", "left"), [(0, 0), (1, 2)])
def test_a_group_goes_to_none_though_a_member_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, desired: int, left: int
) -> None:
    """With some to be left, the one that is not ready may be a rebalancing's new one: the old one stays for now."""
    zone = SimpleNamespace(availability_zone="a")
    active = [
        SimpleNamespace(
            lifecycle_state="InService", protected_from_scale_in=False,
            instance=SimpleNamespace(id=str(i), availability_zone="a", launch_time=str(i)),
        )
        for i in range(3)
    ]  # fmt: skip
    balancing = SimpleNamespace(is_healthy=lambda one: one != "2")
    scaling, drained = Scaling(cast("World", SimpleNamespace()), cast("Balancing", balancing)), list[str]()
    monkeypatch.setattr(scaling, "_drain", lambda _group, member: drained.append(member.instance.id))
    group = SimpleNamespace(target_group_arns=[ARN])
    scaling._shrink(cast("Any", group), cast("Any", list(active)), desired, cast("Any", [zone]))
    assert len(active) - len(drained) == left


def test_the_image_is_made_once_and_copied_to_other_regions() -> None:
    with mock_aws():
        home, away = (boto3.client("ec2", region) for region in ("eu-west-1", "eu-central-1"))
        images = Images()
        one, other = images.of(home, "eu-west-1", "orders"), images.of(away, "eu-central-1", "orders")
        assert one != other
        assert images.of(away, "eu-central-1", "orders") == other
        (copy,) = away.describe_images(ImageIds=[other])["Images"]
        assert (copy["Name"], copy["State"]) == ("orders", "available")
