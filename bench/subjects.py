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
from tests.contract.test_steps import every_step, step_class
from tests.fixtures.fake_cloud import FakeTime
from tests.fixtures.fake_rows import FakeRows
from tests.fixtures.moto_regions import AWAY, PREFIX, two_regions
from tests.fixtures.moto_regions import WITH_ARCHIVE as BOTH
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
    kind: type[Any] | None = None  # the class of the fault or step
    lasts: bool = False  # whether a run finds the world as the one before it has left it


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

    def state() -> dict[str, Any]:
        return state_of(cloud, (REGION, AWAY)) | {"rows": _text(rows.rows), "tables": _text(rows.tables)}

    return Subject(name, cloud, ready, state, kind=kind, lasts=True)


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

    def state() -> dict[str, Any]:
        return state_of(cloud, (PRIMARY, RECOVERY)) | worlds[0].arc.state | worlds[0].vaults.state

    return Subject(f"step {settings.name}", cloud, ready, state, settled, step_class(settings.kind))


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
        secrets = cloud.client("secretsmanager", region, "watch").list_secrets()["SecretList"]
        # A version without a stage is none on AWS.
        stages = [(one["Name"], at, by) for one in secrets for at, by in one["SecretVersionsToStages"].items() if by]
        found[f"{region} secrets"] = sorted(map(_text, stages))
    s3 = cloud.client("s3", regions[0], "watch")
    for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
        if bucket != BUCKET:
            held = s3.list_object_versions(Bucket=bucket)
            kept = (*held.get("Versions", ()), *held.get("DeleteMarkers", ()))
            found[f"versions in {bucket}"] = sorted(f"{one['Key']} {one['VersionId']}" for one in kept)
    route53 = cloud.client("route53", regions[0], "watch")
    found["records"] = [
        sorted(map(_text, route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]))
        for zone in route53.list_hosted_zones()["HostedZones"]
    ]
    if cloud.commands is not None:
        found["files"] = sorted(path.name for path in cloud.commands.folder.iterdir())
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
    "database instances": ("rds", "DescribeDBInstances", "DBInstances[].[DBInstanceIdentifier, DBInstanceStatus]"),
    "stacks": ("cloudformation", "DescribeStacks", "Stacks[].[StackName, StackStatus]"),
    "queues": ("sqs", "ListQueues", "QueueUrls"),
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
