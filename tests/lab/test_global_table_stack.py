"""A template's AWS::DynamoDB::GlobalTable: the table of every Region, from one stack."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fixtures.lab.cloud.moto_tables import GlobalTable
from tests.lab.dynamodb_lab import AWAY, HOME, Lab, bridged, held, item

WEST = Path(__file__).parents[2] / "fixtures" / "workloads" / "orders-active-active-west.template.json"
RESOURCE: dict[str, Any] = json.loads(WEST.read_text(encoding="utf-8"))["Resources"]["Orders"]
NAME = RESOURCE["Properties"]["TableName"]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with bridged() as lab:
        yield lab


def deploy(resource: dict[str, Any]) -> None:
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=HOME)  # noqa: S106 - no secret
    body = {
        "Parameters": {"Workload": {"Type": "String", "Default": "orders-aa"}},
        "Resources": {"Orders": resource},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}}},
    }
    stack = {"StackName": "one", "TemplateBody": json.dumps(body)}
    formation = session.client("cloudformation")
    formation.create_stack(**stack)
    (made,) = formation.describe_stacks(StackName="one")["Stacks"]
    assert made["Outputs"][0]["OutputValue"].endswith(f":table/{NAME}")


def test_each_region_has_its_replica_with_backups_and_tags_of_its_own(lab: Lab) -> None:
    deploy(RESOURCE)
    lab.look(10)
    for region, other in ((HOME, AWAY), (AWAY, HOME)):
        client = lab.client(region)
        table = client.describe_table(TableName=NAME)["Table"]
        assert [one["RegionName"] for one in table["Replicas"]] == [other]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        tags = client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        assert tags == [{"Key": "dr-drills:workload", "Value": "orders-aa"}]
        backups = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_what_is_written_here_arrives_there_and_the_other_way(lab: Lab) -> None:
    deploy(RESOURCE)
    lab.look(10)
    home, away = lab.client(HOME), lab.client(AWAY)
    home.put_item(TableName=NAME, Item=item("a", "west"))
    away.put_item(TableName=NAME, Item=item("b", "central"))
    assert (held(home, NAME), held(away, NAME)) == ({"a": "west"}, {"b": "central"})
    lab.look(12)
    assert held(home, NAME) == held(away, NAME) == {"a": "west", "b": "central"}


@pytest.mark.parametrize("wrong", ["unknown", "elsewhere", "twice", "of a replica"])
def test_what_the_lab_does_not_make_is_refused(wrong: str, lab: Lab) -> None:
    del lab
    resource = copy.deepcopy(RESOURCE)
    properties = resource["Properties"]
    if wrong == "unknown":
        properties["TimeToLiveSpecification"] = {"Enabled": True, "AttributeName": "until"}
    elif wrong == "elsewhere":
        properties["Replicas"] = properties["Replicas"][1:]
    elif wrong == "twice":
        properties["Replicas"] *= 2
    else:
        properties["Replicas"][1]["TableClass"] = "STANDARD"
    with pytest.raises((ClientError, Exception), match="global table"):
        deploy(resource)


def test_it_goes_with_its_stack(lab: Lab) -> None:
    deploy(RESOURCE)
    lab.look(10)
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=HOME)  # noqa: S106 - no secret
    session.client("cloudformation").delete_stack(StackName="one")
    assert [lab.client(region).list_tables()["TableNames"] for region in (HOME, AWAY)] == [[], []]
    assert GlobalTable.cloudformation_type() == "AWS::DynamoDB::GlobalTable"
