"""One field of the record that an auditor reads, and how its value is put into words."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from reports.facts import Facts
from reports.model import MarkRow, Verdict
from reports.words import find_mark, seconds

Source = Literal[
    "run.json", "context file", "workload file", "context or workload file",
    "plan.json", "verdict.json", "journal.jsonl", "marks.jsonl",
    "manifest.json", "attestation.json", "losses.csv", "the run's folder", "by hand",
]  # fmt: skip


class Field(NamedTuple):
    """`value` gives what a drill's record has, None or "" where nobody recorded it.

    `mandatory`: asked of every run; the others where they apply. A source "by hand": nothing of the harness records it.
    """

    group: str
    name: str
    source: Source
    value: Callable[[Facts], str | None]
    mandatory: bool = True


def listed(values: Sequence[str] | None) -> str | None:
    """A list in words; an empty one says "none", which somebody wrote down."""
    if values is None:
        return None
    return "; ".join(values) or "none"


def yes_no(value: bool | None) -> str | None:  # noqa: FBT001 -- it is what is shown
    """An answer that may be unknown."""
    return None if value is None else "yes" if value else "no"


def lasting(value_s: float | None) -> str | None:
    """A duration that may be unknown."""
    return None if value_s is None else seconds(value_s)


def never(_: Facts) -> None:
    """Nothing of the harness records this."""


def mark(facts: Facts, *names: str) -> MarkRow | None:
    """The drill's first mark of the first of these names that it has."""
    return find_mark(facts.record.verdict.marks, *names) if facts.record.verdict else None


def moment(facts: Facts, *names: str) -> str | None:
    """That mark's UTC and what is known of its error."""
    found = mark(facts, *names)
    return None if found is None else f"{found.utc} (± {found.uncertainty_s:g} s, {found.source})"


def says(facts: Facts, *checks: str) -> str | None:
    """What the first finding of one of these checks says, with its verdict."""
    verdict: Verdict | None = facts.record.verdict
    found = next((one for one in verdict.findings if one.check in checks), None) if verdict else None
    return None if found is None else f"{found.verdict}: {found.says}"
