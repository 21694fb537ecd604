"""A global database for real, in a lab of two Regions: what a failover loses, what a switchover does not, a restore."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from fixtures.lab import Lab, LabSpec, down, up
from fixtures.lab.cloud.deploy import client

HOME, AWAY = "eu-west-1", "eu-central-1"
LAG_S = 0.5
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 60.0
AURORA = {"Engine": "aurora-postgresql"}


def stack(cluster: str, zone: str, **more: str) -> dict[str, Any]:
    instance = {"DBInstanceIdentifier": f"{cluster}-1", "DBClusterIdentifier": {"Ref": "Cluster"}}
    instance |= {"DBInstanceClass": "db.t4g.medium", "AvailabilityZone": zone, **AURORA}
    return {
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": {"DBClusterIdentifier": cluster, **AURORA, **more}},
        "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": instance},
    }


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    home = stack("one", "eu-west-1a", MasterUsername="orders", MasterUserPassword="not-a-secret")
    both = {"GlobalClusterIdentifier": "both", "SourceDBClusterIdentifier": {"Ref": "Cluster"}}
    home["Global"] = {"Type": "AWS::RDS::GlobalCluster", "DependsOn": ["Instance"], "Properties": both}
    resources = {HOME: home, AWAY: stack("two", "eu-central-1a", GlobalClusterIdentifier="both")}
    templates = {region: tmp_path / f"{region}.json" for region in resources}
    for region, file in templates.items():
        file.write_text(json.dumps({"Resources": resources[region]}))
    spec = LabSpec(
        workload="two-regions",
        regions={HOME: ("eu-west-1a",), AWAY: ("eu-central-1a",)},
        templates=templates,
        command=("{python}",),
        tags={},
        settings={"aurora_global_lag_s": LAG_S, "aurora_global_failover_s": 0.3, "pitr_lag_s": 0, "pitr_restore_s": 0},
        databases={HOME: "one", AWAY: "two"},
    )
    lab = up(spec, owner=os.getpid())
    yield lab
    assert not (lab.directory / "broken.txt").exists()
    down(lab)


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


class User:
    """Somebody outside: the API of both Regions, and the databases by their names."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.rds = {region: client("rds", region, lab.endpoint_url) for region in (HOME, AWAY)}
        self._fis = client("fis", AWAY, lab.endpoint_url)

    def connect(self, region: str, cluster: str) -> psycopg.Connection:
        found = self.rds[region].describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
        name = f"client {found['Endpoint']}:{found['Port']}"
        eventually("the name is known", lambda: name in json.loads(self.lab.dial_map.read_text()))
        host, port = json.loads(self.lab.dial_map.read_text())[name].split(":")
        login: dict[str, Any] = {"user": "orders", "dbname": "orders", "sslmode": "disable", "gssencmode": "disable"}
        return psycopg.connect(host=host, port=port, autocommit=True, connect_timeout=5, **login)

    def execute(self, region: str, cluster: str, statement: str) -> list[tuple[Any, ...]]:
        with self.connect(region, cluster) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def numbers(self, region: str, cluster: str) -> set[int]:
        return {row[0] for row in self.execute(region, cluster, "SELECT number FROM kept")}

    def both(self) -> dict[str, Any]:
        found: dict[str, Any] = self.rds[AWAY].describe_global_clusters()["GlobalClusters"][0]
        return found

    def is_at_rest(self) -> bool:
        """Whether nothing is on its way, and each member has what the other has."""
        found = self.both()
        joined = all(m["SynchronizationStatus"] == "connected" for m in found["GlobalClusterMembers"])
        return bool(found["Status"] == "available") and joined

    def arn(self, region: str) -> str:
        found = self.both()["GlobalClusterMembers"]
        return str(next(m["DBClusterArn"] for m in found if f":{region}:" in m["DBClusterArn"]))

    def writer(self) -> str:
        return str(next(m["DBClusterArn"] for m in self.both()["GlobalClusterMembers"] if m["IsWriter"]))

    def begin(self, action: str) -> Callable[[], object]:
        """Start the experiment on the home Region; what is given back ends it."""
        actions = {"it": {"actionId": action, "parameters": {"region": HOME}}}
        role, stop = "arn:aws:iam::123456789012:role/any", [{"source": "none"}]
        made = {"clientToken": action, "description": action, "roleArn": role, "stopConditions": stop}
        template = self._fis.create_experiment_template(**made, actions=actions)["experimentTemplate"]["id"]
        running = self._fis.start_experiment(clientToken=f"{action} 1", experimentTemplateId=template)["experiment"]
        return lambda: self._fis.stop_experiment(id=running["id"])

    def tells(self, event: str, subject: str) -> bool:
        """Whether the lab's log of truth has it."""
        lines = (self.lab.directory / "truth.jsonl").read_text().splitlines()
        return any((e["event"], e["subject"]) == (event, subject) for e in map(json.loads, lines))


class Writer(threading.Thread):
    """Commits one number after the other, 50 a second, until it is refused; knows those that were acknowledged."""

    def __init__(self, user: User, region: str, cluster: str, first: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self._connection, self._first = user.connect(region, cluster), first

    def run(self) -> None:
        try:
            for number in range(self._first, self._first + 100_000):
                self._connection.execute("INSERT INTO kept VALUES (%s)", (number,))
                self.acknowledged.append(number)
                time.sleep(0.02)
        except psycopg.Error:
            self._connection.close()


def test_a_global_database(lab: Lab) -> None:
    user = User(lab)
    user.execute(HOME, "one", "CREATE TABLE kept (number int)")
    lose_the_site(user)
    go_home(user)
    pause(user)
    restore(user)


def lose_the_site(user: User) -> None:
    writer = Writer(user, HOME, "one", 0)
    writer.start()
    eventually("the follower has the table and rows", lambda: has(user, AWAY, "two", 10))
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        user.execute(AWAY, "two", "INSERT INTO kept VALUES (-1)")
    again = user.begin("lab:lose-site")
    eventually(
        "its server is dead", lambda: "database server killed" in (user.lab.directory / "truth.jsonl").read_text()
    )
    acknowledged = set(writer.acknowledged)
    target = {"GlobalClusterIdentifier": "both", "TargetDbClusterIdentifier": user.arn(AWAY)}
    assert (
        user.rds[AWAY].failover_global_cluster(**target, AllowDataLoss=True)["GlobalCluster"]["Status"]
        == "failing-over"
    )
    eventually("it is promoted", lambda: user.both()["Status"] == "available")
    assert user.writer() == user.arn(AWAY)

    kept = user.numbers(AWAY, "two")
    lost = sorted(acknowledged - kept)
    assert lost, "what was on its way is lost"
    assert lost == [*range(lost[0], max(acknowledged) + 1)], "the end is lost, and nothing before it"
    assert kept >= set(range(lost[0]))
    assert not user.is_at_rest(), "the old primary is away"
    again()
    eventually("the old primary follows", user.is_at_rest)
    assert user.tells("database resynchronised", "one")
    assert user.numbers(HOME, "one") == kept, "what it had beyond the new primary is gone"


def has(user: User, region: str, cluster: str, count: int) -> bool:
    try:
        return len(user.numbers(region, cluster)) >= count
    except psycopg.errors.UndefinedTable:
        return False


def go_home(user: User) -> None:
    writer = Writer(user, AWAY, "two", 1_000_000)
    writer.start()
    eventually("it writes", lambda: len(writer.acknowledged) > 20)
    target = {"GlobalClusterIdentifier": "both", "TargetDbClusterIdentifier": user.arn(HOME)}
    user.rds[HOME].switchover_global_cluster(**target)
    eventually("it is home", lambda: user.both()["Status"] == "available" and user.writer() == user.arn(HOME))
    writer.join(DEADLINE_S)
    assert set(writer.acknowledged) <= user.numbers(HOME, "one"), "nothing is lost"
    eventually("the other one follows", user.is_at_rest)


def pause(user: User) -> None:
    again = user.begin("lab:pause-replication")
    eventually("it is paused", lambda: user.tells("replication paused", HOME))
    target = {"GlobalClusterIdentifier": "both", "TargetDbClusterIdentifier": user.arn(AWAY)}
    user.execute(HOME, "one", "INSERT INTO kept VALUES (-2)")
    time.sleep(2 * LAG_S)
    assert -2 not in user.numbers(AWAY, "two")
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        user.rds[HOME].switchover_global_cluster(**target)
    again()
    eventually("it arrives", lambda: -2 in user.numbers(AWAY, "two"))


def restore(user: User) -> None:
    home = user.rds[HOME]

    def window() -> dict[str, Any]:
        found: dict[str, Any] = home.describe_db_clusters(DBClusterIdentifier="one")["DBClusters"][0]
        return found

    eventually("it can be restored", lambda: "EarliestRestorableTime" in window())
    moment = datetime.fromtimestamp(int(time.time()) + 1, UTC)
    before = user.numbers(HOME, "one")
    eventually("that moment is over", lambda: window()["LatestRestorableTime"] > moment)
    user.execute(HOME, "one", "DELETE FROM kept")
    asks = {"DBClusterIdentifier": "again", "SourceDBClusterIdentifier": "one", "RestoreToTime": moment}
    assert home.restore_db_cluster_to_point_in_time(**asks)["DBCluster"]["Status"] == "creating"
    joins = {"DBClusterIdentifier": "again", "DBInstanceClass": "db.t4g.medium", **AURORA}
    home.create_db_instance(DBInstanceIdentifier="again-1", **joins)
    only: dict[str, Any] = {"DBInstanceIdentifier": "again-1"}
    eventually(
        "it serves", lambda: home.describe_db_instances(**only)["DBInstances"][0]["DBInstanceStatus"] == "available"
    )
    assert user.numbers(HOME, "again") == before
    assert user.numbers(HOME, "one") == set()
    home.delete_db_instance(**only, SkipFinalSnapshot=True)
    home.delete_db_cluster(DBClusterIdentifier="again", SkipFinalSnapshot=True)
    eventually("nothing is left of it", lambda: not any(f.is_dir() for f in user.lab.directory.glob("*-again")))
