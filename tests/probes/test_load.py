from pathlib import Path

import msgspec
import pytest

from probes.clock import ClockBase
from probes.history import End, Header, Mark, MarksHeader, Operation
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
