"""From a history to a verdict: a pure function. No clock, no files, nothing that could differ a year later."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from probes.history import History
from reports.automated import automation_gate
from reports.backups import backup_findings, missed
from reports.baseline_figures import baseline_figures
from reports.bounds import seconds
from reports.called_off import judge_called_off
from reports.capacity import judge_capacity
from reports.complications import complication_gates, judge_complications
from reports.conflicts import conflicts, judge_conflicts
from reports.control_planes import judge_control_planes
from reports.convergence import comparisons, convergence, convergence_gates
from reports.declared import Declared
from reports.failback import WayHome, failback_findings, judge_failback, way_home
from reports.gates import Gate, Objective
from reports.lag import lag_gates, replication_lag, site_lags
from reports.ledger import Ledger, ledger
from reports.loss import Loss, judge_loss, loss
from reports.loss_gates import loss_gates
from reports.model import DataLoss, Failback, Finding, Judgement, MarkRow, Overall, RecoveryTime, Undo, Verdict
from reports.no_worse import judge_no_worse
from reports.old_primary import judge_old_primary
from reports.one_writer import judge_writers
from reports.passive import judge_passive
from reports.people_part import judge_people, people_clocks
from reports.phases import phases_of
from reports.plan_steps import named, plan_gates, step_rows
from reports.planned import judge_planned
from reports.purge import judge_purge
from reports.readiness import judge_readiness
from reports.reads import read_gates
from reports.recovery import Recovery, as_rows, clocks, disturbances, recovery
from reports.recovery_time import judge_recovery
from reports.region_switches import switch_findings, told_later
from reports.restored import restored_findings
from reports.series import names_of
from reports.service import lost_keys, served
from reports.several_sites import judge_corrupt_sites, site_gates
from reports.standstill import judge_standstill
from reports.staying import judge_staying
from reports.steady import Baseline, baseline
from reports.steps import StepRecord
from reports.validity import declared_gates
from reports.vantage import vantage_gates
from reports.witness import effect_seen
from reports.words import interval, utc_text, zones_named

_Judged = TypeVar("_Judged", RecoveryTime, DataLoss)
# Operations that a finding names.
_SHOWN = 20


class Undoing(msgspec.Struct, frozen=True):
    """What the journal says of putting back: clean or dirty, in a sentence."""

    verdict: Undo
    says: str


def judge(
    history: History, declared: Declared, undo: Undoing, judged_by: str, steps: tuple[StepRecord, ...] = ()
) -> Verdict:
    """Judge one drill. `judged_by` names the version of this harness, `steps` are what its plans did."""
    objectives, rpo_s, steps = declared.objectives, declared.objectives.rpo_s, told_later(steps, history)
    since_ns = phases_of(history, declared).since_ns
    book, lags, service = ledger(history), site_lags(history), served(history, lost_keys(history))
    base = baseline(service, tolerance=objectives.tolerance, p99_s=objectives.p99_s, until_ns=since_ns)
    found = recovery(service, declared, base)
    lost = loss(book, found, vanished=objectives.vanished_counts)
    gates = [
        *_gates_of_time(history, declared, steps, base, found),
        *loss_gates(book, lost, found.phases, found.impact, rpo_s),
        *read_gates(history),
        *lag_gates(lags),
    ]
    interrupted = history.mark("interrupted") is not None
    recovery_time = _gated(judge_recovery(history, declared, found), "recovery time", gates, interrupted=interrupted)
    data_loss = _gated(judge_loss(book, lost, found.impact, rpo_s), "data loss", gates, interrupted=interrupted)
    home, sites = way_home(history, service, declared, base), comparisons(history)
    failback = None if home is None else judge_failback(history, declared, home, steps, interrupted=interrupted)
    more = _asked_besides(history, service, declared, steps, found, recovery=recovery_time.verdict, ways=(book, home))
    rested_on = _rested_on(history, declared, steps)
    checks = [gate.finding for gate in gates]
    more += judge_no_worse(declared.last_release, recovery_time, data_loss, checks, interrupted=interrupted)
    extra = [*(f.verdict for f in (failback, *sites, *more) if f is not None), *missed(rested_on)]
    return Verdict(
        run_id=declared.run,
        drill=declared.drill,
        parameters=declared.parameters,
        workload=declared.workload,
        strategy=declared.strategy,
        disruption=declared.disruption,
        expects=declared.expects,
        environment=declared.environment,
        judged_by=judged_by,
        verdict=_overall((recovery_time.verdict, data_loss.verdict, *extra), gates, interrupted=interrupted),
        undo=undo.verdict,
        recovery_time=recovery_time,
        data_loss=data_loss,
        clocks=clocks(found, history) | people_clocks(history, found),
        marks=_marks(history, found.phases.start_ns),
        episodes=as_rows(found.groups, found.phases.start_ns),
        findings=_with_zone_ids(
            declared,
            *_findings(recovery_time, data_loss, lost, found, gates, failback=failback),
            *(failback_findings(home, failback) if home and failback else ()),
            *(g.finding for g in convergence_gates(sites)),
            *(*more, *rested_on, *switch_findings(steps, found)),
            _disturbed(service, declared, found, base),
            judge_purge(history),
            Finding(check="putting back", verdict=_put_back(undo), says=undo.says),
        ),
        does_not_show=_does_not_show(declared),
        steps=step_rows(steps, found.phases.start_ns),
        replication_lag=replication_lag(lags, history),
        convergence=convergence(sites[-1]) if sites else None,
        conflicts=conflicts(history),
        failback=failback,
    )


def _gates_of_time(
    history: History, declared: Declared, steps: tuple[StepRecord, ...], base: Baseline, found: Recovery
) -> Iterator[Gate]:
    """What has to hold for the recovery time to mean anything."""
    yield from plan_gates(declared, steps)
    if (automation := automation_gate(history, declared)) is not None:
        yield automation
    seen, figures = effect_seen(history, declared), baseline_figures(history)
    yield from declared_gates(declared, found.phases, base, seen, found, figures=figures)
    yield from complication_gates(history, declared)
    yield from vantage_gates(history, found, declared.objectives)
    yield from site_gates(history, declared)


def _does_not_show(declared: Declared) -> list[str]:
    """What the drill's lab and its faults leave out, each once."""
    faults = (*([declared.fault] if declared.fault else ()), *declared.complications)
    return list(dict.fromkeys([*declared.does_not_show, *(says for one in faults for says in one.does_not_show)]))


def _with_zone_ids(declared: Declared, *findings: Finding) -> list[Finding]:
    """Each zone that they name with its id beside it, where the drill has kept these."""
    return [msgspec.structs.replace(one, says=zones_named(one.says, declared.zones)) for one in findings]


def _rested_on(history: History, declared: Declared, steps: tuple[StepRecord, ...]) -> list[Finding]:
    """What was recovered from, where that was a copy: which one, and whether it held what it should."""
    return [*backup_findings(steps), *restored_findings(history, declared, steps)]


def _asked_besides(
    history: History,
    service: History,
    declared: Declared,
    steps: tuple[StepRecord, ...],
    found: Recovery,
    *,
    recovery: Judgement,
    ways: tuple[Ledger, WayHome | None],
) -> list[Finding]:
    """What only some drills ask, where this one does.

    `service` is the history as service is judged by it, `recovery` the verdict of the recovery time, `ways` what is
    known of the writes on the way there and home.
    """
    asked = (
        judge_staying(history, declared, steps),
        judge_old_primary(history),
        judge_capacity(service, declared, found),
        *judge_standstill(history, declared),
        judge_people(history, steps, found),
        judge_control_planes(declared, steps),
        judge_called_off(history, steps),
        judge_planned(declared, *ways),
        *judge_passive(history, declared),
        *judge_readiness(history),
        judge_conflicts(history),
        judge_writers(history, declared),
        judge_corrupt_sites(history, declared),
        *judge_complications(history, declared, steps, recovery),
    )
    return [finding for finding in asked if finding is not None]


def _gated(judged: _Judged, objective: Objective, gates: Iterable[Gate], *, interrupted: bool) -> _Judged:
    """The objective's verdict once every gate that it rests on has spoken.

    Of a drill that somebody ended, only what is proved already is judged.
    """
    verdict = judged.verdict
    if verdict == "not judged":
        return judged
    for gate in gates:
        verdict = gate.applied(objective, verdict)
    if interrupted and verdict != "fail":
        verdict = "not judged"
    return msgspec.structs.replace(judged, verdict=verdict)


def _overall(objectives: Sequence[Judgement], gates: Iterable[Gate], *, interrupted: bool) -> Overall:
    """Merge: fail > invalid > inconclusive > pass. A gate that is invalid makes the drill so, unless a miss is proved.

    An aborted drill is "aborted", unless it had proved a miss by then.
    """
    if "fail" in objectives:
        return "fail"
    if interrupted:
        return "aborted"
    if "invalid" in objectives or any(g.finding.verdict == "invalid" for g in gates):
        return "invalid"
    if "inconclusive" in objectives:
        return "inconclusive"
    return "pass" if "pass" in objectives else "invalid"


def _findings(
    recovery_time: RecoveryTime,
    data_loss: DataLoss,
    lost: Loss,
    found: Recovery,
    gates: Iterable[Gate],
    *,
    failback: Failback | None,
) -> list[Finding]:
    bad = sorted((o for g in found.groups for e in g.episodes for o in e.bad), key=lambda o: o.sent_ns)
    ends = bad if len(bad) <= _SHOWN else [*bad[: _SHOWN // 2], *bad[-_SHOWN // 2 :]]
    # What was lost; where nothing was, the writes that bound how much may be.
    gone = lost.lost or lost.proof
    home = (failback.recovery_time.verdict, failback.data_loss.verdict) if failback else ()
    return [
        Finding(
            check="recovery time", verdict=recovery_time.verdict, says=recovery_time.says, operations=names_of(ends)
        ),
        Finding(check="data loss", verdict=data_loss.verdict, says=data_loss.says, operations=names_of(gone)),
        *(named(g.finding, (recovery_time.verdict, data_loss.verdict), home) for g in gates),
    ]


def _disturbed(history: History, declared: Declared, found: Recovery, base: Baseline) -> Finding:
    """Bad service from the start of putting back on: told apart, never counted in the recovery time."""
    check = "service while putting back"
    if declared.expects == "no failover":
        return Finding(check=check, verdict="not judged", says="Putting back ends the blip, and is judged with it.")
    after = disturbances(history, declared, base)
    if after is None:
        return Finding(check=check, verdict="not judged", says="Nothing was put back in this drill.")
    if not after.groups:
        return Finding(check=check, verdict="pass", says="Putting things back did not disturb the service.")
    bad = sorted((o for g in after.groups for e in g.episodes for o in e.bad), key=lambda o: o.sent_ns)
    return Finding(check=check, verdict="not judged", says=_disturbance(found, after), operations=names_of(bad))


def _disturbance(found: Recovery, after: Recovery) -> str:
    """In words. Service that had not recovered was not disturbed by putting back: it came back with it, or did not."""
    undo_ns = after.phases.until_ns or 0
    first = after.groups[0]
    if not found.recovered and first.impact.lower_ns <= undo_ns:
        upper = first.stable_upper_ns
        ended = interval(
            max(0.0, seconds(first.stable_lower_ns - undo_ns)), None if upper is None else seconds(upper - undo_ns)
        )
        says = f"Service was still bad when putting things back began, and for {ended} from then on."
        return says if len(after.groups) == 1 else f"{says} After that it was lost {len(after.groups) - 1} times more."
    upper_s = None if after.upper_ns is None else seconds(after.upper_ns)
    times = "" if len(after.groups) == 1 else f"{len(after.groups)} times, the longest "
    return (
        f"Putting things back disturbed the service {times}for {interval(seconds(after.lower_ns), upper_s)}; "
        f"this is not counted in the recovery time."
    )


def _put_back(undo: Undoing) -> Judgement:
    return "pass" if undo.verdict == "clean" else "fail"


def _marks(history: History, start_ns: int) -> list[MarkRow]:
    return [
        MarkRow(
            name=m.name,
            at_s=seconds(m.at_ns - start_ns),
            utc=utc_text(history.base.utc_of(m.at_ns)),
            source=m.source,
            uncertainty_s=seconds(m.uncertainty_ns),
            says=m.says,
        )
        for m in history.marks
    ]
