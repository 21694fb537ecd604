"""What judging says of a case, held against what the rig did."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from bench.rig.drilling import NS_PER_S, Drilled
from bench.rig.machine import held_up
from bench.rig.truth import Span, TrueOutage, outages_of
from probes.history import History
from reports.folder import Evidence, load
from reports.model import RecoveryTime
from reports.recovery import Recovery, recovery
from reports.series import series_of
from reports.steady import baseline
from reports.verdict import judge

# RTOs around the truth, as shares of it: far, near and very near.
RTOS = (0.5, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.25, 2.0)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One outage beside its truth; all lengths in s.

    `wrong` are the sentences that the truth contradicts. A statement that is made at 95% (`certain` is false) may be
    contradicted in one drill of twenty; `wrong_for_sure` may never be. `void` says what the machine did to the drill
    (`bench.rig.machine`), so that it proves nothing. `width_s` is None where no end was seen, or no beginning.
    `planned_s` is the width that the schedule allows: two periods, twice the longest success of the baseline, a timeout
    more for a hang. `allowed_s` is the same by what was really asked: the longest time between two sends around
    an edge, and three times the longest success where it exceeds a period (docs/adr/0005-intervals.md).
    `decided` counts the RTOs beside the truth that were judged pass or fail.
    """

    mode: str
    seed: int
    certain: bool
    truth_s: tuple[float, float]
    measured_s: tuple[float | None, float | None]
    width_s: float | None
    planned_s: float
    allowed_s: float
    decided: int
    asked: int
    wrong: tuple[str, ...]
    wrong_for_sure: tuple[str, ...]
    void: str = ""

    @property
    def contained(self) -> bool:
        """Whether the truth contradicts nothing that was said."""
        return not (self.wrong or self.wrong_for_sure)


def held(drilled: Drilled, seed: int) -> Held:
    """Judge a case by many objectives and hold each against the truth."""
    case, evidence = drilled.case, load(drilled.folder)
    base = baseline(evidence.history)
    found = recovery(evidence.history, evidence.declared, base)
    longest_ns = max(s.longest_ns for (_, name), s in base.streams.items() if name not in ("witness", "control"))
    zero_ns = evidence.history.base.mono_ns
    true = [_moved(o, zero_ns) for o in outages_of(drilled.truth.down, round(case.pace.hold_s * NS_PER_S))]
    if not case.seen:
        true = []
    lasted = _longest(true)
    judged = judge(evidence.history, evidence.declared, evidence.undo, "rig").recovery_time
    verdicts = list(_verdicts(evidence, lasted)) if true else []
    lower_ns, upper_ns = _ns(judged.lower_s), _ns(judged.upper_s)
    # That there was bad service is certain even where the outer edges are not.
    inner = [*_too_long(lower_ns, lasted), *_inner_edges(found, true)]
    outer = [*_too_short(upper_ns, lasted), *_outer_edges(found, true), *(v for _, v in verdicts if v)]
    sure = found.certain
    hang_ns = round(case.pace.timeout_s * NS_PER_S) if any(o.mode == "hang" for o in case.script.outages) else 0
    period_ns = round(case.pace.period_s * NS_PER_S)
    gap_ns, times = max(period_ns, _gap_ns(evidence.history, found)), 3 if longest_ns > period_ns else 2
    return Held(
        mode=case.name,
        seed=seed,
        certain=sure,
        truth_s=(lasted.lower_ns / NS_PER_S, lasted.upper_ns / NS_PER_S),
        measured_s=(judged.lower_s, judged.upper_s),
        width_s=None if lower_ns is None or upper_ns is None else (upper_ns - lower_ns) / NS_PER_S,
        planned_s=(2 * period_ns + 2 * longest_ns + hang_ns) / NS_PER_S,
        allowed_s=(2 * gap_ns + times * longest_ns + hang_ns) / NS_PER_S,
        decided=sum(said != "inconclusive" for said, _ in verdicts),
        asked=len(verdicts),
        wrong=() if sure else tuple(outer),
        wrong_for_sure=tuple([*inner, *outer] if sure else inner),
        void=held_up(drilled),
    )


def _gap_ns(history: History, found: Recovery) -> int:
    """The longest time between two sends of a stream around the edges of what was found."""
    edges = [(g.impact.lower_ns, g.impact.upper_ns) for g in found.groups]
    edges += [(g.stable_lower_ns, g.stable_upper_ns or g.stable_lower_ns) for g in found.groups]
    gaps = [
        later.sent_ns - earlier.sent_ns
        for series in series_of(history, "workload")
        for earlier, later in pairwise(series.operations)
        if any(earlier.sent_ns <= upper_ns and later.sent_ns >= lower_ns for lower_ns, upper_ns in edges)
    ]
    return max(gaps, default=0)


def _moved(true: TrueOutage, zero_ns: int) -> TrueOutage:
    def moved(span: Span) -> Span:
        return Span(span.lower_ns - zero_ns, span.upper_ns - zero_ns)

    return TrueOutage(moved(true.begin), moved(true.end))


def _longest(true: list[TrueOutage]) -> Span:
    lasted = [o.lasted for o in true] or [Span(0, 0)]
    return Span(max(s.lower_ns for s in lasted), max(s.upper_ns for s in lasted))


def _ns(value_s: float | None) -> int | None:
    return None if value_s is None else round(value_s * NS_PER_S)


def _too_long(lower_ns: int | None, true: Span) -> Iterator[str]:
    if lower_ns is not None and lower_ns > true.upper_ns:
        yield f"at least {lower_ns / NS_PER_S:.6f} s, and it was {true.upper_ns / NS_PER_S:.6f} s at most"


def _too_short(upper_ns: int | None, true: Span) -> Iterator[str]:
    if upper_ns is not None and upper_ns < true.lower_ns:
        yield f"at most {upper_ns / NS_PER_S:.6f} s, and it was {true.lower_ns / NS_PER_S:.6f} s at least"


def _inner_edges(found: Recovery, true: list[TrueOutage]) -> Iterator[str]:
    if found.groups and not true:
        yield "an outage was seen, and there was none"
    if found.groups and true:
        if found.groups[0].impact.upper_ns < true[0].begin.lower_ns:
            yield f"the impact is {true[0].begin.lower_ns - found.groups[0].impact.upper_ns} ns too early"
        if found.groups[-1].stable_lower_ns > true[-1].end.upper_ns:
            yield f"service is stable {found.groups[-1].stable_lower_ns - true[-1].end.upper_ns} ns too late"


def _outer_edges(found: Recovery, true: list[TrueOutage]) -> Iterator[str]:
    if true and not found.groups:
        yield "an outage was not seen"
    if found.groups and true:
        if found.groups[0].impact.lower_ns > true[0].begin.upper_ns:
            yield f"the impact is {found.groups[0].impact.lower_ns - true[0].begin.upper_ns} ns too late"
        stable_ns = found.groups[-1].stable_upper_ns
        if stable_ns is not None and stable_ns < true[-1].end.lower_ns:
            yield f"service is stable {true[-1].end.lower_ns - stable_ns} ns too early"


def _verdicts(evidence: Evidence, true: Span) -> Iterator[tuple[str, str]]:
    """The verdict at each RTO, and what is wrong with it ("" if nothing)."""
    for share in RTOS:
        rto_s = share * (true.lower_ns + true.upper_ns) / 2 / NS_PER_S
        judged = _judged(evidence, rto_s)
        wrong = ""
        if judged.verdict == "pass" and true.lower_ns > rto_s * NS_PER_S:
            wrong = f"a false PASS at an RTO of {rto_s:.6f} s"
        if judged.verdict == "fail" and true.upper_ns < rto_s * NS_PER_S:
            wrong = f"a false FAIL at an RTO of {rto_s:.6f} s"
        yield judged.verdict, wrong


def _judged(evidence: Evidence, rto_s: float) -> RecoveryTime:
    objectives = msgspec.structs.replace(evidence.declared.objectives, rto_s=rto_s)
    declared = msgspec.structs.replace(evidence.declared, objectives=objectives)
    return judge(evidence.history, declared, evidence.undo, "rig").recovery_time
