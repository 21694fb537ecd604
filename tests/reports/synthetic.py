"""Drills that never happened, for the tests of what is published: scripted operations with the verdict they deserve."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from probes.clock import ClockBase
from probes.history import (
    End,
    Header,
    History,
    Kind,
    Mark,
    MarkName,
    MarksHeader,
    Operation,
    Outcome,
    Role,
    Stream,
    VantageRecord,
)  # fmt: skip
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.losses import LossRow, write_losses
from reports.model import DataLoss, Episode, Finding, MarkRow, Overall, RecoveryTime, Verdict
from reports.objectives import Objectives
from reports.words import utc_text

Case = Literal["pass", "fail", "inconclusive", "invalid", "aborted"]
NS = 1_000_000_000
UTC_NS = 1_740_830_400 * NS  # 2025-03-01T12:00:00Z
HOSTILE = "<script>alert(1)</script>&\"'\x00"

STREAMS: tuple[tuple[str, Role, Kind, float], ...] = (
    ("write fresh", "workload", "write", 0.5),
    ("read fresh", "workload", "read", 0.3),
    ("witness eu-west-1a", "witness", "read", 0.08),
    ("witness eu-west-1b", "witness", "read", 0.08),
    ("control", "control", "read", 0.04),
)


@dataclass(frozen=True)
class Synthetic:
    history: History
    verdict: Verdict
    declared: Declared
    losses: list[LossRow]


def make(
    case: Case = "pass", operations: int = 2000, end_s: float = 60.0, *, lost: int = 0, seed: int = 7
) -> Synthetic:
    recovers = case in ("pass", "inconclusive")
    impact, stable = 15.0, 19.2 if case == "pass" else 45.0
    history = _history(impact, stable if recovers else end_s - 8, operations, end_s, seed, recovers=recovers, case=case)
    losses = [_loss(i, impact) for i in range(lost)]
    return Synthetic(history, _verdict(case, history, impact, stable, lost), _declared(), losses)


def _history(
    impact: float, back: float, operations: int, end_s: float, seed: int, *, recovers: bool, case: Case
) -> History:
    random = Random(seed)
    found: list[Operation] = []
    streams: list[Stream] = []
    for name, role, kind, share in STREAMS:
        count = max(2, int(operations * share))
        period = end_s / count
        streams.append(
            Stream(
                name=name, probe="orders", role=role, kind=kind, connection="fresh", period_ns=int(period * NS),
                timeout_ns=2 * NS, site=name.split()[-1] if role == "witness" else "",
            )
        )  # fmt: skip
        for seq in range(count):
            sent = seq * period + random.random() * 0.002
            outcome, took = _answer(name, sent, (impact, back if recovers else end_s - 6), end_s - 6, random)
            found.append(
                Operation(
                    vantage="v1", probe="orders", stream=name, seq=seq, kind=kind, due_ns=int(seq * period * NS),
                    sent_ns=int(sent * NS), done_ns=int((sent + took) * NS), outcome=outcome, key=f"k-{seq}", version=1,
                    error="" if outcome == "ok" else HOSTILE,
                )
            )  # fmt: skip
    found.sort(key=lambda o: o.sent_ns)
    base = ClockBase(mono_ns=0, utc_ns=UTC_NS, boot="boot")
    header = Header(vantage="v1", base=base, streams=tuple(streams), run="run-1", drill="az_power_loss", key_prefix="k")
    end = End(operations=len(found), unsent=0, base=base)
    marks = tuple(_mark(*m) for m in _marks(impact, back, end_s, recovers=recovers, case=case))
    return History(
        base=base,
        vantages=(VantageRecord(header=header, end=end),),
        operations=tuple(found),
        marks=tuple(sorted(marks, key=lambda m: m.at_ns)),
    )


def _answer(name: str, sent: float, bad: tuple[float, float], healed: float, random: Random) -> tuple[Outcome, float]:
    if name == "control" or name.endswith("1b"):
        return "ok", 0.004
    if name.endswith("1a"):
        return ("in-doubt", 2.0) if bad[0] - 0.2 <= sent < healed else ("ok", 0.004)
    if bad[0] <= sent < bad[1]:
        draw = random.random()
        return ("in-doubt", 1.0) if draw < 0.35 else ("fail", 0.01) if draw < 0.9 else ("ok", 0.3)
    return "ok", 0.006 + random.random() * 0.01


def _marks(
    impact: float, back: float, end_s: float, *, recovers: bool, case: Case
) -> list[tuple[MarkName, float, str]]:
    common: list[tuple[MarkName, float, str]] = [
        ("start", 0.0, "runner"), ("steady", 14.0, "runner"), ("requested", 14.6, "API"),
        ("effective", 14.8, "witness"), ("impact", impact, "probe"), ("detected", impact + 1.1, "API"),
        ("undo", end_s - 7, "runner"), ("undone", end_s - 5.5, "runner"), ("converged", end_s - 3, "runner"),
        ("audit", end_s - 2.5, "runner"), ("audited", end_s - 1.0, "runner"), ("end", end_s, "runner"),
    ]  # fmt: skip
    if recovers:
        common += [("promoted", back - 0.9, "API"), ("first success", back - 0.5, "probe"), ("stable", back, "probe"),
                   ("confirmed", back + 5, "probe")]  # fmt: skip
    else:
        common += [("not recovered", end_s - 8, "runner")]
    if case == "aborted":
        common += [("interrupted", end_s - 9, "person")]
    return common


def _mark(name: MarkName, at_s: float, source: str) -> Mark:
    return Mark(name=name, at_ns=int(at_s * NS), source=source, uncertainty_ns=50_000_000, says=f"{name} seen")


def _loss(i: int, impact: float) -> LossRow:
    sent = impact - 0.9 + 0.05 * i
    sent_ns, done_ns = int(sent * NS), int((sent + 0.01) * NS)
    return LossRow(
        key=f"={HOSTILE.replace(chr(0), '')}-{i}", version=1, loss_class="lost" if i % 3 else "late", vantage="v1",
        stream="write fresh", seq=i, sent_s=sent, done_s=sent + 0.01, sent_utc=utc_text(UTC_NS + sent_ns),
        done_utc=utc_text(UTC_NS + done_ns), at_failover="absent", after_heal="absent" if i % 3 else "present",
    )  # fmt: skip


def _recovery(case: Case) -> RecoveryTime:
    edges: dict[Case, tuple[float | None, float | None]] = {
        "pass": (4.10, 4.38), "fail": (37.0, None), "inconclusive": (29.9, 30.18), "invalid": (None, None),
        "aborted": (20.0, None),
    }  # fmt: skip
    lower, upper = edges[case]
    return RecoveryTime(
        objective_s=30.0, lower_s=lower, upper_s=upper, confidence=0.95 if case == "inconclusive" else 1.0,
        clock="total", verdict="not judged" if case == "aborted" else case,
    )  # fmt: skip


def _verdict(case: Case, history: History, impact: float, stable: float, lost: int) -> Verdict:
    late = len([i for i in range(lost) if i % 3 == 0])
    acknowledged = len([o for o in history.operations if o.kind == "write" and o.good])
    recovery = _recovery(case)
    recovered = recovery.upper_s is not None
    loss = DataLoss(
        objective_s=5.0 if lost else 0.0, lower_s=0.8 if lost else 0.0, upper_s=0.9 if lost else 0.02,
        acknowledged=acknowledged, lost=lost - late, late=late, rolled_back=0, corrupt=0, duplicated=0, in_doubt=90,
        in_doubt_recovered=11, unexpected=0, phantom=0, unread=0, lost_for_good=lost - late, in_flight_at_impact=3,
        verdict="pass",
    )  # fmt: skip
    overall: Overall = case
    return Verdict(
        run_id="run-1", drill="az_power_loss", parameters={"zone": "eu-west-1a"}, workload="orders",
        strategy="multi-az", disruption="az", expects="impact", environment="lab", judged_by="dr-drills 0.1.0",
        verdict=overall, undo="dirty" if case == "aborted" else "clean", recovery_time=recovery, data_loss=loss,
        clocks={"total": [4.10, 4.38] if case == "pass" else [], "from_decision": []},
        marks=[_row(m) for m in history.marks],
        episodes=[Episode(
            stream="all", impact_lower_s=impact - 0.08, impact_upper_s=impact + 0.04,
            stable_lower_s=stable - 0.06 if recovered else 51.9, stable_upper_s=stable + 0.1 if recovered else None,
            bad_s=4.2, flaps=0, share=0.9, operations=80,
        )] if case != "invalid" else [],
        findings=_findings(case),
        does_not_show=["An emulated AWS: recovery times here say nothing about the real one."],
    )  # fmt: skip


def _findings(case: Case) -> list[Finding]:
    good = Finding(check="baseline good", verdict="pass", says="All 512 operations before the fault were good.")
    if case == "pass":
        return [good]
    word: Literal["fail", "inconclusive", "invalid"] = case if case != "aborted" else "inconclusive"
    bad = Finding(
        check="recovery time", verdict=word, says=f"{HOSTILE} The service was not seen to be good again.",
        taints=("recovery time",), operations=("v1/write fresh/120", "v1/write fresh/121"),
    )  # fmt: skip
    return [good, bad]


def _row(mark: Mark) -> MarkRow:
    return MarkRow(
        name=mark.name, at_s=mark.at_ns / NS, utc=utc_text(UTC_NS + mark.at_ns), source=mark.source,
        uncertainty_s=mark.uncertainty_ns / NS, says=mark.says,
    )  # fmt: skip


def _declared() -> Declared:
    target = DeclaredTarget(kind="instance", id="i-0123456789abcdef0", site="eu-west-1a", address="10.1.1.10")
    fault = DeclaredFault(
        fault="fixtures.faults.stop_zone.StopZone", says="stop every instance of eu-west-1a", targets=(target,),
        bites=("eu-west-1a",), spares=("eu-west-1b",), notes=("This zone holds the database writer.",),
        does_not_show=("A real power loss also takes the zone's load balancer nodes.",),
    )  # fmt: skip
    objectives = Objectives(
        rto_s=30.0, rpo_s=5.0, hold_s=5.0, deadline_s=60.0, source="Service catalogue, orders",
        approved_by="Head of Operations", approved_on="2025-01-15",
    )  # fmt: skip
    return Declared(
        run="run-1", drill="az_power_loss", says="If an Availability Zone loses power, orders keep being taken.",
        parameters={"zone": "eu-west-1a"}, workload="orders", strategy="multi-az", environment="lab", disruption="az",
        expects="impact", objectives=objectives, harness="dr-drills 0.1.0", fault=fault,
    )  # fmt: skip


CHANGE = {
    "id": "c1", "seq": 1, "kind": "fault", "says": f"stop i-0123 {HOSTILE}",
    "call": {"service": "ec2", "region": "eu-west-1", "operation": "StopInstances",
             "parameters": {"InstanceIds": ["i-1"]}},
    "read": {"call": {"service": "ec2", "region": "eu-west-1", "operation": "DescribeInstances", "parameters": {}},
             "projection": "x"},
    "before": "running", "expect": "stopped",
    "undo": [{"service": "ec2", "region": "eu-west-1", "operation": "StartInstances",
              "parameters": {"InstanceIds": ["i-1"]}}],
}  # fmt: skip


def journal_lines(last: str = "verified") -> str:
    states = ["intent", "sent", "returned", "undone", last]
    lines: list[dict[str, object]] = [{"type": "header", "run": "run-1"}, {"type": "change", "change": CHANGE}]
    lines += [
        {"type": "state", "id": "c1", "state": state, "at_utc": utc_text(UTC_NS + i * NS), "says": ""}
        for i, state in enumerate(states)
    ]
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in lines)


def write_folder(folder: Path, made: Synthetic, svg: str) -> Path:
    """A drill's folder as a run leaves it."""
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_bytes(msgspec.json.encode(made.verdict))
    (folder / "plan.json").write_bytes(msgspec.json.encode(made.declared))
    (folder / "journal.jsonl").write_text(journal_lines(), encoding="utf-8")
    (folder / "timeline.svg").write_text(svg, encoding="utf-8")
    write_losses(folder / "losses.csv", made.losses)
    marks = [MarksHeader(base=made.history.base, run="run-1", drill="az_power_loss"), *made.history.marks]
    (folder / "marks.jsonl").write_bytes(b"".join(msgspec.json.encode(m) + b"\n" for m in marks))
    return folder
