import json
from pathlib import Path

import pytest

from probes.chained import broken_links, chain_of, chain_up, line_hash, linked
from probes.clock import start_clock
from probes.history import Mark, MarksHeader
from probes.load import load_history
from probes.record import MarksFile

LINES = chain_up([b'{"a":1}', b"{}", b'{"c":3,"chain":"of another chain"}', b'{"d":4}'])


def _file(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_each_line_names_the_hash_of_the_line_before_it() -> None:
    assert "chain" not in json.loads(LINES[0])
    assert [json.loads(line)["chain"] for line in LINES[1:]] == [line_hash(line) for line in LINES[:-1]]
    assert json.loads(LINES[2])["c"] == 3
    assert broken_links(_file(LINES)) == []
    chain = chain_of(_file(LINES))
    assert chain is not None
    assert (chain.lines, chain.head) == (4, line_hash(LINES[-1]))


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (LINES[1:], [1]),
        ([*LINES[:1], *LINES[2:]], [2]),
        ([LINES[0], LINES[2], LINES[1], LINES[3]], [2, 3, 4]),
        ([*LINES[:2], b"{}", *LINES[2:]], [3, 4]),
        ([*LINES[:2], LINES[2].replace(b"3", b"5", 1), LINES[3]], [4]),
        ([*LINES[:2], b"no JSON", LINES[3]], [3, 4]),
        ([*LINES[:2], b"[]", LINES[3]], [3, 4]),
    ],
)
def test_a_line_taken_out_put_in_moved_or_changed_breaks_the_chain(lines: list[bytes], broken: list[int]) -> None:
    assert broken_links(_file(lines)) == broken


def test_a_file_that_is_in_no_chain_has_none() -> None:
    assert chain_of(b"") is None
    assert chain_of(b'{"a":1}\n{"b":2}\n') is None
    header = chain_of(b'{"a":1}\n')
    assert header is not None
    assert header.lines == 1


def test_a_torn_last_line_is_none() -> None:
    assert chain_of(_file(LINES) + b'{"e":') == chain_of(_file(LINES))
    assert broken_links(_file(LINES) + b'{"e":') == []


def test_marks_are_chained_and_read_as_before(tmp_path: Path) -> None:
    marks = MarksFile(tmp_path / "marks.jsonl", MarksHeader(base=start_clock(), run="r", drill="d"))
    written = [Mark(name="start", at_ns=1, source="runner"), Mark(name="end", at_ns=2, source="runner", says='a "b"')]
    for mark in written:
        marks.add(mark)
    marks.close()
    content = (tmp_path / "marks.jsonl").read_bytes()
    assert broken_links(content) == []
    chain = chain_of(content)
    assert chain is not None
    assert chain.lines == 3
    assert list(load_history(tmp_path).marks) == written


def test_an_empty_object_gets_its_link_without_a_comma() -> None:
    assert json.loads(linked(b"{}", b"x")) == {"chain": line_hash(b"x")}
