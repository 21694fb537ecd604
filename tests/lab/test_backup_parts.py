"""AWS Backup in the lab, by botocore's own parsing: what a plan makes, where it is copied, and restores; no server."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backup import urls
from moto.backup.models import backup_backends
from moto.backup.responses import BackupResponse
from moto.rds.models import DBCluster, DBClusterSnapshot, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

from fixtures.errors import LabError
from fixtures.lab.cloud import database_bridges, moto_backup, snapshots
from fixtures.lab.cloud.addresses import Region
from fixtures.lab.cloud.backup_plans import BackupPlans
from fixtures.lab.cloud.database import Databases
from fixtures.lab.cloud.database_volume import Storage, Taken
from fixtures.lab.cloud.notes import note, noted
from fixtures.lab.cloud.snapshots import Snapshots, data_of
from fixtures.lab.cloud.world import ACCOUNT, World
from fixtures.lab.machines import volume
from tests.lab.patched import put_back

HOME, AWAY = "eu-west-1", "eu-central-1"
ARN = f"arn:aws:rds:{HOME}:{ACCOUNT}:cluster:orders"
SETTINGS = {"backup_interval_s": 5.0, "backup_copy_s": 1.0, "backup_kept": 3.0}


@pytest.fixture
def bridged() -> Iterator[None]:
    """The bridges are in place for one test only: others use moto as it is."""
    paths = dict(urls.url_paths)
    with put_back(DBCluster, RDSBackend, RDSResponse, BackupResponse):
        moto_backup.install()
        database_bridges.install()
        with mock_aws():
            yield
    urls.url_paths.clear()
    urls.url_paths.update(paths)


def client(service: str, region: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)  # noqa: S106 - no secret
    return session.client(service)


class Lab:
    """Two Regions, one cluster with a plan, and a clock of their own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.logged = 100.0, list[tuple[str, ...]]()
        truth: Any = SimpleNamespace(log=lambda *what: self.logged.append(what))
        lock = threading.RLock()
        spec: Any = None
        self.worlds = {
            name: World(spec, Region(number, name, ()), SETTINGS, folder, {}, truth, lock)
            for number, name in enumerate((HOME, AWAY), start=1)
        }
        self.plans = BackupPlans(list(self.worlds.values()), clock=lambda: self.now_s)
        self.snapshots = {name: Snapshots(world) for name, world in self.worlds.items()}
        monkeypatch.setattr(snapshots, "prepare_template", lambda: None)
        monkeypatch.setattr(volume, "copy_server", self._back_up)
        self.written = "first"
        self._deploy()

    def _deploy(self) -> None:
        login = {"MasterUsername": "orders", "MasterUserPassword": "not-a-secret"}
        rds = client("rds", HOME)
        rds.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", **login)
        cluster: Any = SimpleNamespace(id="orders", serving="orders-1", real_port=5432)
        self.worlds[HOME].clusters["orders"] = cluster
        for region, vault in ((HOME, "here"), (AWAY, "away")):
            client("backup", region).create_backup_vault(BackupVaultName=vault)
        copied = {"DestinationBackupVaultArn": f"arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:away"}
        rule = {"RuleName": "hourly", "TargetBackupVaultName": "here", "CopyActions": [copied]}
        plan = client("backup", HOME).create_backup_plan(BackupPlan={"BackupPlanName": "orders", "Rules": [rule]})
        kept = backup_backends[ACCOUNT][HOME].plans[plan["BackupPlanId"]]
        note(kept, lab_selections=[{"SelectionName": "orders", "Resources": [ARN]}])

    def _back_up(self, _template: object, address: str, to: Path) -> None:
        if not self.written:
            raise LabError(f"{address} does not answer")
        to.mkdir()
        (to / "rows").write_text(self.written, encoding="utf-8")

    def go_on(self, seconds: float) -> None:
        """Let so much time pass, and wait for what is begun at its end."""
        self.now_s += seconds
        for _ in range(3):
            self.plans.observe()
            for one in self.snapshots.values():
                one.observe()
                for running in one._running.values():
                    running.exception()

    def points(self, region: str, vault: str) -> list[dict[str, Any]]:
        found = client("backup", region).list_recovery_points_by_backup_vault(
            BackupVaultName=vault, ByResourceType="Aurora"
        )["RecoveryPoints"]
        return sorted(found, key=lambda one: one["CreationDate"])

    def end(self) -> None:
        for one in self.snapshots.values():
            one.end()


@pytest.fixture
def lab(bridged: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    del bridged
    lab = Lab(tmp_path, monkeypatch)
    yield lab
    lab.end()


def test_a_plan_makes_recovery_points_and_copies_them_with_their_time(lab: Lab) -> None:
    lab.go_on(0)
    (made,) = lab.points(HOME, "here")
    assert (made["Status"], made["ResourceArn"]) == ("COMPLETED", ARN)
    assert lab.points(AWAY, "away") == []  # not before copying has had its time
    lab.go_on(1.0)
    (copied,) = lab.points(AWAY, "away")
    assert (copied["Status"], copied["ResourceArn"]) == ("COMPLETED", ARN)
    assert copied["CreationDate"] == made["CreationDate"]
    assert copied["RecoveryPointArn"].startswith(f"arn:aws:rds:{AWAY}:{ACCOUNT}:cluster-snapshot:awsbackup:copyjob-")


def test_each_copy_has_the_data_of_its_own_time(lab: Lab, tmp_path: Path) -> None:
    lab.go_on(0)
    lab.written = "second"
    lab.go_on(5.0)
    lab.go_on(1.0)
    folders = sorted(tmp_path.glob(f"snapshot-{AWAY}-*"))
    assert [(one / "rows").read_text(encoding="utf-8") for one in folders] == ["first", "second"]


def test_so_many_are_kept_and_the_files_of_others_go(lab: Lab, tmp_path: Path) -> None:
    for _ in range(6):
        lab.go_on(5.0)
    lab.go_on(0)
    assert len(lab.points(HOME, "here")) == 3
    lab.end()
    assert len(list(tmp_path.glob(f"snapshot-{HOME}-*"))) == 3


def test_a_region_that_is_lost_is_not_backed_up_and_gets_no_copies(lab: Lab) -> None:
    lab.go_on(0)
    lab.worlds[AWAY].lost = True
    lab.go_on(2.0)
    assert lab.points(AWAY, "away") == []
    lab.worlds[AWAY].lost, lab.worlds[HOME].lost = False, True
    lab.go_on(10.0)
    assert len(lab.points(HOME, "here")) == 1
    assert lab.points(AWAY, "away") == []


def test_a_backup_that_fails_is_nothing_to_restore_from(lab: Lab) -> None:
    lab.written = ""
    lab.go_on(0)
    lab.go_on(1.0)
    (failed,) = lab.points(HOME, "here")
    assert failed["Status"] == "PARTIAL"
    assert lab.points(AWAY, "away") == []
    assert [what[0] for what in lab.logged] == ["snapshot failed"]


def test_a_restore_job_makes_a_cluster_of_the_copys_files_once(lab: Lab) -> None:
    lab.go_on(0)
    lab.go_on(1.0)
    backup, (point,) = client("backup", AWAY), lab.points(AWAY, "away")
    told = backup.get_recovery_point_restore_metadata(
        BackupVaultName="away", RecoveryPointArn=point["RecoveryPointArn"]
    )["RestoreMetadata"]
    given = {"RecoveryPointArn": point["RecoveryPointArn"], "IamRoleArn": "arn:aws:iam::1:role/backup",
             "Metadata": told | {"DBClusterIdentifier": "restored"}, "IdempotencyToken": "one"}  # fmt: skip
    job = backup.start_restore_job(**given)["RestoreJobId"]
    assert backup.start_restore_job(**given)["RestoreJobId"] == job
    assert backup.describe_restore_job(RestoreJobId=job)["Status"] == "RUNNING"
    made = rds_backends[ACCOUNT][AWAY].clusters["restored"]
    folder = noted(made, "lab_snapshot")
    assert (folder / "rows").read_text(encoding="utf-8") == "first"
    made.status = "available"
    assert backup.describe_restore_job(RestoreJobId=job)["Status"] == "COMPLETED"


def test_the_restored_volume_has_the_snapshots_files(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.go_on(0)
    made = rds_backends[ACCOUNT][HOME].cluster_snapshots.values()
    (folder,) = filter(None, map(data_of, made))
    storage = Storage(lab.worlds[AWAY], "restored", Taken(folder))
    monkeypatch.setattr(storage, "_prepared", lambda: None)
    assert storage.to_restore
    storage.restore()
    assert (storage.server.volume / "rows").read_text(encoding="utf-8") == "first"
    assert not storage.to_restore


def test_the_final_snapshot_of_a_cluster_has_its_volume(lab: Lab, tmp_path: Path) -> None:
    """Its server is gone by then, as its instances are."""
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "rows").write_text("last", encoding="utf-8")
    storage: Any = SimpleNamespace(server=SimpleNamespace(volume=volume), remove=lambda: None)
    gone: Any = SimpleNamespace(end=lambda: None, storage=storage)
    databases = Databases(lab.worlds[HOME])
    databases._snapshots = lab.snapshots[HOME]
    databases.clusters["orders"] = gone
    rds = client("rds", HOME)
    rds.delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="last")
    databases.observe()
    (last,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="last")["DBClusterSnapshots"]
    assert (last["Status"], volume.exists()) == ("available", False)
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="again", SnapshotIdentifier="last", Engine="aurora-postgresql"
    )
    folder = noted(rds_backends[ACCOUNT][HOME].clusters["again"], "lab_snapshot")
    assert (folder / "rows").read_text(encoding="utf-8") == "last"


def test_a_snapshot_of_another_region_or_without_data_cannot_be_restored(lab: Lab) -> None:
    rds = client("rds", HOME)
    given = {"DBClusterIdentifier": "x", "Engine": "aurora-postgresql"}
    rds.create_db_cluster_snapshot(DBClusterIdentifier="orders", DBClusterSnapshotIdentifier="mine")
    (mine,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="mine")["DBClusterSnapshots"]
    assert mine["Status"] == "creating"
    with pytest.raises(ClientError, match="InvalidDBClusterSnapshotStateFault"):
        rds.restore_db_cluster_from_snapshot(SnapshotIdentifier="mine", **given)
    lab.go_on(0)
    with pytest.raises(ClientError, match="DBClusterSnapshotNotFound"):
        client("rds", AWAY).restore_db_cluster_from_snapshot(SnapshotIdentifier=mine["DBClusterSnapshotArn"], **given)
    rds.restore_db_cluster_from_snapshot(SnapshotIdentifier="mine", **given)
    assert isinstance(rds_backends[ACCOUNT][HOME].cluster_snapshots["mine"], DBClusterSnapshot)
