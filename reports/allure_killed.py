"""What is known of a drill that was killed before it could be judged: its plan, its marks and its journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from probes.history import Mark
from reports.allure_content import Content, capped, table_html
from reports.changes import JOURNAL, changes_text
from reports.record import PLAN, DrillRecord, read_record
from reports.words import drill_name

MARKS = "marks.jsonl"


class Killed(NamedTuple):
    """For the result that is written in the drill's place: a sentence, labels, a table, and its files."""

    says: str
    labels: list[tuple[str, str]]
    table: str
    files: list[Content]


def killed(folder: Path) -> Killed:
    """What its folder still tells. Raises nothing for what is missing or torn: that is what a killed drill leaves."""
    record, marks = read_record(folder), _marks(folder)
    last = f'Its last mark is "{marks[-1].name}", {_at(marks, marks[-1])}.' if marks else "It left no marks."
    again = f"What it recorded can still be judged: python -m reports rejudge {folder}" if record.declared else ""
    return Killed(
        says=f"{last} {again}".strip(),
        labels=_labels(record),
        table=_table(record, marks, last),
        files=list(_files(folder, record)),
    )


def _marks(folder: Path) -> list[Mark]:
    path = folder / MARKS
    found: list[Mark] = []
    for line in path.read_bytes().splitlines()[1:] if path.exists() else ():
        try:
            found.append(msgspec.json.decode(line, type=Mark))
        except msgspec.DecodeError:
            break  # torn by the end; nothing is behind it
    return found


def _at(marks: list[Mark], mark: Mark) -> str:
    return f"{(mark.at_ns - marks[0].at_ns) / 1_000_000_000:.1f} s after its start"


def _labels(record: DrillRecord) -> list[tuple[str, str]]:
    """The same as those of a drill that lived (`label_drill`), as far as the plan tells."""
    declared = record.declared
    if declared is None:
        return []
    return [
        ("epic", declared.workload),
        ("feature", declared.disruption),
        ("story", declared.drill),
        ("severity", "critical"),
        ("tag", f"strategy:{declared.strategy}"),
        ("tag", f"environment:{declared.environment}"),
    ]


def _table(record: DrillRecord, marks: list[Mark], last: str) -> str:
    declared, changes = record.declared, record.changes
    back = sum(change.put_back for change in changes)
    rows = [("Verdict", "none: it was killed")]
    if declared is not None:
        name = drill_name(declared.drill, declared.parameters)
        rows.append(("Drill", f"{name} on {declared.workload} ({declared.environment})"))
        rows.append(("Fault", declared.fault.says if declared.fault else "none was declared yet"))
    rows.append(("Came as far as", last))
    rows += [(mark.name, f"{_at(marks, mark)}, {mark.source}{f': {mark.says}' if mark.says else ''}") for mark in marks]
    rows.append(("Undo", f"{back} of {len(changes)} changes are proved to be put back"))
    return table_html(rows)


def _files(folder: Path, record: DrillRecord) -> Iterator[Content]:
    if (folder / JOURNAL).exists():
        yield capped(folder / JOURNAL, "journal with undo proof", "text", changes_text(record.changes))
    for name, kind in ((PLAN, "json"), (MARKS, "text")):
        if (folder / name).exists():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            yield capped(folder / name, name, kind, text)
