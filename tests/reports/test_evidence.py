import hashlib
from pathlib import Path

import msgspec
import pytest

from reports.evidence import (
    MANIFEST,
    Manifest,
    RunInfo,
    main,
    operator,
    read_run,
    safe_command,
    verify_manifest,
    write_manifest,
    write_run,
)


def _run(out: Path, name: str) -> Path:
    folder = out / name
    (folder / "drill").mkdir(parents=True)
    (folder / "drill" / "verdict.json").write_text('{"verdict": "pass"}', encoding="utf-8")
    (folder / "allure-results").mkdir()
    (folder / "allure-results" / "x-result.json").write_text("{}", encoding="utf-8")
    (folder / "index.html").write_text("<p>", encoding="utf-8")
    write_manifest(folder)
    return folder


def _manifest(folder: Path) -> Manifest:
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def test_a_run_as_it_was_left_has_no_problem(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    assert verify_manifest(run) == []
    manifest = _manifest(run)
    assert set(manifest.files) == {"drill/verdict.json", "index.html"}
    expected = hashlib.sha256(b'{"verdict": "pass"}').hexdigest()
    assert manifest.files["drill/verdict.json"].sha256 == expected
    assert manifest.signed is False


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    (run / "drill" / "verdict.json").write_text('{"verdict": "fail"}', encoding="utf-8")
    assert verify_manifest(run) == ["drill/verdict.json was changed after the manifest was written."]


def test_a_missing_and_an_added_file_are_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    (run / "index.html").unlink()
    (run / "drill" / "new").write_text("", encoding="utf-8")
    assert verify_manifest(run) == ["index.html is missing.", "drill/new was added after the manifest was written."]


def test_a_link_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    (run / "link").symlink_to("index.html")
    assert verify_manifest(run) == ["link is a symbolic link: what it shows is not held by the manifest."]


def test_what_allure_goes_on_writing_is_left_out(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    (run / "allure-results" / "y-result.json").write_text("{}", encoding="utf-8")
    assert verify_manifest(run) == []
    assert "allure-results" in _manifest(run).left_out


def test_runs_are_numbered_and_chained_so_that_a_deleted_one_shows(tmp_path: Path) -> None:
    first, second, third = (_run(tmp_path, name) for name in ("run-b", "run-a", "run-c"))
    assert [_manifest(run).number for run in (first, second, third)] == [1, 2, 3]
    assert verify_manifest(third) == []
    (second / MANIFEST).unlink()
    assert verify_manifest(third) == ["The run before this one, run-a, is missing."]


def test_a_changed_manifest_of_the_run_before_shows(tmp_path: Path) -> None:
    first, second = _run(tmp_path, "run-1"), _run(tmp_path, "run-2")
    (first / "index.html").write_text("better", encoding="utf-8")
    write_manifest(first)
    assert verify_manifest(second) == ["The manifest of the run before this one, run-1, was changed."]


@pytest.mark.parametrize("content", [None, "", "{", '{"schema": 1}'])
def test_a_run_without_a_readable_manifest_can_not_be_checked(tmp_path: Path, content: str | None) -> None:
    run = _run(tmp_path, "run-1")
    (run / MANIFEST).unlink()
    if content is not None:
        (run / MANIFEST).write_text(content, encoding="utf-8")
    assert "cannot be read" in verify_manifest(run)[0]


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


def test_a_run_can_be_checked_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = _run(tmp_path, "run-1")
    assert main([str(run)]) == 0
    assert capsys.readouterr().out == "Every file is as it was when the run ended.\n"
    (run / "index.html").unlink()
    assert main([str(run)]) == 1
    assert capsys.readouterr().out == "index.html is missing.\n"
    assert main([]) == 2
