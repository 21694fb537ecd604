"""Runs that go on by themselves: started, followed, left alone, ended and killed; and what each of that says."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec
import psutil
import pytest

from fixtures import lab
from fixtures.detach import _refuse_terminal
from fixtures.detached import Detached, read, write
from fixtures.errors import Refused
from fixtures.follow import closing, command
from fixtures.journal import Journal
from fixtures.owners import this_process
from fixtures.workload import load
from reports.verify import verify_run
from tests.fixtures.fake_cloud import FakeTime, change, header
from tests.sabotage.quick import DRILLS, HANGS_S, ROOT, Run, owner_of, quick_workload
from tests.sabotage.test_bad_input import USAGE, left_behind, run_pytest

HELD_UP = str(DRILLS / "drill_held_up.py")


@dataclass
class Own:
    """One detached run, with its own folders."""

    folder: Path
    said: str

    @property
    def run(self) -> str:
        found = re.search(r"^run (\S+) goes on by itself, as process \d+$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    @property
    def evidence(self) -> Path:
        return self.folder / "runs" / self.run

    @property
    def state(self) -> Detached:
        return read(self.evidence)

    def go(self) -> None:
        (self.folder / "go").touch()

    def resume(self) -> tuple[int, str]:
        return run_pytest(self.folder, "drills", f"--resume={self.run}")

    def ended(self) -> None:
        deadline = time.monotonic() + HANGS_S
        while self.state.lives and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not self.state.lives


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Own]:
    """One that is held up in its first drill."""
    yield from detached(tmp_path, HELD_UP)


def detached(folder: Path, drill: str, **environment: str) -> Iterator[Own]:
    workload = quick_workload(folder, {'steady = "5s"': 'steady = "60s"'})  # so that it is still there to be looked at
    given = {"SABOTAGE_GO": str(folder / "go"), **environment}
    code, said = run_pytest(folder, drill, f"--workload={workload}", "--detach", **given)
    try:
        assert code == 0, said
        yield Own(folder, said)
    finally:
        for path in (folder / "runs").glob("*/detached"):
            state = read(path.parent)
            if state.lives:
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(state.owner.pid).kill()
            for one in lab.running():
                if owner_of(one.directory) == state.owner.pid:
                    lab.down(one)


class Following:
    """`--resume` in a process of its own, that can be interrupted."""

    def __init__(self, own: Own) -> None:
        self.output = own.folder / "followed.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "drills", f"--resume={own.run}", "-p", "no:cacheprovider"],
                cwd=ROOT, env=Run.environment(own.folder), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def until(self, text: str) -> None:
        deadline = time.monotonic() + HANGS_S
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.02)

    def wait(self) -> int:
        return self.process.wait(HANGS_S)


def marked(own: Own, name: str) -> None:
    """Wait until its drill has written that mark."""
    deadline = time.monotonic() + HANGS_S
    while not any(f'"name":"{name}"' in path.read_text("utf-8") for path in own.evidence.glob("*/marks.jsonl")):
        assert own.state.code is None, own.resume()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_is_followed_left_alone_and_followed_to_its_end(held: Own) -> None:
    """The first look is ended with Ctrl-C, the second sees the end, the third is told how it was."""
    assert held.state.begun
    assert held.state.lives
    assert psutil.Process(held.state.owner.pid).terminal() is None
    with Following(held) as first:
        first.until("[held_up] waiting for go")
        first.process.send_signal(signal.SIGINT)
        assert first.wait() == 2, first.said
        assert f"the run {held.run} goes on" in first.said
    assert held.state.lives
    with Following(held) as second:
        second.until("[held_up] waiting for go")
        assert "gone on" not in second.said
        held.go()
        assert second.wait() == 12, second.said
        assert second.said.index("gone on") < second.said.index("= drills =")
    held.ended()
    code, told = held.resume()
    assert code == 12
    assert "waiting for go" not in told
    assert re.search(r"= drills =.*exit code   12.*ended at \S+: exit code 12 \(refused", told, re.DOTALL), told
    assert verify_run(held.evidence).problems == []


def test_one_that_was_killed_is_told_with_what_is_open(held: Own) -> None:
    state = held.state
    psutil.Process(state.owner.pid).kill()
    held.ended()
    code, told = held.resume()
    assert (code, "process" in told, "Nothing of it is open" in told) == (11, True, True), told
    mine = msgspec.structs.replace(header(), run=held.run)
    journal = Journal.open(Path(state.journals), mine, stamp=FakeTime().stamp)
    journal.intent(change("a"))
    journal.__exit__(None, None, None)  # dead processes hold nothing
    code, told = held.resume()
    assert code == 13, told
    assert "1 changes are not put back" in told
    assert f"python -m fixtures.journal undo {held.run}" in told


def test_a_drill_in_the_lab_is_as_any_other(tmp_path: Path) -> None:
    """`journal list` shows it as running; ended in order, it leaves neither a lab nor a journal."""
    for own in detached(tmp_path, str(DRILLS / "drill_power_loss.py"), SABOTAGE_ZONE="eu-west-1a"):
        run, pid = Run(tmp_path, None), own.state.owner.pid  # type: ignore[arg-type]  # its process is nobody's child
        with Following(own) as following:
            marked(own, "start")
            listed = run.journal("list")
            assert f"in use by process {pid}" in listed.stdout, listed.stdout
            psutil.Process(pid).send_signal(signal.SIGINT)
            assert following.wait() == 12, following.said
            assert "SIGINT received" in following.said
        own.ended()
        assert (run.verdict["verdict"], run.verdict["undo"]) == ("aborted", "clean")
        assert list(run.state.glob("*.jsonl")) == []
        assert [one for one in lab.running() if owner_of(one.directory) == pid] == []


def test_what_cannot_begin_is_said_with_its_reason(tmp_path: Path) -> None:
    workload = quick_workload(tmp_path)
    wrong = tmp_path / "test_wrong.py"
    wrong.write_text("def test_wrong(drill):\n    pass\n", encoding="utf-8")
    code, said = run_pytest(
        tmp_path, str(wrong), f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", "-pfixtures.plugin",
        f"--workload={workload}", "--detach",
    )  # fmt: skip
    assert code == USAGE, said
    assert "it takes `drill`, so it needs @pytest.mark.drill" in said
    assert "has not begun" in said


def test_what_the_guard_forbids_is_not_even_started(tmp_path: Path) -> None:
    workload = quick_workload(tmp_path)
    code, said = run_pytest(tmp_path, HELD_UP, f"--workload={workload}", "--detach", "--production=orders")
    assert code == 12, said
    assert "Nothing was touched" in said
    assert [path for path in left_behind(tmp_path) if path.parent.name == "runs"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--resume=none",), "There is no run none in"),
        (("--resume=bare",), "The run bare was not started with --detach"),
        (("--detach", "--collect-only"), "--detach starts a run"),
    ],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "runs" / "bare").mkdir(parents=True)
    code, said = run_pytest(tmp_path, "drills", *arguments)
    assert code == USAGE
    assert says in said


# --- in this process -------------------------------------------------------------------------------------------------


def test_a_plan_that_asks_on_a_terminal_is_refused(tmp_path: Path) -> None:
    step = '[plans.az]\n[[plans.az.steps]]\nname = "ask"\nkind = "wait"\nsays = "Go?"\n'
    path = quick_workload(tmp_path, {"[drill]": f"{step}\n[drill]"})
    with pytest.raises(Refused, match=r"The step ask waits for Enter .* Nothing was touched"):
        _refuse_terminal(load(path))
    path.write_text(path.read_text(encoding="utf-8").replace('says = "Go?"', 'says = "Go?"\nfile = "go"'), "utf-8")
    _refuse_terminal(load(path))


def test_the_closing_summary_is_its_last_one() -> None:
    lines = ["a", "==== drills ====", "x", "[one] of == drills ==", "==== drills ====", "verdict", "== 1 passed =="]
    assert closing("\n".join(lines)) == lines[4:]
    assert closing("\n".join(map(str, range(30)))) == [str(number) for number in range(10, 30)]


def test_the_command_names_the_folder_where_it_is_another() -> None:
    assert command(Path("/a/run"), Path("/a")) == "python -m pytest drills --resume run"
    assert command(Path("/b/run"), Path("/a")).endswith("--resume run --runs-dir /b")


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept = Detached(run="r", owner=this_process(0), journals="/j", begun=True, code=10, ended_utc="now")
    write(tmp_path / "r", kept)
    assert read(tmp_path / "r") == kept
    assert kept.lives
    dead = msgspec.structs.replace(kept, owner=msgspec.structs.replace(kept.owner, started=1.0))
    assert not dead.lives
