"""The tables of docs/audit.md: `python -m reports.audit_table` prints them, and a test holds the page equal to them."""

import sys

from reports.audit_fields import FIELDS
from reports.controls import CAUTION, CONTROLS, SUPPORTED, Control


def fields_table() -> str:
    """Each field of a record: where it comes from, and the controls that it supports evidence for."""
    rows = ["| group | field | asked | comes from | supports evidence for |", "|---|---|---|---|---|"]
    for field in FIELDS:
        asked = "always" if field.mandatory else "where it applies"
        rows.append(
            f"| {field.group} | {field.name} | {asked} | {field.source} | {', '.join(SUPPORTED[field.group])} |"
        )
    return "\n".join(rows) + "\n"


def controls_table() -> str:
    """Each control: what it asks in short, and how well its wording is known here."""
    rows = ["| control | asks, in short | how that is known |", "|---|---|---|"]
    rows += [f"| {control.ref} | {control.asks} | {_known(control)} |" for control in CONTROLS.values()]
    return "\n".join(rows) + "\n"


def _known(control: Control) -> str:
    return CAUTION[control.known] or control.known


if __name__ == "__main__":
    sys.stdout.write(f"{fields_table()}\n{controls_table()}")
