import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from probes.chained import chain_up
from reports.file_lock import lock, unlock
from reports.manifest import MANIFEST, Manifest, add_later, close_killed, open_run, write_manifest
from reports.register import REGISTER, Started, append, held, read_register
from reports.verify import file_problems, verify_all, verify_run


def _run(out: Path, name: str) -> Path:
    folder = out / name
    (folder / "drill").mkdir(parents=True)
    (folder / "drill" / "verdict.json").write_text('{"verdict": "pass"}', encoding="utf-8")
    lines = chain_up([b'{"a":1}', b'{"b":2}', b'{"c":3}'])
    (folder / "drill" / "marks.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    (folder / "allure-results").mkdir()
    (folder / "allure-results" / "x-result.json").write_text("{}", encoding="utf-8")
    (folder / "index.html").write_text("<p>", encoding="utf-8")
    write_manifest(folder)
    return folder


def verify_manifest(folder: Path) -> list[str]:
    return verify_run(folder).problems


def _manifest(folder: Path) -> Manifest:
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def test_a_run_as_it_was_left_has_no_problem(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    assert verify_manifest(run) == []
    manifest = _manifest(run)
    assert set(manifest.files) == {
        "allure-results/x-result.json", "drill/marks.jsonl", "drill/verdict.json", "index.html",
    }  # fmt: skip
    assert manifest.chains["drill/marks.jsonl"].lines == 3
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


def test_allures_report_and_what_a_detached_run_prints_are_left_out(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    for name in ("allure-report", "detached"):
        (run / name).mkdir()
        (run / name / "x").write_text("", encoding="utf-8")
    assert verify_manifest(run) == []


def test_an_attachment_of_allure_that_was_changed_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    (run / "allure-results" / "x-result.json").write_text("{ }", encoding="utf-8")
    assert file_problems(run, _manifest(run)) == [
        "allure-results/x-result.json was changed after the manifest was written."
    ]


def test_runs_are_numbered_and_chained_so_that_a_deleted_one_shows(tmp_path: Path) -> None:
    first, second, third = (_run(tmp_path, name) for name in ("run-b", "run-a", "run-c"))
    assert [_manifest(run).number for run in (first, second, third)] == [1, 2, 3]
    assert verify_manifest(third) == []
    (second / MANIFEST).unlink()
    assert verify_manifest(third) == ["The run before this one, run-a, is missing."]


def test_a_changed_manifest_of_the_run_before_shows(tmp_path: Path) -> None:
    first, second = _run(tmp_path, "run-1"), _run(tmp_path, "run-2")
    (first / MANIFEST).write_bytes((first / MANIFEST).read_bytes() + b"\n")
    assert verify_manifest(second) == ["The manifest of the run before this one, run-1, was changed."]
    assert verify_manifest(first) == [
        "manifest.json is not the one that the run after it, run-2, follows.",
        "manifest.json is not the one that runs.jsonl has for this run.",
    ]


@pytest.mark.parametrize("content", [None, "", "{", '{"schema": 1}'])
def test_a_run_without_a_readable_manifest_can_not_be_checked(tmp_path: Path, content: str | None) -> None:
    run = _run(tmp_path, "run-1")
    (run / MANIFEST).unlink()
    if content is not None:
        (run / MANIFEST).write_text(content, encoding="utf-8")
    assert "cannot be read" in verify_manifest(run)[0]


# --- killed, at once, deleted ----------------------------------------------------------------------------------------


def test_a_killed_run_is_closed_by_the_next_one_and_says_so(tmp_path: Path) -> None:
    dead = tmp_path / "run-1"
    dead.mkdir()
    lock_of_dead = open_run(dead)
    (dead / "run.json").write_text("{}", encoding="utf-8")
    assert close_killed(tmp_path, closed_by="run-2") == []  # it lives: its lock is held
    lock_of_dead.release()
    assert close_killed(tmp_path, closed_by="run-2", still_open={"run-1"}) == []
    assert not (dead / MANIFEST).exists()
    pages: list[Path] = []
    assert close_killed(tmp_path, closed_by="run-2", before=pages.append) == pages == [dead]
    manifest = _manifest(dead)
    assert (manifest.state, manifest.closed_by, manifest.number) == ("killed", "run-2", 1)
    found = verify_run(dead)
    assert found.problems == []
    assert "The run was killed before its end; run-2 closed it." in found.notes
    assert close_killed(tmp_path, closed_by="run-3") == []


def test_a_killed_run_that_was_deleted_before_anybody_closed_it_is_missed(tmp_path: Path) -> None:
    (tmp_path / "run-1").mkdir()
    open_run(tmp_path / "run-1").release()
    (tmp_path / "run-1").rmdir()
    second = _run(tmp_path, "run-2")
    assert _manifest(second).number == 2
    (problem,) = verify_all(tmp_path).problems
    assert problem.startswith("run-1: run 1 was started on ")
    assert problem.endswith(", and is missing.")


def test_runs_that_are_closed_at_once_follow_one_another(tmp_path: Path) -> None:
    names = [f"run-{i}" for i in range(8)]
    with ThreadPoolExecutor(8) as at_once:
        folders = list(at_once.map(lambda name: _run(tmp_path, name), names))
    manifests = [_manifest(folder) for folder in folders]
    assert sorted(manifest.number for manifest in manifests) == list(range(1, 9))
    assert len({manifest.previous for manifest in manifests}) == 8
    assert verify_all(tmp_path).problems == []
    assert [problem for folder in folders for problem in verify_run(folder).problems] == []


def test_processes_that_start_at_once_have_numbers_of_their_own(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from reports.manifest import open_run; open_run(Path(sys.argv[1]))"
    started = []
    for i in range(4):
        (tmp_path / f"run-{i}").mkdir()
        command = [sys.executable, "-c", script, str(tmp_path / f"run-{i}")]
        started.append(subprocess.Popen(command, cwd=Path(__file__).parents[2]))
    assert [one.wait(60) for one in started] == [0, 0, 0, 0]
    register = read_register(tmp_path)
    assert sorted(one.number for one in register.started.values()) == [1, 2, 3, 4]
    assert register.broken == ()
    # They ended without closing their runs, as killed ones do.
    assert len(close_killed(tmp_path, closed_by="run-9")) == 4
    assert verify_all(tmp_path).problems == []


def test_half_a_line_that_a_dead_process_left_is_cut_off(tmp_path: Path) -> None:
    _run(tmp_path, "run-1")
    with (tmp_path / REGISTER).open("ab") as file:
        file.write(b'{"type":"start","numb')
    _run(tmp_path, "run-2")
    assert verify_all(tmp_path).problems == []


def test_the_register_is_held_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.register.LOCK_S", 0.0)
    with held(tmp_path), pytest.raises(OSError, match=r"\.runs\.lock is held"), held(tmp_path):
        pass
    with held(tmp_path):
        append(tmp_path, Started(number=1, run="r", at_utc=""))
    assert list(read_register(tmp_path).started) == ["r"]


def test_whatever_is_entered_in_the_register_is_entered_under_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, "run-1")
    (tmp_path / "run-2").mkdir()
    before = (tmp_path / REGISTER).read_bytes()
    monkeypatch.setattr("reports.register.LOCK_S", 0.0)
    with held(tmp_path):
        for enter in (
            lambda: open_run(tmp_path / "run-2"), lambda: write_manifest(tmp_path / "run-2"),
            lambda: add_later(run, "later/x", b""),
        ):  # fmt: skip
            with pytest.raises(OSError, match="is held"):
                enter()
    assert (tmp_path / REGISTER).read_bytes() == before
    open_run(tmp_path / "run-2").release()  # and what failed has let go of its own lock


def test_a_run_is_opened_once(tmp_path: Path) -> None:
    path = tmp_path / ".run-1.lock"
    fd = lock(path)
    with pytest.raises(OSError, match="held by this process"):
        open_run(tmp_path / "run-1")
    unlock(path, fd, remove=True)


def test_a_run_of_a_version_without_a_register_is_followed(tmp_path: Path) -> None:
    _run(tmp_path, "run-1")
    (tmp_path / REGISTER).unlink()
    second = _manifest(_run(tmp_path, "run-2"))
    assert (second.number, second.previous and second.previous.run) == (2, "run-1")


# --- chains, and what comes later ------------------------------------------------------------------------------------


def test_a_line_that_was_taken_out_shows_in_the_chain_although_the_hashes_were_made_anew(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    marks = run / "drill" / "marks.jsonl"
    first, _, third, end = marks.read_bytes().split(b"\n")
    marks.write_bytes(b"\n".join((first, third, end)))
    write_manifest(run)
    assert verify_run(run).problems == [
        "drill/marks.jsonl, line 2: it does not follow the line before it: one was taken out, put in or changed."
    ]


def test_what_came_later_is_held_by_the_register(tmp_path: Path) -> None:
    run = _run(tmp_path, "run-1")
    added = add_later(run, "later/drill-journal.jsonl", b"{}\n")
    assert verify_run(run).problems == []
    added.write_bytes(b"{ }\n")
    assert verify_run(run).problems == ["later/drill-journal.jsonl was changed after it was added."]
    added.unlink()
    (run / "later" / "other").write_bytes(b"")
    assert verify_run(run).problems == [
        "later/drill-journal.jsonl is missing; it was added later, as runs.jsonl says.",
        "later/other is not in runs.jsonl: nobody knows whence it came.",
    ]
