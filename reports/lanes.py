"""Operations sorted into the timeline's lanes, and gathered into columns so that any number of them stays readable."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from probes.history import History, Operation, Outcome, Stream
from reports.declared import Declared
from reports.losses import LossRow

NANO = 1_000_000_000


@dataclass(frozen=True)
class Lane:
    """One row of operations. `sent_s` holds, for each outcome, s since the drill's start in no certain order.

    `lost_s` are the moments at which acknowledged writes were sent that the audit did not find.
    """

    title: str
    note: str = ""
    sent_s: dict[Outcome, list[float]] = field(default_factory=lambda: {"ok": [], "fail": [], "in-doubt": []})
    lost_s: tuple[float, ...] = ()
    workload: bool = False

    def count(self, outcome: Outcome) -> int:
        """How many operations of this lane had that outcome."""
        return len(self.sent_s[outcome])


@dataclass(frozen=True)
class Columns:
    """A lane's operations by column: how many marks to draw up (good) and down (failed, in doubt) in each.

    One mark stands for up to `unit` operations; no column with any has none. `counts` are the operations themselves.
    """

    unit: int
    counts: dict[Outcome, int]
    good: dict[int, int]
    failed: dict[int, int]
    in_doubt: dict[int, int]


def lanes_of(history: History, declared: Declared, losses: Sequence[LossRow], origin_ns: int) -> list[Lane]:
    """The lanes: writes and reads as the clients sent them, each witnessed site, and the control.

    Audits have no lane: they come after the fact and are marks. `origin_ns` is the drill's start on the history's axis.
    """
    streams = {(v.header.vantage, s.name): s for v in history.vantages for s in v.header.streams}
    lost = tuple(row.sent_s for row in losses if row.gone and row.sent_s is not None)
    lanes: dict[str, Lane] = {}
    for stream in sorted(streams.values(), key=_order):
        title = _title(stream)
        if title and title not in lanes:
            lanes[title] = Lane(
                title=title,
                note=_note(stream, declared),
                lost_s=lost if title == "writes" else (),
                workload=stream.role == "workload",
            )
    for operation in history.operations:
        lane = _lane(operation, streams, lanes)
        if lane is not None:
            lane.sent_s[operation.outcome].append((operation.sent_ns - origin_ns) / NANO)
    return list(lanes.values())


def _lane(operation: Operation, streams: dict[tuple[str, str], Stream], lanes: dict[str, Lane]) -> Lane | None:
    stream = streams.get((operation.vantage, operation.stream))
    return None if stream is None or operation.kind == "audit" else lanes.get(_title(stream))


def _order(stream: Stream) -> tuple[int, str]:
    rank = {"writes": 0, "reads": 1, "control": 3}
    return rank.get(_title(stream), 2), stream.site


def _title(stream: Stream) -> str:
    if stream.role == "heartbeat":
        return ""  # it times the replication, and says nothing of the service
    if stream.role == "control":
        return "control"
    if stream.role == "stale":
        return f"writes to {stream.site} itself"
    if stream.role == "witness":
        return f"witness {stream.site or stream.name}"
    return {"read": "reads", "audit": ""}.get(stream.kind, "writes")


def _note(stream: Stream, declared: Declared) -> str:
    if stream.role == "control":
        return "outside the fault"
    if stream.role == "witness" and declared.fault is not None:
        if stream.site in declared.fault.bites:
            return "must go bad"
        if stream.site in declared.fault.spares:
            return "must stay good"
    return ""


def columns_of(lane: Lane, *, start_s: float, end_s: float, count: int, up: int, down: int) -> Columns:
    """Gather a lane's operations of [start_s, end_s] into `count` columns of at most `up` and `down` marks."""
    raw = {outcome: _histogram(times, start_s, end_s, count) for outcome, times in lane.sent_s.items()}
    good, failed, in_doubt = raw["ok"], raw["fail"], raw["in-doubt"]
    unit = 1
    while not _fits(raw, unit, up, down):
        unit = _next_unit(unit)
    counts: dict[Outcome, int] = {outcome: found.total() for outcome, found in raw.items()}
    return Columns(unit, counts, *({c: ceil(n / unit) for c, n in found.items()} for found in (good, failed, in_doubt)))


def column(at_s: float, start_s: float, end_s: float, count: int) -> int | None:
    """The column that a moment falls into, or None outside [start_s, end_s]."""
    if not start_s <= at_s <= end_s:
        return None
    return min(count - 1, int((at_s - start_s) / (end_s - start_s) * count))


def _histogram(times: Iterable[float], start_s: float, end_s: float, count: int) -> Counter[int]:
    found = (column(at_s, start_s, end_s, count) for at_s in times)
    return Counter(c for c in found if c is not None)


def _fits(raw: dict[Outcome, Counter[int]], unit: int, up: int, down: int) -> bool:
    failed, in_doubt = raw["fail"], raw["in-doubt"]
    if any(ceil(n / unit) > up for n in raw["ok"].values()):
        return False
    return all(ceil(failed[c] / unit) + ceil(in_doubt[c] / unit) <= down for c in failed.keys() | in_doubt.keys())


def _next_unit(unit: int) -> int:
    """1, 2, 3, 5, 10, 20, 30, 50, 100 ...: numbers that a reader can multiply by."""
    scale = int("1" + "0" * (len(str(unit)) - 1))
    return {1: 2, 2: 3, 3: 5, 5: 10}[unit // scale] * scale
