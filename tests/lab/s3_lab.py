"""S3 of two Regions with the lab's bridges, in this process, on a clock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from moto import mock_aws
from moto.fis.models import Experiment
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

from fixtures.lab.cloud import experiments, s3
from fixtures.lab.cloud.s3_replication import Replicas
from tests.fixtures.fake_cloud import EPOCH_NS, FakeTime
from tests.lab.dynamodb_lab import AWAY, HOME, Site
from tests.lab.patched import put_back

SOURCE, REPLICA = "documents-home", "documents-away"
OWNERS = (S3Backend, S3Response, FakeBucket, Experiment)


@dataclass
class Lab:
    """Both Regions. `time.at_s` is s since the start."""

    sites: dict[str, Site] = field(default_factory=lambda: {HOME: Site(), AWAY: Site()})
    time: FakeTime = field(default_factory=FakeTime)
    replicas: Replicas | None = None

    def clock(self) -> int:
        return EPOCH_NS + round(self.time.at_s * 10**9)

    def look(self, at_s: float) -> None:
        """Let it be later, as the lab's loop sees it."""
        self.time.at_s = at_s
        assert self.replicas is not None
        self.replicas.look()

    @property
    def events(self) -> list[tuple[str, str]]:
        return self.sites[HOME].events


@cache
def client(region: str, service: str = "s3") -> Any:
    """One for all tests: making one takes longer than what they do with it."""
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)  # noqa: S106 - no secret
    return session.client(service)


@contextmanager
def bridged() -> Iterator[Lab]:
    """Put the bridges in place for a while: others use moto as it is."""
    lab = Lab()
    with put_back(*OWNERS):
        lab.replicas = s3.install(lab.sites, {"s3_replication_lag_s": 1.0}, lab.clock)
        experiments.install()
        with mock_aws():
            yield lab


def create(name: str, region: str, *, versioned: bool = True, tags: dict[str, str] | None = None) -> None:
    made = client(region)
    made.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    if versioned:
        made.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if tags:
        tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
        made.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tagged})


def rule(prefix: str = "", *, markers: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "ID": "r", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": "Enabled" if markers else "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{REPLICA}"}, **more,
    }  # fmt: skip


def replicate(*rules: dict[str, Any], source: str = SOURCE, region: str = HOME) -> None:
    configuration = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": list(rules)}
    client(region).put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


def pair(*rules: dict[str, Any], tags: dict[str, str] | None = None) -> None:
    """A bucket in each Region, the first replicated to the other."""
    create(SOURCE, HOME, tags=tags)
    create(REPLICA, AWAY, tags=tags)
    replicate(*(rules or (rule(),)))


def put(key: str, body: str = "good", bucket: str = SOURCE, region: str = HOME) -> str:
    made = client(region).put_object(Bucket=bucket, Key=key, Body=body.encode(), Metadata={"version": "1"})
    return str(made["VersionId"])


def held(bucket: str = REPLICA, region: str = AWAY) -> dict[str, str]:
    """What readers of the bucket get, by key."""
    found = client(region).list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        one["Key"]: client(region).get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in found
    }


def versions(bucket: str = REPLICA, region: str = AWAY) -> set[str]:
    listed = client(region).list_object_versions(Bucket=bucket)
    return {one["VersionId"] for one in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))}
