import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench import soak
from bench.compare import Compared
from bench.soak import Result, Where, main, run_drill, soak_one, summary, table

COMPARED = Compared(
    recovery_s="2.981..3.123", impact_s="6.104..6.179", stable_s="9.160..9.227", confidence=1.0, width_s=0.142,
    allowed_s=0.15, period_s=0.05, gap_s=0.054, longest_s=0.02, truth_recovery_s="2.146..4.670",
    truth_impact_s="6.159..6.182", truth_stable_s="8.329..10.829", disagreements=(),
)  # fmt: skip


def result(number: int, *failures: str, compared: Compared | None = COMPARED) -> Result:
    code = 10 if failures else 0
    return Result(
        number=number, zone="eu-west-1a", exit=code, took_s=35.0, folder="soak/x", failures=failures, compared=compared
    )  # fmt: skip


def test_the_table_has_a_line_for_each_drill() -> None:
    head, clean, failed = table([result(1), result(2, "exit code 10", "left process 7", compared=None)]).splitlines()
    assert head.split()[:3] == ["#", "zone", "exit"]
    assert clean.split() == [
        "1", "eu-west-1a", "0", "2.981..3.123", "100%", "0.142", "0.150", "2.146..4.670", "clean",
    ]  # fmt: skip
    assert failed.split() == ["2", "eu-west-1a", "10", "-", "-", "-", "-", "-", "2", "failures"]


def test_only_clean_drills_bound_anything() -> None:
    assert "below 0.14 (at 95%)" in summary([result(n) for n in range(20)])
    assert summary([result(1), result(2, "exit code 11")]) == "1 of 2 drills failed."
    assert summary([]) == "No drill ran."


class TestMain:
    """The zones in rotation, the file and the exit code; the drills themselves are not run."""

    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
        ran: list[str] = []

        def one(_where: object, _workload: Path, zone: str, number: int) -> Result:
            ran.append(zone)
            return result(number, *(["left process 7"] if zone == "bad" else []))

        monkeypatch.setattr(soak, "soak_one", one)
        monkeypatch.setattr(soak, "OUT", tmp_path)
        monkeypatch.setattr(soak, "_tail", lambda _output: "")
        return ran

    def test_clean(self, ran: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--runs", "4"]) == 0
        assert ran == ["eu-west-1a", "eu-west-1b", "eu-west-1c", "eu-west-1a"]
        assert '"failed": 0' in (tmp_path / "soak.json").read_text(encoding="utf-8")
        assert "4 of 4 drills clean" in capsys.readouterr().out

    def test_failed(self, ran: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--runs", "3", "--zones", "good,bad"]) == 1
        assert ran == ["good", "bad", "good"]
        assert '"failure_bound": null' in (tmp_path / "soak.json").read_text(encoding="utf-8")
        out = capsys.readouterr().out
        assert "1 of 3 drills failed." in out
        assert "- left process 7" in out

    def test_interrupted(self, ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        usual = soak.soak_one

        def stopped(where: soak.Where, workload: Path, zone: str, number: int) -> Result:
            if number == 2:
                raise KeyboardInterrupt
            return usual(where, workload, zone, number)

        monkeypatch.setattr(soak, "soak_one", stopped)
        assert main(["--runs", "3"]) == 1, "what did not run is not clean"
        assert len(ran) == 1

    @pytest.mark.parametrize("runs", ["0", "-1"])
    def test_no_runs(self, ran: list[str], runs: str) -> None:
        with pytest.raises(SystemExit):
            main(["--runs", runs])
        assert ran == []


class TestOneDrill:
    """How a drill is run and what is said of it. In its place runs a short program."""

    @pytest.fixture
    def where(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Where:
        monkeypatch.setattr(soak, "OUT", tmp_path)
        return Where(tmp_path / "001-zone")

    @staticmethod
    def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
        monkeypatch.setattr(soak, "command_of", lambda _workload, zone: [sys.executable, "-c", program, zone])

    def test_it_is_told_where_everything_goes(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ("DR_DRILLS_STATE", "DR_DRILLS_RUNS_DIR", "DR_DRILLS_LAB_TRUTH")
        self.stand_in(
            monkeypatch, f"import os, sys; print(*[os.environ[n] for n in {names}], sys.argv[1]); sys.exit(11)"
        )
        assert run_drill(where, Path("w.toml"), "eu-west-1a") == 11
        assert where.output.read_text().split() == [*map(str, (where.state, where.runs, where.truth)), "eu-west-1a"]

    def test_the_command_is_a_user_s(self) -> None:
        command = soak.command_of(Path("w.toml"), "eu-west-1b")
        assert command[1:] == ["-m", "pytest", "drills", "--workload", "w.toml", "-k", "az_power_loss and eu-west-1b"]

    def test_what_went_wrong_is_said(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        leaves = (
            "import os, pathlib; s = pathlib.Path(os.environ['DR_DRILLS_STATE']); s.mkdir(); (s / 'x.jsonl').touch()"
        )
        self.stand_in(monkeypatch, f"{leaves}; raise SystemExit(13)")
        found = soak_one(where, Path("w.toml"), "eu-west-1a", 1)
        assert found.exit == 13
        assert found.compared is None
        assert found.failures == (
            "exit code 13: see output.txt",
            "left an open journal: x.jsonl",
            "0 drills came to a verdict, not one",
        )

    def test_a_drill_that_hangs_is_ended_and_said(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand_in(monkeypatch, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
        monkeypatch.setattr(soak, "HANGS_S", 1.0)
        failures = soak_one(where, Path("w.toml"), "eu-west-1a", 1).failures
        assert failures[0] == "did not end within 1 s"
        with pytest.raises(ProcessLookupError):
            os.kill(int(where.output.read_text()), 0)

    def test_sigterm_ends_the_drill_with_the_soak(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand_in(monkeypatch, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")

        def tell() -> None:
            while not (where.output.exists() and where.output.read_text().endswith("\n")):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)

        teller = threading.Thread(target=tell)
        teller.start()
        with pytest.raises(KeyboardInterrupt), soak.sigterm_as_ctrl_c():
            run_drill(where, Path("w.toml"), "eu-west-1a")
        teller.join()
        with pytest.raises(ProcessLookupError):
            os.kill(int(where.output.read_text()), 0)

    def test_a_drill_that_does_not_end_when_told_is_killed(self, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
        deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        self.stand_in(monkeypatch, deaf)
        monkeypatch.setattr(soak, "HANGS_S", 1.0)
        monkeypatch.setattr(soak, "ENDS_S", 0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            run_drill(where, Path("w.toml"), "eu-west-1a")
