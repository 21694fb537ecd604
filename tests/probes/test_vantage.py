import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from probes import client
from probes.client import ROOT, VantageLost, VantageProcess
from probes.commands import Reply
from probes.history import History
from probes.ledger import checksum_of, payload_of
from probes.load import Follower, load_history
from probes.spec import VantageSpec
from tests.probes.conftest import probe_settings, stream
from tests.probes.servers import Store

MakeSpec = Callable[..., VantageSpec]


@pytest.fixture
def spec(make_spec: MakeSpec, store: Store) -> VantageSpec:
    return make_spec(
        {"orders": probe_settings(store.port)},
        stream("write fresh", connection="fresh"),
        stream("write pooled"),
        stream("read pooled", kind="read"),
    )


def until(folder: Path, condition: Callable[[History], bool]) -> History:
    """Follow the history as a runner does until it is so."""
    follower, deadline_s = Follower(folder), time.monotonic() + 20
    while time.monotonic() < deadline_s:
        history = follower.poll()
        if condition(history):
            return history
        time.sleep(0.01)
    raise AssertionError("it never came")


def operations(at_least: int) -> Callable[[History], bool]:
    return lambda history: len(history.operations) >= at_least


def test_a_whole_life(spec: VantageSpec, store: Store, tmp_path: Path) -> None:
    with VantageProcess(spec, tmp_path / "log") as vantage:
        until(tmp_path, operations(60))
        del store.rows[0]
        store.rows.append({"key": "t-stranger", "version": 1, "checksum": "x", "payload": ""})
        report = vantage.audit("at failover", 10)
        audited = [o for o in Follower(tmp_path).poll().operations if o.kind == "audit"]
        ended = vantage.stop()
    assert not vantage.alive
    assert report.unread == 0
    assert len(audited) == report.keys + 1, "every key, the stranger, and all of it on the disk with the answer"
    history = load_history(tmp_path)
    record = history.vantages[0]
    assert record.torn == 0
    assert record.end is not None
    assert record.end.operations == ended.operations == len(history.operations)
    assert record.header.streams == spec.streams
    sent = [o for o in history.operations if o.kind != "audit"]
    assert {o.stream for o in sent} == {"write fresh", "write pooled", "read pooled"}
    assert {(o.outcome, o.error) for o in sent if o.kind == "write"} == {("ok", "")}
    assert all(o.due_ns <= o.sent_ns <= o.done_ns for o in sent)
    absent = [o for o in audited if o.observed_version is None]
    assert len(absent) == 1


def test_keys_are_distinct_seeded_and_read_back(spec: VantageSpec, tmp_path: Path) -> None:
    with VantageProcess(spec, tmp_path / "log"):
        history = until(tmp_path, lambda h: sum(bool(o.kind == "read" and o.version) for o in h.operations) > 3)
    writes = [o for o in history.operations if o.kind == "write"]
    assert len({o.key for o in writes}) == len(writes)
    assert all(o.key.startswith("t-") for o in writes)
    assert all(o.checksum == checksum_of(o.key, 1, payload_of(7, o.key)) for o in writes)
    done = {o.key: o.done_ns for o in writes if o.good}
    reads = [o for o in history.operations if o.kind == "read"]
    assert all(o.good for o in reads)
    assert {o.key for o in reads if not o.version} == {"t-never-written"}
    for read in reads:
        if read.version:
            assert read.sent_ns - done[read.key] >= 400_000_000
            assert read.observed_checksum == read.checksum


def test_it_ends_when_its_runner_is_gone(spec: VantageSpec, tmp_path: Path) -> None:
    vantage = VantageProcess(spec, tmp_path / "log")
    vantage.start()
    try:
        until(tmp_path, operations(5))
        assert vantage._process is not None
        assert vantage._process.stdin is not None
        vantage._process.stdin.close()
        assert vantage._process.wait(20) == 0
    finally:
        vantage.kill()
    assert load_history(tmp_path).vantages[0].end is not None


def test_sigint_does_nothing_and_sigterm_ends_it_in_order(spec: VantageSpec, tmp_path: Path) -> None:
    vantage = VantageProcess(spec, tmp_path / "log")
    vantage.start()
    try:
        os.kill(vantage.pid, signal.SIGINT)
        seen = len(until(tmp_path, operations(20)).operations)
        until(tmp_path, operations(seen + 10))
        os.kill(vantage.pid, signal.SIGTERM)
        assert vantage._process is not None
        assert vantage._process.wait(20) == 0
    finally:
        vantage.kill()
    assert load_history(tmp_path).vantages[0].end is not None


def test_a_killed_vantage_is_lost_and_leaves_what_it_had(spec: VantageSpec, tmp_path: Path) -> None:
    vantage = VantageProcess(spec, tmp_path / "log")
    vantage.start()
    try:
        seen = until(tmp_path, operations(20))
        vantage.check()
        os.kill(vantage.pid, signal.SIGKILL)
        with pytest.raises(VantageLost, match=r"vantage v1 ended by itself \(exit code -9\)"):
            vantage.audit("at failover", 5)
        with pytest.raises(VantageLost):
            vantage.check()
        with pytest.raises(VantageLost):
            vantage.stop()
    finally:
        vantage.kill()
    history = load_history(tmp_path)
    assert len(history.operations) >= len(seen.operations)
    assert history.vantages[0].end is None


def test_a_stopped_vantage_leaves_a_gap_that_shows(spec: VantageSpec, tmp_path: Path) -> None:
    with VantageProcess(spec, tmp_path / "log") as vantage:
        before = len(until(tmp_path, operations(30)).operations)
        os.kill(vantage.pid, signal.SIGSTOP)
        time.sleep(1.0)
        os.kill(vantage.pid, signal.SIGCONT)
        until(tmp_path, operations(before + 30))
        ended = vantage.stop()
    sent = [o for o in load_history(tmp_path).operations if o.stream == "write pooled"]
    gaps = [later.sent_ns - earlier.sent_ns for earlier, later in itertools.pairwise(sent)]
    assert max(gaps) > 900_000_000
    assert max(o.sent_ns - o.due_ns for o in sent) > 100_000_000, "what is late shows it"
    assert ended.unsent > 0, "and what was not sent at all is counted"
    assert [o.seq for o in sorted(sent, key=lambda o: o.seq)] != list(range(len(sent)))


def test_one_that_does_not_answer_is_lost_and_gone(
    spec: VantageSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AUDIT_GRACE_S", 0.1)
    monkeypatch.setattr(client, "STOP_S", 0.2)
    vantage = VantageProcess(spec, tmp_path / "log")
    vantage.start()
    pid = vantage.pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(VantageLost, match="did not answer to audit"):
        vantage.audit("n", 0.1)
    with pytest.raises(VantageLost, match="did not answer to stop"):
        vantage.stop()
    assert not psutil.pid_exists(pid)


def test_an_exception_in_the_runner_leaves_no_process(spec: VantageSpec, tmp_path: Path) -> None:
    pid = 0

    def fail() -> None:
        with VantageProcess(spec, tmp_path / "log") as vantage:
            nonlocal pid
            pid = vantage.pid
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"streams": (stream("s", kind="update"),)}, "stream 's': this probe has no request for update"),
        ({"streams": (stream("s", probe="none"),)}, "there is no probe 'none'"),
        ({"folder": "/nowhere/at/all"}, "No such file"),
    ],
)
def test_a_wrong_spec_is_said_at_the_start(
    spec: VantageSpec, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    vantage = VantageProcess(msgspec.structs.replace(spec, **change), tmp_path / "log")
    with pytest.raises(VantageLost, match=says):
        vantage.start()
    assert not vantage.alive


def test_last_words_are_those_on_stderr_where_there_is_nothing_better(spec: VantageSpec, tmp_path: Path) -> None:
    vantage = VantageProcess(spec, tmp_path / "log")
    (tmp_path / "log").write_text("it was the disk\n")
    vantage.start()
    os.kill(vantage.pid, signal.SIGKILL)
    with pytest.raises(VantageLost, match="it was the disk"):
        vantage.stop()


LIMITED = """
import resource, sys
from probes import vantage
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(vantage.main())
"""


@pytest.fixture
def limited(spec: VantageSpec, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A vantage whose files may not grow beyond 20 kB: a disk that fills up while it works."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", LIMITED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
        )
    # If it does not end by itself, the test that reads its words must not wait for ever.
    watchdog = threading.Timer(20, process.kill)
    watchdog.start()
    with process:
        try:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(spec) + b"\n")
            process.stdin.flush()
            yield process
        finally:
            watchdog.cancel()
            watchdog.join()
            if process.poll() is None:
                process.kill()


def test_a_disk_that_fills_up_ends_it_loudly(limited: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    assert limited.stdout is not None
    replies = [msgspec.json.decode(line, type=Reply) for line in limited.stdout]
    assert replies[0].ready
    assert replies[1].error is not None
    assert "cannot write history-v1.jsonl" in replies[1].error
    assert limited.wait(20) == 3
    history = load_history(tmp_path)
    assert history.operations
    assert history.vantages[0].end is None


def test_its_clocks_are_in_its_history(spec: VantageSpec, tmp_path: Path) -> None:
    with VantageProcess(spec, tmp_path / "log"):
        until(tmp_path, lambda history: len(history.vantages[0].clocks) >= 2 if history.vantages else False)
    (record,) = load_history(tmp_path).vantages
    assert record.end is not None
    assert len(record.clocks) >= 3, "one when it began, one a second later, one when it ended"
    began_ns, ended_ns = record.header.base.utc_ns, record.end.base.utc_ns
    assert all(began_ns <= reading.utc_ns <= ended_ns for reading in record.clocks)


def test_how_much_audits_read_is_in_the_header(spec: VantageSpec, tmp_path: Path) -> None:
    sampled = msgspec.structs.replace(spec, audit_share=0.5, audit_whole_s=3.0, audit_trail_s=2.0)
    with VantageProcess(sampled, tmp_path / "log"):
        pass
    header = load_history(tmp_path).vantages[0].header
    assert (header.audit_share, header.audit_whole_s, header.audit_trail_s) == (0.5, 3.0, 2.0)
