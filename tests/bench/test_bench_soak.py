"""The soak: what a run of many drills is said to be, and that one bad drill in twenty runs is not lost."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import figures, soak
from bench.compare import Compared
from bench.drilled import Where
from bench.soak import Drilled, Run, drilled, main, progress, soak_one, summary, table
from bench.synthetic import write_drill
from reports import folder as evidence

COMPARED = Compared(
    recovery_s="2.981..3.123", impact_s="6.104..6.179", stable_s="9.160..9.227", confidence=1.0, width_s=0.142,
    allowed_s=0.15, period_s=0.05, gap_s=0.054, longest_s=0.02, truth_recovery_s="2.146..4.670",
    truth_impact_s="6.159..6.182", truth_stable_s="8.329..10.829", disagreements=(),
)  # fmt: skip
ZONE = Drilled(name="az_power_loss a", recovery_s=(2.9, 3.1), lost=0, failures=(), compared=COMPARED)
REGION = Drilled(name="region_isolation", recovery_s=(6.5, None), lost=3, failures=())


def ran(number: int, *failures: str, drills: tuple[Drilled, ...] = (ZONE, REGION)) -> Run:
    return Run(
        number=number, selected="-m gate", exit=0, took_s=180.0, folder="soak/x", failures=failures, drills=drills
    )  # fmt: skip


def bad(drill: Drilled) -> Drilled:
    return msgspec.structs.replace(drill, recovery_s=(7.25, 7.5), failures=("the verdict is fail",))


def test_the_table_has_a_line_for_each_drill() -> None:
    head, zone, region = table([ran(1), ran(2, drills=(ZONE, bad(REGION)))]).splitlines()
    assert head.split()[:3] == ["drill", "runs", "clean"]
    assert zone.split() == ["az_power_loss", "a", "2", "2", "2.900..2.900", "3.100..3.100", "0..0", "compared", "2"]
    assert region.split() == ["region_isolation", "2", "1", "6.500..7.250", "7.500..7.500", "3..3", "not", "compared"]


def test_only_clean_runs_bound_anything() -> None:
    assert "below 0.14 (at 95%)" in summary([ran(n) for n in range(20)])
    assert summary([ran(1), ran(2, "exit code 11")]) == "1 of 2 runs failed."
    assert summary([ran(1), ran(2, drills=(ZONE, bad(REGION)))]) == "1 of 2 runs failed."
    assert summary([]) == "Nothing ran."


def missing(drill: Drilled, *missed: str) -> Drilled:
    return msgspec.structs.replace(
        drill, compared=msgspec.structs.replace(COMPARED, confidence=0.95, missed=missed)
    )  # fmt: skip


def test_an_interval_that_may_miss_the_truth_fails_only_if_it_is_no_chance() -> None:
    off, on = missing(ZONE, "impact 1..2 s ends before"), missing(ZONE)
    seldom = [ran(1, drills=(off,)), *(ran(n, drills=(on,)) for n in range(19))]
    assert all(run.clean for run in seldom)
    assert summary(seldom).endswith("Intervals that were said at 95% and missed the truth: 1 of 20.")
    assert "~ impact 1..2 s ends before (said at 95%" in progress(seldom[0], 20)
    often = [ran(n, drills=(off if n < 7 else on,)) for n in range(20)]
    assert summary(often) == "Intervals that were said at 95% and missed the truth: 7 of 20, which is more than chance."


def test_the_progress_names_the_drill_that_is_wrong() -> None:
    said = progress(ran(2, "left process 7", drills=(ZONE, bad(REGION))), 3)
    assert said.splitlines() == [
        "[2/3] FAILED in 180 s",
        "    - left process 7",
        "    az_power_loss a: recovery time 2.900..3.100 s",
        "    region_isolation: recovery time 7.250..7.500 s",
        "        - the verdict is fail",
    ]


class TestMain:
    """What is chosen, the file and the exit code; the drills themselves are not run."""

    @pytest.fixture
    def chosen(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
        chosen: list[list[str]] = []

        def one(_where: object, _workload: Path, selected: list[str], number: int) -> Run:
            chosen.append(selected)
            return ran(number, *(["left process 7"] if "bad" in selected[-1] else []))

        monkeypatch.setattr(soak, "soak_one", one)
        monkeypatch.setattr(figures, "OUT", tmp_path)
        return chosen

    def test_clean(self, chosen: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--runs", "2"]) == 0
        assert chosen == [["-m", "gate"]] * 2, "what make drill runs"
        assert '"failed": 0' in (tmp_path / "soak.json").read_text(encoding="utf-8")
        assert "2 of 2 runs clean" in capsys.readouterr().out

    def test_failed(self, chosen: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--runs", "3", "--zones", "good,bad"]) == 1
        assert [words[-1] for words in chosen] == [f"az_power_loss and {zone}" for zone in ("good", "bad", "good")]
        assert '"failure_bound": null' in (tmp_path / "soak.json").read_text(encoding="utf-8")
        out = capsys.readouterr().out
        assert "1 of 3 runs failed." in out
        assert "- left process 7" in out

    def test_interrupted(self, chosen: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        usual = soak.soak_one

        def stopped(where: Where, workload: Path, selected: list[str], number: int) -> Run:
            if number == 2:
                raise KeyboardInterrupt
            return usual(where, workload, selected, number)

        monkeypatch.setattr(soak, "soak_one", stopped)
        assert main(["--runs", "3"]) == 1, "what did not run is not clean"
        assert len(chosen) == 1

    @pytest.mark.parametrize("arguments", [["--runs", "0"], ["--runs", "-1"], ["--all", "--zones", "a"]])
    def test_what_cannot_be_asked(self, chosen: list[list[str]], arguments: list[str]) -> None:
        with pytest.raises(SystemExit):
            main(arguments)
        assert chosen == []


class TestOneRun:
    """What is said of one run. In the drills' place runs a short program."""

    @pytest.fixture
    def where(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Where:
        monkeypatch.setattr(soak, "OUT", tmp_path)
        return Where(tmp_path / "001")

    @staticmethod
    def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
        monkeypatch.setattr(soak, "command_of", lambda *_: [sys.executable, "-c", program])

    def test_what_went_wrong_is_said(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        leaves = (
            "import os, pathlib; s = pathlib.Path(os.environ['DR_DRILLS_STATE']); s.mkdir(); (s / 'x.jsonl').touch()"
        )
        self.stand_in(monkeypatch, f"{leaves}; raise SystemExit(13)")
        found = soak_one(where, Path("w.toml"), [], 1)
        assert (found.exit, found.drills, found.clean) == (13, (), False)
        assert found.failures == (
            "exit code 13: see output.txt",
            "left an open journal: x.jsonl",
            "no drill came to a verdict",
        )

    def test_one_that_hangs_is_said(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand_in(monkeypatch, "import time; time.sleep(600)")
        monkeypatch.setattr(soak, "SET_HANGS_S", 0.5)
        assert soak_one(where, Path("w.toml"), [], 1).failures[0] == "did not end within 0.5 s"


class TestOneDrill:
    """What is said of one drill's folder."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "runs" / "run" / "drill"
        folder.mkdir(parents=True)
        write_drill(folder, 1770)
        evidence.write_verdict(folder, evidence.judge(folder))
        return folder

    @staticmethod
    def change(folder: Path, **changes: Any) -> None:
        evidence.write_verdict(folder, msgspec.structs.replace(evidence.read_verdict(folder), **changes))

    def test_one_that_passed_and_cannot_be_compared(self, folder: Path, tmp_path: Path) -> None:
        self.change(folder, drill="region_isolation", parameters={}, verdict="pass", undo="clean")
        found = drilled(folder, tmp_path)
        assert (found.name, found.failures, found.compared) == ("region_isolation", (), None)
        assert found.recovery_s[0] is not None

    def test_one_that_did_not_pass_and_left_a_mess(self, folder: Path, tmp_path: Path) -> None:
        self.change(folder, drill="region_isolation", parameters={}, verdict="invalid", undo="dirty")
        assert drilled(folder, tmp_path).failures == ("the verdict is invalid", "put back: dirty")

    def test_one_that_should_be_compared_and_has_no_truth(self, folder: Path, tmp_path: Path) -> None:
        self.change(folder, drill="az_power_loss", parameters={"zone": "a"}, verdict="pass", undo="clean")
        (failure,) = drilled(folder, tmp_path).failures
        assert failure.startswith("cannot be compared: ")
