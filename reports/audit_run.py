"""The fields of the record that say what was run, of what, against which objectives, and by whose leave."""

from datetime import datetime

from reports.audit_field import Field, lasting, listed
from reports.facts import Facts
from reports.words import seconds, zones


def _of_run(facts: Facts, name: str) -> str | None:
    return None if facts.of_run.run is None else str(getattr(facts.of_run.run, name)) or None


def _declared(facts: Facts, name: str) -> str | None:
    return None if facts.record.declared is None else str(getattr(facts.record.declared, name)) or None


def _drill(facts: Facts) -> str | None:
    declared = facts.record.declared
    return None if declared is None else declared.test or declared.drill


def _regions(facts: Facts) -> str | None:
    run = facts.of_run.run
    if run is None or not run.regions:
        return None
    named = ", ".join(run.regions)
    return f"{named} (zones {zones(run.zones)})" if run.zones else named


def _schemas(facts: Facts) -> str | None:
    run, verdict = facts.of_run.run, facts.record.verdict
    return None if run is None or verdict is None else f"{run.schema}, {verdict.schema}"


def _previous(facts: Facts) -> str | None:
    if facts.of_run.run is None:
        return None
    previous = facts.of_run.previous
    return f"{previous.run} (manifest {previous.sha256})" if previous else "none: the first of its folder"


def _scope(facts: Facts) -> str | None:
    """What the fault reaches: the sites where it bites, of those that the workload has."""
    declared = facts.record.declared
    if declared is None:
        return None
    fault = declared.fault
    return f"{declared.disruption}: {', '.join(fault.bites) or fault.says}" if fault else declared.disruption


def _components(facts: Facts) -> str | None:
    told = facts.of_run.context.exercise.in_scope
    if told is not None:
        return listed(told)
    kept = facts.kept
    if kept is None:
        return None
    named = (("sites", kept.sites), ("stores", kept.stores), ("probes", kept.probes))
    return "; ".join(f"{what} {', '.join(names)}" for what, names in named if names)


def _set_by(facts: Facts) -> str | None:
    declared = facts.record.declared
    return declared.objectives.approved_by or None if declared else None


def _objective(facts: Facts, name: str) -> str | None:
    """An objective as it was declared; that there is none is a value, too: it was decided beforehand."""
    declared = facts.record.declared
    if declared is None:
        return None
    value = getattr(declared.objectives, name)
    return "none set" if value is None else seconds(value)


def _clock(facts: Facts) -> str | None:
    declared = facts.record.declared
    if declared is None:
        return None
    given = declared.objectives
    return f'"{given.clock}", held {seconds(given.hold_s)}, tolerance {given.tolerance:.0%} beyond the baseline'


def _service_limits(facts: Facts) -> str | None:
    declared = facts.record.declared
    if declared is None:
        return None
    p99_s, capacity = declared.objectives.p99_s, declared.objectives.capacity
    told = [f"p99 {seconds(p99_s)}"] if p99_s is not None else []
    told += [f"{capacity:.0%} of the baseline's rate"] if capacity is not None else []
    return ", ".join(told) or "none set"


def _integrity(facts: Facts) -> str | None:
    told = facts.of_run.context.objectives.data_integrity
    if told or facts.record.declared is None:
        return told
    return "no acknowledged write comes back corrupt, rolled back or twice (the harness's own rule)"


def _source(facts: Facts, name: str) -> str | None:
    declared = facts.record.declared
    return getattr(declared.objectives, name) or None if declared else None


def _plan_id(facts: Facts) -> str | None:
    plan = facts.of_run.context.plan
    return " ".join(part for part in (plan.id, plan.version and f"version {plan.version}") if part) or None


def _plan_hash(facts: Facts) -> str | None:
    """Of the document, if somebody named it; and of the steps in the workload file that this drill's plan has."""
    declared, kept, plan = facts.record.declared, facts.kept, facts.of_run.context.plan
    told = [f"{plan.file} {plan.sha256}"] if plan.sha256 else []
    if declared is not None and kept is not None:
        switch = declared.fault is None and declared.expects == "none"
        key = "switchover" if switch else declared.disruption
        told += [f"plans.{key} {kept.plans[key]}"] if key in kept.plans else []
        if not told:
            return f"no plan to run: the workload recovers by itself (workload file {kept.sha256})"
    return "; ".join(told) or None


def approver(facts: Facts) -> str | None:
    """Who allowed the run, as the context file or the workload file's [approval] says."""
    told = facts.of_run.context.authority.approver
    return told or (facts.kept.approval.by if facts.kept and facts.kept.approval else None) or None


def _approved_at(facts: Facts) -> str | None:
    """When it was allowed, and whether that was before the run began."""
    told = facts.of_run.context.authority.approved_at
    told = told or (facts.kept.approval.on if facts.kept and facts.kept.approval else None)
    run = facts.of_run.run
    if not told or run is None:
        return told or None
    try:
        before = datetime.fromisoformat(told) < datetime.fromisoformat(run.started_utc)
    except (ValueError, TypeError):
        return told
    return f"{told} ({'before' if before else 'AFTER'} the start)"


def _self_attested(facts: Facts) -> str | None:
    who, run = approver(facts), facts.of_run.run
    if not who or run is None or not run.operator:
        return None
    return "no: self-attested" if who.casefold() == run.operator.casefold() else "yes"


def _risk(facts: Facts) -> str | None:
    told = facts.of_run.context.authority.risk_acceptance
    return told or ("not needed: no production" if facts.kept and not facts.kept.production else None)


def _exercise(name: str) -> Field:
    names = {"type": "exercise type", "threat": "threat category", "scenario": "why this scenario"}
    return Field("scope", names[name], "context file", lambda f: getattr(f.of_run.context.exercise, name))


RUN_FIELDS: tuple[Field, ...] = (
    Field("identity", "run id", "run.json", lambda f: f.of_run.name),
    Field("identity", "drill", "plan.json", _drill),
    Field("identity", "harness version", "run.json", lambda f: _of_run(f, "harness")),
    Field("identity", "harness commit", "run.json", lambda f: _of_run(f, "commit")),
    Field("identity", "hash of the lock file", "run.json", lambda f: _of_run(f, "lock")),
    Field("identity", "environment", "run.json", lambda f: _of_run(f, "environment")),
    Field("identity", "account", "run.json", lambda f: _of_run(f, "account")),
    Field("identity", "Regions", "run.json", _regions),
    Field("identity", "schema versions", "run.json", _schemas),
    Field("identity", "run before this one", "manifest.json", _previous),
    Field("scope", "workload", "plan.json", lambda f: _declared(f, "workload")),
    Field("scope", "business service", "context file", lambda f: f.of_run.context.exercise.service),
    Field("scope", "criticality tier", "context file", lambda f: f.of_run.context.exercise.tier),
    Field("scope", "components in scope", "context or workload file", _components),
    Field("scope", "components out of scope", "context file", lambda f: listed(f.of_run.context.exercise.out_of_scope)),
    Field("scope", "strategy", "plan.json", lambda f: _declared(f, "strategy")),
    Field("scope", "reach of the disruption", "plan.json", _scope),
    Field("scope", "what was to be shown", "plan.json", lambda f: _declared(f, "says")),
    _exercise("threat"),
    _exercise("scenario"),
    _exercise("type"),
    Field("scope", "assumptions", "context file", lambda f: listed(f.of_run.context.exercise.assumptions)),
    Field("scope", "exclusions", "context file", lambda f: listed(f.of_run.context.exercise.exclusions)),
    Field("objectives", "RTO", "plan.json", lambda f: _objective(f, "rto_s")),
    Field("objectives", "RPO", "plan.json", lambda f: _objective(f, "rpo_s")),
    Field(
        "objectives",
        "longest tolerable outage (MTD)",
        "context file",
        lambda f: lasting(f.of_run.context.objectives.mtd_s),
    ),
    Field(
        "objectives", "work recovery time (WRT)", "context file", lambda f: lasting(f.of_run.context.objectives.wrt_s)
    ),
    Field(
        "objectives",
        "objective for detection",
        "context file",
        lambda f: lasting(f.of_run.context.objectives.detection_s),
    ),
    Field("objectives", "capacity and latency", "plan.json", _service_limits),
    Field("objectives", "data integrity", "plan.json", _integrity),
    Field("objectives", "clock and what counts as recovered", "plan.json", _clock),
    Field("objectives", "where the objectives are written", "plan.json", lambda f: _source(f, "source")),
    Field("objectives", "who approved the objectives", "plan.json", _set_by),
    Field("objectives", "when the objectives were approved", "plan.json", lambda f: _source(f, "approved_on")),
    Field("authority", "plan and version", "context file", _plan_id),
    Field("authority", "hash of the plan", "context or workload file", _plan_hash),
    Field("authority", "change ticket", "context file", lambda f: f.of_run.context.authority.change_ticket),
    Field("authority", "approver", "context or workload file", approver),
    Field("authority", "approved at", "context or workload file", _approved_at),
    Field("authority", "approver is not the operator", "run.json", _self_attested),
    Field("authority", "risk acceptance", "context or workload file", _risk),
    Field("authority", "who was told", "context file", lambda f: listed(f.of_run.context.authority.notified)),
)
