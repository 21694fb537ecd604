"""What the docs say that IAM has to allow is what is called: no action more, and none that AWS does not know."""

import re
from pathlib import Path

import botocore.session
import pytest

from bench.matrix import Worlds
from bench.subjects import faults, steps
from fixtures.dead_man_template import CALLS
from fixtures.errors import NoTarget
from fixtures.guard import lacking
from fixtures.iam_actions import action_of, actions_of
from fixtures.journal import Journal
from fixtures.signs.found import watchers
from fixtures.undo import undo_all
from fixtures.undo_program import reads_and_undos
from fixtures.workload import Workload
from tests.fixtures.fake_cloud import FakeTime, header
from tests.fixtures.moto_regions import BOTH, two_regions
from tests.fixtures.recovery_world import workload

ROWS = (Path(__file__).parents[2] / "docs" / "iam.md").read_text(encoding="utf-8").split("|---|---|\n")[1]
# What AWS asks for beside the action that is called; no operation of these names is.
IMPLIED = {"secretsmanager:GetSecretValue", "rds:AddTagsToResource", "iam:PassRole"}
# What a caller has to be allowed, and no call is called.
NO_OPERATION = {"iam:PassRole"}


def declared() -> set[str]:
    return set(re.findall(r"`([a-z0-9-]+:[A-Z][A-Za-z0-9]+)`", ROWS))


def known() -> set[str]:
    """Every action that is an operation of a service in the table, as botocore names it."""
    session = botocore.session.get_session()
    services = (
        "sts", "ec2", "autoscaling", "rds", "rds-data", "elbv2", "dynamodb", "cloudwatch", "resourcegroupstaggingapi",
        "route53", "s3", "iam", "fis", "secretsmanager", "stepfunctions", "scheduler",
    )  # fmt: skip
    return {action_of(one, name) for one in services for name in session.get_service_model(one).operation_names}


def test_aws_knows_each_action() -> None:
    assert len(declared()) > 50
    assert declared() - known() - NO_OPERATION == set()
    assert declared() >= IMPLIED


@pytest.mark.parametrize("group", [faults, steps])
def test_each_call_of_a_fault_and_a_step_is_allowed(group: Worlds, tmp_path: Path) -> None:
    with group() as subjects:
        for subject in subjects:
            subject.cloud.called.clear()
            time = FakeTime()
            make = subject.ready(time)
            with Journal.open(tmp_path / subject.name, header(), stamp=time.stamp) as journal:
                make(journal)
                subject.settled()
                called = reads_and_undos(item.change for item in journal.tracked)
                # Whatever puts a drill back by itself may do that, too; it is not told of what only the lab has.
                assert {call for call in called if call[0] != "fis"} - set(CALLS) == set(), subject.name
                undo_all(journal, subject.cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None)
                journal.close()
            assert set(actions_of(subject.cloud.called)) - declared() == set(), subject.name


def test_what_watches_and_guards_is_allowed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workload, "selection", lambda _self, _region=None: BOTH)
    with two_regions() as cloud:
        for watcher in watchers(cloud, workload()):
            watcher.look()
        try:
            lacking(cloud, BOTH.others[0], BOTH)
        except NoTarget:
            pytest.fail("the world has a recovery site")
        assert {"tag:GetResources", "elasticloadbalancing:DescribeTags"} <= set(actions_of(cloud.called))
        assert set(actions_of(cloud.called)) - declared() == set()
