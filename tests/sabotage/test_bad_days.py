"""What goes wrong in the middle of a drill: no false pass, all is put back, and the reader is told what it was."""

import json
import os
import re
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.sabotage.quick import HANGS_S, Run, owner_of, processes_of, running


def is_put_back(run: Run) -> None:
    assert run.verdict["undo"] == "clean", run.output
    assert list(run.state.glob("*.jsonl")) == []
    assert run.labs() == []


def sound(run: Run) -> str:
    """What the verdict says of the harness itself."""
    (finding,) = (one for one in run.verdict["findings"] if one["check"] == "harness sound")
    assert finding["verdict"] == "invalid"
    return str(finding["says"])


def failure(run: Run) -> str:
    """What pytest shows of a failed drill: the lines below its headline."""
    after = run.output.partition("= FAILURES =")[2].partition("___\n")[2]
    return re.split(r"\n[=-]{4}", after)[0]


def test_a_drill_whose_own_code_fails_is_no_verdict(tmp_path: Path) -> None:
    with running(tmp_path, "raises") as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] == "invalid"
        assert "ZeroDivisionError: a defect of the drill's own code" in sound(run)
        assert "raise ZeroDivisionError" in failure(run)  # a defect: its traceback is wanted
        is_put_back(run)


def test_a_killed_vantage_is_no_verdict(tmp_path: Path) -> None:
    with running(tmp_path, "vantage_killed") as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] == "invalid"
        assert "exit code -9" in sound(run)
        assert failure(run).startswith("VantageLost: vantage client ended by itself")
        is_put_back(run)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets another process's limits (prlimit)")
def test_a_history_that_cannot_grow_is_no_verdict(tmp_path: Path) -> None:
    report, results = tmp_path / "junit.xml", tmp_path / "results"
    options = f"--junitxml={report} --alluredir={results}"
    with running(tmp_path, "disk_full", PYTEST_ADDOPTS=options) as run:
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] == "invalid"
        assert "cannot write history-client.jsonl: File too large" in sound(run)
        assert failure(run).startswith("VantageLost: ")
        assert len(failure(run).splitlines()) == 2  # the message and where, no wall
        is_put_back(run)
        properties = {one.get("name"): one.get("value") for one in ET.parse(report).iter("property")}  # noqa: S314  our own file
        assert properties["drill.verdict"] == "invalid"
        assert float(properties["drill.data_loss.acknowledged"] or "nan") == run.verdict["data_loss"]["acknowledged"]
        (result,) = (json.loads(path.read_text(encoding="utf-8")) for path in results.glob("*-result.json"))
        assert result["status"] == "broken"


def test_what_cannot_be_put_back_in_a_broken_lab_ends_with_it(tmp_path: Path) -> None:
    with running(tmp_path, "lab_broken") as run:
        run.await_mark("effective")
        (up,) = run.labs()
        assert run.wait() == 11, run.output
        assert run.verdict["verdict"] in ("invalid", "fail")
        assert failure(run).startswith("LabError: The lab's part `cloud` has died.")
        assert "the lab has been ended, and with it 2 changes" in run.output
        is_put_back(run)
        assert processes_of(up) == []
        assert not up.directory.exists()


def test_the_third_signal_gives_up_and_says_what_is_left(tmp_path: Path) -> None:
    with running(tmp_path, "lying_undo", SABOTAGE_UNDO_DEADLINE_S="60") as run:
        run.await_mark("undo")
        for _ in range(3):
            run.process.send_signal(signal.SIGINT)
            time.sleep(1.0)  # two signals of a kind that come at once are one
        assert run.wait() == 13, run.output
        assert (run.verdict["verdict"], run.verdict["undo"]) == ("aborted", "dirty")
        assert failure(run).startswith("UndoDirty: Putting back was given up at the third signal")
        assert f"python -m fixtures.journal undo {run.verdict['run_id']}" in failure(run)
        (path,) = run.folder.glob("runs/*/allure-results/*-result.json")
        assert json.loads(path.read_text(encoding="utf-8"))["status"] == "broken"
        (_,) = run.labs()  # something to undo against
        (_,) = run.state.glob("*.jsonl")


def lab_directories(owner: int) -> list[Path]:
    """Those of the labs that a process is bringing up, or has."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(f"dr-drills-lab-{os.getuid()}-*"):
        with suppress(FileNotFoundError):  # somebody else's lab that ends meanwhile
            found += [path] if owner_of(path) == owner else []
    return found


def test_ctrl_c_while_the_lab_comes_up_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "power_loss") as run:
        deadline = time.monotonic() + HANGS_S
        while "fabric: relays and DNS are up" not in run.output and time.monotonic() < deadline:
            time.sleep(0.02)
        (directory,) = lab_directories(run.process.pid)
        os.killpg(run.process.pid, signal.SIGINT)  # a terminal sends it to all of them
        assert run.wait() == 12, run.output
        assert "Aborted: SIGINT received" in run.output
        assert not directory.exists()
        assert processes_of(directory.name.rpartition("-")[2]) == []
