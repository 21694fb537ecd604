import json
from pathlib import Path

import msgspec
import pytest

from probes.history import End, History, MarksHeader
from reports.__main__ import main
from reports.folder import BrokenEvidence, drill_folders, judge, load, losses, read_undo, read_verdict, write_verdict
from reports.version import harness_version
from tests.truth.simulated import declared_of, drill


def write_folder(folder: Path, history: History | None = None) -> Path:
    """A drill's folder as the vantage and the runner leave it."""
    folder.mkdir(parents=True)
    history = history or drill()
    (record,) = history.vantages
    end = record.end
    assert isinstance(end, End)
    lines = [record.header, *history.operations, end]
    (folder / "history-v1.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    marks = [MarksHeader(base=history.base, run="run", drill="drill"), *history.marks]
    (folder / "marks.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in marks))
    (folder / "plan.json").write_bytes(msgspec.json.encode(declared_of()))
    journal(folder / "journal.jsonl", ("a", "verified"), ("b", "verified"))
    return folder


def journal(path: Path, *states: tuple[str, str], changes: tuple[str, ...] = ("a", "b")) -> Path:
    lines: list[dict[str, object]] = [{"type": "header", "run": "run"}]
    lines += [{"type": "change", "change": {"id": c}} for c in changes]
    lines += [{"type": "state", "id": c, "state": s, "at_utc": "", "says": ""} for c, s in states]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_folder_is_judged_like_its_history(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "drill")
    verdict = judge(folder)
    assert (verdict.verdict, verdict.undo, verdict.judged_by) == ("pass", "clean", harness_version())
    assert verdict.recovery_time.lower_s is not None
    assert verdict.recovery_time.lower_s <= 4.0
    assert all(row.loss_class.startswith("in-doubt") for row in losses(load(folder)))


def test_a_fault_without_its_journal_is_not_proved_to_be_put_back(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "drill")
    (folder / "journal.jsonl").unlink()
    assert judge(folder).undo == "dirty"


def test_a_verdict_is_written_whole_and_read_back(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "drill")
    verdict = judge(folder)
    path = write_verdict(folder, verdict)
    assert read_verdict(folder) == verdict
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == "dr-drills/verdict/1"
    assert [p.name for p in folder.glob(".*")] == []


def test_judging_twice_gives_the_same(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "drill")
    assert judge(folder) == judge(load(folder))


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([("a", "verified"), ("b", "verified")], "clean"),
        ([("a", "verified"), ("b", "undone")], "dirty"),
        ([("a", "verified")], "dirty"),
        ([("a", "verified"), ("b", "verified"), ("a", "left")], "dirty"),
    ],
)
def test_undo_is_clean_only_if_every_change_is_verified(
    tmp_path: Path, states: list[tuple[str, str]], verdict: str
) -> None:
    assert read_undo(journal(tmp_path / "journal.jsonl", *states)).verdict == verdict


def test_nothing_changed_is_clean_and_an_unreadable_journal_is_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    assert read_undo(path).verdict == "clean"
    assert read_undo(journal(path, changes=())).verdict == "clean"
    journal(path, ("a", "verified"), ("b", "verified"))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"type": "sta')
    assert read_undo(path).verdict == "clean"  # a torn last line: what it was going to say did not happen
    with path.open("a", encoding="utf-8") as file:
        file.write("te\n")
    assert read_undo(path).verdict == "dirty"


def test_a_folder_without_a_plan_says_so(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "drill")
    (folder / "plan.json").unlink()
    with pytest.raises(BrokenEvidence, match=r"plan\.json is missing"):
        load(folder)
    with pytest.raises(BrokenEvidence, match="no drill in it"):
        drill_folders(tmp_path)
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BrokenEvidence, match=r"drill/plan\.json"):
        load(folder)


def test_rejudge_compares_with_the_verdict_that_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "run" / "drill")
    verdict = judge(folder)
    assert main(["rejudge", str(tmp_path / "run")]) == 0
    assert "not judged before" in capsys.readouterr().out
    write_verdict(folder, verdict)
    before = (folder / "verdict.json").read_bytes()
    assert main(["rejudge", str(folder)]) == 0
    assert "The same as" in capsys.readouterr().out
    write_verdict(folder, msgspec.structs.replace(verdict, verdict="fail"))
    assert main(["rejudge", str(folder)]) == 1
    assert "judged otherwise: FAIL" in capsys.readouterr().out
    assert (folder / "verdict.json").read_bytes() != before  # ours, above: judging again writes nothing
    assert read_verdict(folder).verdict == "fail"


def test_show_prints_what_was_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "drill")
    assert main(["show", str(folder)]) == 2
    assert "was not judged" in capsys.readouterr().err
    write_verdict(folder, judge(folder))
    assert main(["show", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "PASS" in out
    assert "fault effective" in out


def test_the_version_names_the_release() -> None:
    assert harness_version().startswith("0.")
