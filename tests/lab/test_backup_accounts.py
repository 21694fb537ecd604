"""AWS Backup across accounts in the lab: copies into a vault of another one, and back; by botocore's own parsing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.backup.models import backup_backends
from moto.sts.models import STSBackend

from fixtures.lab.cloud import accounts
from fixtures.lab.cloud.notes import note
from fixtures.lab.cloud.world import ACCOUNT
from tests.lab.patched import put_back
from tests.lab.test_backup_parts import ARN, AWAY, HOME, Lab, bridged, client

__all__ = ["bridged"]

OTHER = "210987654321"
VAULT, BACK = "vault", "back"
COPY_ROLE = f"arn:aws:iam::{OTHER}:role/copy"
BACK_ARN = f"arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:{BACK}"


def policy(account: str) -> dict[str, Any]:
    """What lets that account copy into a vault."""
    who = {"AWS": f"arn:aws:iam::{account}:root"}
    return {"Statement": [{"Effect": "Allow", "Principal": who, "Action": "backup:CopyIntoBackupVault"}]}


def in_other(service: str, region: str = AWAY) -> Any:
    """A client of the other account."""
    return accounts.of_account(OTHER, client(service, region))


@pytest.fixture
def lab(bridged: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The plan copies to the other account, whose vault lets it; and that may copy back."""
    del bridged
    lab = Lab(tmp_path, monkeypatch)
    in_other("backup").create_backup_vault(BackupVaultName=VAULT)
    client("backup", AWAY).create_backup_vault(BackupVaultName=BACK)
    let(OTHER, VAULT, ACCOUNT)
    let(ACCOUNT, BACK, OTHER)
    (plan,) = backup_backends[ACCOUNT][HOME].plans.values()
    there = {"DestinationBackupVaultArn": f"arn:aws:backup:{AWAY}:{OTHER}:backup-vault:{VAULT}"}
    plan.backup_plan["Rules"][0]["CopyActions"] = [there]
    yield lab
    lab.end()


def let(owner: str, vault: str, account: str) -> None:
    """Let an account copy into a vault, or "" nobody."""
    found = backup_backends[owner][AWAY].vaults[vault]
    note(found, lab_policy=policy(account) if account else None)


def points() -> list[dict[str, Any]]:
    """What lies in the other account's vault."""
    found: list[dict[str, Any]] = in_other("backup").list_recovery_points_by_backup_vault(BackupVaultName=VAULT)[
        "RecoveryPoints"
    ]
    return sorted(found, key=lambda one: one["CreationDate"])


def copied(lab: Lab) -> dict[str, Any]:
    """The first recovery point in the other account's vault, once it is there."""
    lab.go_on(0)
    lab.go_on(1.0)
    return points()[0]


def asked(point: dict[str, Any]) -> dict[str, Any]:
    """What a copy back is asked for with."""
    return {
        "RecoveryPointArn": point["RecoveryPointArn"], "SourceBackupVaultName": VAULT, "IamRoleArn": COPY_ROLE,
        "DestinationBackupVaultArn": BACK_ARN, "IdempotencyToken": "one",
    }  # fmt: skip


def job_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = in_other("backup").describe_copy_job(CopyJobId=name)["CopyJob"]
    return found


def test_a_plan_copies_into_a_vault_of_another_account(lab: Lab) -> None:
    point = copied(lab)
    assert (point["Status"], point["ResourceArn"]) == ("COMPLETED", ARN)
    assert point["RecoveryPointArn"].startswith(f"arn:aws:rds:{AWAY}:{OTHER}:cluster-snapshot:awsbackup:copyjob-")
    assert lab.points(AWAY, "away") == []


def test_nothing_is_copied_where_the_vault_does_not_let_it(lab: Lab) -> None:
    let(OTHER, VAULT, "")
    lab.go_on(0)
    lab.go_on(3.0)
    assert points() == []


def test_so_many_are_kept_in_the_other_account_too(lab: Lab) -> None:
    for _ in range(8):
        lab.go_on(5.0)
    lab.go_on(2.0)
    assert len(points()) == 3


def test_none_is_restored_from_the_other_account(lab: Lab) -> None:
    point = copied(lab)
    given = {"RecoveryPointArn": point["RecoveryPointArn"], "IamRoleArn": "arn:aws:iam::1:role/backup",
             "Metadata": {"DBClusterIdentifier": "restored"}}  # fmt: skip
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("backup", AWAY).start_restore_job(**given)
    with pytest.raises(ClientError, match="DBClusterSnapshotNotFound"):
        client("rds", AWAY).restore_db_cluster_from_snapshot(
            SnapshotIdentifier=point["RecoveryPointArn"], DBClusterIdentifier="x", Engine="aurora-postgresql"
        )


def test_a_copy_job_brings_it_back_with_its_data_and_time_once(lab: Lab) -> None:
    point = copied(lab)
    lab.written = "second"
    job = in_other("backup").start_copy_job(**asked(point))["CopyJobId"]
    assert in_other("backup").start_copy_job(**asked(point))["CopyJobId"] == job
    assert job_of(job)["State"] == "CREATED"
    lab.go_on(0)
    lab.go_on(1.0)
    done = job_of(job)
    (back,) = lab.points(AWAY, BACK)
    assert (done["State"], done["DestinationRecoveryPointArn"]) == ("COMPLETED", back["RecoveryPointArn"])
    assert back["RecoveryPointArn"].startswith(f"arn:aws:rds:{AWAY}:{ACCOUNT}:cluster-snapshot:awsbackup:copyjob-")
    assert (back["CreationDate"], back["ResourceArn"]) == (point["CreationDate"], ARN)
    given = {"RecoveryPointArn": back["RecoveryPointArn"], "IamRoleArn": "arn:aws:iam::1:role/backup",
             "Metadata": {"DBClusterIdentifier": "restored"}}  # fmt: skip
    assert client("backup", AWAY).start_restore_job(**given)["RestoreJobId"]
    assert len(points()) == 1


def test_a_copy_job_fails_where_the_vault_does_not_let_it(lab: Lab) -> None:
    point = copied(lab)
    let(ACCOUNT, BACK, "")
    job = in_other("backup").start_copy_job(**asked(point))["CopyJobId"]
    lab.go_on(2.0)
    found = job_of(job)
    assert (found["State"], found["StatusMessage"]) == (
        "FAILED", f"Access denied: the access policy of vault {BACK} does not let account {OTHER} copy into it.",
    )  # fmt: skip
    assert lab.points(AWAY, BACK) == []


def test_a_copy_job_is_of_its_own_account_and_of_a_vault_that_has_the_point(lab: Lab) -> None:
    point = copied(lab)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("backup", AWAY).start_copy_job(**asked(point))
    in_other("backup").create_backup_vault(BackupVaultName="empty")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        in_other("backup").start_copy_job(**asked(point) | {"SourceBackupVaultName": "empty"})
    job = in_other("backup").start_copy_job(**asked(point))["CopyJobId"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("backup", AWAY).describe_copy_job(CopyJobId=job)


def test_nothing_is_copied_back_into_a_region_that_is_lost(lab: Lab) -> None:
    job = in_other("backup").start_copy_job(**asked(copied(lab)))["CopyJobId"]
    lab.worlds[AWAY].lost = True
    lab.go_on(0)
    lab.go_on(3.0)
    assert job_of(job)["State"] == "CREATED"


def test_nothing_is_copied_out_of_a_region_that_is_lost(lab: Lab) -> None:
    note(backup_backends[ACCOUNT][HOME].vaults["here"], lab_policy=policy(OTHER))
    to = {"DestinationBackupVaultArn": f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:here"}
    job = in_other("backup").start_copy_job(**asked(copied(lab)) | to)["CopyJobId"]
    lab.worlds[AWAY].lost = True
    lab.go_on(0)
    lab.go_on(3.0)
    assert job_of(job)["State"] == "CREATED"
    lab.worlds[AWAY].lost = False
    lab.go_on(1.0)
    lab.go_on(1.0)
    assert job_of(job)["State"] == "COMPLETED"


def test_a_recovery_point_that_is_deleted_takes_its_files_along(lab: Lab, tmp_path: Path) -> None:
    in_other("backup").start_copy_job(**asked(copied(lab)))
    lab.go_on(0)
    lab.go_on(1.0)
    (back,), folders = lab.points(AWAY, BACK), len(list(tmp_path.glob(f"snapshot-{AWAY}-*")))
    given = {"RecoveryPointArn": back["RecoveryPointArn"]}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("backup", AWAY).delete_recovery_point(BackupVaultName="away", **given)
    client("backup", AWAY).delete_recovery_point(BackupVaultName=BACK, **given)
    assert lab.points(AWAY, BACK) == []
    lab.go_on(0)
    lab.end()
    assert len(list(tmp_path.glob(f"snapshot-{AWAY}-*"))) == folders - 1


def test_a_role_of_another_account_is_assumed_by_its_trust_policy_only(lab: Lab) -> None:
    del lab
    trust = {"Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "orders"}},
    }]}  # fmt: skip
    with put_back(STSBackend):
        accounts.install()
        in_other("iam").create_role(RoleName="drills", AssumeRolePolicyDocument=json.dumps(trust))
        sts, role = client("sts", AWAY), f"arn:aws:iam::{OTHER}:role/drills"
        assert sts.assume_role(RoleArn=role, RoleSessionName="drills", ExternalId="orders")["Credentials"]
        for arn, external_id in ((role, "another"), (f"{role}-not-there", "orders")):
            with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole on resource"):
                sts.assume_role(RoleArn=arn, RoleSessionName="drills", ExternalId=external_id)
        assert sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any", RoleSessionName="drills")["Credentials"]
