from pathlib import Path

from reports.changes import changes_text, read_changes
from tests.reports.synthetic import journal_lines


def _read(folder: Path, text: str) -> str:
    (folder / "journal.jsonl").write_text(text, encoding="utf-8")
    return changes_text(read_changes(folder))


def test_a_verified_change_is_proved(tmp_path: Path) -> None:
    text = _read(tmp_path, journal_lines())
    assert "PUT BACK AND VERIFIED" in text
    assert 'call    ec2 StopInstances in eu-west-1 {"InstanceIds":["i-1"]}' in text
    assert 'undo    ec2 StartInstances in eu-west-1 {"InstanceIds":["i-1"]}' in text
    assert "2025-03-01T12:00:04.000Z  verified" in text


def test_a_change_that_is_not_verified_is_not_proved(tmp_path: Path) -> None:
    text = _read(tmp_path, journal_lines("left"))
    assert "NOT PROVED TO BE PUT BACK (last state: left)" in text


def test_a_torn_line_hides_nothing_else(tmp_path: Path) -> None:
    text = _read(tmp_path, journal_lines().rsplit("\n", 2)[0] + '\n{"type":"state","id":"c1","st')
    assert "NOT PROVED TO BE PUT BACK (last state: undone)" in text


def test_no_journal_means_that_nothing_was_changed(tmp_path: Path) -> None:
    assert read_changes(tmp_path) == []
    assert "nothing was changed" in changes_text([])
