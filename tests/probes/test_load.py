import io
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from probes import load
from probes.clock import ClockBase
from probes.history import ClockReading, End, Header, Mark, MarksHeader, Operation, ServedBy
from probes.load import BrokenHistory, Follower, load_history
from tests.probes.conftest import stream

SECOND = 1_000_000_000
MARKS_BASE = ClockBase(mono_ns=100 * SECOND, utc_ns=1_000 * SECOND, boot="b")


def header(name: str, base: ClockBase = MARKS_BASE) -> Header:
    return Header(vantage=name, base=base, streams=(stream("a"),), run="r", drill="d", key_prefix="t-")


def op(vantage: str, seq: int, sent_ns: int) -> Operation:
    return Operation(
        vantage=vantage, probe="orders", stream="a", seq=seq, kind="write", due_ns=sent_ns - 1, sent_ns=sent_ns,
        done_ns=sent_ns + 5, outcome="ok",
    )  # fmt: skip


def append(path: Path, *records: object) -> None:
    with path.open("ab") as file:
        for record in records:
            file.write(record if isinstance(record, bytes) else msgspec.json.encode(record) + b"\n")


END = End(operations=2, unsent=0, base=MARKS_BASE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    append(tmp_path / "marks.jsonl", MarksHeader(base=MARKS_BASE, run="r", drill="d"))
    append(tmp_path / "marks.jsonl", Mark(name="requested", at_ns=9, source="runner"))
    append(tmp_path / "marks.jsonl", Mark(name="effective", at_ns=3, source="witness"))
    return tmp_path


def test_everything_is_on_the_axis_of_the_marks_and_in_order(folder: Path) -> None:
    later = ClockBase(mono_ns=102 * SECOND, utc_ns=5, boot="b")
    elsewhere = ClockBase(mono_ns=7, utc_ns=1_003 * SECOND, boot="other")
    append(folder / "history-a.jsonl", header("a", later), op("a", 0, 0), op("a", 1, 2 * SECOND), END)
    append(folder / "history-b.jsonl", header("b", elsewhere), op("b", 0, 0))
    history = load_history(folder)
    assert [(o.vantage, o.sent_ns) for o in history.operations] == [
        ("a", 2 * SECOND), ("b", 3 * SECOND), ("a", 4 * SECOND),
    ]  # fmt: skip
    first = history.operations[0]
    assert (first.due_ns, first.done_ns) == (2 * SECOND - 1, 2 * SECOND + 5)
    assert [mark.name for mark in history.marks] == ["effective", "requested"]
    assert [(v.header.vantage, v.end, v.torn) for v in history.vantages] == [("a", END, 0), ("b", None, 0)]
    assert history.base == MARKS_BASE


@pytest.mark.parametrize("tail", [b'{"vantage": "a", "pro', b"\0\0\0\0\n", b'{"vantage": "\xff"}\n'])
def test_a_torn_last_line_is_dropped_and_counted(folder: Path, tail: bytes) -> None:
    append(folder / "history-a.jsonl", header("a"), op("a", 0, 1), tail)
    history = load_history(folder)
    assert len(history.operations) == 1
    assert history.vantages[0].torn == 1
    assert history.vantages[0].end is None


@pytest.mark.parametrize("after", [op("a", 1, 2), END, b'{"half'])
def test_a_line_spoilt_anywhere_else_is_no_history(folder: Path, after: object) -> None:
    append(folder / "history-a.jsonl", header("a"), b"\0\0\0\n", after)
    with pytest.raises(BrokenHistory, match=r"history-a\.jsonl"):
        load_history(folder)


def test_nothing_comes_after_the_end(folder: Path) -> None:
    append(folder / "history-a.jsonl", header("a"), END)
    follower = Follower(folder)
    follower.poll()
    append(folder / "history-a.jsonl", op("a", 0, 1))
    with pytest.raises(BrokenHistory, match="goes on after its end"):
        follower.poll()
    with pytest.raises(BrokenHistory):
        load_history(folder)


def test_a_vantage_without_a_header_is_not_overlooked(folder: Path) -> None:
    append(folder / "history-a.jsonl", b'{"vantage"')
    with pytest.raises(BrokenHistory, match="no header"):
        load_history(folder)
    assert Follower(folder).poll().vantages == ()


def test_a_history_of_another_schema_is_refused(folder: Path) -> None:
    append(folder / "history-a.jsonl", msgspec.structs.replace(header("a"), schema="dr-drills/history/9"))
    with pytest.raises(BrokenHistory, match="history/9"):
        load_history(folder)


@pytest.mark.parametrize("content", [None, b"", b"[]\n"])
def test_without_marks_there_is_no_axis(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        append(tmp_path / "marks.jsonl", content)
    with pytest.raises(BrokenHistory, match=r"marks\.jsonl"):
        load_history(tmp_path)


def test_following_byte_by_byte_ends_where_loading_ends(folder: Path) -> None:
    base = ClockBase(mono_ns=101 * SECOND, utc_ns=0, boot="b")
    rows = [header("a", base), *(op("a", seq, sent) for seq, sent in enumerate((50, 20, 90, 10, 70))), END]
    whole = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    follower = Follower(folder)
    path, counts = folder / "history-a.jsonl", []
    for start in range(0, len(whole), 61):
        append(path, whole[start : start + 61])
        history = follower.poll()
        sent = [operation.sent_ns for operation in history.operations]
        assert sent == sorted(sent)
        counts.append(len(sent))
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3, 4, 5}
    append(folder / "marks.jsonl", Mark(name="end", at_ns=99, source="runner"))
    assert follower.poll() == load_history(folder)
    assert follower.poll().mark("end") is not None


def test_a_poll_reads_only_what_is_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(folder / "history-a.jsonl", header("a"), op("a", 0, 1))
    follower = Follower(folder)
    before = follower.poll()
    opened: list[Path] = []
    real = Path.open

    def watched(path: Path, mode: str) -> object:
        opened.append(path)
        return real(path, mode)

    monkeypatch.setattr(Path, "open", watched)
    assert follower.poll() == before
    assert opened == []


def test_clock_readings_are_on_the_axis_of_the_marks_too_and_are_no_operations(folder: Path) -> None:
    later = ClockBase(mono_ns=102 * SECOND, utc_ns=5, boot="b")
    readings = [ClockReading(at_ns=n, utc_ns=7 + n, asleep_ns=None) for n in (0, SECOND)]
    append(folder / "history-a.jsonl", header("a", later), readings[0], op("a", 0, 0), readings[1], op("a", 1, 5), END)
    history = load_history(folder)
    (record,) = history.vantages
    assert [(c.at_ns, c.utc_ns) for c in record.clocks] == [(2 * SECOND, 7), (3 * SECOND, 7 + SECOND)]
    assert len(history.operations) == 2
    assert record.end == END


def test_a_torn_mark_is_counted_and_a_mark_on_its_way_is_not(folder: Path) -> None:
    assert load_history(folder).torn_marks == 0
    append(folder / "marks.jsonl", b'{"name":"und')
    history = load_history(folder)
    assert history.torn_marks == 1
    assert [mark.name for mark in history.marks] == ["effective", "requested"]
    assert Follower(folder).poll().torn_marks == 0


@pytest.mark.parametrize("piece", [1, 200, 1000])
def test_reading_in_pieces_gives_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    rows = [op("a", seq, 100 - seq) for seq in range(20)]
    append(folder / "history-a.jsonl", header("a"), *rows, ClockReading(at_ns=1, utc_ns=2), b'{"torn')
    whole = load_history(folder)
    monkeypatch.setattr(load, "PIECE_BYTES", piece)
    assert load_history(folder) == whole
    assert len(whole.operations) == 20
    assert whole.vantages[0].torn == 1


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("after", [op("a", 1, 2), b'{"half'])
def test_a_spoilt_line_at_the_end_of_a_piece_is_not_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch, piece: int, after: object
) -> None:
    monkeypatch.setattr(load, "PIECE_BYTES", piece)
    append(folder / "history-a.jsonl", header("a"), op("a", 0, 1), b"\0\0\0\n", after)
    with pytest.raises(BrokenHistory, match=r"history-a\.jsonl"):
        load_history(folder)


def test_what_operations_have_in_common_is_kept_once(folder: Path) -> None:
    by = ServedBy(region="r", zone="z", instance="i")
    write = Operation(
        vantage="a", probe="orders", stream="w", seq=0, kind="write", due_ns=0, sent_ns=1, done_ns=2, outcome="ok",
        key="t-1", checksum="abcd", served_by=by, resolved_ip="10.0.0.1",
    )  # fmt: skip
    changes = {"kind": "audit", "seq": 1, "sent_ns": 9, "observed_checksum": "abcd"}
    append(folder / "history-a.jsonl", header("a"), write, {**msgspec.to_builtins(write), **changes})
    one, other = load_history(folder).operations
    for name in ("vantage", "probe", "stream", "key", "checksum", "served_by", "resolved_ip"):
        assert getattr(one, name) == getattr(write, name)
        assert getattr(one, name) is getattr(other, name), name
    assert other.observed_checksum is one.checksum


def test_a_history_by_stream_is_in_the_order_of_sending(folder: Path) -> None:
    append(folder / "history-a.jsonl", header("a"), op("a", 2, 7), op("a", 1, 7), op("a", 0, 3))
    append(folder / "history-b.jsonl", header("b"), op("b", 0, 1))
    history = load_history(folder)
    assert {name: [o.seq for o in ops] for name, ops in history.by_stream.items()} == {
        ("a", "a"): [0, 1, 2], ("b", "a"): [0],
    }  # fmt: skip
    assert msgspec.structs.replace(history, operations=()).by_stream == {}


class Growing(io.FileIO):
    """A file to which a writer adds the rest of a line just when its end was seen."""

    rest = b""

    def readinto(self, buffer: Any, /) -> int | None:
        found = super().readinto(buffer)
        if not found and self.rest:
            rest, self.rest = self.rest, b""
            writer = os.open(str(self.name), os.O_WRONLY | os.O_APPEND)
            os.write(writer, rest)
            os.close(writer)
        return found


def test_a_line_that_is_ended_while_it_is_read_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = msgspec.json.encode(op("a", 1, 2)) + b"\n"
    append(folder / "history-a.jsonl", header("a"), op("a", 0, 1), second[:40])

    def growing(path: Path, mode: str) -> io.BufferedReader:
        raw = Growing(path, mode)
        raw.rest = second[40:] if path.name == "history-a.jsonl" else b""
        return io.BufferedReader(raw)

    follower = Follower(folder)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", growing)
        follower.poll()
    assert [one.seq for one in follower.poll().operations] == [0, 1]
