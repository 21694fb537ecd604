"""How a drill is run by a bench, and many in a row. In the drill's place runs a short program."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench import drilled
from bench.drilled import Where, command_of, in_a_row, run

SLEEPS = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


@pytest.fixture
def where(tmp_path: Path) -> Where:
    return Where(tmp_path / "001")


def program(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", text, *arguments]


def test_it_is_told_where_everything_goes(where: Where) -> None:
    names = ("DR_DRILLS_STATE", "DR_DRILLS_RUNS_DIR", "DR_DRILLS_LAB_TRUTH")
    says = program(f"import os, sys; print(*[os.environ[n] for n in {names}], sys.argv[1]); sys.exit(11)", "word")
    assert run(says, where) == 11
    assert where.output.read_text().split() == [*map(str, (where.state, where.runs, where.truth)), "word"]


def test_the_command_is_a_user_s() -> None:
    command = command_of(Path("w.toml"), "drills", "-k", "az_power_loss and eu-west-1b")
    assert command[1:] == ["-m", "pytest", "drills", "--workload", "w.toml", "-k", "az_power_loss and eu-west-1b"]


def test_a_drill_that_hangs_is_ended(where: Where) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run(program(SLEEPS), where, hangs_s=1.0)
    with pytest.raises(ProcessLookupError):
        os.kill(int(where.output.read_text()), 0)


def test_a_drill_that_does_not_end_when_told_is_killed(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    monkeypatch.setattr(drilled, "ENDS_S", 0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        run(program(deaf), where, hangs_s=1.0)


def test_sigterm_ends_the_drill_and_the_row(where: Where, capsys: pytest.CaptureFixture[str]) -> None:
    def tell() -> None:
        while not (where.output.exists() and where.output.read_text().endswith("\n")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    def one(number: int, text: str) -> int:
        return run(program(text), where if number == 2 else Where(where.folder.with_name("first")))

    teller = threading.Thread(target=tell)
    teller.start()
    assert in_a_row(["", SLEEPS, ""], one, str) == [0]
    teller.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(where.output.read_text()), 0)
    assert capsys.readouterr().out == "0\ninterrupted after 1\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "whoever called is as before"
