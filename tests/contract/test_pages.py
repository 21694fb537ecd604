"""No list is cut short: what AWS answers in pages is read to the last one."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.paginate import Paginator

from fixtures.aws import Cloud
from fixtures.guard import lacking
from fixtures.iam_declared import faults, probes, steps
from fixtures.iam_harness import DEAD_MAN, HARNESS, JOURNAL, LEASE
from fixtures.inventory import clusters, groups, machines
from fixtures.networks import acls, subnets
from fixtures.roles import instance_roles
from tests.fixtures.moto_regions import BOTH, two_regions
from tests.fixtures.moto_world import REGION

# Asked for the newest or for one, on purpose, and never for all.
FIRST_PAGE = {"autoscaling:DescribeScalingActivities", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}
READS = ("Describe", "List", "Get", "Simulate")
TOKEN = re.compile(r"next.*token|(?<!delete)marker|truncated|nextrecord|lasteval|paginationtoken", re.IGNORECASE)
CODE = Path(__file__).parents[2] / "fixtures"


def declared() -> Iterator[tuple[str, str]]:
    """Every call that anything of the harness declares, as (service, operation)."""
    parts = (*HARNESS.values(), JOURNAL, LEASE, DEAD_MAN, *faults().values(), *steps().values(), *probes().values())
    for call in sorted(frozenset().union(*(needs.calls for needs in parts))):
        service, _, operation = call.partition(":")
        yield service, operation


def listing() -> Iterator[tuple[str, str, str]]:
    """Each operation that the drills' role needs and that answers in pages: as it is declared, service and name."""
    session = botocore.session.get_session()
    for service, name in declared():
        shape = session.get_service_model(service).operation_model(name).output_shape
        pages = shape is not None and any(TOKEN.search(member) for member in shape.members)
        if pages and name.startswith(READS):
            yield f"{service}:{name}", service, name


def test_each_list_has_a_paginator() -> None:
    """`Cloud.look` reads every page of what botocore can page through, and one answer of anything else."""
    session = botocore.session.get_session()
    found = list(listing())
    assert len(found) > 15
    for _, service, name in found:
        session.get_paginator_model(service).get_paginator(name)  # raises ValueError where there is none


def test_only_reads_go_through_a_single_call_that_want_no_more() -> None:
    """What is performed instead of looked at is one call: nothing that lists is, but for what wants the first page."""
    names = {name: action for action, _, name in listing()}
    performed = {
        name
        for path in CODE.rglob("*.py")
        if "lab" not in path.parts
        for found in re.findall(r"\.(?:perform|ask)\((?:[^()]|\([^()]*\))*\)", path.read_text(encoding="utf-8"))
        for name in names
        if f'"{name}"' in found
    }
    assert {names[name] for name in performed} - FIRST_PAGE - {"cloudwatch:DescribeAlarms"} == set()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A workload with more of everything than a page holds."""
    with two_regions() as cloud:
        ec2 = cloud.client("ec2", REGION, "plan")
        (one, *_) = [i for found in ec2.describe_instances()["Reservations"] for i in found["Instances"] if "Tags" in i]
        tags = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in BOTH.tags.items()]}]
        for _ in range(4):  # in reservations of their own: a page holds whole ones
            ec2.run_instances(
                ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=one["SubnetId"], TagSpecifications=tags
            )
        yield cloud


def test_the_same_is_found_on_one_page_and_on_many(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the smallest pages that EC2 has."""
    calls: list[str] = []
    for client in (cloud.client(service, REGION, "plan") for service in ("ec2", "autoscaling", "rds", "iam")):
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    whole, once = everything(cloud), Counter(calls)
    real = Paginator.paginate

    def sized(self: Any, **given: Any) -> Any:
        named = any(key in given for key in ("InstanceIds", "SubnetIds", "NetworkAclIds", "LaunchTemplateId"))
        config = {} if named else {"PaginationConfig": {"PageSize": 5}}  # AWS takes no size beside ids
        return real(self, **given, **config)

    monkeypatch.setattr(Paginator, "paginate", sized)
    calls.clear()
    assert everything(cloud) == whole
    assert len(whole[1]) > 8
    more = {name for name, count in Counter(calls).items() if count > once[name]}
    assert "DescribeInstances" in more, (Counter(calls), once)


def everything(cloud: Cloud) -> list[Any]:
    nets = subnets(cloud, BOTH)
    scaling = groups(cloud, BOTH)
    return [
        scaling, machines(cloud, BOTH, scaling), clusters(cloud, BOTH), nets, acls(cloud, BOTH, nets),
        instance_roles(cloud, BOTH), lacking(cloud, BOTH.others[0], BOTH),
    ]  # fmt: skip
