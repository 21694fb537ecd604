"""The evaluator of policies: which statement denies what, and that it never passes over what it does not know."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.lab.cloud.policy_document import UnknownPolicy, Wanted, denies_of

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-ws-db-AbCdEf"
READ_SECRET = Wanted("secretsmanager", "GetSecretValue", ARN, "eu-west-1", NOW)
UNTOLD = Wanted("s3", "", "", "eu-west-1", NOW)


def statement(**changes: Any) -> dict[str, Any]:
    given = {"Effect": "Deny", "Action": "*", "Resource": "*"} | changes
    return {name: value for name, value in given.items() if value is not None}


def when(operator: str, key: str, *values: object) -> dict[str, Any]:
    return statement(Condition={operator: {key: list(values)}})


def is_denied(wanted: Wanted, *statements: dict[str, Any]) -> bool:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    found = [any(deny.matches(wanted) for deny in denies_of(d)) for d in (document, json.dumps(document))]
    assert found[0] is found[1]
    return found[0]


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    "given",
    [
        statement(),
        statement(Action="secretsmanager:GetSecretValue"),
        statement(Action="SecretsManager:getsecretvalue"),
        statement(Action=["sqs:*", "secretsmanager:Get*"]),
        statement(Action="secretsmanager:?etSecretValue"),
        statement(Action=None, NotAction=["sqs:*", "secretsmanager:List*"]),
        statement(Resource=["arn:aws:sqs:*", "arn:aws:secretsmanager:*:*:secret:orders-ws-db-*"]),
        statement(Resource=ARN),
        when("StringEquals", "aws:RequestedRegion", "eu-west-1"),
        when("StringEquals", "AWS:requestedregion", "eu-central-1", "eu-west-1"),
        when("StringNotEquals", "aws:RequestedRegion", "eu-central-1", "us-east-1"),
        when("StringLike", "aws:RequestedRegion", "us-*", "eu-*-?"),
        when("DateLessThan", "aws:CurrentTime", at(1)),
        when("DateLessThan", "aws:CurrentTime", "2026-11-24T04:30:00+02:00"),
        when("DateLessThan", "aws:CurrentTime", str(int(NOW.timestamp()) + 1)),
        when("DateGreaterThan", "aws:CurrentTime", at(-1)),
        when("Bool", "aws:SecureTransport", "true"),
        when("Bool", "aws:SecureTransport", True),
        statement(
            Condition={
                "StringEquals": {"aws:RequestedRegion": "eu-west-1"},
                "DateLessThan": {"aws:CurrentTime": at(0.5)},
            }
        ),
    ],
)
def test_denied(given: dict[str, Any]) -> None:
    assert is_denied(READ_SECRET, given)
    assert is_denied(READ_SECRET, statement(Action="sqs:*"), given)
    assert not is_denied(READ_SECRET, given | {"Effect": "Allow"})


@pytest.mark.parametrize(
    "given",
    [
        statement(Action="sqs:*"),
        statement(Action="secretsmanager:GetSecret"),
        statement(Action="secretsmanager:*Policy"),
        statement(Action="secretsmanager:[G]etSecretValue"),
        statement(Action=None, NotAction="secretsmanager:*"),
        statement(Action=None, NotAction=["*"]),
        statement(Resource="arn:aws:sqs:eu-west-1:123456789012:orders-ws"),
        statement(Resource=ARN.lower()),
        when("StringEquals", "aws:RequestedRegion", "eu-central-1"),
        when("StringEquals", "aws:RequestedRegion", "eu-*"),
        when("StringNotEquals", "aws:RequestedRegion", "eu-central-1", "eu-west-1"),
        when("StringLike", "aws:RequestedRegion", "EU-*"),
        when("DateLessThan", "aws:CurrentTime", at(-1)),
        when("DateLessThan", "aws:CurrentTime", at(0)),
        when("DateGreaterThan", "aws:CurrentTime", at(0)),
        when("Bool", "aws:SecureTransport", "false"),
        statement(
            Condition={
                "StringEquals": {"aws:RequestedRegion": "eu-west-1"},
                "DateLessThan": {"aws:CurrentTime": at(-0.5)},
            }
        ),
    ],
)
def test_not_denied(given: dict[str, Any]) -> None:
    assert not is_denied(READ_SECRET, given)


@pytest.mark.parametrize(
    ("given", "denied"),
    [
        (statement(), True),
        (statement(Action="s3:*"), True),
        (statement(Action="s3:GetObject"), True),
        (statement(Action="sqs:*"), False),
        (statement(Action=None, NotAction="s3:GetObject"), True),
        (statement(Action=None, NotAction="s3:*"), False),
        (statement(Resource="arn:aws:s3:::orders/*"), True),
        (statement(Resource="arn:aws:sqs:*"), False),
    ],
)
def test_what_cannot_be_told_is_denied_if_it_might_be(given: dict[str, Any], denied: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert is_denied(UNTOLD, given) is denied


def test_an_allow_has_no_effect_and_may_say_what_it_likes() -> None:
    assert not is_denied(READ_SECRET, {"Effect": "Allow", "Action": "sqs:*", "Condition": {"Null": {"aws:x": "true"}}})
    assert denies_of({"Version": "2012-10-17"}) == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (statement(Effect="deny"), "Effect"),
        (statement(Action=None), "either Action or NotAction"),
        (statement(NotAction="*"), "either Action or NotAction"),
        (statement(Action="secretsmanager"), "not an action: secretsmanager"),
        (statement(Action=[]), "Action is one text or several"),
        (statement(Resource=None), "has a Resource"),
        (statement(Resource=None, NotResource="*"), "does not know NotResource"),
        (statement(Principal="*"), "does not know Principal"),
        (statement(Resource="arn:aws:s3:::${aws:username}"), "no variables"),
        (statement(Condition="x"), "object of objects"),
        (when("StringEqualsIgnoreCase", "aws:RequestedRegion", "x"), "operator StringEqualsIgnoreCase"),
        (when("DateLessThanIfExists", "aws:CurrentTime", at(1)), "operator DateLessThanIfExists"),
        (when("StringEquals", "aws:SourceVpc", "x"), "StringEquals of aws:SourceVpc"),
        (when("StringEquals", "aws:CurrentTime", at(1)), "StringEquals of aws:CurrentTime"),
        (when("DateLessThan", "aws:CurrentTime", "soon"), "not a time: soon"),
        (when("DateLessThan", "aws:CurrentTime", 5), "aws:CurrentTime is one text"),
        (when("Bool", "aws:SecureTransport", "yes"), "neither true nor false: yes"),
    ],
)
def test_what_it_does_not_know_is_said(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownPolicy, match=says):
        denies_of({"Statement": given})


@pytest.mark.parametrize("document", ["{", "[]", "1", {"Statements": []}, {"Statement": "x"}, {"Statement": [1]}])
def test_what_is_no_policy(document: object) -> None:
    with pytest.raises(UnknownPolicy):
        denies_of(document)
