"""DynamoDB of two Regions with the lab's bridges, in this process, on a clock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb import responses
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import RestoredPITTable, Table
from moto.dynamodb.responses import DynamoHandler

from fixtures.lab.cloud import dynamodb
from fixtures.lab.cloud.dynamodb_global import GlobalTables
from tests.fixtures.fake_cloud import EPOCH_NS, FakeTime
from tests.lab.patched import put_back

HOME, AWAY = "eu-west-1", "eu-central-1"
SETTINGS = {"dynamodb_pitr_lag_s": 2.0, "dynamodb_restore_s": 3.0, "dynamodb_global_lag_s": 1.0}
OWNERS = (Table, RestoredPITTable, DynamoDBBackend, DynamoHandler)


@dataclass
class Site:
    """A Region, and the lab's log."""

    lost: bool = False
    replication_paused: bool = False
    paused_tables: frozenset[str] = frozenset()
    events: list[tuple[str, str]] = field(default_factory=list)

    @property
    def truth(self) -> Any:
        return self

    def log(self, event: str, subject: str, detail: str = "") -> None:
        assert detail
        self.events.append((event, subject))


@dataclass
class Lab:
    """Both Regions, on a clock of their own. `at_s` is s since the start."""

    sites: dict[str, Site] = field(default_factory=lambda: {HOME: Site(), AWAY: Site()})
    time: FakeTime = field(default_factory=FakeTime)
    tables: GlobalTables | None = None

    @property
    def at_s(self) -> float:
        return self.time.at_s

    @at_s.setter
    def at_s(self, seconds: float) -> None:
        self.time.at_s = seconds

    def clock(self) -> int:
        return EPOCH_NS + round(self.at_s * 10**9)

    def look(self, at_s: float) -> None:
        """Let it be later, as the lab's loop sees it."""
        self.at_s = at_s
        assert self.tables is not None
        self.tables.look()

    def client(self, region: str) -> Any:
        return _client(region)


@cache
def _client(region: str) -> Any:
    """One for all tests: making one takes longer than what they do with it."""
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)  # noqa: S106 - no secret
    return session.client("dynamodb")


@contextmanager
def bridged() -> Iterator[Lab]:
    """Put the bridges in place for a while: others use moto as it is."""
    most = responses.TRANSACTION_MAX_ITEMS
    lab = Lab()
    with put_back(*OWNERS):
        lab.tables = dynamodb.install(lab.sites, SETTINGS, lab.clock)
        try:
            with mock_aws():
                yield lab
        finally:
            vars(responses)["TRANSACTION_MAX_ITEMS"] = most


def create(client: Any, name: str = "orders", *, sort: bool = False, stream: bool = True) -> None:
    keys = [("key", "HASH"), ("part", "RANGE")][: 2 if sort else 1]
    streams = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": one, "KeyType": kind} for one, kind in keys],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one, _ in keys],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "made", "Value": "by a test"}],
        **(streams if stream else {}),
    )


def item(key: str, payload: str, version: int = 1) -> dict[str, Any]:
    return {"key": {"S": key}, "version": {"N": str(version)}, "payload": {"S": payload}}


def put(client: Any, key: str, payload: str, table: str = "orders") -> None:
    client.put_item(TableName=table, Item=item(key, payload))


def spoil(key: str, payload: str, **more: Any) -> dict[str, Any]:
    update: dict[str, Any] = {
        "TableName": "orders",
        "Key": {"key": {"S": key}},
        "UpdateExpression": "SET payload = :payload",
        "ExpressionAttributeValues": {":payload": {"S": payload}},
    }
    return {"Update": update | more}


def held(client: Any, table: str = "orders") -> dict[str, str]:
    found = client.scan(TableName=table, ConsistentRead=True)["Items"]
    return {one["key"]["S"]: one["payload"]["S"] for one in found}


def refused(code: str, call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**given)
    assert error.value.response["Error"]["Code"] == code
    return str(error.value)


def enable(client: Any, *, enabled: bool = True) -> dict[str, Any]:
    given = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}}
    found = client.update_continuous_backups(TableName="orders", **given)["ContinuousBackupsDescription"]
    recovery: dict[str, Any] = found["PointInTimeRecoveryDescription"]
    return recovery


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH_NS // 10**9, UTC) + timedelta(seconds=seconds)


def restore(client: Any, to: str, when: datetime | None = None, **more: Any) -> dict[str, Any]:
    given = {"SourceTableName": "orders", "TargetTableName": to} | more
    given |= {"RestoreDateTime": when} if when is not None else {}
    made: dict[str, Any] = client.restore_table_to_point_in_time(**given)["TableDescription"]
    return made
