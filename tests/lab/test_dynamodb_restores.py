"""Restores of a DynamoDB table to a point in time as the lab answers them, by botocore's own parsing."""

from collections.abc import Iterator

import pytest
from moto.dynamodb.models.table import Table

from tests.lab.dynamodb_lab import (
    HOME,
    Lab,
    at,
    bridged,
    create,
    enable,
    held,
    item,
    put,
    refused,
    restore,
    spoil,
)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with bridged() as lab:
        yield lab


def test_the_window_begins_when_it_is_turned_on_and_ends_a_little_ago(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    shown = client.describe_continuous_backups(TableName="orders")["ContinuousBackupsDescription"]
    assert shown["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    first = enable(client)
    assert first["EarliestRestorableDateTime"] == first["LatestRestorableDateTime"] == at(0)
    lab.at_s = 10.5
    again = enable(client)  # it is on already
    assert (again["EarliestRestorableDateTime"], again["LatestRestorableDateTime"]) == (at(0), at(8.5))
    shown = client.describe_continuous_backups(TableName="orders")["ContinuousBackupsDescription"]
    assert shown == {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": again}
    assert enable(client, enabled=False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert enable(client)["EarliestRestorableDateTime"] == at(10.5)


def test_a_table_is_restored_as_it_was_at_that_second(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    for key in ("kept", "spoilt", "deleted", "together"):
        put(client, key, "good")
    enable(client)
    lab.at_s = 1.5
    put(client, "later", "good")
    lab.at_s = 4.5
    client.transact_write_items(TransactItems=[spoil("spoilt", "bad"), spoil("together", "bad")])
    client.delete_item(TableName="orders", Key={"key": {"S": "deleted"}})
    client.update_item(**spoil("new", "bad")["Update"])
    lab.at_s = 20
    now = {"kept": "good", "later": "good", "new": "bad", "spoilt": "bad", "together": "bad"}
    assert held(client) == now

    made = restore(client, "before", at(4), BillingModeOverride="PAY_PER_REQUEST")
    assert made["TableStatus"] == "CREATING"
    assert (made["RestoreSummary"]["RestoreDateTime"], made["RestoreSummary"]["RestoreInProgress"]) == (at(4), True)
    assert made["RestoreSummary"]["SourceTableArn"].endswith(":table/orders")
    restore(client, "at-the-start", at(0))
    restore(client, "latest", UseLatestRestorableTime=True)
    lab.at_s = 23
    good = dict.fromkeys(("kept", "spoilt", "deleted", "together"), "good")
    assert held(client, "before") == good | {"later": "good"}
    assert held(client, "at-the-start") == good
    assert held(client, "latest") == held(client) == now
    shown = client.describe_table(TableName="before")["Table"]
    assert (shown["TableStatus"], shown["RestoreSummary"]["RestoreInProgress"]) == ("ACTIVE", False)
    assert (shown["BillingModeSummary"], "StreamSpecification" in shown) == ({"BillingMode": "PAY_PER_REQUEST"}, False)
    assert client.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"] == []
    client.update_item(**spoil("spoilt", "of the restored one", TableName="before")["Update"])
    restore(client, "again", at(4))
    lab.at_s = 30
    assert held(client, "again") == good | {"later": "good"}


def test_a_table_that_is_being_restored_is_nobodys_yet(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    enable(client)
    lab.at_s = 5
    restore(client, "again", at(1))
    refused("ResourceNotFoundException", put, client=client, key="a", payload="b", table="again")
    refused("ResourceNotFoundException", client.scan, TableName="again")
    refused("ResourceInUseException", client.delete_table, TableName="again")
    lab.at_s = 8
    client.delete_table(TableName="again")
    refused("ResourceNotFoundException", client.describe_table, TableName="again")


def test_what_cannot_be_restored(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    asks = {"SourceTableName": "orders", "TargetTableName": "again"}
    call = client.restore_table_to_point_in_time
    refused("PointInTimeRecoveryUnavailableException", call, **asks, RestoreDateTime=at(1))
    enable(client)
    lab.at_s = 10
    for wrong in (at(-1), at(9), at(100)):
        refused("InvalidRestoreTimeException", call, **asks, RestoreDateTime=wrong)
    refused("TableNotFoundException", call, **(asks | {"SourceTableName": "strange"}), RestoreDateTime=at(1))
    refused("TableAlreadyExistsException", call, **(asks | {"TargetTableName": "orders"}), RestoreDateTime=at(1))
    refused("ValidationException", call, **asks)
    refused("ValidationException", call, **asks, RestoreDateTime=at(1), UseLatestRestorableTime=True)
    refused("ValidationException", call, **asks, RestoreDateTime=at(1), LocalSecondaryIndexOverride=[])
    assert client.list_tables()["TableNames"] == ["orders"]
    arn = client.describe_table(TableName="orders")["Table"]["TableArn"]
    call(SourceTableArn=arn, TargetTableName="again", RestoreDateTime=at(8))


def test_a_transaction_that_is_refused_leaves_nothing(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    put(client, "one", "good")
    enable(client)
    lab.at_s = 1
    impossible = {"ConditionExpression": "payload = :payload"}
    asked = [spoil("one", "bad"), spoil("two", "bad"), spoil("three", "bad", **impossible)]
    refused("TransactionCanceledException", client.transact_write_items, TransactItems=asked)
    refused("ConditionalCheckFailedException", client.update_item, **spoil("four", "x", **impossible)["Update"])
    huge = "x" * 500_000  # more than an item may hold; moto finds out when it has made the item
    refused("ValidationException", client.update_item, **spoil("five", huge)["Update"])
    assert held(client) == {"one": "good"}
    lab.at_s = 10
    restore(client, "again", at(5))
    lab.at_s = 20
    assert held(client, "again") == {"one": "good"}


def test_a_transaction_takes_a_hundred_items(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client)
    client.transact_write_items(TransactItems=[spoil(f"{n:03}", "good") for n in range(100)])
    asked = [{"Get": {"TableName": "orders", "Key": {"key": {"S": f"{n:03}"}}}} for n in range(1, 101)]
    found = client.transact_get_items(TransactItems=asked)["Responses"]
    assert [one.get("Item", {}).get("key", {}).get("S") for one in found] == [f"{n:03}" for n in range(1, 100)] + [None]


def test_items_with_a_sort_key_are_kept_too(lab: Lab) -> None:
    client = lab.client(HOME)
    create(client, sort=True)
    parts = [{**item("a", "good"), "part": {"S": part}} for part in ("1", "2")]
    for one in parts:
        client.put_item(TableName="orders", Item=one)
    enable(client)
    lab.at_s = 1
    client.delete_item(TableName="orders", Key={"key": {"S": "a"}, "part": {"S": "1"}})
    client.delete_item(TableName="orders", Key={"key": {"S": "a"}, "part": {"S": "2"}})
    lab.at_s = 10
    restore(client, "again", at(0))
    restore(client, "empty", at(1))
    lab.at_s = 20
    assert client.scan(TableName="again")["Items"] == parts
    assert client.scan(TableName="empty")["Items"] == client.scan(TableName="orders")["Items"] == []


def test_a_stack_turns_backups_on(lab: Lab) -> None:
    del lab
    template = {
        "Properties": {
            "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": "true"},
        }
    }
    made = Table.create_from_cloudformation_json("orders", template, "123456789012", HOME)
    assert made.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
