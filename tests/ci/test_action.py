"""What the CI files say is there: each command and option that they use exists, and a cancel reaches the drills."""

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fixtures.journal_cli import main as journal
from fixtures.release_gate import NAMES
from fixtures.run_settings import _DEFAULTS
from reports.__main__ import main as reports
from tests.ci.steps import ACTION, ROOT, Job, step

# This only ends one that hangs.
HANGS_S = 180.0
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), *sorted((ROOT / "ci").glob("github-*.yml"))]
SCRIPTS = sorted((ROOT / "ci").glob("*.sh"))


def read(path: Path) -> dict[str, Any]:
    # GitLab's YAML has a tag of its own.
    tables: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8").replace("!reference ", ""))
    # In YAML 1.1 a bare `on` is a boolean.
    return {"on" if key is True else key: value for key, value in tables.items()}


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for job in workflow["jobs"].values() for one in job.get("steps", [])]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_input_that_is_read_or_given_is_declared(path: Path) -> None:
    text, workflow = path.read_text(encoding="utf-8"), read(path)
    called = workflow["on"].get("workflow_call") or {}
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) <= set(called.get("inputs", {}))
    for one in steps_of(workflow):
        if one.get("uses") == "./.dr-drills":
            assert set(one["with"]) <= set(ACTION["inputs"])
            assert {name for name, given in ACTION["inputs"].items() if given.get("required")} <= set(one["with"])


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path.parent.name == "ci"], ids=lambda path: path.name)
def test_an_example_gives_its_workflow_what_it_takes(path: Path) -> None:
    (job,) = [one for one in read(path)["jobs"].values() if "uses" in one]
    called = read(ROOT / ".github/workflows" / Path(job["uses"].partition("@")[0]).name)["on"]["workflow_call"][
        "inputs"
    ]
    assert set(job["with"]) <= set(called)
    assert {name for name, given in called.items() if given.get("required")} <= set(job["with"])


def test_the_action_reads_its_inputs_and_its_steps_outputs_only() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(ACTION["inputs"])
    ids = {one["id"] for one in ACTION["runs"]["steps"] if "id" in one}
    assert set(re.findall(r"steps\.([a-z]+)\.outputs", text)) <= ids
    # An input in a script would be run as part of it.
    assert [one["name"] for one in ACTION["runs"]["steps"] if "${{" in one.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_script_of_a_workflow_has_an_expression_in_it(path: Path) -> None:
    assert [one for one in steps_of(read(path)) if "${{" in one.get("run", "")] == []


def test_every_script_that_is_named_is_there_and_right_bash() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*WORKFLOWS, ROOT / "action.yml", ROOT / "ci/gitlab.yml")]
    named = {name for text in texts for name in re.findall(r"ci/([a-z-]+\.sh)", text)}
    assert named == {path.name for path in SCRIPTS}
    assert subprocess.run(["bash", "-n", *map(str, SCRIPTS)], check=False).returncode == 0


def test_every_option_of_pytest_exists() -> None:
    options = (ROOT / "fixtures/plugin.py").read_text(encoding="utf-8")
    options += (ROOT / "fixtures/gate_options.py").read_text(encoding="utf-8")
    used = set(re.findall(r"--[a-z][a-z-]+", (ROOT / "ci/drill.sh").read_text(encoding="utf-8"))) - {"--junitxml"}
    assert used >= {"--workload", "--last-release", "--production"}
    assert {option for option in used if f'"{option}"' not in options} == set()


def test_every_command_of_the_harness_exists(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    assert set(re.findall(r"-m (fixtures\.journal|reports) ([a-z]+)", text)) == {
        ("fixtures.journal", "undo"), ("fixtures.journal", "list"), ("reports", "markdown"),
    }  # fmt: skip
    for main, command, options in (
        (journal, "undo", ("--from", "--from-region", "--take-over")),
        (journal, "list", ("--from", "--from-region")),
        (reports, "markdown", ()),
    ):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert [option for option in options if option not in said] == []


def test_every_variable_is_one_that_the_harness_reads() -> None:
    known = {f"DR_DRILLS_{name.upper()}" for name in (*NAMES, *_DEFAULTS)} | {"DR_DRILLS_STATE"}
    for path in (*SCRIPTS, ROOT / "action.yml", ROOT / "ci/gitlab.yml"):
        assert set(re.findall(r"DR_DRILLS_[A-Z_]+", path.read_text(encoding="utf-8"))) <= known


def test_undo_summary_and_evidence_are_never_left_out() -> None:
    names = ("Put back what a run left behind", "Show it on the job's page", "Keep the evidence", "Name the runs")
    assert [step(name)["if"] for name in names] == ["always()"] * 4
    undo = read(ROOT / ".github/workflows/game-day.yml")["jobs"]["undo"]
    assert (undo["needs"], undo["if"]) == ("drill", "always()")
    assert "environment" not in undo, "putting back must not wait for anybody"


def test_gitlab_jobs_extend_what_is_there() -> None:
    jobs = read(ROOT / "ci/gitlab.yml")
    assert {one["extends"] for one in jobs.values() if "extends" in one} <= set(jobs)
    assert not [name for name, one in jobs.items() if "when" in one and "rules" in one]


FAKE = """#!/usr/bin/env bash
# Stands in for the harness: breaks something, and puts it back when it is told to end.
echo "$@" > "$RUNNER_TEMP/arguments"
trap 'echo "$1" >> "$RUNNER_TEMP/signals"; sleep 0.2; exit 12' INT
trap 'echo TERM >> "$RUNNER_TEMP/signals"; exit 13' TERM
echo broken > "$RUNNER_TEMP/broken"
for i in $(seq 600); do sleep 0.05; done
exit 0
"""


def _fake(folder: Path, text: str) -> Path:
    path = folder / "python"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "w.toml").write_text("", encoding="utf-8")
    made = Job(tmp_path, {"workload": "w.toml"}, _fake(tmp_path, FAKE))
    assert made.run("Name the folders").returncode == 0
    return made


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, "12"), (signal.SIGTERM, "13")])
def test_a_cancel_that_only_the_steps_shell_is_told_reaches_the_drills(job: Job, sent: int, code: str) -> None:
    command, environment = job.command("Drill")
    broken = job.folder / "temp/broken"
    # A shell that was started with Ctrl-C ignored, as `make test &` is, could not be told by one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=environment, cwd=job.folder, stdout=subprocess.DEVNULL) as process:
        try:
            deadline_s = time.monotonic() + HANGS_S
            while not broken.exists() and time.monotonic() < deadline_s:
                time.sleep(0.02)
            process.send_signal(sent)
            assert process.wait(HANGS_S) == 0
        finally:
            process.kill()
            signal.signal(signal.SIGINT, before)
    job.take("Drill")
    assert job.outputs["steps.drills.outputs.exit-code"] == code
    assert job.run("Pass the exit code on").returncode == int(code)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, "passed"), (4, "error"), (10, "missed"), (11, "no-verdict"), (12, "refused"), (13, "dirty")],
)
def test_each_exit_code_has_its_word_and_is_the_jobs_own(job: Job, code: int, verdict: str) -> None:
    _fake(job.folder, f"#!/bin/sh\nexit {code}\n")
    assert job.run("Drill").returncode == 0
    assert job.outputs["steps.drills.outputs.verdict"] == verdict
    assert job.run("Pass the exit code on").returncode == code


def test_what_is_not_given_is_not_a_setting(job: Job) -> None:
    _fake(job.folder, '#!/bin/sh\necho "$@" > "$RUNNER_TEMP/arguments"; env > "$RUNNER_TEMP/environment"\n')
    assert job.run("Drill").returncode == 0
    environment = (job.folder / "temp/environment").read_text(encoding="utf-8")
    assert "DR_DRILLS_WORSE" not in environment
    assert "DR_DRILLS_RUNS=1\n" in environment
    arguments = (job.folder / "temp/arguments").read_text(encoding="utf-8").split()
    assert arguments[:7] == ["-m", "pytest", "drills", "--workload", str(job.folder / "w.toml"), "-m", "gate"]


def test_a_job_whose_drills_never_began_does_not_pass(job: Job) -> None:
    job.inputs["workload"] = "nowhere.toml"
    assert job.run("Drill").returncode == 4
    assert job.run("Pass the exit code on").returncode == 11
    job.run("Show it on the job's page")
    page = job.run("Show it on the job's page").stdout + job.page
    assert "No run of drills" in page
