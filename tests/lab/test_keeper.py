"""The keeper: a lab outlives its killed owner, ends by itself later, and `down` leaves nothing of it."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fixtures.errors import LabError
from fixtures.lab import Lab, LabSpec, attach, down, running, up
from fixtures.lab.__main__ import main
from fixtures.lab.handle import Order, encode, environment_of
from fixtures.lab.processes import Identity, end_all, identity_of, is_alive, of_lab
from fixtures.lab.table import table

ROOT = Path(__file__).parents[2]
DEADLINE_S = 40.0


def empty_spec(command: tuple[str, ...] = ("true",), **settings: float) -> LabSpec:
    """A lab in which nothing is deployed: it is up more quickly."""
    return LabSpec(
        workload="empty",
        regions={"eu-west-1": ("eu-west-1a",)},
        templates={},
        command=command,
        tags={},
        settings=settings,
        databases={},
    )


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def processes_of(lab: Lab) -> list[psutil.Process]:
    return of_lab(lab.id, lab.directory)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = up(empty_spec(), owner=os.getpid())
    yield lab
    down(lab)


def test_the_keeper_is_a_session_of_its_own_and_no_child_of_ours(lab: Lab) -> None:
    assert os.getsid(lab.pid) == lab.pid != os.getsid(0)
    assert psutil.Process(lab.pid).ppid() != os.getpid()
    sessions = {os.getsid(p.pid) for p in processes_of(lab)}
    assert sessions == {lab.pid}, "everything of a lab is in its session"


def test_a_lab_that_runs_is_found_and_described(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert attach(lab.id) == lab
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert lab.id in shown
    assert lab.endpoint_url in shown


def test_a_bare_down_leaves_what_somebody_uses(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixtures.lab.__main__.running", lambda: [lab])  # other labs are not this test's to end
    assert main(["down"]) == 0
    assert f"Lab {lab.id} is in use" in capsys.readouterr().out
    assert attach(lab.id) == lab


def test_other_labs_are_not_taken_for_this_one(lab: Lab) -> None:
    assert lab.pid in [p.pid for p in processes_of(lab)]
    assert of_lab("0" * 8, lab.directory.with_name("dr-drills-lab-none")) == []


def test_there_is_no_lab_of_another_id() -> None:
    with pytest.raises(LabError, match="No lab 00000000 runs"):
        attach("00000000")
    down("00000000")
    with pytest.raises(LabError, match="no lab's id"):
        down("../somewhere")


RUNNER = """
import os, sys
sys.path.insert(0, {root!r})
from fixtures.lab import LabSpec, up
spec = LabSpec(workload="empty", regions={{"eu-west-1": ("eu-west-1a",)}}, templates={{}}, command=("true",), tags={{}},
               settings={{"orphan_grace_s": {grace_s}}}, databases={{}})
print(up(spec, owner=os.getpid()).id, flush=True)
sys.stdin.read()
"""


def test_a_lab_outlives_its_killed_runner_and_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DR_DRILLS_LAB_TRUTH", str(tmp_path))
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER.format(root=str(ROOT), grace_s=1.0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with runner:
        assert runner.stdout is not None
        lab = attach(runner.stdout.readline().decode().strip())
        os.killpg(runner.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    assert attach(lab.id) == lab, "it goes on after its owner's death"
    eventually("it ends by itself", lambda: not lab.directory.exists())
    assert time.monotonic() - killed_at >= 1.0, "not before its grace is over"
    eventually("nothing is left", lambda: processes_of(lab) == [])
    events = [json.loads(line)["event"] for line in (tmp_path / f"{lab.id}.jsonl").read_text().splitlines()]
    assert events == ["lab up", "owner died", "lab down"]


def test_down_ends_a_lab_whose_keeper_was_killed() -> None:
    lab = up(empty_spec(), owner=os.getpid())
    others = [identity_of(p.pid) for p in processes_of(lab) if p.pid != lab.pid]
    assert len(others) >= 2, "the cloud and the fabric"
    for identity in [Identity(lab.pid, lab.started), *others]:
        os.kill(identity.pid, signal.SIGSTOP)  # nobody gets to tidy up
    os.kill(lab.pid, signal.SIGKILL)
    eventually("the keeper is dead", lambda: not is_alive(Identity(lab.pid, lab.started)))
    assert lab not in running(), "which takes down what is left of it"
    assert not any(is_alive(identity) for identity in others)
    assert not lab.directory.exists()


# Ends neither on SIGTERM nor with its standard input, and says when it has come so far.
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('!', flush=True); time.sleep(600)"


@contextlib.contextmanager
def stubborn(lab_id: str) -> Iterator[Identity]:
    """A process of a lab that nothing but SIGKILL ends."""
    command, environment = [sys.executable, "-c", STUBBORN], {**os.environ, "DR_DRILLS_LAB": lab_id}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"!\n"
        try:
            yield identity_of(process.pid)
        finally:
            process.kill()


@pytest.fixture
def lab_id(tmp_path: Path) -> Iterator[str]:
    """An id of a lab in that folder; what a failed test leaves of it is ended."""
    lab_id = secrets.token_hex(4)
    yield lab_id
    assert end_all(lambda: of_lab(lab_id, tmp_path), 0.0) == []


def test_what_does_not_end_is_killed_even_before_the_lab_is_up(tmp_path: Path, lab_id: str) -> None:
    """The cloud process is stopped while the lab comes up, and another one is deaf to what it is told."""
    (tmp_path / "order.json").write_bytes(encode(Order(id=lab_id, spec=empty_spec(), owner=None)))
    command, environment = [sys.executable, "-m", "fixtures.lab.keeper", str(tmp_path)], environment_of(lab_id)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as starter:
        assert starter.wait(DEADLINE_S) == 0
        eventually("the keeper has its cloud process", lambda: len(of_lab(lab_id, tmp_path)) >= 2)
        keeper, cloud, *_ = found = sorted(of_lab(lab_id, tmp_path), key=lambda p: p.create_time())
        cloud.suspend()  # it reads neither its standard input nor a signal any more, nor is it ever ready
        parts = [identity_of(p.pid) for p in found]
        with stubborn(lab_id) as deaf:
            keeper.terminate()
            eventually("nothing is left", lambda: not any(is_alive(part) for part in (deaf, *parts)))
        assert starter.stdout is not None
        assert b'"ready"' not in starter.stdout.read()
    eventually("nor its folder", lambda: not tmp_path.exists())


def test_whatever_is_found_is_killed_however_long_it_takes_to_look() -> None:
    with stubborn(secrets.token_hex(4)) as deaf:

        def slow() -> list[psutil.Process]:
            time.sleep(0.05)
            return [psutil.Process(deaf.pid)] if is_alive(deaf) else []

        assert end_all(slow, 0.01) == []
        assert not is_alive(deaf)


def test_a_part_that_dies_is_told_and_the_rest_can_be_taken_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = up(empty_spec(), owner=os.getpid())
    try:
        cloud = next(p for p in processes_of(lab) if p.ppid() == lab.pid)
        cloud.kill()
        eventually("status tells", lambda: "has died" in table(lab))
        assert attach(lab.id) == lab
    finally:
        monkeypatch.setenv("DR_DRILLS_LAB_TRUTH", str(tmp_path))
        down(lab)
    assert "part died" in (tmp_path / f"{lab.id}.jsonl").read_text()
    assert processes_of(lab) == []


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the labs of this test alone are; other tests start and end theirs beside it. Short, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="dr-drills-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path, place: Path) -> None:
    with pytest.raises(LabError, match=r"boot_dela_s: there is no such setting; did you mean boot_delay_s\?"):
        up(empty_spec(boot_dela_s=1.0), owner=None)
    with pytest.raises(LabError, match="must not be negative"):
        up(empty_spec(boot_delay_s=-1.0), owner=None)
    with pytest.raises(LabError, match="no command"):
        up(empty_spec(command=()), owner=None)
    wrong = LabSpec(**{**vars(empty_spec()), "templates": {"eu-west-1": tmp_path / "none.json"}})
    with pytest.raises(LabError, match="does not exist"):
        up(wrong, owner=None)
    assert list(place.iterdir()) == []


def test_a_template_that_does_not_deploy_names_its_reason_and_leaves_nothing(tmp_path: Path, place: Path) -> None:
    template = tmp_path / "wrong.json"
    template.write_text('{"Resources": {"A": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": "vpc-none"}}}}')
    with pytest.raises(LabError, match=r"wrong\.json does not deploy") as refused:
        up(LabSpec(**{**vars(empty_spec()), "templates": {"eu-west-1": template}}), owner=None)
    assert "Correct the template" in str(refused.value)
    assert "KeyError: 'CidrBlock'" in str(refused.value), "the end of the log says what it was"
    assert list(place.iterdir()) == []


def test_a_command_that_ends_is_named_with_its_log() -> None:
    spec = LabSpec(
        workload="orders",
        regions={"eu-west-1": ("eu-west-1a", "eu-west-1b", "eu-west-1c")},
        templates={"eu-west-1": ROOT / "fixtures/workloads/orders-multi-az.template.json"},
        command=("{python}", "-c", "raise SystemExit('no such thing')"),
        tags={"dr-drills:workload": "orders"},
        settings={"boot_delay_s": 0.0},
        databases={"eu-west-1": "orders"},
    )
    with pytest.raises(LabError, match=r"Correct \[lab\] command") as refused:
        up(spec, owner=None)
    assert "no such thing" in str(refused.value)
