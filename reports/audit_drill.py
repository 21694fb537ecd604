"""The fields of the record that the drill itself gives: what was broken, what happened, what was measured."""

from reports.actions import tolerable
from reports.audit_field import Field, listed, mark, moment, never, says
from reports.facts import Facts
from reports.model import StepRow, Verdict
from reports.words import failback_words, interval, lag_words, loss_words, measured, recovery_words, undo_words

NO_FAULT = "none: this drill injects nothing by design"


def _verdict(facts: Facts) -> Verdict | None:
    return facts.record.verdict


def _by_design(facts: Facts) -> bool:
    declared = facts.record.declared
    return declared is not None and declared.fault is None and declared.expects in ("none", "no fault")


def _clocks(facts: Facts) -> str | None:
    told = [f"{file}: {offset}" for file, offset in facts.clocks.items()]
    if told:
        return "; ".join(told)
    run = facts.of_run.run
    return run.clock if run and run.clock and run.clock != "unknown" else None


def _fault(facts: Facts) -> str | None:
    declared = facts.record.declared
    if declared is None or declared.fault is None:
        return NO_FAULT if _by_design(facts) else None
    parameters = ", ".join(f"{name}={value}" for name, value in declared.parameters.items())
    also = "".join(f"; complicated by {one.fault}: {one.says}" for one in declared.complications)
    return f"{declared.fault.fault}: {declared.fault.says}{f' ({parameters})' if parameters else ''}{also}"


def _targets(facts: Facts) -> str | None:
    declared = facts.record.declared
    if declared is None or declared.fault is None:
        return NO_FAULT if _by_design(facts) else None
    targets = [target for one in (declared.fault, *declared.complications) for target in one.targets]
    named = ", ".join(f"{one.kind} {one.id}" for one in targets[:10])
    return f"{len(targets)}: {named}{', and more' if len(targets) > 10 else ''}" if targets else None  # noqa: PLR2004


def _times(facts: Facts) -> str | None:
    """Requested, effective and ended; all three, or it is missing."""
    if _by_design(facts):
        return NO_FAULT
    names = ("requested", "effective", "undone")
    told = [(name, moment(facts, name)) for name in names]
    return "; ".join(f"{name} {at}" for name, at in told) if all(at for _, at in told) else None


def _confirmed(facts: Facts) -> str | None:
    return NO_FAULT if _by_design(facts) else says(facts, "fault effective")


def _experiment(facts: Facts) -> str | None:
    declared, verdict = facts.record.declared, facts.record.verdict
    if declared is None or verdict is None:
        return None
    told = [f"{one.source}: {one.says}" for one in verdict.marks if one.name == "sign" and "fis" in one.source.lower()]
    runs = any("fis" in change.call.lower().split() for change in facts.record.changes)
    return "; ".join(told) or (None if runs else "none: the fault does not use FIS")


def _alarms(facts: Facts) -> str | None:
    return None if facts.kept is None else f"{facts.kept.stop_alarms} armed" if facts.kept.stop_alarms else "none armed"


def _radius(facts: Facts) -> str | None:
    """Where it was to bite, what it was to spare, and whether witnesses saw it spared."""
    declared = facts.record.declared
    if declared is None or declared.fault is None:
        return NO_FAULT if _by_design(facts) else None
    bites, spares = (", ".join(sites) or "none named" for sites in (declared.fault.bites, declared.fault.spares))
    most = f"; at most {facts.kept.max_targets} targets" if facts.kept and facts.kept.max_targets is not None else ""
    return f"bites {bites}; spares {spares}{most}. {says(facts, 'fault spares the rest') or ''}".strip()


def _start_and_end(facts: Facts) -> str | None:
    start, end = moment(facts, "start"), moment(facts, "end")
    return f"{start} to {end}" if start and end else None


def _events(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return (
        f"{len(verdict.marks)} marks, each with UTC, offset, source and uncertainty"
        if verdict and verdict.marks
        else None
    )


def _steps(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None:
        return None
    told = [
        f"{one.plan} {one.name}: {one.outcome} in {one.ended_s - one.began_s:.1f} s{_where(one)}"
        for one in verdict.steps
    ]
    return listed(told or ["none: no plan was run in this drill"])


def _where(step: StepRow) -> str:
    """Where, and over which planes: what needs a control plane may fail with it."""
    planes = ", ".join(dict.fromkeys(call.plane for call in step.calls))
    said = [*([step.region] if step.region else []), *([f"{planes} plane"] if planes else [])]
    return f" ({'; '.join(said)})" if said else ""


def _deviations(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None:
        return None
    failed = [
        f"{one.plan} {one.name} {one.outcome}: {one.error or 'no reason given'}"
        for one in verdict.steps
        if one.outcome != "done"
    ]
    helped = says(facts, "recovered without help")
    return listed([*failed, *([helped] if helped and not helped.startswith("pass") else [])])


def _recovery(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return f"{recovery_words(verdict.recovery_time)}: {verdict.recovery_time.verdict}" if verdict else None


def _loss(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return f"{loss_words(verdict.data_loss)}: {verdict.data_loss.verdict}" if verdict else None


def _mtd(facts: Facts) -> str | None:
    verdict, mtd_s = _verdict(facts), facts.of_run.context.objectives.mtd_s
    if verdict is None or mtd_s is None:
        return None
    return {True: "kept", False: "EXCEEDED", None: "not decided by what was measured"}[tolerable(verdict, mtd_s)]


def _all_clocks(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None or not verdict.clocks:
        return None
    told = {
        name: interval(edges[0], edges[1]) if len(edges) > 1 else "not measured"
        for name, edges in verdict.clocks.items()
    }
    return ", ".join(f"{name.replace('_', ' ')} {words}" for name, words in told.items())


def _downtime(facts: Facts) -> str | None:
    """Of all streams together: how long it was bad, and how often it came back and was lost again."""
    verdict = _verdict(facts)
    if verdict is None:
        return None
    if not verdict.episodes:
        return "no bad service was seen" if verdict.verdict in ("pass", "fail") else None
    told = [f"{one.stream} {one.bad_s:.1f} s bad, {one.flaps} flaps" for one in verdict.episodes]
    return "; ".join(told)


def _classes(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None:
        return None
    loss = verdict.data_loss
    named = (
        "acknowledged",
        "lost",
        "late",
        "rolled_back",
        "resurrected",
        "corrupt",
        "duplicated",
        "in_doubt",
        "in_doubt_vanished",
        "phantom",
        "unexpected",
        "unread",
    )
    counts = ((name.replace("_", " "), getattr(loss, name)) for name in named)
    return ", ".join(f"{name} not known" if count is None else f"{count} {name}" for name, count in counts)


def _reconciled(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None or (mark(facts, "audited") is None and says(facts, "audits complete") is None):
        return None
    coverage = verdict.data_loss.coverage
    how = "every key read back" if coverage >= 1.0 else f"{coverage:.1%} of the keys, chosen by their hash, read back"
    return f"{how} and compared with the client's own ledger. {says(facts, 'audits complete') or ''}".strip()


def _recovery_point(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None or (verdict.data_loss.lower_s is None and verdict.data_loss.upper_s is None):
        return None
    loss = verdict.data_loss
    gone = loss.gone or loss.in_doubt_vanished
    if not verdict.episodes and not gone:
        return "no impact was seen and nothing was lost, so there is nothing that it could lie before"
    both = f"{measured(loss)} before the later of the impact and the newest lost write"
    return both if gone else f"{measured(loss)} before the impact"


def _lag(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None:
        return None
    return listed([lag_words(one) for one in verdict.replication_lag] or ["none: no heartbeats to another site"])


def _lost_list(facts: Facts) -> str | None:
    return None if "losses.csv is missing." in facts.record.problems else f"losses.csv, {len(facts.record.losses)} rows"


def _failback(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None:
        return None
    if verdict.failback is not None:
        return failback_words(verdict.failback)
    return None if any(step.plan == "recovery" for step in verdict.steps) else "not needed: no plan was run"


def _converged(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    if verdict is None or verdict.convergence is None:
        return None if verdict is None or verdict.failback is not None else "not asked: no audit of two sites"
    return f"{verdict.convergence.verdict}: {verdict.convergence.says}"


def _restored(facts: Facts) -> str | None:
    found = mark(facts, "failback end", "converged")
    return None if found is None else f"{found.utc}: {found.says}"


def _undo(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return f"{undo_words(verdict)}. {says(facts, 'putting back') or ''}".strip() if verdict else None


def _residual(facts: Facts) -> str | None:
    changes = facts.record.changes
    left = [change.id for change in changes if not change.put_back]
    if "journal.jsonl" not in [path.name for path in facts.record.folder.glob("journal.jsonl")]:
        return None
    return (
        listed([f"{one} is not proved to be put back" for one in left]) if left else f"none of {len(changes)} changes"
    )


def _same_as_before(facts: Facts) -> str | None:
    """What each change read before, and that reading it again gave the same: the journal's `verified`."""
    changes = facts.record.changes
    if not changes:
        return "nothing was changed" if _residual(facts) else None
    proved = sum(change.put_back for change in changes)
    return f"{proved} of {len(changes)} changes read the same as before the drill"


def _outcome(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return (
        f"{verdict.verdict} (recovery time {verdict.recovery_time.verdict}, data loss {verdict.data_loss.verdict})"
        if verdict
        else None
    )


def _limits(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return listed(verdict.does_not_show) if verdict and verdict.does_not_show else None


def _emulated(facts: Facts) -> str | None:
    declared = facts.record.declared
    if declared is None:
        return None
    return "an emulated AWS (the lab)" if declared.environment == "lab" else "AWS itself"


def _traffic(facts: Facts) -> str | None:
    verdict = _verdict(facts)
    return (
        f"synthetic traffic of the drill's own; {verdict.data_loss.acknowledged} writes acknowledged"
        if verdict
        else None
    )


def _hashes(facts: Facts) -> str:
    return "manifest.json" if facts.of_run.number else "on this page; manifest.json is written after it, and holds both"


DRILL_FIELDS: tuple[Field, ...] = (
    Field("preconditions", "steady-state baseline", "verdict.json", lambda f: says(f, "baseline good")),
    Field("preconditions", "clock offsets", "marks.jsonl", _clocks),
    Field("fault", "type and parameters", "plan.json", _fault),
    Field("fault", "targets resolved", "plan.json", _targets),
    Field("fault", "requested, effective and ended", "marks.jsonl", _times),
    Field("fault", "independent confirmation", "verdict.json", _confirmed),
    Field("fault", "FIS experiment", "marks.jsonl", _experiment),
    Field("fault", "stop alarms", "workload file", _alarms),
    Field("fault", "blast radius", "plan.json", _radius),
    Field("timeline", "start and end", "marks.jsonl", _start_and_end),
    Field("timeline", "events", "marks.jsonl", _events),
    Field("steps", "planned and actual steps", "verdict.json", _steps),
    Field("steps", "deviations and their reasons", "verdict.json", _deviations),
    Field("results", "recovery time against the RTO", "verdict.json", _recovery),
    Field("results", "data loss against the RPO", "verdict.json", _loss),
    Field("results", "outage against the MTD", "verdict.json", _mtd),
    Field("results", "all clocks", "verdict.json", _all_clocks),
    Field("results", "downtime and flaps", "verdict.json", _downtime),
    Field("data", "writes by what became of them", "verdict.json", _classes),
    Field("data", "recovery point", "verdict.json", _recovery_point),
    Field("data", "replication lag", "verdict.json", _lag),
    Field("data", "list of what was lost", "losses.csv", _lost_list),
    Field("data", "reconciliation and its coverage", "verdict.json", _reconciled),
    Field("failback", "steps, time and loss", "verdict.json", _failback),
    Field("failback", "convergence of the sites", "verdict.json", _converged),
    Field("failback", "restoration of normal operations", "marks.jsonl", _restored),
    Field("cleanup", "rollback verified", "verdict.json", _undo),
    Field("cleanup", "residual resources", "journal.jsonl", _residual),
    Field("cleanup", "synthetic data removed", "verdict.json", lambda f: says(f, "synthetic data")),
    Field("cleanup", "as it was before", "journal.jsonl", _same_as_before),
    Field("verdict", "per objective and overall", "verdict.json", _outcome),
    Field("limits", "what this run does not show", "verdict.json", _limits),
    Field("limits", "emulated or real", "plan.json", _emulated),
    Field("limits", "traffic and sample", "verdict.json", _traffic),
    Field("integrity", "hash of every file", "manifest.json", _hashes),
    Field("integrity", "receipt of write-once storage", "by hand", never),
)  # fmt: skip
