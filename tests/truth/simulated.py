"""Drills on a fake clock: a scripted service, asked on a schedule, with the truth known to the nanosecond.

The service is down in known spans and in a known way. Every operation has a moment at which its question arrives and
one at which its answer leaves; what it meets there decides its fate, as it would on a wire. Nothing here knows how
the harness judges.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal
from zlib import crc32

import msgspec

from probes.clock import ClockBase
from probes.history import (
    End,
    Header,
    History,
    Mark,
    MarkName,
    Operation,
    Outcome,
    Role,
    Stream,
    VantageRecord,
)  # fmt: skip
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.model import Expects
from reports.objectives import Objectives

NS = 1_000_000_000
MS = 1_000_000
BASE = ClockBase(mono_ns=0, utc_ns=1_740_830_400 * NS, boot="boot")
VANTAGE = "v1"

Mode = Literal["refuse", "swallow", "503", "hang", "slow", "late"]
Hits = Literal["chance", "key", "turn"]
# How much longer an answer takes while service is late.
LATE = 60 * MS


@dataclass(frozen=True)
class Outage:
    """Down in [begin, end), in ns. `share` of the operations are hit: by chance, by their key, or each nth in turn."""

    begin: int
    end: int
    mode: Mode = "refuse"
    share: float = 1.0
    hits: Hits = "chance"


@dataclass(frozen=True)
class Asked:
    """One stream: its schedule and the outages that it meets."""

    name: str
    outages: Sequence[Outage] = ()
    role: Role = "workload"
    kind: Literal["write", "read"] = "write"
    period: int = 50 * MS
    timeout: int = NS
    site: str = ""
    offset: int = 0
    background: float = 0.0
    # The vantage stands still in these spans: what is due then is sent when it goes on, or not at all.
    stopped: Sequence[tuple[int, int]] = ()
    latencies: Sequence[int] = tuple(range(2 * MS, 10 * MS, MS))


@dataclass(frozen=True)
class Script:
    """A whole drill: streams and marks, in ns since its start."""

    streams: Sequence[Asked]
    requested: int | None = 4 * NS
    undo: int | None = 25 * NS
    end: int = 26 * NS
    hold_s: float = 3.0
    marks: Sequence[tuple[MarkName, int]] = ()


def operations_of(asked: Asked, end: int, random: Random) -> list[Operation]:
    found = []
    for seq in range((end - asked.offset) // asked.period):
        due = asked.offset + seq * asked.period
        sent = due + random.randrange(2 * MS)
        stop = next((s for s in asked.stopped if s[0] <= sent < s[1]), None)
        if stop is not None:
            if stop[1] - due > asked.timeout:
                continue
            sent = stop[1] + random.randrange(MS)
        # One operation of the baseline shows the longest latency that there is: it is the bound that edges rest on.
        took = max(asked.latencies) if seq == 1 else random.choice(asked.latencies)
        outcome, done, error = _fate(asked, seq, sent, took, random)
        frozen = next((s for s in asked.stopped if sent < s[0] <= done < s[1]), None)
        if frozen is not None:
            done = frozen[1] + MS
            if done - sent > asked.timeout:
                outcome, error = "in-doubt", "timeout"
        found.append(_operation(asked, seq, (due, sent, done), outcome, error))
    return found


_Fate = tuple[Outcome, int, str]


def _spared(asked: Asked, met: Outage, seq: int, random: Random) -> bool:
    if met.hits == "turn" and met.share < 1:
        return seq % round(1 / met.share) != 0
    if met.hits == "key" and met.share < 1:
        return crc32(f"{asked.name}-{seq}-{met.begin}".encode()) / 2**32 >= met.share
    return random.random() >= met.share


def _fate(asked: Asked, seq: int, sent: int, took: int, random: Random) -> _Fate:
    if random.random() < asked.background:
        return "in-doubt", sent + took, "503"
    arrives, leaves = sent + int(took * random.uniform(0.1, 0.6)), sent + took
    timeout: _Fate = ("in-doubt", sent + asked.timeout, "timeout")
    hit = next((o for o in asked.outages if o.begin <= arrives < o.end), None)
    # It arrived while the service was up; the service must still be up to answer.
    cut = next((o for o in asked.outages if o.begin <= leaves < o.end), None) if hit is None else None
    met = hit or cut
    if met is None or _spared(asked, met, seq, random):
        return "ok", leaves, ""
    if met.mode == "late":
        return "ok", leaves + (LATE if cut is None else 0), ""
    if cut is not None:
        reset: _Fate = ("in-doubt", cut.begin + min(100_000, leaves - cut.begin), "reset")
        return reset if cut.mode in ("refuse", "503") else timeout
    late = met.end + took <= sent + asked.timeout
    answers: dict[str, _Fate] = {
        "refuse": ("fail", arrives + min(100_000, took // 4), "refused"),
        "503": ("in-doubt", leaves, "503"),
        "hang": ("ok", met.end + took, "") if late else timeout,
    }
    return answers.get(met.mode, timeout)


def _operation(asked: Asked, seq: int, times: tuple[int, int, int], outcome: Outcome, error: str) -> Operation:
    due, sent, done = times
    key = f"k-{asked.name}-{seq}" if asked.kind == "write" else ""
    return Operation(
        vantage=VANTAGE, probe="orders", stream=asked.name, seq=seq, kind=asked.kind, due_ns=due, sent_ns=sent,
        done_ns=done, outcome=outcome, error=error, key=key, version=1 if key else 0, checksum="c" if key else "",
    )  # fmt: skip


def history_of(script: Script, random: Random) -> History:
    found = [o for s in script.streams for o in operations_of(s, script.end, random)]
    found.sort(key=lambda o: o.sent_ns)
    streams = tuple(
        Stream(
            name=s.name, probe="orders", role=s.role, kind=s.kind, connection="fresh", period_ns=s.period,
            timeout_ns=s.timeout, site=s.site,
        )
        for s in script.streams
    )  # fmt: skip
    header = Header(vantage=VANTAGE, base=BASE, streams=streams, run="run", drill="drill", key_prefix="k-")
    ended = ClockBase(mono_ns=script.end, utc_ns=BASE.utc_ns + script.end, boot="boot")
    end = End(operations=len(found), unsent=0, base=ended)
    marks: list[tuple[MarkName, int]] = [("start", 0), *script.marks]
    if script.requested is not None:
        marks.append(("requested", script.requested))
    if script.undo is not None:
        marks.append(("undo", script.undo))
    return History(
        base=BASE,
        vantages=(VantageRecord(header=header, end=end),),
        operations=tuple(found),
        marks=tuple(Mark(name=n, at_ns=at, source="runner") for n, at in sorted(marks, key=lambda m: m[1])),
    )


def declared_of(
    *,
    rto_s: float | None = 20.0,
    rpo_s: float | None = 0.0,
    hold_s: float = 3.0,
    expects: Expects = "impact",
    fault: bool = True,
    tolerance: float = 0.0,
    p99_s: float | None = None,
    capacity: float | None = None,
    bites: tuple[str, ...] = ("a",),
    spares: tuple[str, ...] = ("b",),
) -> Declared:
    return Declared(
        run="run", drill="drill", says="A drill.", parameters={}, workload="orders", strategy="multi-az",
        environment="lab", disruption="az", expects=expects, harness="test",
        objectives=Objectives(
            rto_s=rto_s, rpo_s=rpo_s, hold_s=hold_s, tolerance=tolerance, p99_s=p99_s, capacity=capacity
        ),
        fault=DeclaredFault(
            fault="faults.x", says="Zone a", targets=(DeclaredTarget(kind="instance", id="i-1", site="a"),),
            bites=bites, spares=spares,
        ) if fault else None,
    )  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """What the workload has under one key when it is read back."""

    version: int = 1
    checksum: str = "c"
    effects: int = 1


def audit_of(
    keys: Sequence[str], name: str, began: int, stored: Mapping[str, Stored], *, unread: Collection[str] = ()
) -> list[Operation]:
    """Read every key back, 10 µs apart. What is not `stored` is absent; `unread` keys get no answer."""
    found = []
    for seq, key in enumerate(keys):
        there = stored.get(key)
        sent = began + seq * 10_000
        answered = key not in unread
        found.append(
            Operation(
                vantage=VANTAGE, probe="orders", stream=f"audit {name}", seq=seq, kind="audit", due_ns=began,
                sent_ns=sent, done_ns=sent + 5_000, outcome="ok" if answered else "in-doubt", key=key,
                observed_version=there.version if there and answered else None,
                observed_checksum=there.checksum if there and answered else None,
                effects=there.effects if there and answered else None,
            )
        )  # fmt: skip
    return found


def writes_of(history: History) -> list[Operation]:
    return [o for o in history.operations if o.kind in ("write", "update", "delete")]


def kept(writes: Sequence[Operation]) -> dict[str, Stored]:
    """A store that has exactly what it acknowledged."""
    return {w.key: Stored(version=w.version) for w in writes if w.outcome == "ok"}


KINDS: tuple[Literal["write", "read"], ...] = ("write", "read")
IMPACT, STABLE, UNDO, END = 5 * NS, 9 * NS, 20 * NS, 26 * NS


def drill(
    outages: Sequence[Outage] = (Outage(IMPACT, STABLE, "swallow"),),
    *,
    bitten: Sequence[Outage] = (Outage(4 * NS + 200 * MS, UNDO, "swallow"),),
    spared: Sequence[Outage] = (),
    control: Sequence[Outage] = (),
    stopped: Sequence[tuple[int, int]] = (),
    marks: Sequence[tuple[MarkName, int]] = (),
    period: int = 50 * MS,
    requested: int | None = 4 * NS,
    undo: int | None = UNDO,
    background: float = 0.0,
    audits: Sequence[tuple[str, int]] = (("at failover", 19 * NS), ("after heal", 25 * NS)),
    seed: int = 1,
) -> History:
    """One drill as it usually is: four streams, two witnesses, a control, two audits that find everything."""
    streams = [
        Asked(
            f"orders {kind} {style}", outages, kind=kind, period=period, offset=i * period // 5, stopped=stopped,
            background=background,
        )
        for i, (kind, style) in enumerate(product(KINDS, ("fresh", "pooled")))
    ]  # fmt: skip
    streams += [
        Asked("witness a", bitten, role="witness", kind="read", site="a", period=100 * MS, stopped=stopped),
        Asked("witness b", spared, role="witness", kind="read", site="b", period=100 * MS, stopped=stopped),
        Asked("control", control, role="control", kind="read", period=200 * MS, stopped=stopped),
    ]
    script = Script(streams, requested=requested, undo=undo, end=END, marks=marks)
    history = history_of(script, Random(seed))
    writes = writes_of(history)
    extra = []
    for name, at in audits:
        extra += audit_of([w.key for w in writes if w.sent_ns < at], name, at, kept(writes))
    return with_operations(history, extra)


def with_operations(history: History, extra: Sequence[Operation]) -> History:
    """The same history with more operations in it, and an end that counts them."""
    record = history.vantages[0]
    operations = tuple(sorted((*history.operations, *extra), key=lambda o: o.sent_ns))
    assert record.end is not None
    end = End(operations=len(operations), unsent=record.end.unsent, base=record.end.base)
    return msgspec.structs.replace(history, operations=operations, vantages=(msgspec.structs.replace(record, end=end),))
