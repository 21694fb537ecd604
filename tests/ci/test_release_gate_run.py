"""The gate as the action runs it: its shell steps, over a release that recovers as before, and over a slower one."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.ci.steps import ROOT, Job

WORKLOAD = ROOT / "fixtures/workloads/orders-multi-az.toml"
RELEASE = ROOT / "tests/ci/rigged_release.py"


def _job(folder: Path, **inputs: str) -> Job:
    folder.mkdir()
    given = {"workload": str(WORKLOAD), "drills": str(RELEASE), "select": "", "worse-recovery": "500ms"}
    job = Job(folder, given | {name.replace("_", "-"): value for name, value in inputs.items()}, Path(sys.executable))
    assert job.run("Name the folders").returncode == 0
    return job


def _through(job: Job, down_s: float) -> int:
    """All steps after the set-up, in their order; the job's own exit code."""
    drilled = job.run("Drill", RIG_DOWN_S=str(down_s))
    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    assert job.run("Name the runs").returncode == 0
    undone = job.run("Put back what a run left behind")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    job.run("Show it on the job's page")
    if "too busy to prove anything" in drilled.stdout:
        pytest.skip("the machine is too busy to prove anything")
    return job.run("Pass the exit code on").returncode


def test_a_release_that_is_slower_is_stopped_and_told_why(tmp_path: Path) -> None:
    first = _job(tmp_path / "first", last_release=str(tmp_path / "there is none yet"), runs="2")
    assert _through(first, 0.4) == 0
    assert first.outputs["steps.drills.outputs.verdict"] == "passed"
    assert "## ✓ PASS: 2 drills of orders (lab)" in first.page
    # Its runs were drills of their own, and were judged together.
    (run,) = (path.parent for path in first.runs.glob("*/run.json"))
    assert {path.parent.name for path in run.glob("*/verdict.json")} == {"release-orders", "release-orders-2"}
    assert (run / "repeats.json").exists()
    assert "2 runs: 2 passed, 0 missed an objective, 0 undecided" in first.page
    assert "at most 77.7%" in first.page

    slower = _job(tmp_path / "slower", last_release=str(first.runs))
    assert _through(slower, 3.0) == 10
    assert slower.outputs["steps.drills.outputs.verdict"] == "missed"
    # The objective itself is met: it is the last release that it is proved to be worse than.
    assert "## ✕ FAIL: 1 drill of orders (lab)" in slower.page
    assert re.search(r"fail: recovery time, beside the last release: .* worse by at least [12]\.?\d* s", slower.page)
    assert "fail: recovery time:" not in slower.page
    (case,) = ET.parse(slower.runs / "junit.xml").getroot().iter("testcase")  # noqa: S314 - it is our own
    assert "beside the last release" in str(next(iter(case.iter("failure"))).get("message"))
    assert slower.outputs["steps.runs.outputs.runs"] == next(slower.runs.glob("*/run.json")).parent.name
