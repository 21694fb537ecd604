"""What is broken on purpose, and what must be said of it then; `bench/sabotage.py` tries it.

Each is a reference workload with one thing broken.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.drilled import TWO_REGIONS, WORKLOADS
from bench.sabotage_texts import (
    FENCE,
    LEAD,
    NEVER_OUT,
    PROMOTE,
    PROMOTE_BY_COMMAND,
    PUT_RIGHT,
    REMOVE_CAPACITY,
    RETURN_DATABASE,
    SOON,
    SWITCH_DATABASE,
    TURN_AWAY,
    TURN_RESTORED,
    TURN_TRAFFIC,
)

ONE_REGION = WORKLOADS / "orders-multi-az.toml"
BOTH_SERVE = WORKLOADS / "orders-active-active-partitioned.toml"
ONE_WRITES = WORKLOADS / "orders-active-active-global.toml"
BACKUPS, PILOT_LIGHT = WORKLOADS / "orders-backup-restore.toml", WORKLOADS / "orders-pilot-light.toml"
OBJECTS, ROWS = WORKLOADS / "documents-s3.toml", WORKLOADS / "ledger-dynamodb.toml"
HYBRID = WORKLOADS / "orders-hybrid.toml"
# Of the backups' workload: the template of each of its sites, and what the sabotages call a copy of it.
SITE, OTHER = "orders-backup-restore.template.json", "other.template.json"
MISSED, NO_VERDICT = 10, 11  # the exit codes of a drill that missed an objective, and of one that shows something else


class Sabotage(msgspec.Struct, frozen=True, kw_only=True):
    """One thing broken: texts that are replaced in the workload file, and what must be said of it.

    `primary` and `recovery` are texts that are replaced in the template of that site, `other` those in a copy of the
    backups' template, which lies beside the workload file as `OTHER`. `check` is the finding that must be red, `says` a
    part of its words. `arguments` are more of them for pytest; where that makes several drills, `of` are parameters of
    the one that must be red. `prints` is what the run has to print besides. `sound`: the counterpart of one, which has
    to pass, and by that finding. `invalid`: what is broken is no such workload any more, so that its drill decides
    nothing.
    """

    name: str
    drill: str
    workload: Path = TWO_REGIONS
    changes: Mapping[str, str] = {}
    primary: Mapping[str, str] = {}
    recovery: Mapping[str, str] = {}
    other: Mapping[str, str] = {}
    check: str
    says: str
    arguments: tuple[str, ...] = ()
    of: Mapping[str, str] = {}
    prints: str = ""
    sound: bool = False
    invalid: bool = False

    @property
    def wanted(self) -> tuple[int, str]:
        """The exit code of its drill, and the verdict of its finding."""
        if self.invalid:
            return NO_VERDICT, "invalid"
        return (0, "pass") if self.sound else (MISSED, "fail")


ISOLATION = "drills/test_region_isolation.py"
SWITCHED_OFF = "tests/sabotage/drills/drill_replication_switched_off.py::test_replication_switched_off"
SABOTAGES = (
    Sabotage(
        name="promote left out",
        drill=ISOLATION,
        changes={**SOON, PROMOTE: "", 'after = ["promote-database"]': "after = []"},
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="route before promote",
        drill=ISOLATION,
        changes={
            'to = "recovery"\nhow = "failover"\n': 'to = "recovery"\nhow = "failover"\nafter = ["too-early"]\n',
            TURN_TRAFFIC: TURN_TRAFFIC.replace('["turn-database-name", "add-capacity"]', "[]")
            + '\n[[plans.region.steps]]\nname = "too-early"\nkind = "run"\ncommand = ["sleep", "30"]\n'
            'after = ["turn-traffic"]\ntimeout = "40s"\n',
        },
        check="recovery time",
        says="the RTO is 30 s",
    ),
    Sabotage(
        name="replication silently stopped before the fault",
        drill="tests/sabotage/drills/drill_replication_stopped.py",
        check="data loss",
        says="the objective is 5 s",
    ),
    Sabotage(
        name="restore to a second too late",
        drill="tests/sabotage/drills/drill_restored_too_late.py",
        changes=SOON,
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="restore too early",
        drill="drills/test_table_corruption.py",
        changes={'before = "0s"': 'before = "4s"', 'rpo = "30s"': 'rpo = "7s"'},
        check="data loss",
        says="the objective is 7 s",
    ),
    Sabotage(
        name="a plan that calls the lost Region",
        drill=ISOLATION,
        changes={PROMOTE: FENCE + PROMOTE},
        check="plan",
        says="fence-primary failed",
    ),
    Sabotage(
        name="failback that skips resynchronisation",
        drill=ISOLATION,
        # The main failover loses nothing here, so an RPO of 0 is kept by it, and missed on the way home alone.
        changes={RETURN_DATABASE: RETURN_DATABASE.replace("switchover", "failover"), 'rpo = "5s"': 'rpo = "0s"'},
        check="failback: data loss",
        says="were lost",
    ),
    Sabotage(
        name="blip that starts the plan",
        drill="drills/test_transient_blip.py",
        changes={'after = "5s"            #': 'after = "0s"            #'},
        check="no failover",
        says="A blip started the plan",
    ),
    Sabotage(
        name="a fence that does not hold",
        drill="drills/test_old_primary_returns.py",
        changes={'aurora_failover = "2s"': 'aurora_failover = "2s"\naurora_fences = 0'},
        check="old primary fenced",
        says="split brain",
    ),
    Sabotage(
        name="replication that drops items",
        drill=ISOLATION,
        workload=BOTH_SERVE,
        arguments=("-k", "eu-west-1"),
        changes={'dynamodb_global_lag = "700ms"': 'dynamodb_global_lag = "700ms"\ndynamodb_global_drops = 25'},
        check="convergence",
        says="keys are not the same at central and west",
    ),
    Sabotage(
        name="a Region that commits itself what it is to send on",
        drill=ISOLATION,
        workload=ONE_WRITES,
        arguments=("-k", "eu-west-1"),
        changes={"WRITE_URL =": "SHOP_URL ="},
        check="one write Region",
        says="were not committed in eu-west-1",
        invalid=True,
    ),
    Sabotage(
        name="restore from an older copy than the newest",
        drill="drills/test_backups_only.py",
        workload=BACKUPS,
        changes={
            'to_identifier = "orders-br-restored"': 'to_identifier = "orders-br-restored"\nbefore = "14s"',
            'rpo = "20s"': 'rpo = "12s"',
        },
        check="data loss",
        says="the objective is 12 s",
    ),
    Sabotage(
        name="a deploy of another template",
        drill="drills/test_backups_only.py",
        workload=BACKUPS,
        changes={f'template = "{SITE}"\nsame_as': f'template = "{OTHER}"\nsame_as'},
        other={'"Description": "orders at one site': '"Description": "orders at another site'},
        check="deployed template",
        says="deployed another template",
    ),
    Sabotage(
        name="a vault that lets nothing be copied back",
        drill="drills/test_backups_only.py",
        workload=BACKUPS,
        changes={'rto = "60s"': 'rto = "30s"', 'deadline = "120s"': 'deadline = "40s"'},
        recovery={'"Action": "backup:CopyIntoBackupVault"': '"Action": "backup:DescribeBackupVault"'},
        check="plan",
        says="does not let account 210987654321 copy into it",
    ),
    Sabotage(
        name="a pilot light that is left burning",
        drill="drills/test_passive_site.py",
        workload=PILOT_LIGHT,
        recovery={'"DesiredCapacity": "0"': '"DesiredCapacity": "1"'},
        check="passive site",
        says="labelled pilot-light, and answers",
    ),
    Sabotage(
        name="an image that was never copied",
        drill="drills/test_readiness.py",
        workload=PILOT_LIGHT,
        recovery={
            '"ImageId": {\n            "Ref": "Image"\n          }': '"ImageId": "ami-0abcdef1234567890"'
        },
        check="ready: images (recovery)",
        says="is not in eu-central-1: nothing can start",
    ),
    Sabotage(
        name="on premises, nobody promotes",
        drill="drills/test_on_premises_lost.py",
        workload=HYBRID,
        changes={
            PROMOTE_BY_COMMAND: "",
            'after = ["promote-database", "add-capacity"]': 'after = ["add-capacity"]',
            'deadline = "90s"': 'deadline = "40s"',
            'settle = "60s"': 'settle = "20s"',
        },
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="on premises, a line that is too slow",
        drill="drills/test_on_premises_lost.py",
        workload=HYBRID,
        changes={'premises_lag = "1s"': 'premises_lag = "8s"'},
        check="data loss",
        says="the objective is 5 s",
    ),
    Sabotage(
        name="objects overwritten, and none is put right",
        drill="drills/test_objects_overwritten.py",
        workload=OBJECTS,
        # What does not recover need not be waited for much longer than the RTO.
        changes={PUT_RIGHT: "", 'deadline = "90s"': 'deadline = "65s"'},
        check="integrity",
        says="came back with another checksum or version",
    ),
    Sabotage(
        name="objects deleted, and none is put right",
        drill="drills/test_objects_deleted.py",
        workload=OBJECTS,
        # So many that they are the newest of more seconds than may be lost.
        changes={PUT_RIGHT: "", "max_rows = 20": "max_rows = 60", 'rpo = "30s"': 'rpo = "2s"'},
        check="data loss",
        says="the objective is 2 s",
    ),
    Sabotage(
        name="a failover while replication stands still, unnoticed for longer than the RPO",
        drill="drills/test_replication_paused_then_failover.py",
        check="data loss",
        says="the objective is 5 s",
    ),
    Sabotage(
        name="a plan that calls the primary without giving it up",
        drill="drills/test_primary_control_plane_denied.py",
        changes={'lost = "primary"\n': "", PROMOTE: FENCE + PROMOTE},
        check="control plane of eu-west-1",
        says="fence-primary called autoscaling DescribeAutoScalingGroups in eu-west-1",
    ),
    Sabotage(
        name="a pilot light that has to launch what cannot be had",
        drill="drills/test_capacity_denied.py",
        workload=PILOT_LIGHT,
        changes=SOON,
        check="static stability",
        says="failed for want of it",
    ),
    Sabotage(
        name="a standby that runs all that it needs",
        drill="drills/test_capacity_denied.py",
        changes={REMOVE_CAPACITY: ""},
        recovery={'"MinSize": "1",\n        "DesiredCapacity": "1"': '"MinSize": "3",\n        "DesiredCapacity": "3"'},
        check="static stability",
        says="tried no launch",
        sound=True,
    ),
    Sabotage(
        name="a plan that cannot be begun again",
        drill="drills/test_recovery_aborted.py",
        changes={**SOON, PROMOTE: LEAD + PROMOTE},
        check="recovery begun again",
        says="take-the-lead: exit code 1",
    ),
    Sabotage(
        name="another site that nobody turns the traffic to",
        drill="drills/test_configuration_tampered.py::test_configuration_tampered[secret]",
        changes={**SOON, TURN_AWAY: ""},
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="a zone that is cut off and stays in service",
        drill="drills/test_az_isolation.py::test_az_isolation[eu-west-1c]",
        workload=ONE_REGION,
        changes=NEVER_OUT,
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="a name of the writer that is kept for an hour",
        drill="drills/test_database_failover.py",
        workload=ONE_REGION,
        changes={'db_dns_ttl = "1s"': 'db_dns_ttl = "1h"', 'deadline = "60s"': 'deadline = "30s"'},
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="the only instance of a group that looks once a minute",
        drill="drills/test_instances_terminated.py::test_instances_terminated[eu-west-1a]",
        changes={**SOON, 'asg_check = "1s"': 'asg_check = "60s"'},
        primary={'"MinSize": "3",\n        "DesiredCapacity": "3"': '"MinSize": "1",\n        "DesiredCapacity": "1"'},
        check="recovery time",
        says="the RTO is 20 s",
    ),
    Sabotage(
        name="endpoints that are blocked, and nobody turns the traffic",
        drill="drills/test_endpoints_blocked.py::test_endpoints_blocked[deny]",
        changes={**SOON, f"[[plans.region.steps]]\n{TURN_TRAFFIC}\n": ""},
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="a failover in place of a planned switchover",
        drill="drills/test_planned_switchover.py",
        changes={SWITCH_DATABASE: SWITCH_DATABASE.replace("switchover", "failover", 1)},  # less than the RPO of 5 s
        check="planned switchover",
        says="were lost by the switchover",
    ),
    Sabotage(
        name="replication that goes on without some of the items",
        drill="drills/test_replication_paused.py",
        workload=BOTH_SERVE,
        changes={'dynamodb_global_lag = "700ms"': 'dynamodb_global_lag = "700ms"\ndynamodb_global_drops = 25'},
        check="convergence",
        says="keys are not the same at central and west",
    ),
    Sabotage(
        name="replication that is switched off while it is paused, and on again",
        drill=f"{SWITCHED_OFF}[undo]",
        workload=OBJECTS,
        check="convergence",
        says="keys are not the same at primary and recovery",
    ),
    Sabotage(
        name="replication that stays switched off when its pause is over",
        drill=f"{SWITCHED_OFF}[end]",
        workload=OBJECTS,
        check="replication caught up",
        says="It did not catch up",
    ),
    Sabotage(
        name="deleted rows that are restored from too long before",
        drill="drills/test_rows_deleted.py",
        workload=ROWS,
        changes={
            'swap = "copy-back"': 'swap = "copy-back"\nbefore = "6s"',
            'rpo = "30s"': 'rpo = "4s"',
            'steady = "5s"': 'steady = "10s"',  # so that rows were there by then
        },
        check="data loss",
        says="the objective is 4 s",
    ),
    Sabotage(
        name="a dropped table that is restored, and nobody turns to it",
        drill="drills/test_table_dropped.py",
        changes={**SOON, TURN_RESTORED: ""},
        check="recovery time",
        says="not seen to recover",
    ),
    Sabotage(
        name="a defect that the second of some random faults meets",
        drill="drills/test_random_faults.py",
        workload=ONE_REGION,
        arguments=("--chaos-seed", "0", "--chaos-minutes", "4"),
        changes=NEVER_OUT,
        of={"place": "2", "fault": "isolate_zone-eu-west-1b"},
        check="recovery time",
        says="not seen to recover",
        prints="shortest failing sequence found (seen when run again): 2. isolate_zone-eu-west-1b",
    ),
)  # fmt: skip
