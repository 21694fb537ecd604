"""The operator's roles: what is committed is what is made, each action and condition is one of IAM's, and it fits."""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from fixtures import iam
from fixtures.errors import Refused
from fixtures.iam_declared import actions, faults, probes, steps
from fixtures.iam_grants import GRANTS, PAGES
from fixtures.iam_harness import DEAD_MAN, HARNESS, JOURNAL, LEASE
from fixtures.iam_statements import Bounds, statements
from fixtures.iam_template import TAG, Scope, template
from fixtures.recovery.copy_back import IN_VAULT
from fixtures.workload import load
from fixtures.workload_plans import DeployStep, RecoveryPlan, RestoreStep, RunStep

WORKLOADS = Path(__file__).parents[2] / "fixtures" / "workloads"
# [IAM user guide: IAM and STS quotas]: characters of a managed policy without white space; such policies of a role.
LONGEST, MOST = 6144, 10
SAMPLE = {
    "Regions": ["eu-central-1", "eu-west-1", "us-east-1"], "WorkloadTag": "orders-warm-standby-automatic",
    "JournalBucket": "a-bucket-with-quite-a-long-name-of-some-60-characters-or-so", "LeaseTable": "dr-drills-leases",
    "DeadMan": "dr-drills-undo-with-a-longer-name",
    "AWS::Partition": "aws-us-gov", "AWS::AccountId": "123456789012",
}  # fmt: skip


def known() -> dict[str, Any]:
    """The Service Authorization Reference, as cfn-lint carries it."""
    found: dict[str, Any] = json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text("utf-8"))
    return found


KNOWN = known()


def types_of(action: str) -> dict[str, dict[str, Any]]:
    """The types of resource that an action names."""
    service, _, name = action.partition(":")
    resources = KNOWN[service]["Resources"]
    return {one: resources[one.lower()] for one in KNOWN[service]["Actions"][name.lower()].get("Resources", ())}


@cache
def full() -> dict[str, Any]:
    return template(Scope())


def policies(of: dict[str, Any], role: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name: one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in of["Resources"].items()
        if one["Type"] == "AWS::IAM::ManagedPolicy" and {"Ref": role} in one["Properties"]["Roles"]
    }


def allowed(of: dict[str, Any], role: str) -> dict[str, list[dict[str, Any]]]:
    """Each action of a role, with the statements that allow it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for statement in (one for given in policies(of, role).values() for one in given):
        for action in statement["Action"]:
            found.setdefault(action, []).append(statement)
    return found


def resolved(value: Any) -> Any:
    """A policy as CloudFormation would make it, with samples."""
    if isinstance(value, dict) and "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(SAMPLE[found[1]]), value["Fn::Sub"])
    if isinstance(value, dict):
        return SAMPLE[value["Ref"]] if "Ref" in value else {key: resolved(one) for key, one in value.items()}
    return [resolved(one) for one in value] if isinstance(value, list) else value


def test_the_committed_template_is_the_one_that_is_made() -> None:
    assert iam.FULL.read_text(encoding="utf-8") == iam.text_of(Scope()), "run `python -m fixtures.iam write`"


def test_the_table_of_the_docs_is_the_one_that_is_made() -> None:
    page = iam.DOCS.read_text(encoding="utf-8")
    assert iam.documented(page) == page, "run `python -m fixtures.iam write`"


def test_iam_knows_each_action() -> None:
    wanted = {*allowed(full(), "Operator"), *allowed(full(), "Undo"), *GRANTS}
    parts = (JOURNAL, LEASE, DEAD_MAN, IN_VAULT)
    everybody = (*faults().values(), *steps().values(), *probes().values(), *HARNESS.values(), *parts)
    wanted |= set(actions(frozenset(call for needs in everybody for call in needs.calls)))
    assert len(wanted) > 70
    unknown = [
        one for one in sorted(wanted) if one.partition(":")[2].lower() not in KNOWN[one.partition(":")[0]]["Actions"]
    ]
    assert unknown == []


@pytest.mark.parametrize("action", GRANTS)
def test_a_grant_names_the_types_of_the_action(action: str) -> None:
    types = types_of(action)
    for grant in GRANTS[action]:
        assert grant.type in types, sorted(types)
        arn = resolved({"Fn::Sub": f"arn:${{AWS::Partition}}:{grant.arn}"})
        assert any(re.match(_pattern(one), arn) for one in types[grant.type]["ARNFormats"]), grant.arn
        if grant.how in ("tagged", "made"):
            assert "aws:ResourceTag/${TagKey}" in types[grant.type]["ConditionKeys"]
        else:
            assert grant.why
    assert action.partition(":")[0] in PAGES


def _pattern(written: str) -> str:
    """The copy's way of an ARN: a pattern, with placeholders before its resource."""
    placeholders = ("${Partition}", "${Vendor}", "${Region}", "${Account}")
    for one in placeholders:
        written = written.replace(one, "[^:]*")
    return written.replace(":*:", ":[^:]*:") + "$"


def test_each_write_is_bound() -> None:
    """Nothing that changes something is allowed everywhere; what has no grant yet, in the workload's Regions only."""
    changing = {call for one in (*faults().values(), *steps().values(), *probes().values()) for call in one.changing}
    writes = {*actions(frozenset(changing)), *GRANTS}
    told = str(full()["Metadata"]["dr-drills"]["NotBoundByTags"])
    for role in ("Operator", "Undo"):
        for action, statement in ((action, one) for action, given in allowed(full(), role).items() for one in given):
            if action not in writes:
                continue
            named = any(by in str(statement["Resource"]) for by in ("Bucket", "LeaseTable", "DeadMan"))
            regions = statement.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion")
            at_one_place = action.partition(":")[0] in ("iam", "route53", "route53-recovery-cluster")
            if action not in GRANTS:
                assert regions == {"Ref": "Regions"}, f"{action} needs an entry in fixtures/iam_grants.py"
                assert action in told
                continue
            assert statement["Resource"] != "*", action
            assert at_one_place or named or regions == {"Ref": "Regions"}, action


def test_tags_are_asked_where_the_action_knows_them() -> None:
    given = allowed(full(), "Operator")
    for action in ("ec2:StopInstances", "autoscaling:UpdateAutoScalingGroup", "rds:StopDBCluster", "iam:PutRolePolicy"):
        (statement,) = given[action]
        assert statement["Condition"]["StringEquals"][f"aws:ResourceTag/{TAG}"] == {"Ref": "WorkloadTag"}
    undo = allowed(full(), "Undo")
    (made,) = undo["rds:DeleteDBInstance"]
    assert made["Condition"]["Null"] == {"aws:ResourceTag/dr-drills:run": "false"}


def test_an_undo_can_break_nothing() -> None:
    undo = set(allowed(full(), "Undo"))
    every = (*faults().values(), *steps().values())
    wanted = set(actions(frozenset(call for one in every if not one.lab_only for call in one.put_back)))
    assert undo == wanted | set(actions(JOURNAL.calls)) | set(actions(DEAD_MAN.put_back))
    assert not undo & {
        "ec2:StopInstances",
        "ec2:CreateNetworkAclEntry",
        "iam:PutRolePolicy",
        "rds:FailoverGlobalCluster",
    }
    assert {"ec2:StartInstances", "iam:DeleteRolePolicy", "secretsmanager:GetSecretValue"} <= undo
    assert undo < set(allowed(full(), "Operator"))


def test_it_fits_into_what_iam_takes() -> None:
    for role in ("Operator", "Undo"):
        found = policies(full(), role)
        assert len(found) <= MOST
        for name, given in found.items():
            document = {"Version": "2012-10-17", "Statement": resolved(given)}
            assert len("".join(json.dumps(document).split())) <= LONGEST, name
            sids = [one["Sid"] for one in given]
            assert len(set(sids)) == len(sids)
            assert all(sid.isalnum() for sid in sids)


def test_one_workload_needs_less_and_is_named() -> None:
    made = template(Scope(("corrupt_table",), load(WORKLOADS / "ledger-dynamodb.toml")))
    given = allowed(made, "Operator")
    assert not [one for one in given if one.partition(":")[0] in ("rds", "rds-data", "secretsmanager")]
    machines = [one for action in given if action.startswith("states:") for one in given[action]]
    assert all("${DeadMan}" in str(one["Resource"]) for one in machines)  # none of a plan's step
    assert "ec2:StopInstances" not in given
    (writing,) = given["dynamodb:DeleteTable"]
    assert [one["Fn::Sub"].rpartition("/")[2] for one in writing["Resource"]] == ["ledger", "ledger-restored"]
    assert made["Parameters"]["Regions"]["Default"] == "eu-west-1"
    assert "WorkloadTag" not in made["Parameters"]


def test_one_workload_s_records_and_tags_are_named() -> None:
    made = template(Scope(None, load(WORKLOADS / "orders-warm-standby.toml")))
    given = allowed(made, "Operator")
    (turning,) = given["route53:ChangeResourceRecordSets"]
    names = turning["Condition"]["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
    assert names == ["db.eu-central-1.shop.example", "db.eu-west-1.shop.example", "orders.shop.example"]
    (stopping,) = given["ec2:StopInstances"]
    assert stopping["Condition"]["StringEquals"][f"aws:ResourceTag/{TAG}"] == "orders-warm-standby"
    assert not [one for one in given if one == "dynamodb:DeleteTable"]
    assert made["Parameters"]["JournalBucket"]["Default"] == "orders-ws-drills"


def test_one_workload_s_region_switch_plan_is_the_only_one_that_may_be_started() -> None:
    arn = "arn:aws:arc-region-switch::123456789012:plan/orders:a1b2c3"
    given = {"region_switch_plan": arn, "action": "activate", "mode": "graceful", "target_region": "eu-central-1"}
    step = RunStep.model_validate({"name": "switch", "kind": "run"} | given)
    workload = load(WORKLOADS / "orders-warm-standby.toml")
    plan = RecoveryPlan(steps=(step,))
    workload = workload.model_copy(update={"plans": workload.plans.model_copy(update={"region": plan})})
    (starting,) = allowed(template(Scope(None, workload)), "Operator")["arc-region-switch:StartPlanExecution"]
    assert resolved(starting["Resource"]) == arn.replace(":aws:", ":aws-us-gov:")
    assert starting["Condition"]["StringEquals"][f"aws:ResourceTag/{TAG}"] == "orders-warm-standby"


def test_the_roles_that_a_plan_gives_to_a_service_may_be_passed_and_no_others() -> None:
    workload = load(WORKLOADS / "orders-backup-restore.toml")
    plan = workload.plan("region")
    assert plan is not None
    given = {step.role for step in plan.steps if isinstance(step, DeployStep | RestoreStep) and step.role is not None}
    assert given
    (passing,) = (
        one
        for found in policies(template(Scope(workload=workload)), "Operator").values()
        for one in found
        if one["Action"] == ["iam:PassRole"]
        and isinstance(one["Condition"]["StringEquals"]["iam:PassedToService"], list)
    )
    own, *others = [one["Fn::Sub"] for one in passing["Resource"]]
    assert own == "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/dr-drills*"
    assert {one.partition("role/")[2] for one in others} == {arn.partition("role/")[2] for arn in given}
    assert "backup.amazonaws.com" in passing["Condition"]["StringEquals"]["iam:PassedToService"]


def test_a_copy_is_deleted_by_who_may_copy_back_and_no_other_backup() -> None:
    made = template(Scope(workload=load(WORKLOADS / "orders-backup-restore.toml")))
    for role in ("Operator", "Undo"):
        (deleting,) = allowed(made, role)["backup:DeleteRecoveryPoint"]
        assert resolved(deleting["Resource"]).endswith(":cluster-snapshot:awsbackup:copyjob-*")
        assert "backup:StartCopyJob" not in allowed(made, role)  # that is for a role in the vault's account
    others = template(Scope(workload=load(WORKLOADS / "orders-warm-standby.toml")))
    assert "backup:DeleteRecoveryPoint" not in allowed(others, "Undo")


def test_what_nobody_has_bound_yet_is_allowed_by_region_and_told() -> None:
    bounds = Bounds({TAG: "orders"}, ["eu-west-1"], {})
    (statement,) = statements(["ec2:RebootInstances"], frozenset(["ec2:RebootInstances"]), bounds)
    assert statement["Resource"] == "*"
    assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}
    with pytest.raises(Refused, match=r"iam:CreateUser is bound by no Region, so it needs an entry"):
        statements(["iam:CreateUser"], frozenset(["iam:CreateUser"]), bounds)


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert iam.main(["template", "--faults", "stop_zone,nonsense"]) == 12
    assert "There is no fault nonsense. There are: block_endpoints" in capsys.readouterr().err
    assert iam.main(["template", "--faults", "stop_zone"]) == 0
    assert "iam:PutRolePolicy" not in capsys.readouterr().out
    assert iam.main(["table"]) == 0
    assert capsys.readouterr().out.startswith("| for | looks |")
