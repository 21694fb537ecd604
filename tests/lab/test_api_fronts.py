"""What the lab answers in front of moto, as botocore's own parsers read it: keys, role policies, wake-ups."""

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends
from moto.iam.models import IAMBackend, Role
from moto.moto_api._internal.models import moto_api_backend

from fixtures.lab.cloud import credentials, moto_secrets, policies
from fixtures.lab.cloud.server import Server, _only_reads
from fixtures.lab.cloud.world import ACCOUNT, World

REGION, ROLE = "eu-west-1", "orders.ws+=,@-eu_west-1"
RESOURCE = moto_secrets.Secret.cloudformation_type()
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Api:
    """The lab's API, and how often it woke the reconcilers."""

    def __init__(self) -> None:
        self.wakes = 0
        self._clients: dict[tuple[str, str, str], Any] = {}
        lock = threading.RLock()
        self.server = Server(lock, self._wake, [policies.Policies(lock)])

    def _wake(self) -> None:
        self.wakes += 1

    def client(self, service: str, key: str, region: str = REGION) -> Any:
        asked = (service, key, region)
        if asked not in self._clients:
            self._clients[asked] = self._new(*asked)
        return self._clients[asked]

    def _new(self, service: str, key: str, region: str) -> Any:
        return boto3.client(
            cast("Any", service),
            endpoint_url=f"http://{self.server.address}",
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key="x",  # noqa: S106  # made up
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def harness(self, service: str) -> Any:
        return self.client(service, "harness")

    def instance(self, service: str, region: str = REGION) -> Any:
        return self.client(service, credentials.key_of(ROLE), region)

    def deny(self, **conditions: Any) -> None:
        statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": conditions}
        self.put(statement)

    def put(self, statement: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.harness("iam").put_role_policy(RoleName=ROLE, PolicyName="drill", PolicyDocument=document)


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    moto_api_backend.reset()
    kept = Role.put_policy, IAMBackend.attach_role_policy
    policies.install()
    api = Api()
    api.server.start()
    api.harness("secretsmanager").create_secret(Name="orders-db", SecretString="{}")
    api.harness("sqs").create_queue(QueueName="orders")
    yield api
    api.server.stop()
    Role.put_policy, IAMBackend.attach_role_policy = kept  # type: ignore[method-assign]
    moto_api_backend.reset()


@pytest.fixture
def api(served: Api) -> Iterator[Api]:
    """The API with a role that nothing is denied to."""
    served.harness("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    yield served
    iam = served.harness("iam")
    for name in iam.list_role_policies(RoleName=ROLE)["PolicyNames"]:
        iam.delete_role_policy(RoleName=ROLE, PolicyName=name)
    iam.delete_role(RoleName=ROLE)


def test_a_key_names_its_role_and_is_one() -> None:
    for role in ("", "r", "orders", ROLE, "x" * 64):
        key = credentials.key_of(role)
        assert credentials.role_of_key(key) == role
        assert 16 <= len(key) <= 128
        assert key.isalnum()
    for other in ("lab", "AKIAIOSFODNN7EXAMPLE", credentials.PREFIX + "1!"):
        assert credentials.role_of_key(other) is None


CALLS = [
    ("secretsmanager", "get_secret_value", {"SecretId": "orders-db"}, "AccessDeniedException"),
    ("sqs", "get_queue_url", {"QueueName": "orders"}, "AccessDenied"),
    ("ec2", "describe_instances", {}, "UnauthorizedOperation"),
    ("sts", "get_caller_identity", {}, "AccessDenied"),
    ("s3", "list_buckets", {}, "AccessDenied"),
    ("route53", "list_hosted_zones", {}, "AccessDenied"),
    (
        "rds-data",
        "execute_statement",
        {"resourceArn": "a" * 20, "secretArn": "s" * 20, "sql": "x"},
        "AccessDeniedException",
    ),
]


@pytest.mark.parametrize(("service", "operation", "given", "code"), CALLS)
def test_a_denied_call_is_what_botocore_takes_for_one(
    api: Api, service: str, operation: str, given: dict[str, str], code: str
) -> None:
    api.deny(StringEquals={"aws:RequestedRegion": REGION}, DateLessThan={"aws:CurrentTime": "2099-01-01T00:00:00Z"})
    with pytest.raises(ClientError) as denied:
        getattr(api.instance(service), operation)(**given)
    assert denied.value.response["Error"]["Code"] == code
    assert f"assumed-role/{ROLE}/" in denied.value.response["Error"]["Message"]
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


def test_only_the_role_in_that_region_until_that_time(api: Api) -> None:
    def is_denied(sqs: Any) -> bool:
        try:
            sqs.list_queues()
        except ClientError as error:
            return error.response["Error"]["Code"] == "AccessDenied"
        return False

    assert not is_denied(api.instance("sqs"))
    api.deny(StringEquals={"aws:RequestedRegion": REGION})
    assert is_denied(api.instance("sqs"))
    assert not is_denied(api.instance("sqs", "eu-central-1"))
    assert not is_denied(api.harness("sqs"))
    assert not is_denied(api.client("sqs", credentials.key_of("another")))
    assert not is_denied(api.client("sqs", credentials.key_of("")))
    api.deny(DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})
    assert not is_denied(api.instance("sqs"))


@pytest.mark.parametrize(
    ("resource", "denied"),
    [
        ("arn:aws:secretsmanager:*:*:secret:orders-db-??????", True),
        ("arn:aws:secretsmanager:*:*:secret:orders-??????", False),
        ("arn:aws:sqs:*", False),
    ],
)
def test_a_secret_asked_for_by_its_name_is_denied_by_its_arn(api: Api, resource: str, denied: bool) -> None:  # noqa: FBT001 - a parameter of the table
    api.put({"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": resource})
    secrets = api.instance("secretsmanager")
    if denied:
        with pytest.raises(ClientError, match="AccessDeniedException"):
            secrets.get_secret_value(SecretId="orders-db")
    else:
        assert secrets.get_secret_value(SecretId="orders-db")["SecretString"] == "{}"


def test_a_policy_that_cannot_be_evaluated_is_refused(api: Api) -> None:
    with pytest.raises(ClientError, match="does not know StringEquals of aws:SourceVpc") as refused:
        api.deny(StringEquals={"aws:SourceVpc": "vpc-1"})
    assert refused.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    assert api.harness("iam").list_role_policies(RoleName=ROLE)["PolicyNames"] == []


def test_a_managed_policy_that_denies_is_refused(api: Api) -> None:
    iam = api.harness("iam")
    for effect in ("Allow", "Deny"):
        document = {"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": "*", "Resource": "*"}}
        arn = iam.create_policy(PolicyName=effect, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        if effect == "Allow":
            iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
            iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn)
        else:
            with pytest.raises(ClientError, match="inline policies only"):
                iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)


def test_messages_and_denied_calls_wake_nobody(api: Api) -> None:
    sqs = api.instance("sqs")
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    before = api.wakes
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "tea"
    assert api.wakes == before
    api.deny()
    assert api.wakes == before + 1
    with pytest.raises(ClientError):
        sqs.delete_queue(QueueUrl=url)
    assert api.wakes == before + 1


@pytest.mark.parametrize(
    ("target", "reads"),
    [
        ("AmazonSQS.SendMessage", True),
        ("AmazonSQS.SendMessageBatch", True),
        ("AmazonSQS.CreateQueue", False),
        ("secretsmanager.GetSecretValue", True),
        ("secretsmanager.PutSecretValue", False),
    ],
)
def test_what_only_reads(target: str, reads: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert _only_reads({"HTTP_X_AMZ_TARGET": target, "REQUEST_METHOD": "POST"}) is reads


def test_an_instance_has_the_role_of_its_templates_profile(api: Api) -> None:
    ec2, iam = api.harness("ec2"), api.harness("iam")
    iam.create_instance_profile(InstanceProfileName="orders")
    iam.add_role_to_instance_profile(InstanceProfileName="orders", RoleName=ROLE)
    told = {"ImageId": "ami-1", "IamInstanceProfile": {"Name": "orders"}}
    ec2.create_launch_template(LaunchTemplateName="orders", LaunchTemplateData=told)

    def launched(**given: Any) -> str:
        started = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, **given)
        return str(started["Instances"][0]["InstanceId"])

    of = cast("World", SimpleNamespace(ec2=moto_ec2()))
    assert credentials.role_of_instance(of, launched(LaunchTemplate={"LaunchTemplateName": "orders"})) == ROLE
    assert credentials.role_of_instance(of, launched(IamInstanceProfile={"Name": "orders"})) == ROLE
    assert credentials.role_of_instance(of, launched()) == ""
    iam.remove_role_from_instance_profile(InstanceProfileName="orders", RoleName=ROLE)
    iam.delete_instance_profile(InstanceProfileName="orders")


def moto_ec2() -> Any:
    return ec2_backends[ACCOUNT][REGION]


def test_a_stack_makes_its_secrets(api: Api) -> None:
    generated = {"SecretStringTemplate": '{"username": "orders"}', "GenerateStringKey": "password"}
    kinds: dict[str, Any] = {
        "generated": {"GenerateSecretString": generated | {"ExcludePunctuation": True}},
        "alone": {"GenerateSecretString": {"PasswordLength": 12}},
        "given": {"SecretString": "tea"},
    }
    resources = {
        name: {"Type": RESOURCE, "Properties": {"Name": f"stack-{name}"} | properties}
        for name, properties in kinds.items()
    }
    outputs = {"Arn": {"Value": {"Ref": "generated"}}}
    formation, secrets = api.harness("cloudformation"), api.harness("secretsmanager")
    formation.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}))
    texts = {name: secrets.get_secret_value(SecretId=f"stack-{name}")["SecretString"] for name in kinds}
    login = json.loads(texts["generated"])
    assert login["username"] == "orders"
    assert (len(login["password"]), login["password"].isalnum(), len(texts["alone"])) == (32, True, 12)
    assert texts["given"] == "tea"
    described = secrets.describe_secret(SecretId="stack-generated")
    assert formation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]["OutputValue"] == described["ARN"]
    found = formation.describe_stack_resources(StackName="s")["StackResources"]
    assert {r["ResourceType"] for r in found} == {RESOURCE}
    formation.delete_stack(StackName="s")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="stack-given")
