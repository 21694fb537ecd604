"""Drills that never happened, of any size: what a vantage and a runner would have left of them."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec

from probes.clock import ClockBase
from probes.history import (
    ClockReading,
    End,
    Header,
    Kind,
    Mark,
    MarkName,
    MarksHeader,
    Operation,
    Role,
    ServedBy,
    Stream,
)  # fmt: skip
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.objectives import Objectives

MS = 1_000_000
NS = 1_000_000_000
_UTC_NS = 1_740_830_400 * NS
_VANTAGE = "client"
_PREFIX = "dr-bench-"
# Share of the whole drill at which it happens.
_REQUESTED, _IMPACT, _STABLE, _AUDIT, _UNDO, _AUDIT_AGAIN = 0.25, 0.26, 0.4, 0.7, 0.75, 0.97
_STREAMS: tuple[tuple[str, Role, Kind, int, str], ...] = (
    ("orders write fresh", "workload", "write", 50 * MS, ""),
    ("orders write pooled", "workload", "write", 50 * MS, ""),
    ("orders read fresh", "workload", "read", 50 * MS, ""),
    ("orders read pooled", "workload", "read", 50 * MS, ""),
    ("witness a", "witness", "read", 100 * MS, "a"),
    ("witness b", "witness", "read", 100 * MS, "b"),
    ("control", "control", "read", 100 * MS, ""),
)
_SERVED = (ServedBy(region="r", zone="a", instance="i-1"), ServedBy(region="r", zone="b", instance="i-2"))
# Operations that a second of such a drill leaves: the streams', and two audits of the writes before them.
_A_SECOND = 80 + 30 + 67


def write_drill(folder: Path, operations: int) -> int:
    """Write a drill of about so many operations that recovers and loses nothing; how many there are.

    The schedule and the lines are those of the reference workload; the drill is as long as it takes. The seed is fixed.
    """
    end_ns = operations * NS // _A_SECOND
    random = Random(7)
    streams = tuple(_stream(*row) for row in _STREAMS)
    found = [o for s in streams for o in _asked(s, end_ns, random)]
    for name, share in (("at failover", _AUDIT), ("after heal", _AUDIT_AGAIN)):
        found += _audit(name, round(share * end_ns), found)
    found.sort(key=lambda o: o.done_ns)
    base = ClockBase(mono_ns=0, utc_ns=_UTC_NS, boot="bench")
    end = ClockBase(mono_ns=end_ns, utc_ns=_UTC_NS + end_ns, boot="bench")
    header = Header(vantage=_VANTAGE, base=base, streams=streams, run="bench", drill="bench", key_prefix=_PREFIX)
    last = End(operations=len(found), unsent=0, base=end)
    _write(folder / "history-client.jsonl", [header, *found, *_clocks(end_ns), last])
    _write(folder / "marks.jsonl", [MarksHeader(base=base, run="bench", drill="bench"), *_marks(end_ns)])
    (folder / "plan.json").write_bytes(msgspec.json.encode(_declared(end_ns)))
    return len(found)


def _clocks(end_ns: int) -> list[ClockReading]:
    return [ClockReading(at_ns=at, utc_ns=_UTC_NS + at, asleep_ns=0) for at in range(0, end_ns, NS)]


def _write(path: Path, lines: Sequence[msgspec.Struct]) -> None:
    with path.open("wb") as file:
        file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)


def _stream(name: str, role: Role, kind: Kind, period_ns: int, site: str) -> Stream:
    return Stream(
        name=name, probe="orders", role=role, kind=kind, connection="pooled" if "pooled" in name else "fresh",
        period_ns=period_ns, timeout_ns=NS, site=site,
    )  # fmt: skip


def _asked(stream: Stream, end_ns: int, random: Random) -> list[Operation]:
    """All operations of one stream. During the outage the workload answers 503 at once; so does witness a till undo."""
    until = {"workload": _STABLE, "witness": _UNDO}.get(stream.role, 0.0)
    hit = stream.site in ("", "a") and stream.role != "control"
    found = []
    for seq in range(end_ns // stream.period_ns):
        due_ns = seq * stream.period_ns
        sent_ns = due_ns + random.randrange(MS)
        bad = hit and _IMPACT * end_ns <= sent_ns < until * end_ns
        key = f"{_PREFIX}{stream.name}-{seq:08d}" if stream.kind == "write" else ""
        found.append(
            Operation(
                vantage=_VANTAGE, probe=stream.probe, stream=stream.name, seq=seq, kind=stream.kind, due_ns=due_ns,
                sent_ns=sent_ns, done_ns=sent_ns + random.randrange(2 * MS, 10 * MS),
                outcome="in-doubt" if bad else "ok", error="503" if bad else "", status=503 if bad else 200,
                key=key, version=1 if key else 0, checksum=f"{random.getrandbits(64):016x}" if key else "",
                connection=stream.connection, resolved_ip="10.1.0.4", served_by=_SERVED[stream.site == "b"],
            )
        )  # fmt: skip
    return found


def _audit(name: str, began_ns: int, operations: list[Operation]) -> list[Operation]:
    """Read every write back that was sent before: all that was acknowledged is there, and nothing else."""
    written = [o for o in operations if o.kind == "write" and o.sent_ns < began_ns]
    return [
        Operation(
            vantage=_VANTAGE, probe="orders", stream=f"audit {name}", seq=seq, kind="audit", due_ns=began_ns,
            sent_ns=began_ns + seq * 1000, done_ns=began_ns + seq * 1000 + 500, outcome="ok", key=write.key,
            checksum=write.checksum,
            observed_version=1 if write.good else None, observed_checksum=write.checksum if write.good else None,
            effects=1 if write.good else None, resolved_ip="10.1.0.4", served_by=_SERVED[0],
        )
        for seq, write in enumerate(written)
    ]  # fmt: skip


def _marks(end_ns: int) -> list[Mark]:
    at: list[tuple[MarkName, float]] = [
        ("start", 0), ("steady", 0.2), ("requested", _REQUESTED), ("effective", _IMPACT + 0.005), ("confirmed", 0.6),
        ("audit", _AUDIT), ("audited", _AUDIT + 0.01), ("undo", _UNDO), ("undone", 0.8), ("converged", 0.9),
        ("audit", _AUDIT_AGAIN), ("audited", 0.99), ("end", 1),
    ]  # fmt: skip
    says = {_AUDIT: "at failover", _AUDIT_AGAIN: "after heal"}
    return [
        Mark(name=name, at_ns=round(share * end_ns), source="runner", says=says.get(share, "")) for name, share in at
    ]


def _declared(end_ns: int) -> Declared:
    fault = DeclaredFault(
        fault="bench", says="Zone a", targets=(DeclaredTarget(kind="instance", id="i-1", site="a"),), bites=("a",),
        spares=("b",),
    )  # fmt: skip
    end_s = end_ns / NS
    return Declared(
        run="bench", drill="bench", says="A drill.", parameters={}, workload="orders", strategy="multi-az",
        environment="lab", disruption="az", expects="impact", harness="bench", fault=fault,
        objectives=Objectives(rto_s=end_s, rpo_s=0.0, hold_s=0.1 * end_s, deadline_s=end_s),
    )  # fmt: skip
