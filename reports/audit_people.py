"""The fields of the record that only people can fill: who took part, what was carried over, who signs."""

from reports.actions import actions
from reports.audit_field import Field, listed, never, yes_no
from reports.context import RoleSeat
from reports.facts import Facts


def _operator(facts: Facts) -> str | None:
    run = facts.of_run.run
    return run.operator or None if run else None


def _roles(facts: Facts) -> str | None:
    seats = facts.of_run.context.people.roles
    return None if seats is None else listed([_seat(seat) for seat in seats])


def _seat(seat: RoleSeat) -> str:
    came = {True: "present", False: "absent", None: "attendance unknown"}[seat.present]
    return f"{seat.role}{f' ({seat.id})' if seat.id else ''}: {came}"


def _carried(facts: Facts) -> str | None:
    carried = facts.of_run.context.carried
    if carried is None:
        return None
    return listed([f"{one.id} {one.says}: {one.disposition or 'no disposition'}" for one in carried])


def _severities(facts: Facts) -> str | None:
    return listed([f"{one.id} {one.severity}, {one.kind}: {one.check}" for one in actions(facts)])


def _owners(facts: Facts) -> str | None:
    """Of every finding, or nothing: one without an owner is nobody's."""
    found = actions(facts)
    known = [f"{one.id} {one.owner}, {one.due}" for one in found if one.owner and one.due]
    return listed(known) if len(known) == len(found) else None


def _once_corrected(facts: Facts) -> str | None:
    return None if actions(facts) else "none needed: there is no finding"


def _notified(facts: Facts) -> str | None:
    """Who said so himself while the drill ran, or answered."""
    verdict = facts.record.verdict
    rows = verdict.marks if verdict is not None else ()
    told = [
        f"{row.name}: {row.says}, {row.utc} (± {row.uncertainty_s:.2g} s)"
        for row in rows
        if row.source == "person" and row.name in ("notified", "acknowledged")
    ]
    return listed(told) if told else None


PEOPLE_FIELDS: tuple[Field, ...] = (
    Field("people", "operator", "run.json", _operator),
    Field("people", "facilitator", "context file", lambda f: f.of_run.context.people.facilitator),
    Field("people", "observers", "context file", lambda f: listed(f.of_run.context.people.observers)),
    Field("people", "roles expected and present", "context file", _roles),
    Field(
        "people", "key person absent on purpose", "context file",
        lambda f: yes_no(f.of_run.context.people.key_person_absent),
    ),
    Field("preconditions", "open actions of the last drill", "context file", _carried),
    Field("findings", "id, severity and classification", "verdict.json", _severities),
    Field("findings", "owner and due date", "context or workload file", _owners),
    Field("findings", "root cause", "by hand", _once_corrected),
    Field("findings", "corrective action and its retest", "by hand", _once_corrected),
    Field("findings", "closed by somebody else than the owner", "by hand", _once_corrected),
    Field("findings", "risks accepted, and until when", "by hand", _once_corrected),
    Field("retention", "class", "context file", lambda f: f.of_run.context.retention.kind, mandatory=False),
    Field("retention", "kept until", "context file", lambda f: f.of_run.context.retention.until, mandatory=False),
    Field("sign-off", "reviewer and date", "by hand", never, mandatory=False),
    Field("security", "equal controls at the recovery site", "by hand", never, mandatory=False),
    Field("communication", "who was notified, and when", "marks.jsonl", _notified, mandatory=False),
)  # fmt: skip
