import os
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from probes import record
from probes.clock import start_clock
from probes.history import End, Header, Mark, MarksHeader, Operation
from probes.record import MarksFile, Recorder, RecordingFailed
from tests.probes.conftest import stream, wait_for

BASE = start_clock()
HEADER = Header(vantage="v1", base=BASE, streams=(stream("a"),), run="r", drill="d", key_prefix="t-")


def op(seq: int, sent_ns: int | None = None) -> Operation:
    at_ns = seq if sent_ns is None else sent_ns
    return Operation(
        vantage="v1", probe="orders", stream="a", seq=seq, kind="write", due_ns=at_ns, sent_ns=at_ns,
        done_ns=at_ns + 5, outcome="ok", key=f"t-{seq}",
    )  # fmt: skip


def nobody(error: RecordingFailed) -> None:
    raise AssertionError(error)


def test_what_is_written_can_be_read_by_other_tools(tmp_path: Path) -> None:
    path = tmp_path / "history-v1.jsonl"
    recorder = Recorder(path, HEADER, nobody)
    for seq in range(3):
        recorder.add(op(seq))
    recorder.end(unsent=2, base=BASE)
    lines = path.read_bytes().splitlines()
    assert msgspec.json.decode(lines[0], type=Header) == HEADER
    assert [msgspec.json.decode(line, type=Operation) for line in lines[1:-1]] == [op(0), op(1), op(2)]
    assert msgspec.json.decode(lines[-1], type=End) == End(operations=3, unsent=2, base=BASE)


def test_the_header_is_there_at_once_and_operations_soon_without_a_flush(tmp_path: Path) -> None:
    path = tmp_path / "history-v1.jsonl"
    recorder = Recorder(path, HEADER, nobody)
    assert path.read_bytes().count(b"\n") == 1
    recorder.add(op(0))
    wait_for(lambda: path.read_bytes().count(b"\n") == 2)
    recorder.close()


def test_it_syncs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    recorder = Recorder(tmp_path / "history-v1.jsonl", HEADER, nobody)
    wait_for(lambda: len(synced) >= 3)
    recorder.close()


def test_a_history_is_never_mixed_with_another(tmp_path: Path) -> None:
    path = tmp_path / "history-v1.jsonl"
    Recorder(path, HEADER, nobody).close()
    with pytest.raises(FileExistsError, match="holds a history already"):
        Recorder(path, HEADER, nobody)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_disk_that_is_full_from_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "history-v1.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(RecordingFailed, match=r"cannot write history-v1\.jsonl: No space left"):
        Recorder(path, HEADER, nobody)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fills_up_is_noticed_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    errors: list[RecordingFailed] = []
    recorder = Recorder(tmp_path / "history-v1.jsonl", HEADER, errors.append)

    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    recorder.add(op(0))
    wait_for(lambda: bool(errors))
    assert "No space left" in str(errors[0])
    with pytest.raises(RecordingFailed):
        recorder.flush()
    with pytest.raises(RecordingFailed):
        recorder.end(unsent=0, base=BASE)
    monkeypatch.undo()
    assert (tmp_path / "history-v1.jsonl").read_bytes().count(b"\n") == (1 if call == "write" else 2)


def test_a_kernel_that_takes_little_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, bytes(data[:7])))
    path = tmp_path / "lines"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    record.write_lines(fd, [b"first line", b"second line"])
    os.close(fd)
    assert path.read_bytes() == b"first line\nsecond line\n"


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "history-v1.jsonl"
    recorder = Recorder(path, HEADER, nobody)

    def add() -> None:
        for seq in range(200):
            recorder.add(op(seq))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.end(unsent=0, base=BASE).operations == 1600
    lines = path.read_bytes().splitlines()[1:-1]
    assert len([msgspec.json.decode(line, type=Operation) for line in lines]) == 1600


def test_a_mark_is_on_the_disk_when_it_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "marks.jsonl"
    marks = MarksFile(path, MarksHeader(base=BASE, run="r", drill="d"))
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    mark = Mark(name="start", at_ns=1, source="runner")
    marks.add(mark)
    assert len(synced) == 1
    assert msgspec.json.decode(path.read_bytes().splitlines()[1], type=Mark) == mark
    marks.close()
    with pytest.raises(RecordingFailed):
        marks.add(mark)
