import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from bench.leftovers import lab_of, labs_of, left_of
from fixtures.journal_records import JournalHeader


@pytest.fixture
def lab() -> str:
    return f"test{secrets.token_hex(6)}"


def journal(drill: Path, lab: str | None) -> Path:
    drill.mkdir(parents=True)
    header = JournalHeader(run="run", drill="drill", workload="orders", environment="lab", lab=lab)
    (drill / "journal.jsonl").write_bytes(msgspec.json.encode(header) + b"\n{}\n")
    return drill


def test_a_lab_is_known_by_the_journal_and_by_the_truth_that_was_kept(tmp_path: Path) -> None:
    drill = journal(tmp_path / "runs" / "run" / "drill", "aa11")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "bb22.jsonl").touch()
    assert lab_of(drill) == "aa11"
    assert labs_of(tmp_path / "runs", tmp_path / "truth") == {"aa11", "bb22"}


def test_a_journal_without_a_lab_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names no lab"):
        lab_of(journal(tmp_path / "none", None))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "journal.jsonl").write_bytes(b'{"type":"hea')
    with pytest.raises(ValueError, match=r"torn/journal\.jsonl"):
        lab_of(tmp_path / "torn")


def test_nothing_left_is_nothing_said(tmp_path: Path, lab: str) -> None:
    (tmp_path / ".closed.jsonl.lock").touch()
    assert left_of([lab], tmp_path) == []


def test_an_open_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "run-drill.ab12.jsonl").touch()
    assert left_of([], tmp_path) == ["left an open journal: run-drill.ab12.jsonl"]


def test_a_folder_of_the_lab_is_named(
    tmp_path: Path, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"dr-drills-lab-{os.getuid()}-{lab}"
    folder.mkdir()
    (tmp_path / f"dr-drills-lab-{os.getuid()}-other").mkdir()
    assert left_of([lab], tmp_path / "state") == [f"left the folder {folder}"]


@pytest.mark.parametrize("by", ["environment", "command line"])
def test_a_process_of_the_lab_is_named_until_it_is_gone(tmp_path: Path, lab: str, by: str) -> None:
    environment = os.environ | ({"DR_DRILLS_LAB": lab} if by == "environment" else {})
    words = [f"{tmp_path}/dr-drills-lab-0-{lab}/volume-orders"] if by == "command line" else []
    says_and_waits = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", says_and_waits, *words], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (said,) = left_of([lab], tmp_path)
        assert f"left process {process.pid}: " in said
        process.kill()
        process.wait()
        assert left_of([lab], tmp_path) == []
