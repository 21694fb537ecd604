import base64
import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reports.allure_content import MOST_BYTES, attachments, description_html
from reports.allure_files import write_killed_result, write_session_files
from reports.evidence import RunInfo, write_run
from reports.manifest import sha256_of
from reports.record import read_record
from reports.timeline import timeline_svg
from tests.reports.synthetic import HOSTILE, Case, make, write_folder

ROOT = Path(__file__).parents[2]

# What the harness does with a drill, cut down to what Allure sees of it.
DRILL = """
from pathlib import Path
import msgspec, pytest
from reports import allure
from reports.model import Verdict

class ObjectiveMissed(Exception):
    pass

@pytest.fixture
def drill(request):
    request.addfinalizer(lambda: None)
    allure.label_drill(workload="orders", disruption="az", drill="az_power_loss", strategy="multi-az",
                       environment="lab", owner="payments", links={{"plan": "https://example.com/plan"}},
                       run_specific={{"seed": "7"}})

@pytest.mark.parametrize("zone", ["eu-west-1a"])
def test_power(drill, zone):
    with allure.step("steady"):
        pass
    folder = Path({folder!r})
    verdict = msgspec.json.decode((folder / "verdict.json").read_bytes(), type=Verdict)
    allure.attach_verdict(folder, verdict)
    if verdict.verdict == "fail":
        raise ObjectiveMissed("recovery time at least 37.0 s of 30 s")
    if verdict.verdict != "pass":
        raise RuntimeError("no verdict")
"""
CONFTEST = """
import pytest
from reports import allure

@pytest.hookimpl
def pytest_configure(config):
    config.add_cleanup(allure.tidy_results(print))
"""


def _folder(tmp_path: Path, case: Case, lost: int = 0) -> Path:
    made = make(case, 400, lost=lost)
    return write_folder(
        tmp_path / "evidence", made, timeline_svg(made.history, made.verdict, made.declared, made.losses)
    )


def _session(tmp_path: Path, folder: Path) -> Path:
    """Run a drill of its own with Allure's plugin; returns the results."""
    tests = tmp_path / "drills"
    tests.mkdir()
    (tests / "test_x.py").write_text(DRILL.format(folder=str(folder)), encoding="utf-8")
    (tests / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    results = tmp_path / "results"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}"]
    command += ["-c", "/dev/null", "--rootdir", str(tmp_path), "--alluredir", str(results), "drills/test_x.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return results


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A passed drill's folder, and the results of its session."""
    tmp_path = tmp_path_factory.mktemp("passed")
    folder = _folder(tmp_path, "pass", lost=5)
    return folder, _session(tmp_path, folder)


def _result(results: Path) -> dict[str, Any]:
    (path,) = results.glob("*-result.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _labels(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(label["name"], label["value"]) for label in result["labels"]}


def test_a_passed_drill_in_allure(passed: tuple[Path, Path]) -> None:
    folder, results = passed
    result = _result(results)
    assert result["status"] == "passed"
    assert _labels(result) >= {
        ("epic", "orders"), ("feature", "az"), ("story", "az_power_loss"), ("severity", "critical"),
        ("tag", "strategy:multi-az"), ("tag", "environment:lab"), ("owner", "payments"),
    }  # fmt: skip
    assert ("undo", "dirty") not in _labels(result)
    assert result["steps"][0]["name"] == "steady"
    assert [s["status"] for s in result["steps"]] == ["passed"] * 3
    names = {a["name"] for a in result["attachments"]}
    assert names == {"timeline", "verdict.json", "losses.csv", "journal with undo proof", "marks", "plan.json"}
    assert {p["name"]: p.get("excluded") for p in result["parameters"]} == {
        "seed": True, "run": True, "zone": None,
    }  # fmt: skip
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', result["descriptionHtml"])
    assert image is not None
    assert base64.b64decode(image[1]).decode() == (folder / "timeline.svg").read_text(encoding="utf-8")


def test_a_missed_objective_is_failed_and_each_objective_has_its_step(tmp_path: Path) -> None:
    result = _result(_session(tmp_path, _folder(tmp_path, "fail")))
    assert result["status"] == "failed"
    by_name = {s["name"]: s["status"] for s in result["steps"]}
    assert by_name["recovery time at least 37.0 s of 30 s: fail"] == "failed"
    assert [status for name, status in by_name.items() if name.startswith("data loss")] == ["passed"]


def test_no_verdict_is_broken_and_a_dirty_undo_is_told_apart(tmp_path: Path) -> None:
    results = _session(tmp_path, _folder(tmp_path, "aborted"))
    result = _result(results)
    assert result["status"] == "broken"
    assert ("undo", "dirty") in _labels(result)
    (path,) = results.glob("*-globals.json")
    assert "undo is DIRTY" in path.read_text(encoding="utf-8")


def test_teardowns_that_never_were_are_dropped(passed: tuple[Path, Path]) -> None:
    containers = [json.loads(p.read_text(encoding="utf-8")) for p in passed[1].glob("*-container.json")]
    afters = [after["name"] for container in containers for after in container.get("afters", [])]
    assert containers
    assert not [name for name in afters if "<lambda>" in name]


def test_a_killed_drill_has_the_identity_of_its_other_runs(tmp_path: Path, passed: tuple[Path, Path]) -> None:
    alive = _result(passed[1])
    node = "drills/test_x.py::test_power[eu-west-1a]"
    killed = write_killed_result(
        tmp_path / "killed", run="r", node_id=node, parameters={"zone": "eu-west-1a"}, started_ms=1, stopped_ms=2,
        says="What it changed is put back.", folder=passed[0],
    )  # fmt: skip
    result = json.loads(killed.read_text(encoding="utf-8"))
    assert {name: result[name] for name in ("fullName", "testCaseId", "historyId")} == {
        name: alive[name] for name in ("fullName", "testCaseId", "historyId")
    }
    assert result["status"] == "broken"
    assert ("epic", "orders") in _labels(result)
    assert result["name"] == alive["name"]


def test_what_is_known_of_a_killed_drill_goes_with_it(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "pass")
    (folder / "verdict.json").unlink()
    with (folder / "marks.jsonl").open("ab") as file:
        file.write(b'{"name":"end","at_')  # torn
    node = "drills/test_x.py::test_power[eu-west-1a]"
    written = [
        write_killed_result(
            tmp_path / "results", run="r", node_id=node, parameters={}, started_ms=1, stopped_ms=2,
            says="It had changed nothing.", folder=folder,
        )
        for _ in range(2)
    ]  # fmt: skip
    result = json.loads(written[0].read_text(encoding="utf-8"))
    assert 'Its last mark is "end", 60.0 s after its start.' in result["statusDetails"]["message"]
    assert f"python -m reports rejudge {folder}" in result["statusDetails"]["message"]
    assert _labels(result) >= {("epic", "orders"), ("feature", "az"), ("story", "az_power_loss")}
    assert "1 of 1 changes are proved to be put back" in result["descriptionHtml"]
    there = {one["name"]: (tmp_path / "results" / one["source"]).read_text() for one in result["attachments"]}
    assert set(there) == {"journal with undo proof", "plan.json", "marks.jsonl"}
    assert "PUT BACK AND VERIFIED" in there["journal with undo proof"]
    assert len(list((tmp_path / "results").iterdir())) == 4  # written twice, there once


def test_a_killed_drill_of_which_nothing_is_left_is_broken_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = write_killed_result(
        tmp_path / "results", run="r", node_id="drills/test_x.py::test_y", parameters={}, started_ms=1, stopped_ms=2,
        says="It had changed nothing.", folder=tmp_path / "empty",
    )  # fmt: skip
    result = json.loads(path.read_text(encoding="utf-8"))
    assert (result["status"], result["attachments"], result["labels"]) == ("broken", [], [])
    assert result["statusDetails"]["message"].endswith("It had changed nothing. It left no marks.")


def test_a_killed_drill_is_written_once(tmp_path: Path) -> None:
    for _ in range(2):
        write_killed_result(
            tmp_path, run="r", node_id="drills/test_x.py::test_y", parameters={}, started_ms=1, stopped_ms=2, says=""
        )
    assert len(list(tmp_path.iterdir())) == 1


def test_the_table_is_escaped_and_the_picture_is_an_image() -> None:
    text = description_html(make("fail", 400).verdict, "<svg/>")
    assert html.escape(HOSTILE) in text
    assert "<script" not in text
    assert "<svg" not in text


def test_a_long_text_of_the_table_is_broken_and_a_dirty_undo_stands_beside_the_verdict() -> None:
    verdict = make("pass", 400).verdict
    clean = description_html(verdict, "")
    assert len(re.findall(r'<td style="[^"]*white-space: normal; overflow-wrap: anywhere">', clean)) == clean.count(
        "<td"
    )
    assert "PASS</td>" in clean
    dirty = description_html(msgspec.structs.replace(verdict, undo="dirty"), "")
    assert "PASS; but the undo is DIRTY</td>" in dirty


def test_attachments_are_capped_and_name_the_whole_file(tmp_path: Path) -> None:
    made = make("pass", 400, lost=20_000)
    folder = write_folder(tmp_path / "evidence", made, "<svg>" + "x" * 2 * MOST_BYTES + "</svg>")
    contents = {c.name: c for c in attachments(folder, made.verdict, read_record(folder))}
    assert all(len(c.body.encode()) <= MOST_BYTES for c in contents.values())
    picture = contents["timeline (cut)"]
    assert picture.kind == "text"
    assert sha256_of(folder / "timeline.svg") in picture.body
    (losses,) = [c for name, c in contents.items() if name.startswith("losses.csv, first 5,000 of 20,000 rows")]
    assert sha256_of(folder / "losses.csv") in losses.name + losses.body


def test_session_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_NUMBER", "42")
    run = tmp_path / "run-1"
    run.mkdir()
    write_run(
        run,
        RunInfo(
            run="run-1", harness="0.1.0", commit="abc", environment="lab", workload="orders", started_utc="",
            operator="Zoë = 🙂",
        ),
    )  # fmt: skip
    write_session_files(tmp_path / "results", run)
    lines = (tmp_path / "results" / "environment.properties").read_text(encoding="ascii").splitlines()
    assert "Workload=orders" in lines
    assert "Operator=Zo\\u00eb\\ \\=\\ \\ud83d\\ude42" in lines
    executor = json.loads((tmp_path / "results" / "executor.json").read_text(encoding="utf-8"))
    assert executor == {
        "name": "GitHub Actions", "type": "github", "buildName": "run-1 #42", "reportName": "run-1", "buildOrder": 42,
    }  # fmt: skip


def _metrics(tmp_path: Path, *cases: Case) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The figures of a run with these drills, and Allure 3's settings."""
    run = tmp_path / "runs" / "run-1"
    for case in cases:
        write_folder(run / case, make(case, 400, lost=6), "<svg/>")
    write_session_files(tmp_path / "results", run)
    found = [json.loads((tmp_path / "results" / name).read_bytes()) for name in ("run-1-perf.json", "allurerc.json")]
    return found[0], found[1]


def test_each_edge_that_was_decided_is_a_metric_of_its_own(tmp_path: Path) -> None:
    figures, settings = _metrics(tmp_path, "pass")
    drill = "orders.az_power_loss[eu-west-1a]"
    assert {one["key"]: one["value"] for one in figures} == {
        f"{drill}.recovery_time.lower": 4.1, f"{drill}.recovery_time.upper": 4.38, f"{drill}.data_loss.lower": 0.8,
        f"{drill}.data_loss.upper": 0.9, f"{drill}.data_loss.writes": 6.0,
    }  # fmt: skip
    assert {one["stop"] - one["start"] for one in figures} == {60_000}
    assert len({one["id"] for one in figures}) == len(figures)
    named = settings["performance"]["metrics"]
    assert {one["key"] for one in figures} == set(named)
    assert {one["group"] for one in named.values()} == set(settings["performance"]["groups"])
    assert settings["historyPath"] == str(tmp_path / "runs" / "allure-history.jsonl")


@pytest.mark.parametrize(
    ("case", "edges"), [("fail", ["lower"]), ("invalid", []), ("inconclusive", []), ("aborted", [])]
)
def test_what_was_not_decided_or_not_seen_is_no_metric(tmp_path: Path, case: Case, edges: list[str]) -> None:
    figures, settings = _metrics(tmp_path, case)
    keys = [one["key"].rpartition(".")[2] for one in figures if ".recovery_time." in one["key"]]
    assert keys == edges
    assert len(settings["performance"]["metrics"]) == 5  # what it was called before stays


def test_both_versions_of_allure_get_the_same_categories(tmp_path: Path) -> None:
    _, settings = _metrics(tmp_path, "pass")
    older = json.loads((tmp_path / "results" / "categories.json").read_bytes())
    assert [{key: value for key, value in one.items() if key != "id"} for one in settings["categories"]] == older
    assert len({one["id"] for one in settings["categories"]}) == len(older)
    assert not [one for one in older if "(?" in one.get("messageRegex", "")]  # JavaScript has no flags inside


@pytest.mark.parametrize(
    ("status", "message", "category"),
    [
        ("failed", "fixtures.errors.ObjectiveMissed: recovery time", "Objective missed"),
        ("broken", "fixtures.errors.Inconclusive: the RTO", "No verdict: inconclusive"),
        ("broken", "fixtures.errors.InvalidDrill: no effect", "No verdict: invalid drill"),
        ("broken", "fixtures.errors.NoTarget: nothing", "Refused: nothing was touched"),
        ("broken", "Aborted: the drill was killed before its end.", "Aborted or killed"),
        ("failed", "fixtures.errors.ObjectiveMissed: x\nundo DIRTY: y", "Undo dirty: something is not put back"),
        ("broken", "OSError: disk", "Harness or lab broken"),
    ],
)
def test_each_outcome_falls_into_its_category(tmp_path: Path, status: str, message: str, category: str) -> None:
    write_session_files(tmp_path, tmp_path)
    categories = msgspec.json.decode((tmp_path / "categories.json").read_bytes())
    matching = [
        one["name"]
        for one in categories
        if status in one.get("matchedStatuses", [status]) and re.fullmatch(one.get("messageRegex", r"[\s\S]*"), message)
    ]
    assert matching[0] == category
