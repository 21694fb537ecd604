"""What is struck: each fault and each plan step of the harness, in a world of moto's in this process."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from fixtures.aws import Cloud
from fixtures.change import Call, Read
from fixtures.errors import NoTarget
from fixtures.fault import Fault, RowsOfDrill
from fixtures.journal import Journal
from fixtures.recovery.runner import make_step
from tests.contract.test_faults import every_fault
from tests.contract.test_steps import every_step
from tests.fixtures.fake_cloud import FakeTime
from tests.fixtures.fake_rows import FakeRows
from tests.fixtures.moto_regions import AWAY, BOTH, PREFIX, two_regions
from tests.fixtures.moto_world import REGION
from tests.fixtures.recovery_world import PRIMARY, RECOVERY, World, around, deployed, fresh

ROWS = 8
BUCKET, BUCKET_REGION = "drills", "eu-north-1"

Make = Callable[[Journal], object]


@dataclass(frozen=True)
class Subject:
    """Something that changes AWS. `ready` makes one for a run, which has not done anything yet; `state` is what AWS
    says of everything that it may have touched. `settled` lets pass what the world does by itself.
    """

    name: str
    cloud: Cloud
    ready: Callable[[FakeTime], Make]
    state: Callable[[], Any]
    settled: Callable[[], None] = lambda: None


class Patches(ExitStack):
    """What stands in place of something else, until it is closed."""

    def setattr(self, target: object, name: str, value: object) -> None:
        """Put it there."""
        self.enter_context(patch.object(target, name, value))


def _bucket(cloud: Cloud) -> None:
    cloud.client("s3", BUCKET_REGION, "plan").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": BUCKET_REGION}
    )


@contextmanager
def faults() -> Iterator[list[Subject]]:
    """Each fault; of its variants those that make other calls than the ones before."""
    rows = FakeRows()
    rows.add(*(f"{PREFIX}00-{seq:08d}" for seq in range(ROWS)), "somebody-elses")
    with two_regions(rows) as cloud:
        _bucket(cloud)
        found: dict[tuple[str, ...], Subject] = {}
        for kind in every_fault():
            for number, variant in enumerate(kind.variants(BOTH)):
                calls = _calls(variant, cloud)
                if not calls:
                    continue
                name = f"{kind.__name__} {number}" if number else kind.__name__
                found.setdefault((kind.__name__, *calls), _of_fault(name, kind, number, cloud, rows))
        yield list(found.values())


def _calls(variant: Fault, cloud: Cloud) -> tuple[str, ...]:
    """What it calls; nothing where there is nothing for it to break."""
    try:
        return tuple(one.call.operation for one in _aimed(variant).plan(cloud, BOTH).changes)
    except NoTarget:
        return ()


def _aimed(fault: Fault) -> Fault:
    fault.belongs_to(RowsOfDrill(prefix=PREFIX, max_rows=5), longest_s=600.0)
    return fault


def _of_fault(name: str, kind: type[Fault], number: int, cloud: Cloud, rows: FakeRows) -> Subject:
    def ready(_time: FakeTime) -> Make:
        fault = _aimed(list(kind.variants(BOTH))[number])
        fault.plan(cloud, BOTH)
        return lambda journal: fault.inject(journal, cloud)

    return Subject(name, cloud, ready, lambda: state_of(cloud, (REGION, AWAY)) | {"rows": _text(rows.rows)})


@contextmanager
def steps() -> Iterator[list[Subject]]:
    """Each kind of plan step that changes something."""
    with deployed() as cloud, Patches() as patches:
        _bucket(cloud)
        yield [_of_step(settings, cloud, patches) for settings in every_step()]


def _of_step(settings: Any, cloud: Cloud, patches: "Patches") -> Subject:
    worlds: list[World] = []

    def ready(time: FakeTime) -> Make:
        patches.close()  # the world of the run before
        worlds[:] = [fresh(cloud, patches)]
        world = worlds[0]
        return lambda journal: make_step(
            settings, around(world, journal, time, last_good_utc_ns=lambda: 1_000 * 10**9)
        ).run()

    def settled() -> None:
        worlds[0].resynchronised = True

    return Subject(f"step {settings.name}", cloud, ready, lambda: state_of(cloud, (PRIMARY, RECOVERY)), settled)


def state_of(cloud: Cloud, regions: tuple[str, ...]) -> dict[str, Any]:
    """What AWS says of everything that faults and steps may touch, without what changes by itself."""
    found: dict[str, Any] = {}
    for region in regions:
        for name, (service, operation, projection) in _ASKED.items():
            found[f"{region} {name}"] = _asked(cloud, region, service, operation, projection)
    for region in regions:
        iam = cloud.client("iam", region, "watch")
        found[f"{region} policies"] = sorted(
            f"{role['RoleName']}/{policy}"
            for role in iam.list_roles()["Roles"]
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        )
    route53 = cloud.client("route53", regions[0], "watch")
    found["records"] = [
        sorted(map(_text, route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]))
        for zone in route53.list_hosted_zones()["HostedZones"]
    ]
    found["health checks"] = sorted(
        _text(one["HealthCheckConfig"]) for one in route53.list_health_checks()["HealthChecks"]
    )
    return found


_OVER = " && ".join(f"state.status!='{one}'" for one in ("completed", "stopped", "failed", "cancelled"))
_IN_GROUP = "Tags[?Key=='aws:autoscaling:groupName']"
_ASKED = {
    # Those of a group by their number: it launches others in place of those that it terminates.
    "instances": ("ec2", "DescribeInstances", f"Reservations[].Instances[?!({_IN_GROUP})][].[InstanceId, State.Name]"),
    "members": (
        "ec2", "DescribeInstances", f"Reservations[].Instances[?{_IN_GROUP} && State.Name!='terminated'][].State.Name"
    ),
    "ACLs": (
        "ec2", "DescribeNetworkAcls",
        "NetworkAcls[].[NetworkAclId, sort_by(Entries, &to_string(@)), sort(Associations[].SubnetId)]",
    ),
    "rules": (
        "ec2", "DescribeSecurityGroupRules",
        "SecurityGroupRules[].[GroupId, IsEgress, IpProtocol, FromPort, ToPort, CidrIpv4, CidrIpv6, Description, Tags]",
    ),
    "groups": (
        "autoscaling", "DescribeAutoScalingGroups",
        "AutoScalingGroups[].[AutoScalingGroupName, VPCZoneIdentifier, MinSize, DesiredCapacity, MaxSize]",
    ),
    "templates": ("fis", "ListExperimentTemplates", "experimentTemplates[].id"),
    "experiments": ("fis", "ListExperiments", f"experiments[?{_OVER}].id"),
    "databases": (
        "rds", "DescribeDBClusters",
        "DBClusters[].[DBClusterIdentifier, Status, DBClusterMembers[].[DBInstanceIdentifier, IsClusterWriter]]",
    ),
    "global databases": (
        "rds", "DescribeGlobalClusters", "GlobalClusters[].GlobalClusterMembers[?IsWriter].DBClusterArn"
    ),
}  # fmt: skip


def _asked(cloud: Cloud, region: str, service: str, operation: str, projection: str) -> Any:
    read = Read(call=Call(service=service, region=region, operation=operation, parameters={}), projection=projection)
    found = cloud.observe(read)
    return sorted(map(_text, found or []))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
