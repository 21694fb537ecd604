"""What is wrong before anything is started: one clear message, the right exit code, and nothing is left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sabotage.quick import DRILLS, HANGS_S, ROOT, Run, quick_workload, running

DRILL = str(DRILLS / "drill_power_loss.py")
USAGE = 4


def run_pytest(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT, env=Run.environment(folder, **environment), capture_output=True, text=True, timeout=HANGS_S,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def elsewhere(drill: Path) -> list[str]:
    """The arguments for a drill outside the checkout, as of a team that keeps its drills in its own repository."""
    return [str(drill), f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", "-pfixtures.plugin"]


def left_behind(folder: Path) -> list[Path]:
    return [path for name in ("runs", "state") for path in (folder / name).rglob("*")]


def test_every_error_of_a_workload_file_is_said_at_once(tmp_path: Path) -> None:
    wrong = {
        'owner = "orders team"': "owner = 3",
        "rate = 20": 'rate = "fast"',
        "lb_fails = 2": "lb_fials = 2",
        'deadline = "60s"': 'deadline = "5s"',
    }
    path = quick_workload(tmp_path, wrong)
    code, output = run_pytest(tmp_path, DRILL, f"--workload={path}")
    assert code == USAGE
    said = output.splitlines()
    assert any(line.startswith("ERROR: ") and "the workload file has 4 errors" in line for line in said), output
    for key, remedy in (
        ("owner", "Allowed: a text in quotes"),
        ("probes[0].rate", "Allowed: a number"),
        ("lab.settings.lb_fials", "Did you mean lb_fails?"),
        ("recovery.deadline", "Allowed: 23s or more"),
    ):
        (line,) = (line for line in said if f" {key}: " in line)
        assert remedy in line
        assert line.strip().startswith(f"{path}:")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([DRILL, "--workload=no/such.toml"], ["no/such.toml", "No such file", "Name it with --workload"]),
        ([DRILL, "--wrkload=x"], ["unrecognized arguments: --wrkload=x"]),
        ([DRILL], ["These are drills", "--workload FILE"]),
        (["drills", "--runs-dir=/dev/null/runs"], ["/dev/null/runs", "Not a directory", "--runs-dir"]),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(tmp_path: Path, arguments: list[str], says: list[str]) -> None:
    code, output = run_pytest(tmp_path, *arguments)
    assert code == USAGE
    for text in says:
        assert text in output
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("", "needs @pytest.mark.drill"),
        ('@pytest.mark.drill(disruption="earthquake")', "Invalid enum value 'earthquake'"),
    ],
)
def test_a_test_that_can_be_no_drill_is_said_before_a_lab_is_up(tmp_path: Path, marker: str, says: str) -> None:
    drill = tmp_path / "drill_wrong.py"
    drill.write_text(f"import pytest\n\n{marker}\ndef test_wrong(drill):\n    drill.steady()\n", encoding="utf-8")
    code, output = run_pytest(tmp_path, *elsewhere(drill), f"--workload={quick_workload(tmp_path)}")
    assert code == USAGE, output
    assert "test_wrong: " in output
    assert says in output
    assert "API:" not in output


@pytest.mark.parametrize("look", ["--collect-only", "--fixtures", "--help", "--setup-plan"])
def test_only_looking_starts_nothing_and_leaves_nothing(tmp_path: Path, look: str) -> None:
    code, output = run_pytest(tmp_path, "drills", look)
    assert code == 0, output
    assert left_behind(tmp_path) == []


def test_a_bare_pytest_collects_no_drill_and_breaks_nothing(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "--collect-only", "-q", DR_DRILLS_WORKLOAD=str(quick_workload(tmp_path)))
    assert code == 0, output
    files = {line.partition("::")[0] for line in output.splitlines() if "::" in line}
    assert f"tests/sabotage/{Path(__file__).name}" in files
    assert [file for file in files if not file.startswith("tests/") or Path(file).name.startswith("drill_")] == []
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "changes", "says"),
    [
        (["-k", "az_power_loss"], {"[objectives.az]": "[objectives.software]"}, "every drill was skipped"),
        (["-k", "nothing"], {}, "no drill was run"),
    ],
)
def test_a_run_without_a_drill_is_no_verdict(
    tmp_path: Path, arguments: list[str], changes: dict[str, str], says: str
) -> None:
    code, output = run_pytest(tmp_path, "drills", f"--workload={quick_workload(tmp_path, changes)}", *arguments)
    assert code == 11
    assert f"exit code   11 (no verdict; {says})" in output


def test_a_drill_file_that_cannot_be_imported_is_no_pass(tmp_path: Path) -> None:
    drill = tmp_path / "drill_broken.py"
    drill.write_text("import no_such_module\n", encoding="utf-8")
    code, output = run_pytest(tmp_path, *elsewhere(drill), f"--workload={quick_workload(tmp_path)}")
    assert code == 11
    assert "No module named 'no_such_module'" in output


def test_a_probe_that_cannot_connect_is_refused_with_its_error(tmp_path: Path) -> None:
    wrong = {'url = "http://orders.shop.internal/orders"': 'url = "http://oders.shop.internal/orders"'}
    with running(tmp_path, "power_loss", changes=wrong) as run:
        assert run.wait() == 12, run.output
        assert "Refused: The workload is not good before anything was broken" in run.output
        assert "orders write fresh: resolve oders.shop.internal: no such name" in run.output
        assert "correct the probes in the workload file" in run.output
        assert "REFUSED  power_loss-orders: nothing was touched" in run.output
        assert "Traceback" not in run.output
        assert run.verdict["verdict"] == "aborted"
        assert list(run.state.glob("*.jsonl")) == []
        assert run.labs() == []


def test_a_command_that_ends_at_once_is_named_and_no_lab_is_left(tmp_path: Path) -> None:
    command = 'command = ["{python}", "-m", "fixtures.workloads.orders"]'
    ends = 'command = ["{python}", "-c", "raise SystemExit(\'no driver for the database\')"]'
    with running(tmp_path, "power_loss", changes={command: ends}) as run:
        assert run.wait() == 11, run.output
        assert "Correct [lab] command" in run.output
        assert "no driver for the database" in run.output  # the last lines of its log
        assert "Traceback" not in run.output
        assert run.labs() == []
