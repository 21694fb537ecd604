"""A process that was started here ends at once, with all that it started, and nobody else does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fixtures.errors import LabError
from fixtures.lab.machines.instance import Instance
from fixtures.lab.machines.processes import Child, last_lines, minimal_environment

# A process with a child and a grandchild; it names them, and ignores a polite request to end.
FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
depth = int(sys.argv[1])
child = subprocess.Popen([sys.executable, __file__, str(depth - 1)]) if depth else None
print(os.getpid(), flush=True)
time.sleep(600)
"""
DEADLINE_S = 20.0


def wait_for_lines(log: Path, count: int) -> list[str]:
    deadline = time.monotonic() + DEADLINE_S
    while len(lines := log.read_text().splitlines() if log.exists() else []) < count:
        assert time.monotonic() < deadline, f"{log} has only {lines}"
        time.sleep(0.01)
    return lines


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def family(tmp_path: Path) -> tuple[list[str], Path]:
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    return [sys.executable, str(script), "2"], tmp_path / "log"


def test_kill_takes_every_descendant(family: tuple[list[str], Path]) -> None:
    argv, log = family
    child = Child.start(argv, minimal_environment(), log)
    pids = [int(line) for line in wait_for_lines(log, 3)]
    assert all(runs(pid) for pid in pids)
    child.kill()
    assert not child.alive
    assert [pid for pid in pids if runs(pid)] == []


def test_stop_kills_what_does_not_listen(family: tuple[list[str], Path]) -> None:
    argv, log = family
    child = Child.start(argv, minimal_environment(), log)
    pids = [int(line) for line in wait_for_lines(log, 3)]
    child.stop(timeout_s=0.1)
    assert [pid for pid in pids if runs(pid)] == []


def test_stop_lets_it_end_in_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import signal, time, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))"
    child = Child.start([sys.executable, "-c", f"{script}; print('up', flush=True); time.sleep(600)"], {}, log)
    wait_for_lines(log, 1)
    child.stop(timeout_s=DEADLINE_S)
    assert log.read_text().splitlines() == ["up", "bye"]


def test_ending_twice_signals_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child.start([sys.executable, "-c", ""], {}, tmp_path / "log")
    assert child.wait(DEADLINE_S)
    sent: list[object] = []
    monkeypatch.setattr(os, "kill", lambda *call: sent.append(call))
    child.kill()
    child.stop()
    assert sent == []


def test_it_stays_in_the_group_and_gets_just_its_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import os, json; print(os.getpgrp(), os.getsid(0)); print(json.dumps(sorted(os.environ)))"
    child = Child.start([sys.executable, "-c", script], {"LC_ALL": "C.UTF-8", "A": "b"}, log)
    assert child.wait(DEADLINE_S)
    group, environment = log.read_text().splitlines()
    assert group == f"{os.getpgrp()} {os.getsid(0)}"
    assert environment == '["A", "LC_ALL"]'


def test_a_stopped_process_is_killed_too(family: tuple[list[str], Path]) -> None:
    argv, log = family
    child = Child.start(argv, {}, log)
    wait_for_lines(log, 3)
    os.kill(child.pid, signal.SIGSTOP)
    child.kill()
    assert not child.alive


def test_pipes(tmp_path: Path) -> None:
    child = Child.start([sys.executable, "-c", "print(input()[::-1])"], {}, tmp_path / "log", pipes=True)
    child.stdin.write(b"abc\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"cba\n"
    child.kill()


def test_no_pipes_unless_asked_for(tmp_path: Path) -> None:
    child = Child.start([sys.executable, "-c", ""], {}, tmp_path / "log")
    with pytest.raises(ValueError, match="without pipes"):
        _ = child.stdin
    child.kill()


def test_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "cannot be read" in last_lines(log)
    log.write_text("".join(f"line {n}\n" for n in range(100)))
    assert last_lines(log, 2) == "last lines of its log:\n    line 98\n    line 99"


def test_an_instance_loses_power_and_boots_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import os, time; print(os.environ['PORT'], os.environ['ZONE'], flush=True); time.sleep(600)"
    instance = Instance(["{python}", "-c", script], {"ZONE": "eu-west-1a", "PORT": "1"}, 8080, log)
    instance.start()
    assert wait_for_lines(log, 1) == ["8080 eu-west-1a"]
    first = instance.pid
    with pytest.raises(LabError, match="already runs"):
        instance.start()
    instance.kill()
    assert (instance.alive, instance.pid) == (False, None)
    instance.start()
    assert wait_for_lines(log, 2) == ["8080 eu-west-1a"] * 2
    assert instance.pid != first
    instance.stop(timeout_s=DEADLINE_S)
    assert not instance.alive


def test_an_instance_without_a_program(tmp_path: Path) -> None:
    instance = Instance(["/nowhere/to/be/found"], {}, 8080, tmp_path / "log")
    with pytest.raises(LabError, match="cannot start"):
        instance.start()
    instance.kill()
    assert not instance.alive


def test_a_stranger_with_the_same_parent_lives(family: tuple[list[str], Path]) -> None:
    argv, log = family
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        child = Child.start(argv, {}, log)
        wait_for_lines(log, 3)
        child.kill()
        assert stranger.poll() is None
