"""S3's replication as the lab has it, by botocore's own parsing: late, object by object, and as the rules say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.fis.models import fis_backends

from fixtures.lab.cloud import s3_pauses
from fixtures.lab.cloud.experiment_actions import PAUSE_BUCKETS, wrong_with
from fixtures.lab.cloud.world import ACCOUNT
from tests.lab.dynamodb_lab import AWAY, HOME, refused
from tests.lab.s3_lab import (
    REPLICA,
    SOURCE,
    Lab,
    bridged,
    client,
    create,
    held,
    pair,
    put,
    replicate,
    rule,
    versions,
)

TAGS = {"dr-drills:workload": "documents"}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with bridged() as lab:
        yield lab


def test_an_object_arrives_after_the_lag_and_not_before(lab: Lab) -> None:
    create(SOURCE, HOME)
    create(REPLICA, AWAY)
    put("old")
    replicate(rule())
    version = put("new")
    lab.time.at_s = 0.9
    assert held() == {}
    lab.time.at_s = 1.001
    assert held() == {"new": "good"}  # what was there before the rule stays where it is
    found = client(AWAY).head_object(Bucket=REPLICA, Key="new")
    assert (found["VersionId"], found["Metadata"]) == (version, {"version": "1"})
    assert found["LastModified"] == client(HOME).head_object(Bucket=SOURCE, Key="new")["LastModified"]
    assert lab.events == []


def test_a_replica_is_not_replicated_again(lab: Lab) -> None:
    pair()
    back = rule(Destination={"Bucket": f"arn:aws:s3:::{SOURCE}"})
    replicate(back, source=REPLICA, region=AWAY)
    put("k")
    put("theirs", bucket=REPLICA, region=AWAY)
    lab.look(2)
    lab.look(5)
    assert held() == held(SOURCE, HOME) == {"k": "good", "theirs": "good"}
    assert len(versions(SOURCE, HOME)) == 2


def test_a_rule_takes_what_it_says(lab: Lab) -> None:
    pair(rule("drills/"), rule("more/", ID="off", Status="Disabled"))
    for key in ("drills/1", "more/1", "else"):
        put(key)
    lab.look(2)
    assert held() == {"drills/1": "good"}


@pytest.mark.parametrize(
    ("given", "follows"),
    [
        (rule(), False),
        (rule(markers=True), True),
        ({k: v for k, v in rule().items() if k not in ("Filter", "DeleteMarkerReplication")} | {"Prefix": ""}, True),
    ],
)
def test_delete_markers_follow_only_where_a_rule_says_so(lab: Lab, given: dict[str, Any], *, follows: bool) -> None:
    pair(given)
    put("k")
    lab.look(2)
    marker = client(HOME).delete_object(Bucket=SOURCE, Key="k")["VersionId"]
    lab.look(4)
    assert held() == ({} if follows else {"k": "good"})
    assert (marker in versions()) is follows


def test_the_deletion_of_a_version_follows_nowhere_and_what_is_gone_before_it_travels_never_comes(lab: Lab) -> None:
    pair()
    arrived = put("k", "bad")
    lab.look(2)
    gone = put("k", "worse")
    for version in (arrived, gone):
        client(HOME).delete_object(Bucket=SOURCE, Key="k", VersionId=version)
    lab.look(5)
    assert held(SOURCE, HOME) == {}
    assert held() == {"k": "bad"}
    assert versions() == {arrived}


def test_what_had_not_arrived_when_a_site_was_lost_is_logged_and_comes_late(lab: Lab) -> None:
    pair()
    put("arrived")
    lab.look(0.5)
    put("pending")
    lab.time.at_s = 1.2
    lab.sites[HOME].lost = True
    lab.look(1.2)
    assert lab.events == [("write not replicated", f"{SOURCE} pending")]
    lab.look(30)
    assert held() == {"arrived": "good"}
    lab.sites[HOME].lost = False
    lab.look(40)
    lab.look(40.1)
    assert held() == {"arrived": "good", "pending": "good"}
    assert lab.events[1:] == [("late write replicated", f"{SOURCE} pending")]


def test_nothing_leaves_a_region_whose_replication_is_paused(lab: Lab) -> None:
    pair()
    lab.sites[HOME].replication_paused = True
    lab.look(1)
    put("k")
    lab.look(20)
    lab.look(21)
    assert held() == {}
    lab.sites[HOME].replication_paused = False
    lab.look(22)
    lab.look(22.1)
    assert held() == {"k": "good"}


def start(**changes: Any) -> str:
    """An experiment that pauses the replication; changes are of its action's parameters, or its target."""
    target = {"resourceType": "aws:s3:bucket", "resourceTags": TAGS, "selectionMode": "ALL"} | changes.pop("target", {})
    parameters = {"duration": "PT10M", "region": AWAY} | changes
    action = {"actionId": PAUSE_BUCKETS, "parameters": parameters, "targets": {"Buckets": "b"}}
    fis = client(HOME, "fis")
    template = fis.create_experiment_template(
        clientToken="t", description="d", stopConditions=[{"source": "none"}], targets={"b": target},
        actions={"pause": action}, roleArn="arn:aws:iam::123456789012:role/fis",
    )["experimentTemplate"]["id"]  # fmt: skip
    started = fis.start_experiment(experimentTemplateId=template, clientToken="e")["experiment"]["id"]
    experiment = fis_backends[ACCOUNT][HOME].experiments[started]
    wrong = wrong_with({"pause": action}, frozenset()) or not s3_pauses.targets(experiment, action)
    experiment.status = "failed" if wrong else "running"
    return str(started)


@pytest.mark.parametrize(
    ("changes", "pauses"),
    [
        ({}, True),
        ({"destinationBuckets": f"other, {REPLICA}"}, True),
        ({"destinationBuckets": "other"}, False),
        ({"region": HOME}, False),
        ({"target": {"resourceTags": {"dr-drills:workload": "another"}}}, False),
        ({"target": {"resourceArns": [f"arn:aws:s3:::{SOURCE}"]}}, False),  # tags only, as on AWS
        ({"duration": ""}, False),
    ],
)
def test_an_experiment_pauses_what_it_targets_until_it_is_stopped(
    lab: Lab, changes: dict[str, Any], *, pauses: bool
) -> None:
    pair(tags=TAGS)
    put("before")
    lab.look(2)
    experiment = start(**changes)
    put("during")
    lab.look(2.1)
    lab.look(20)
    assert held() == {"before": "good"} | ({} if pauses else {"during": "good"})
    fis_backends[ACCOUNT][HOME].experiments[experiment].status = "stopped"
    lab.look(21)
    lab.look(21.1)
    assert held() == {"before": "good", "during": "good"}


def test_a_configuration_is_told_as_it_was_given(lab: Lab) -> None:
    del lab
    pair(rule("drills/", markers=True))
    (found,) = client(HOME).get_bucket_replication(Bucket=SOURCE)["ReplicationConfiguration"]["Rules"]
    assert found == rule("drills/", markers=True)


def test_what_the_lab_would_not_follow_is_refused(lab: Lab) -> None:
    del lab
    pair()
    tagged = rule(Filter={"Tag": {"Key": "a", "Value": "b"}})
    assert "by prefix only" in refused("BadRequest", replicate_raw, given=tagged)
    nowhere = rule(Destination={"Bucket": "arn:aws:s3:::nowhere"})
    refused("InvalidArgument", replicate_raw, given=nowhere)


def replicate_raw(*, given: dict[str, Any]) -> None:
    replicate(given)


def test_a_delete_may_ask_that_there_is_something(lab: Lab) -> None:
    del lab
    create(SOURCE, HOME)
    put("k")
    made = client(HOME)
    refused("NoSuchKey", made.delete_object, Bucket=SOURCE, Key="never", IfMatch="*")
    marker = made.delete_object(Bucket=SOURCE, Key="k", IfMatch="*")
    assert marker["DeleteMarker"] is True
    refused("PreconditionFailed", made.delete_object, Bucket=SOURCE, Key="k", IfMatch="*")


def test_a_template_says_what_a_bucket_is(lab: Lab) -> None:
    properties = {
        "BucketName": SOURCE,
        "VersioningConfiguration": {"Status": "Enabled"},
        "ReplicationConfiguration": {
            "Role": "arn:aws:iam::123456789012:role/replication",
            "Rules": [{("Id" if k == "ID" else k): v for k, v in rule("drills/").items()}],
        },
    }
    body = json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": properties}}})
    client(HOME, "cloudformation").create_stack(StackName="documents", TemplateBody=body)
    create(REPLICA, AWAY)  # later than the rule that names it, as the lab deploys them
    put("drills/1")
    put("else")
    lab.look(2)
    assert held() == {"drills/1": "good"}
