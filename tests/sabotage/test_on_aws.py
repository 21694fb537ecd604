"""environment = "aws" as a user meets it, against a plain moto server: the whole way, a plan, and refusals.

Nothing here is AWS. What is shown is the harness's own path: sessions, roles, the journal's second home, the guard.
Each refusal by itself is in tests/fixtures/test_session_on_aws.py, without a process of its own.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.aws_accounts import ACCOUNT, AWAY_ACCOUNT, HOME, Accounts, accounts, workload_file
from tests.sabotage.test_bad_input import left_behind, run_pytest

ZONE = f"{HOME}c"  # no writer there: moto's failover is not Aurora's
PLUGIN = ("-p", "tests.fixtures.quick_aws")
ONE_ZONE = ("drills", "-k", f"az_power_loss and {ZONE}", *PLUGIN)


@pytest.fixture(scope="module")
def made() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


def drill(
    folder: Path, made: Accounts, *arguments: str, changes: dict[str, str] | None = None, **environment: str
) -> tuple[int, str]:
    workload = workload_file(folder, made, changes)
    given = made.environment(**environment)
    return run_pytest(folder, *ONE_ZONE, f"--workload={workload}", *arguments, **given)


def read(folder: Path, name: str) -> Any:
    (found,) = (folder / "runs").glob(f"*/{name}")
    return json.loads(found.read_text(encoding="utf-8"))


def test_a_drill_on_aws_from_its_first_call_to_its_verdict(tmp_path: Path, made: Accounts) -> None:
    before = made.state()
    code, output = drill(tmp_path, made)
    assert code == 0, output
    verdict = read(tmp_path, "*/verdict.json")
    assert (verdict["verdict"], verdict["undo"], verdict["environment"]) == ("pass", "clean", "aws")
    assert verdict["recovery_time"]["lower_s"] > 0  # it bit
    assert "An emulated AWS" not in output
    assert made.state() == before
    assert list((tmp_path / "state").glob("*.jsonl")) == []
    run = read(tmp_path, "run.json")
    assert (run["environment"], run["account"]) == ("aws", f"{ACCOUNT}, {AWAY_ACCOUNT}")
    assert run["zones"][ZONE].startswith("euw1-az")
    (page,) = (tmp_path / "runs").glob("*/index.html")
    assert f"{ZONE} ({run['zones'][ZONE]})" in page.read_text(encoding="utf-8")
    (journal,) = (tmp_path / "runs").glob("*/*/journal.jsonl")
    header = json.loads(journal.read_text(encoding="utf-8").splitlines()[0])
    assert header["accounts"] == {HOME: ACCOUNT, "eu-central-1": AWAY_ACCOUNT}


def test_a_plan_for_aws_changes_nothing(tmp_path: Path, made: Accounts) -> None:
    before = made.state()
    code, output = drill(tmp_path, made, "--plan")
    assert code == 0, output
    assert f"in {ZONE} (euw1-az" in output
    assert "call ec2 StopInstances in eu-west-1" in output
    assert "lacking       not known: " in output  # moto has no simulation of policies
    assert made.state() == before
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "environment", "says"),
    [
        (
            {f'accounts = ["{ACCOUNT}", ': 'accounts = ["999999999999", '},
            {},
            f"GuardRefused: The guard refuses: limits.accounts allows ['999999999999', '{AWAY_ACCOUNT}']. Found ",
        ),
        ({}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "CloudError: sts GetCallerIdentity in eu-west-1: unreachable"),
    ],
)
def test_what_is_refused_is_said_once_and_leaves_nothing(
    tmp_path: Path, made: Accounts, changes: dict[str, str], environment: dict[str, str], says: str
) -> None:
    before = made.state()
    code, output = drill(tmp_path, made, changes=changes, **environment)
    assert code == 12, output
    assert output.count(f"\n{says}") == 1, output
    assert "Nothing was touched." in output
    assert "Traceback" not in output
    assert made.state() == before
    assert list((tmp_path / "state").rglob("*.jsonl")) == []
