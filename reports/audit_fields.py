"""What an auditor asks of every run: each field, where it comes from, and its value in this run or that it is missing.

The fields are those that frameworks for continuity and recovery have in common (`reports/controls.py` names them). A
field that nobody recorded is named as missing; it is never filled with a guess. "None", "no" and 0 are values.
"""

from typing import NamedTuple

from reports.audit_beside import BESIDE_FIELDS
from reports.audit_drill import DRILL_FIELDS
from reports.audit_field import Field
from reports.audit_people import PEOPLE_FIELDS
from reports.audit_run import RUN_FIELDS
from reports.facts import Facts

# In the order in which a record shows them.
GROUPS = (
    "identity", "scope", "objectives", "authority", "people", "preconditions", "fault", "timeline", "steps", "results",
    "data", "capacity", "security", "communication", "failback", "cleanup", "findings", "verdict", "limits",
    "integrity", "retention", "sign-off",
)  # fmt: skip
FIELDS: tuple[Field, ...] = tuple(
    field
    for group in GROUPS
    for field in (*RUN_FIELDS, *PEOPLE_FIELDS, *DRILL_FIELDS, *BESIDE_FIELDS)
    if field.group == group
)


class Filled(NamedTuple):
    """One field of one drill's record; `value` is None where it is missing."""

    field: Field
    value: str | None


def filled(facts: Facts) -> list[Filled]:
    """Every field of a drill's record, in order."""
    return [Filled(field, field.value(facts) or None) for field in FIELDS]


def missing_fields(facts: Facts) -> dict[str, list[str]]:
    """The fields that were not recorded, by group."""
    missing: dict[str, list[str]] = {}
    for field, value in filled(facts):
        if value is None:
            missing.setdefault(field.group, []).append(field.name)
    return missing
