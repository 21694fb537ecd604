"""Drills with a way home, sites that are audited by their own names, and heartbeats, all with known truth."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from random import Random

import msgspec

from probes.history import History, Mark, MarkName, Operation, Stream
from reports.convergence import Compared, comparisons
from reports.steps import CallMade, StepRecord
from tests.truth.simulated import (
    IMPACT,
    KINDS,
    MS,
    NS,
    STABLE,
    UNDO,
    VANTAGE,
    Asked,
    Outage,
    Script,
    Stored,
    audit_of,
    history_of,
    kept,
    with_operations,
    writes_of,
)  # fmt: skip

HOME, BACK, END = 27 * NS, 33 * NS, 46 * NS
DOWN = Outage(IMPACT, STABLE, "swallow")
SITES = ("primary", "recovery")


def journey(
    on_the_way_home: Sequence[tuple[int, int]] = (),
    *,
    outages: Sequence[Outage] = (DOWN,),
    lost: Collection[str] = (),
    lost_at_home: Collection[str] = (),
    audited: bool = True,
    ended: bool = True,
    undo: int | None = UNDO,
    home: int | None = HOME,
    marks: Sequence[tuple[MarkName, int]] = (),
) -> History:
    """A drill with a way home from 27 s to 33 s, on which service refuses in the given spans.

    `lost` is gone at the failover, `lost_at_home` only afterwards.
    """
    streams = [
        Asked(f"orders {kind} {style}", outages, kind=kind, offset=i * 10 * MS)
        for i, (kind, style) in enumerate(product(KINDS, ("fresh", "pooled")))
    ]
    bitten = [Outage(4 * NS + 200 * MS, UNDO, "swallow")]
    streams += [
        Asked("witness a", bitten, role="witness", kind="read", site="a", period=100 * MS),
        Asked("witness b", role="witness", kind="read", site="b", period=100 * MS),
        Asked("control", role="control", kind="read", period=200 * MS),
    ]
    named: list[tuple[MarkName, int]] = [*marks]
    named += [("failback start", home)] if home is not None else []
    named += [("failback end", BACK)] if ended and home is not None else []
    history = _refused(history_of(Script(streams, undo=undo, end=END, marks=named), Random(3)), on_the_way_home)
    writes = writes_of(history)
    there = {key: row for key, row in kept(writes).items() if key not in lost}
    extra: list[Operation] = []
    for name, at in (("at failover", 19 * NS), ("after heal", 26 * NS)):
        extra += audit_of([w.key for w in writes if w.sent_ns < at], name, at, there)
    if audited:
        at, after = 36 * NS, {key: row for key, row in there.items() if key not in lost_at_home}
        extra += audit_of([w.key for w in writes if w.sent_ns < at], "after failback", at, after)
    return with_operations(history, extra)


def _refused(history: History, spans: Sequence[tuple[int, int]]) -> History:
    """The same operations, but those that were sent in the spans: so that nothing else differs from a quiet drill."""

    def met(o: Operation) -> bool:
        return o.stream.startswith("orders") and any(begin <= o.sent_ns < end for begin, end in spans)

    changed = tuple(
        msgspec.structs.replace(o, outcome="fail", error="refused", done_ns=o.sent_ns + MS) if met(o) else o
        for o in history.operations
    )
    return msgspec.structs.replace(history, operations=changed)


def acknowledged(history: History, since: int, until: int) -> list[str]:
    """The keys of the acknowledged writes that were sent and done in [since, until)."""
    return [w.key for w in writes_of(history) if w.good and since <= w.sent_ns and w.done_ns < until]


def at_sites(
    history: History,
    stored: Mapping[str, Mapping[str, Stored]],
    *,
    name: str = "after failback",
    began: int = 44 * NS,
    unread: Collection[str] = (),
) -> History:
    """The same history with an audit of that name at each site; `unread` keys get no answer at the last of them."""
    extra: list[Operation] = []
    for number, (site, there) in enumerate(stored.items()):
        at = began + number * NS // 2
        keys = [w.key for w in writes_of(history) if w.sent_ns < at]
        missing = unread if number == len(stored) - 1 else ()
        found = audit_of(keys, f"{name} at {site}", at, there, unread=missing)
        extra += [msgspec.structs.replace(o, site=site) for o in found]
    return with_operations(history, extra)


def with_heartbeats(
    history: History,
    arrives: Mapping[str, int],
    *,
    site: str = "recovery",
    period: int = 100 * MS,
    took: int = 10 * MS,
    unanswered: Collection[int] = (),
    until: int = END,
) -> History:
    """Heartbeats as the vantage sends them: one write followed at a time. `arrives` has when a key is at the site.

    A question is answered by what the site has in the middle of its time. `unanswered` are numbers of heartbeats.
    """
    done = sorted((w for w in writes_of(history) if w.good), key=lambda w: w.done_ns)
    found, followed = [], None
    for seq, sent in enumerate(range(period, until, period)):
        if followed is None:
            followed = next((w for w in reversed(done) if w.done_ns <= sent), None)
        answered = seq not in unanswered
        there = followed is not None and arrives.get(followed.key, END * 2) <= sent + took // 2
        found.append(
            Operation(
                vantage=VANTAGE, probe="orders", stream=f"heartbeat {site}", seq=seq, kind="read", due_ns=sent,
                sent_ns=sent, done_ns=sent + took, outcome="ok" if answered else "in-doubt", site=site,
                key=followed.key if followed else "k-never", version=1 if followed else 0,
                observed_version=1 if there and answered else None,
            )
        )  # fmt: skip
        if there and answered:
            followed = None
    stream = Stream(
        name=f"heartbeat {site}", probe="orders", role="heartbeat", kind="read", connection="pooled",
        period_ns=period, timeout_ns=NS, site=site, target=f"{site}.example",
    )  # fmt: skip
    record = history.vantages[0]
    header = msgspec.structs.replace(record.header, streams=(*record.header.streams, stream))
    more = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))
    return with_operations(more, found)


def marked(history: History, name: MarkName, at: int, source: str = "runner") -> History:
    mark = Mark(name=name, at_ns=at, source=source)
    return msgspec.structs.replace(history, marks=tuple(sorted((*history.marks, mark), key=lambda m: m.at_ns)))


def step(name: str, began_s: float, ended_s: float, **changes: object) -> StepRecord:
    call = CallMade(
        service="rds", operation="FailoverGlobalCluster", region="eu-central-1", plane="control",
        at_ns=round(began_s * NS), answer="accepted",
    )  # fmt: skip
    settings: dict[str, object] = {
        "plan": "recovery", "name": name, "kind": "promote", "says": f"{name} it", "region": "eu-central-1",
        "began_ns": round(began_s * NS), "ended_ns": round(ended_s * NS), "outcome": "done", "calls": (call,),
    }  # fmt: skip
    return StepRecord(**{**settings, **changes})  # type: ignore[arg-type]  # test shorthand


def compared(history: History) -> Compared | None:
    """The last comparison of the sites, or None."""
    found = comparisons(history)
    return found[-1] if found else None
