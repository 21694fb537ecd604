"""A drill of one vantage and two Regions, put together by hand: the fault was asked for at 10 s and undone at 20 s."""

from typing import Any

import msgspec

from probes.history import Header, History, Mark, Operation, Stream, VantageRecord
from tests.truth.simulated import BASE, NS

WEST, CENTRAL = "eu-west-1", "eu-central-1"
STREAM = Stream(
    name="orders", probe="orders", role="workload", kind="update", connection="fresh", period_ns=NS, timeout_ns=NS
)
READS = msgspec.structs.replace(STREAM, name="reads", kind="read")


def change(version: int, at_s: float, region: str, replaced: int | None = None, **more: Any) -> Operation:
    """An acknowledged write of version 1, or an update; it took a tenth of a second."""
    given: dict[str, object] = {"key": "k", "probe": "orders", "outcome": "ok"} | more
    return msgspec.convert(
        {
            "vantage": "v1", "stream": "orders", "seq": int(at_s * 10), "kind": "write" if version == 1 else "update",
            "due_ns": int(at_s * NS), "sent_ns": int(at_s * NS), "done_ns": int((at_s + 0.1) * NS), "version": version,
            "replaced_version": replaced, "served_by": {"region": region}, **given,
        },
        Operation,
    )  # fmt: skip


def audit(observed: int | None, at_s: float = 30.0) -> Operation:
    return change(9, at_s, WEST, kind="audit", stream="audit end", observed_version=observed)


def read(at_s: float, region: str, *, corrupt: bool) -> Operation:
    seen: dict[str, Any] = {"checksum": "right", "observed_version": 1}
    seen["observed_checksum"] = "wrong" if corrupt else "right"
    return change(1, at_s, region, kind="read", stream="reads", **seen)


def history(*operations: Operation) -> History:
    header = Header(vantage="v1", base=BASE, streams=(STREAM, READS), run="run", drill="drill", key_prefix="k")
    marks = (mark("start", 0), mark("requested", 10), mark("undo", 20))
    ordered = tuple(sorted(operations, key=lambda o: o.sent_ns))
    return History(base=BASE, marks=marks, vantages=(VantageRecord(header=header, end=None),), operations=ordered)


def mark(name: str, at_s: int) -> Mark:
    return msgspec.convert({"name": name, "at_ns": at_s * NS, "source": "runner"}, Mark)
