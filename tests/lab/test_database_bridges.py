"""RDS as the lab answers it, by botocore's own parsing: global databases, restores, deletions; no server runs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.rds.models import DBCluster, GlobalCluster, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

from fixtures.lab.cloud import database_bridges
from fixtures.lab.cloud.global_bridges import GLOBAL_REGION, is_secondary
from fixtures.lab.cloud.moto_models import AuroraCluster, AuroraGlobalCluster
from fixtures.lab.cloud.notes import note, noted
from fixtures.lab.cloud.world import ACCOUNT
from tests.lab.patched import put_back

HOME, AWAY = "eu-west-1", "eu-central-1"
LOGIN = {"MasterUsername": "orders", "MasterUserPassword": "not-a-secret"}
AURORA = {"Engine": "aurora-postgresql"}


@pytest.fixture
def bridged() -> Iterator[None]:
    """The bridges are in place for one test only: others use moto as it is."""
    with put_back(DBCluster, GlobalCluster, RDSBackend, RDSResponse):
        database_bridges.install()
        with mock_aws():
            yield


def rds(region: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)  # noqa: S106 - no secret
    return session.client("rds")


class Pair:
    """A global database of two Regions, and what the lab's reconciler would say of it."""

    def __init__(self) -> None:
        self.home, self.away = rds(HOME), rds(AWAY)
        self.one = self.home.create_db_cluster(DBClusterIdentifier="one", **AURORA, **LOGIN)["DBCluster"][
            "DBClusterArn"
        ]
        given = {"GlobalClusterIdentifier": "both", "SourceDBClusterIdentifier": self.one}
        self.made = self.home.create_global_cluster(**given)["GlobalCluster"]
        joins = {"DBClusterIdentifier": "two", "GlobalClusterIdentifier": "both"}
        self.two = self.away.create_db_cluster(**joins, **AURORA)["DBCluster"]["DBClusterArn"]

    @property
    def kept(self) -> Any:
        return rds_backends[ACCOUNT][GLOBAL_REGION].global_clusters["both"]

    def be(self, *, joined: bool, in_step: bool) -> None:
        note(rds_backends[ACCOUNT][AWAY].clusters["two"], lab_joined=joined)
        note(self.kept, lab_in_step=in_step)

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.away.describe_global_clusters(GlobalClusterIdentifier="both")["GlobalClusters"][0]
        return found

    def switch(self, to: str, **more: Any) -> dict[str, Any]:
        given = {"GlobalClusterIdentifier": "both", "TargetDbClusterIdentifier": to}
        found: dict[str, Any] = self.away.failover_global_cluster(**given, **more)["GlobalCluster"]
        return found


@pytest.fixture
def pair(bridged: None) -> Pair:
    del bridged
    return Pair()


def test_a_global_database_is_made_of_a_cluster_and_another_regions_cluster_joins(pair: Pair) -> None:
    assert pair.made["GlobalClusterMembers"][0]["IsWriter"] is True
    shown = pair.shown()
    assert (shown["Status"], shown["Engine"], shown.get("FailoverState")) == ("available", "aurora-postgresql", None)
    members = {m["DBClusterArn"]: (m["IsWriter"], m["SynchronizationStatus"]) for m in shown["GlobalClusterMembers"]}
    assert members == {pair.one: (True, "connected"), pair.two: (False, "pending-resync")}
    assert shown["GlobalClusterMembers"][0]["Readers"] == [pair.two]
    pair.be(joined=True, in_step=True)
    assert {m["SynchronizationStatus"] for m in pair.shown()["GlobalClusterMembers"]} == {"connected"}
    assert pair.home.describe_global_clusters()["GlobalClusters"] == [pair.shown()]


def test_a_secondary_has_the_primarys_login_and_readers_only(pair: Pair) -> None:
    pair.away.create_db_instance(
        DBInstanceIdentifier="two-1", DBClusterIdentifier="two", DBInstanceClass="db.t4g.medium", **AURORA
    )
    shown = pair.away.describe_db_clusters(DBClusterIdentifier="two")["DBClusters"][0]
    assert shown["MasterUsername"] == "orders"
    assert shown["GlobalClusterIdentifier"] == "both"
    assert [m["IsClusterWriter"] for m in shown["DBClusterMembers"]] == [False]
    assert "LatestRestorableTime" not in shown
    secondary = rds_backends[ACCOUNT][AWAY].clusters["two"]
    assert is_secondary(secondary)
    secondary.is_writer = True
    shown = pair.away.describe_db_clusters(DBClusterIdentifier="two")["DBClusters"][0]
    assert [m["IsClusterWriter"] for m in shown["DBClusterMembers"]] == [True]


def test_a_failover_is_accepted_and_shown_until_it_is_over(pair: Pair) -> None:
    pair.be(joined=True, in_step=False)
    answer = pair.switch(pair.two, AllowDataLoss=True)
    wanted = {"FromDbClusterArn": pair.one, "ToDbClusterArn": pair.two, "IsDataLossAllowed": True}
    assert answer["FailoverState"] == {"Status": "failing-over", **wanted}
    assert pair.shown()["Status"] == "failing-over"
    assert noted(pair.kept, "lab_switch") is True
    status = pair.away.describe_db_clusters(DBClusterIdentifier="two")["DBClusters"][0]["Status"]
    assert status == "failing-over"
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        pair.switch(pair.two, AllowDataLoss=True)


@pytest.mark.parametrize("more", [{}, {"Switchover": True}])
def test_without_data_loss_it_is_a_switchover(pair: Pair, more: dict[str, bool]) -> None:
    pair.be(joined=True, in_step=True)
    answer = pair.switch(pair.two, **more)
    assert (answer["Status"], answer["FailoverState"]["IsDataLossAllowed"]) == ("switching-over", False)
    assert noted(pair.kept, "lab_switch") is False


def test_what_cannot_be_switched(pair: Pair) -> None:
    def refused(code: str, to: str, **more: Any) -> None:
        with pytest.raises(ClientError) as error:
            pair.switch(to, **more)
        assert error.value.response["Error"]["Code"] == code

    refused("InvalidGlobalClusterStateFault", pair.two, AllowDataLoss=True)
    pair.be(joined=True, in_step=False)
    refused("InvalidGlobalClusterStateFault", pair.two)
    pair.be(joined=True, in_step=True)
    refused("InvalidParameterCombination", pair.two, AllowDataLoss=True, Switchover=True)
    refused("InvalidGlobalClusterStateFault", pair.one, AllowDataLoss=True)
    refused("DBClusterNotFoundFault", pair.two + "x", AllowDataLoss=True)
    refused("DBClusterNotFoundFault", "two", AllowDataLoss=True)
    rds_backends[ACCOUNT][AWAY].clusters["two"].status = "stopped"
    refused("InvalidDBClusterStateFault", pair.two, AllowDataLoss=True)
    with pytest.raises(ClientError, match="GlobalClusterNotFoundFault") as error:
        pair.away.switchover_global_cluster(GlobalClusterIdentifier="none", TargetDbClusterIdentifier=pair.two)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert noted(pair.kept, "lab_switch") is None


def test_a_member_of_a_global_database_is_not_stopped_unless_it_is_alone(pair: Pair) -> None:
    for region, name in ((pair.home, "one"), (pair.away, "two")):
        with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
            region.stop_db_cluster(DBClusterIdentifier=name)
    pair.home.remove_from_global_cluster(GlobalClusterIdentifier="both", DbClusterIdentifier=pair.two)
    for region, name in ((pair.home, "one"), (pair.away, "two")):
        assert region.stop_db_cluster(DBClusterIdentifier=name)["DBCluster"]["Status"] == "stopping"


def test_an_instance_is_rebooted_while_nothing_else_goes_on(pair: Pair) -> None:
    for number in (1, 2):
        pair.home.create_db_instance(
            DBInstanceIdentifier=f"one-{number}", DBClusterIdentifier="one", DBInstanceClass="db.t4g.medium", **AURORA
        )
    cluster = rds_backends[ACCOUNT][HOME].clusters["one"]
    answer = pair.home.reboot_db_instance(DBInstanceIdentifier="one-1")["DBInstance"]
    assert answer["DBInstanceStatus"] == "rebooting"
    assert noted(cluster, "lab_wish") == ("reboot", "one-1")
    assert pair.home.describe_db_clusters(DBClusterIdentifier="one")["DBClusters"][0]["Status"] == "available"
    for instance in ("one-1", "one-2"):
        with pytest.raises(ClientError, match="InvalidDBInstanceState"):
            pair.home.reboot_db_instance(DBInstanceIdentifier=instance)
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        pair.home.failover_db_cluster(DBClusterIdentifier="one")
    cluster.members[0].status, cluster.status = "available", "failing-over"
    with pytest.raises(ClientError, match="InvalidDBInstanceState"):
        pair.home.reboot_db_instance(DBInstanceIdentifier="one-2")


def test_what_cannot_join_or_leave(pair: Pair) -> None:
    with pytest.raises(ClientError, match="GlobalClusterNotFoundFault"):
        pair.away.create_db_cluster(DBClusterIdentifier="three", GlobalClusterIdentifier="none", **AURORA)
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        pair.away.create_db_cluster(DBClusterIdentifier="three", GlobalClusterIdentifier="both", **AURORA)
    with pytest.raises(ClientError, match="GlobalClusterAlreadyExistsFault"):
        pair.home.create_global_cluster(GlobalClusterIdentifier="both", **AURORA)
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        pair.home.delete_global_cluster(GlobalClusterIdentifier="both")
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        pair.away.delete_db_cluster(DBClusterIdentifier="two", SkipFinalSnapshot=True)
    for arn in (pair.two, pair.one):
        pair.home.remove_from_global_cluster(GlobalClusterIdentifier="both", DbClusterIdentifier=arn)
    pair.away.delete_db_cluster(DBClusterIdentifier="two", SkipFinalSnapshot=True)
    pair.home.delete_global_cluster(GlobalClusterIdentifier="both")
    assert pair.home.describe_global_clusters()["GlobalClusters"] == []


def test_a_stack_makes_both(bridged: None) -> None:
    del bridged
    made: dict[str, Any] = {"Engine": "aurora-postgresql"}
    home = {"Properties": {**made, **LOGIN}}
    AuroraCluster.create_from_cloudformation_json("one", home, ACCOUNT, HOME)
    both = {"Properties": {"SourceDBClusterIdentifier": "one"}}
    assert (
        AuroraGlobalCluster.create_from_cloudformation_json("both", both, ACCOUNT, HOME).physical_resource_id == "both"
    )
    away = {"Properties": {**made, "GlobalClusterIdentifier": "both"}}
    AuroraCluster.create_from_cloudformation_json("two", away, ACCOUNT, AWAY)
    members = rds(AWAY).describe_global_clusters()["GlobalClusters"][0]["GlobalClusterMembers"]
    assert [m["IsWriter"] for m in members] == [True, False]


def test_a_restore_is_asked_for_within_the_window_only(bridged: None) -> None:
    del bridged
    home, now = rds(HOME), time.time()
    home.create_db_cluster(DBClusterIdentifier="one", Port=5433, **AURORA, **LOGIN)
    asks = {"DBClusterIdentifier": "again", "SourceDBClusterIdentifier": "one"}
    moment = datetime.fromtimestamp(int(now) - 50, UTC)
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        home.restore_db_cluster_to_point_in_time(**asks, RestoreToTime=moment)
    source = rds_backends[ACCOUNT][HOME].clusters["one"]
    note(source, lab_earliest_s=now - 100, lab_latest_s=now - 10)
    shown = home.describe_db_clusters()["DBClusters"][0]
    assert abs((shown["LatestRestorableTime"] - shown["EarliestRestorableTime"]).total_seconds() - 90) < 0.01
    for wrong in (moment - timedelta(seconds=60), moment + timedelta(seconds=60)):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            home.restore_db_cluster_to_point_in_time(**asks, RestoreToTime=wrong)
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        home.restore_db_cluster_to_point_in_time(**asks)

    tag = {"Key": "made", "Value": "by a test"}
    made = home.restore_db_cluster_to_point_in_time(**asks, RestoreToTime=moment, Tags=[tag])["DBCluster"]
    assert (made["Status"], made["Port"], made["TagList"]) == ("creating", 5433, [tag])
    assert home.describe_db_clusters(DBClusterIdentifier="again")["DBClusters"][0]["Status"] == "creating"
    restored = rds_backends[ACCOUNT][HOME].clusters["again"]
    assert noted(restored, "lab_restore") == ("one", moment.timestamp())
    joins = {"DBClusterIdentifier": "again", "DBInstanceClass": "db.t4g.medium", **AURORA}
    first = home.create_db_instance(DBInstanceIdentifier="again-1", **joins)["DBInstance"]
    assert first["DBInstanceStatus"] == "creating"
    with pytest.raises(ClientError, match="DBClusterAlreadyExistsFault"):
        home.restore_db_cluster_to_point_in_time(**asks, UseLatestRestorableTime=True)
    asks["DBClusterIdentifier"] = "latest"
    home.restore_db_cluster_to_point_in_time(**asks, UseLatestRestorableTime=True)
    assert noted(rds_backends[ACCOUNT][HOME].clusters["latest"], "lab_restore")[1] == pytest.approx(now - 10, abs=0.01)


def test_a_cluster_is_deleted_with_a_snapshot_or_explicitly_without(pair: Pair) -> None:
    pair.away.remove_from_global_cluster(GlobalClusterIdentifier="both", DbClusterIdentifier=pair.two)
    for wrong in ({}, {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "last"}):
        with pytest.raises(ClientError, match="InvalidParameterCombination"):
            pair.away.delete_db_cluster(DBClusterIdentifier="two", **wrong)
    pair.away.delete_db_cluster(DBClusterIdentifier="two", SkipFinalSnapshot=True)
    with pytest.raises(ClientError, match="DBClusterNotFoundFault"):
        pair.away.delete_db_cluster(DBClusterIdentifier="two", SkipFinalSnapshot=True)
