"""Reads against writes and against each other: what contradicts, and what only seems to."""

import msgspec
import pytest

from probes.clock import ClockBase
from probes.history import Header, History, Kind, Operation, Outcome, Stream, VantageRecord
from probes.probe import NOT_THERE
from reports.reads import check_reads, read_gates

MS = 1_000_000
BASE = ClockBase(mono_ns=0, utc_ns=0, boot="b")


def change(sent: int, done: int, version: int = 1, outcome: Outcome = "ok", kind: Kind = "write") -> Operation:
    return Operation(
        vantage="v1", probe="p", stream="w", seq=sent, kind=kind, due_ns=sent * MS, sent_ns=sent * MS,
        done_ns=done * MS, outcome=outcome, key="k", version=version,
    )  # fmt: skip


def read(sent: int, done: int, observed: int | None, vantage: str = "v1") -> Operation:
    return Operation(
        vantage=vantage, probe="p", stream="r", seq=sent, kind="read", due_ns=sent * MS, sent_ns=sent * MS,
        done_ns=done * MS, outcome="ok" if observed is not None else "fail", key="k", observed_version=observed,
        error="" if observed is not None else f"{NOT_THERE} (status 404)",
    )  # fmt: skip


def history(*operations: Operation) -> History:
    kinds: tuple[tuple[str, Kind], ...] = (("w", "write"), ("r", "read"))
    streams = tuple(
        Stream(name=n, probe="p", role="workload", kind=k, connection="fresh", period_ns=MS, timeout_ns=MS)
        for n, k in kinds
    )  # fmt: skip
    header = Header(vantage="v1", base=BASE, streams=streams, run="r", drill="d", key_prefix="k")
    other = msgspec.structs.replace(header, vantage="v2")
    records = tuple(VantageRecord(header=h, end=None) for h in (header, other))
    return History(
        base=BASE, vantages=records, marks=(), operations=tuple(sorted(operations, key=lambda o: o.sent_ns))
    )  # fmt: skip


WRITE, UPDATE = change(0, 10), change(20, 30, 2, kind="update")


@pytest.mark.parametrize(
    ("operations", "unseen", "backwards"),
    [
        ((WRITE, read(20, 30, 1)), 0, 0),
        ((WRITE, read(20, 30, None)), 1, 0),
        ((WRITE, read(5, 30, None)), 0, 0),  # sent before the write was acknowledged
        ((WRITE, UPDATE, read(40, 50, 1)), 1, 0),
        ((WRITE, UPDATE, read(25, 50, 1)), 0, 0),
        ((WRITE, change(20, 60, 2, kind="update"), read(30, 40, 2), read(50, 55, 1)), 0, 1),
        ((WRITE, change(20, 60, 2, kind="update"), read(30, 52, 2), read(50, 55, 1)), 0, 0),  # they overlap
        ((WRITE, change(20, 60, 2, "in-doubt", "update"), read(70, 80, 2)), 0, 0),
        ((WRITE, change(20, 60, 2, "in-doubt", "update"), read(70, 80, 2), read(90, 95, 1)), 0, 1),
        ((WRITE, change(20, 60, 1, "in-doubt", "delete"), read(70, 80, None)), 0, 0),  # it may have been deleted
        ((WRITE, change(20, 60, 1, "fail", "delete"), read(70, 80, None)), 1, 0),
        ((WRITE, change(20, 60, 1, kind="delete"), read(50, 55, None)), 0, 0),
        ((WRITE, change(20, 30, 1, kind="delete"), read(50, 55, 1)), 1, 0),
        ((change(0, 10, 1, "in-doubt"), UPDATE, read(40, 50, 1)), 0, 0),  # the one in doubt may have come late
        ((change(0, 10, 1, "in-doubt"), read(40, 50, None)), 0, 0),
        ((WRITE, UPDATE, read(40, 50, 1, "v2")), 0, 0),  # another client, another clock
        ((WRITE, read(40, 50, 7)), 0, 0),
    ],
)
def test_only_what_nothing_explains_contradicts(operations: tuple[Operation, ...], unseen: int, backwards: int) -> None:
    found = check_reads(history(*operations))
    assert (len(found.unseen), len(found.backwards)) == (unseen, backwards)


def test_the_findings_name_both_operations_and_judge_nothing() -> None:
    monotonic, own = (gate.finding for gate in read_gates(history(WRITE, UPDATE, read(40, 50, 2), read(60, 70, 1))))
    assert (monotonic.verdict, monotonic.operations) == ("not judged", ("v1/r/40", "v1/r/60"))
    assert (own.verdict, own.operations) == ("not judged", ("v1/w/20", "v1/r/60"))
    assert not monotonic.taints
    assert not own.taints


def test_reads_that_are_right_are_said_to_be_and_none_say_nothing() -> None:
    assert {gate.finding.verdict for gate in read_gates(history(WRITE, read(20, 30, 1)))} == {"pass"}
    assert read_gates(history(WRITE)) == []
    unanswered = msgspec.structs.replace(read(20, 30, None), outcome="in-doubt", error="timeout")
    assert read_gates(history(WRITE, unanswered)) == []
