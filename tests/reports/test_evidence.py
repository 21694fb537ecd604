from pathlib import Path

import pytest

from reports.evidence import RunInfo, operator, read_run, safe_command, write_run


def test_secrets_are_masked_in_the_command_line() -> None:
    given = [
        "pytest",
        "drills",
        "--token",
        "abc",
        "--db-password=hunter2",
        "--url=https://u:p@h/x",
        "AWS_SECRET=x",
        "-k",
        "a",
    ]
    safe = safe_command(given)
    assert safe == (
        "pytest", "drills", "--token", "***", "--db-password=***", "--url=https://***@h/x", "AWS_SECRET=***", "-k", "a",
    )  # fmt: skip


def test_run_json_is_read_again(tmp_path: Path) -> None:
    info = RunInfo(
        run="r", harness="0.1.0", commit="abc", environment="lab", workload="orders", started_utc="2025-03-01T12:00:00Z"
    )
    write_run(tmp_path, info)
    assert read_run(tmp_path) == info
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert read_run(tmp_path / "nowhere") is None


def test_the_operator_is_who_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DR_DRILLS_OPERATOR", "Game-day lead")
    assert operator() == "Game-day lead"
    monkeypatch.delenv("DR_DRILLS_OPERATOR")
    assert operator()
