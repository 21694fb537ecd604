"""A drill is killed at each point of its way, and its journal brings the lab home: `python -m bench.kills [NAME ...]`.

Each drill runs as a user runs it, and is killed with SIGKILL once its evidence says that it has come so far. Then
another process undoes its journal, and what AWS says of everything that the drill and its plan may have touched is
compared with what it said before the fault.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from bench.drilled import HANGS_S, ROOT, TWO_REGIONS, Where, command_of, folder_of, in_a_row, started
from bench.figures import write
from bench.leftovers import left_of
from fixtures.lab import Lab, down
from fixtures.lab.disks import lab_of

ISOLATION, LOST = "drills/test_region_isolation.py", "drills/test_site_lost.py"
CORRUPTED = "drills/test_table_corruption.py"
REGIONS = ("eu-west-1", "eu-central-1")
UNDO_S = 300.0
POLL_S = 0.02

World = dict[str, Any]
"""What AWS says, by what was asked: plain values that can be compared."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Where a drill is killed: once that mark was written so many times, or that step of a plan is done."""

    name: str
    drill: str = ISOLATION
    mark: str = ""
    times: int = 1
    step: str = ""


POINTS = (
    Point(name="steady", mark="steady"),
    Point(name="the fault is asked for", mark="requested"),
    Point(name="the fault is in effect", mark="effective"),
    Point(name="the plan is decided", mark="decided"),
    Point(name="the database is promoted", step="promote-database"),
    Point(name="the database's name is turned", step="turn-database-name"),
    Point(name="the traffic is turned", step="turn-traffic"),
    Point(name="the audit at the failover", mark="audit"),
    Point(name="the undo of the fault", mark="undo"),
    Point(name="the fault is undone", mark="undone"),
    Point(name="the way home begins", mark="failback start"),
    Point(name="the database is home", step="return-database"),
    Point(name="the traffic is home", step="return-traffic"),
    Point(name="the capacity is home", step="remove-capacity"),
    Point(name="a lost site, promoted", drill=LOST, step="promote-database"),
    Point(name="a corrupted table", drill=CORRUPTED, mark="effective"),
    Point(name="a corrupted table, restored", drill=CORRUPTED, step="restore-database"),
)


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one kill: `wrong` says in sentences what is not as it was."""

    name: str
    opened: int
    undo: int
    took_s: float
    wrong: tuple[str, ...]


def reached(point: Point, drill: Path) -> bool:
    """Whether the drill has come so far, by its own evidence."""
    if point.step:
        steps = _lines(drill / "steps.jsonl")
        return any(step.get("name") == point.step and step.get("outcome") == "done" for step in steps)
    return len([m for m in _lines(drill / "marks.jsonl") if m.get("name") == point.mark]) >= point.times


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]


def world(lab: Lab) -> World:
    """All that the drills and the plans of the reference workload may change."""
    found: World = {}
    for region in REGIONS:
        found |= {f"{region} {name}": value for name, value in _region(lab, region).items()}
    names = _client(lab, "route53", "us-east-1")
    for zone in names.list_hosted_zones()["HostedZones"]:
        for record in names.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            found[f"record {record['Name']} {record['Type']} {record.get('SetIdentifier', '')}".strip()] = record
    for check in names.list_health_checks()["HealthChecks"]:
        config = check["HealthCheckConfig"]
        found["health check"] = [config.get("Disabled", False), config.get("Inverted", False)]
    iam = _client(lab, "iam", "us-east-1")
    for role in iam.list_roles()["Roles"]:
        found[f"policies of {role['RoleName']}"] = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    return found


def _region(lab: Lab, region: str) -> World:
    rds, groups, ec2 = (_client(lab, name, region) for name in ("rds", "autoscaling", "ec2"))
    fis = _client(lab, "fis", region)
    clusters = rds.describe_db_clusters()["DBClusters"]
    return {
        "clusters": {
            c["DBClusterIdentifier"]: [c["Status"], sorted(m["DBInstanceIdentifier"] for m in c["DBClusterMembers"])]
            for c in clusters
        },
        "global clusters": {
            g["GlobalClusterIdentifier"]: [
                g["Status"], sorted([m["DBClusterArn"], m["IsWriter"]] for m in g["GlobalClusterMembers"])
            ]
            for g in rds.describe_global_clusters()["GlobalClusters"]
        },
        "groups": {
            g["AutoScalingGroupName"]: [g["MinSize"], g["DesiredCapacity"], g["MaxSize"]]
            for g in groups.describe_auto_scaling_groups()["AutoScalingGroups"]
        },
        "network ACLs": {
            a["NetworkAclId"]: sorted((e["RuleNumber"], e["Egress"], e["RuleAction"]) for e in a["Entries"])
            for a in ec2.describe_network_acls()["NetworkAcls"]
        },
        "experiments": [e["id"] for e in fis.list_experiments()["experiments"] if e["state"]["status"] == "running"],
    }  # fmt: skip


def _client(lab: Lab, service: str, region: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # the service is not a literal
        service, region_name=region, endpoint_url=lab.endpoint_url, aws_access_key_id="bench",
        aws_secret_access_key="bench", config=Config(retries={"max_attempts": 2}, read_timeout=20),  # noqa: S106  # made up
    )  # fmt: skip


def differences(before: World, after: World) -> list[str]:
    """In sentences, what is not as it was."""
    return [
        f"{name} was {before.get(name)!r}, and is {after.get(name)!r}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def killed(point: Point, folder: Path) -> Killed:
    """Run the drill, kill it there, undo its journal, and compare."""
    where, began_s = Where(folder), time.monotonic()
    wrong: list[str] = []
    with started(command_of(TWO_REGIONS, point.drill), where) as process:
        lab = _await(lambda: lab_of(process.pid), process)
        drill = _await(lambda: next((p.parent for p in where.runs.glob("*/*/marks.jsonl")), None), process)
        steady = Point(name="", mark="steady" if point.mark != "steady" else "start")
        _await(lambda: reached(steady, drill) or None, process)
        before = world(lab)
        _await(lambda: reached(point, drill) or None, process)
        process.send_signal(signal.SIGKILL)
        process.wait(HANGS_S)
    opened = len(list(where.state.glob("[!.]*.jsonl")))
    undo = _journal(where, "undo", "--keep-lab")
    (folder / "undo.txt").write_text(undo.stdout + undo.stderr, encoding="utf-8")
    if undo.returncode:
        wrong.append(f"journal undo ended with {undo.returncode}: {undo.stdout.strip()[-600:]}")
    wrong += differences(before, world(lab))
    wrong += [f"left an open journal: {path.name}" for path in where.state.glob("[!.]*.jsonl")]
    down(lab)
    wrong += left_of([lab.id], where.state)
    return Killed(
        name=point.name, opened=opened, undo=undo.returncode, took_s=time.monotonic() - began_s, wrong=tuple(wrong)
    )


def _await(look: Callable[[], Any], process: "subprocess.Popen[bytes]") -> Any:
    """Look until there is something. Raises TimeoutError, or RuntimeError where the drill ended before."""
    deadline_s = time.monotonic() + HANGS_S
    while time.monotonic() < deadline_s:
        if (found := look()) is not None:
            return found
        if process.poll() is not None:
            raise RuntimeError(f"the drill ended before it was killed, with {process.returncode}")
        time.sleep(POLL_S)
    raise TimeoutError(f"not within {HANGS_S:g} s")


def _journal(where: Where, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fixtures.journal", *arguments],
        cwd=ROOT, env=where.environment(), capture_output=True, text=True, timeout=UNDO_S, check=False,
    )  # fmt: skip


def told(found: Killed) -> str:
    """One kill in a line, and what is not as it was below."""
    line = f"{'NOT HOME' if found.wrong else 'home'}  killed at: {found.name} ({found.took_s:.0f} s)"
    return "\n".join([line, *(f"    - {says[:600]}" for says in found.wrong)])


def main(names: Sequence[str]) -> int:
    """Kill at all points, or at those whose name holds one of the names; 1 if any is not home."""
    chosen = [point for point in POINTS if not names or any(name in point.name for name in names)]
    folder = folder_of("kills")

    def one(number: int, point: Point) -> Killed:
        try:
            return killed(point, folder / f"{number:02d}")
        except (RuntimeError, TimeoutError) as error:
            return Killed(name=point.name, opened=0, undo=-1, took_s=0.0, wrong=(str(error),))

    found = in_a_row(chosen, one, told)
    write("kills", killed=found)
    home = sum(not one.wrong for one in found)
    print(f"\n{home} of {len(found)} killed drills were brought home. Figures in bench/out/kills.json.")
    return 0 if home == len(chosen) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
