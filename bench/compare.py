"""One drill's folder beside the truth of its lab: reads both and compares them by `bench/truth.py`."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bench.leftovers import lab_of
from bench.truth import (
    Asked,
    Bracket,
    Drilled,
    Entry,
    Measured,
    NoTruth,
    allowed_width_ns,
    bracket,
    broken,
    disagreements,
    measured,
    missed,
    moments,
    shown,
)  # fmt: skip
from fixtures.workloads.orders.configuration import DEFAULT_DATABASE_TIMEOUT_S
from probes.clock import boot_id
from probes.history import History, Operation
from probes.load import BrokenHistory, load_history
from reports.bounds import NS_PER_S, Edge, seconds
from reports.folder import BrokenEvidence, read_verdict
from reports.model import Verdict
from reports.series import settled_ns
from reports.steady import baseline


class NotComparable(Exception):
    """A drill left nothing that can be compared: what is missing."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One drill's numbers beside the truth's, in s since the drill's start; `disagreements` in sentences.

    `missed` are those of an interval that was not said for certain: chance alone does that at times.
    """

    recovery_s: str
    impact_s: str
    stable_s: str
    confidence: float
    width_s: float
    allowed_s: float
    period_s: float
    gap_s: float
    longest_s: float
    truth_recovery_s: str
    truth_impact_s: str
    truth_stable_s: str
    disagreements: tuple[str, ...]
    missed: tuple[str, ...] = ()


def compare(drill: Path, truth: Path, zone: str) -> Compared:
    """Compare a drill's folder with the log of its lab in the folder `truth`. Raises NotComparable."""
    try:
        verdict, history = read_verdict(drill), load_history(drill)
        entries = _entries(truth / f"{lab_of(drill)}.jsonl")
        settings = msgspec.json.decode((drill.parent / "run.json").read_bytes())["lab"]
        return _compared(verdict, history, entries, zone, settings)
    except (NoTruth, ValueError, KeyError, OSError, msgspec.MsgspecError, BrokenHistory, BrokenEvidence) as error:
        raise NotComparable(f"cannot be compared: {error}") from error


def _entries(log: Path) -> list[Entry]:
    return [msgspec.json.decode(line, type=Entry) for line in log.read_bytes().splitlines()]


def _compared(
    verdict: Verdict, history: History, entries: list[Entry], zone: str, settings: dict[str, Any]
) -> Compared:
    if history.base.boot != boot_id():
        raise NoTruth("the drill ran in another boot of the machine")
    log = moments(entries, history.base)
    true = bracket(log, _drilled(history, zone, settings))
    found = measured(verdict, _at_ns(history, "start"))
    asked = asked_of(history, found)
    allowed_ns = allowed_width_ns(asked)
    wrong = [*broken(log), *disagreements(found, true), *_too_wide(found, asked, allowed_ns)]
    return _rows(found, true, asked, allowed_ns, wrong)


def _too_wide(found: Measured, asked: Asked, allowed_ns: int) -> list[str]:
    width_ns = found.recovery.upper_ns - found.recovery.lower_ns
    if width_ns <= allowed_ns:
        return []
    said = f"the interval is {seconds(width_ns):.4f} s wide; {seconds(allowed_ns):.4f} s are allowed"
    return [f"{said} (around its edges up to {seconds(asked.gap_ns):.4f} s lay between two sends)"]


def _drilled(history: History, zone: str, settings: dict[str, Any]) -> Drilled:
    return Drilled(
        zone=zone,
        requested_ns=_at_ns(history, "requested"),
        undo_ns=_at_ns(history, "undo"),
        ttl_ns=round(settings["db_dns_ttl_s"] * NS_PER_S),
        reconnect_ns=round(DEFAULT_DATABASE_TIMEOUT_S * NS_PER_S),
    )


def _at_ns(history: History, name: str) -> int:
    found = next((mark for mark in history.marks if mark.name == name), None)
    if found is None:
        raise NoTruth(f"the drill has no mark {name!r}")
    return found.at_ns


def asked_of(history: History, found: Measured) -> Asked:
    """How the workload was asked: by its plan, and really around the edges of what was measured."""
    steady = baseline(history).streams
    judged = {stream.name: stream.period_ns for stream in history.streams("workload")}
    sent: dict[str, list[Operation]] = {}
    for operation in history.operations:
        if operation.stream in judged and operation.kind != "audit":
            sent.setdefault(operation.stream, []).append(operation)
    gaps = [
        later.sent_ns - earlier.sent_ns
        for stream in sent.values()
        for earlier, later in pairwise(stream)
        if any(earlier.sent_ns <= e.upper_ns and later.sent_ns >= e.lower_ns for e in (found.impact, found.stable))
    ]
    period_ns = max(judged.values())
    longest_ns = max(s.longest_ns for (_, name), s in steady.items() if name in judged)
    inside = [
        o for stream in sent.values() for o in stream if found.impact.lower_ns <= o.sent_ns <= found.stable.lower_ns
    ]
    met = tuple(_met(inside, longest_ns))
    back_ns = max((o.done_ns - o.sent_ns for o in _first_good(sent, found.stable)), default=0)
    return Asked(period_ns=period_ns, gap_ns=max([period_ns, *gaps]), longest_ns=longest_ns, back_ns=back_ns, met=met)


def _first_good(sent: Mapping[str, Sequence[Operation]], stable: Edge) -> Iterator[Operation]:
    """Of each stream the good operation that ends its outage: the edge reaches to its answer."""
    for operations in sent.values():
        after = next((o for o in operations if o.good and o.sent_ns > stable.lower_ns), None)
        if after is not None and after.sent_ns <= stable.upper_ns:
            yield after


def _met(inside: Sequence[Operation], longest_ns: int) -> Iterator[tuple[int, int]]:
    """Of each kind, how many were good, and how many bad, after the first bad one and before the last."""
    for kind in sorted({operation.kind for operation in inside}):
        bad = [o for o in inside if o.kind == kind and not o.good]
        if bad:
            begin_ns, end_ns = min(settled_ns(o, longest_ns) for o in bad), max(o.sent_ns for o in bad)
            good = [o for o in inside if o.kind == kind and o.good and begin_ns < o.sent_ns and o.done_ns < end_ns]
            yield len(good), len(bad)


def _rows(found: Measured, true: Bracket, asked: Asked, allowed_ns: int, wrong: list[str]) -> Compared:
    return Compared(
        recovery_s=shown(found.recovery),
        impact_s=shown(found.impact),
        stable_s=shown(found.stable),
        confidence=found.confidence,
        width_s=seconds(found.recovery.upper_ns - found.recovery.lower_ns),
        allowed_s=seconds(allowed_ns),
        period_s=seconds(asked.period_ns),
        gap_s=seconds(asked.gap_ns),
        longest_s=seconds(asked.longest_ns),
        truth_recovery_s=shown(true.recovery),
        truth_impact_s=shown(true.impact),
        truth_stable_s=shown(true.stable),
        disagreements=tuple(wrong),
        missed=tuple(missed(found, true)) if found.confidence < 1 else (),
    )
