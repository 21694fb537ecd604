"""What is shown of a drill in Allure, as text: its viewers run no scripts, strip styles and choke on large files."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from reports.asked import in_full
from reports.changes import JOURNAL, changes_text
from reports.losses import by_weight, losses_csv
from reports.manifest import sha256_of
from reports.model import Verdict
from reports.plan_steps import is_plan
from reports.record import LOSSES, PLAN, TIMELINE, VERDICT, DrillRecord
from reports.words import (
    SIGNS,
    drill_name,
    failback_words,
    lag_words,
    loss_words,
    mebibytes,
    recovery_words,
    undo_words,
)

# Bytes of one attachment, and rows of one table, that the viewers still bear: 200,000 rows hang them.
MOST_BYTES = 1024 * 1024
MOST_ROWS = 5000
_CELL = "padding: 4px 12px; vertical-align: top; text-align: left"
_NAME, _TEXT = f"{_CELL}; white-space: nowrap", f"{_CELL}; white-space: normal; overflow-wrap: anywhere"


@dataclass(frozen=True)
class Content:
    """One attachment: its name, its kind (svg, json, csv, text) and what is in it."""

    name: str
    kind: str
    body: str


def description_html(verdict: Verdict, svg: str) -> str:
    """The verdict as a table, and the picture below it as an image: what a reader of Allure sees first.

    An inline SVG breaks both of Allure's viewers; as an image it is shown by the newer one, and the older one drops it
    and keeps the table.
    """
    first = in_full(verdict)
    findings = [f for f in verdict.findings if not is_plan(f) and f not in first]
    dirty = "; but the undo is DIRTY" if verdict.undo == "dirty" else ""
    rows = [
        ("Verdict", f"{SIGNS[verdict.verdict]} {verdict.verdict.upper()}{dirty}"),
        *((f.verdict, f"{f.check}: {f.says}") for f in verdict.findings if is_plan(f) and f.verdict != "pass"),
        ("Drill", f"{drill_name(verdict.drill, verdict.parameters)} on {verdict.workload} ({verdict.environment})"),
        ("Recovery time", f"{recovery_words(verdict.recovery_time)}: {verdict.recovery_time.verdict}"),
        ("Data loss", f"{loss_words(verdict.data_loss)}: {verdict.data_loss.verdict}"),
        *((("Failback", failback_words(verdict.failback)),) if verdict.failback else ()),
        *(("Replication lag", lag_words(lag)) for lag in verdict.replication_lag),
        *((f.verdict, f"{f.check}: {f.says}") for f in first),
        ("Undo", undo_words(verdict)),
        *((f.verdict, f"{f.check}: {f.says}") for f in findings if f.verdict not in ("pass", "not judged")),
        *(("Does not show", text) for text in verdict.does_not_show),
    ]
    image = f'<img alt="Timeline" width="1000" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'
    return f"{table_html(rows)}{image if svg else ''}"


def table_html(rows: Iterable[tuple[str, str]]) -> str:
    """Names and texts as a table, with its looks in each cell.

    By itself Allure 3 breaks no line in a cell, and hides what is too wide. Allure 2 takes all looks out, and has no
    room between two cells: blanks that do not break are left.
    """
    cells = "".join(
        f'<tr><th style="{_NAME}">{escape(name)}&nbsp;&nbsp;</th><td style="{_TEXT}">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f"<table><tbody>{cells}</tbody></table>"


def attachments(folder: Path, verdict: Verdict, record: DrillRecord) -> Iterator[Content]:
    """Every attachment of one drill, each small enough to be shown, with the whole file named where it was cut."""
    if record.svg is not None:
        yield capped(folder / TIMELINE, "timeline", "svg", record.svg)
    yield _file(folder / VERDICT, "verdict.json", "json")
    yield _losses(folder / LOSSES, record)
    yield capped(folder / JOURNAL, "journal with undo proof", "text", changes_text(record.changes))
    yield Content("marks", "csv", _marks(verdict))
    yield _file(folder / PLAN, "plan.json", "json")


def _file(path: Path, name: str, kind: str) -> Content:
    text = path.read_text(encoding="utf-8") if path.exists() else f"{path.name} is missing.\n"
    return capped(path, name, kind if path.exists() else "text", text)


def _losses(path: Path, record: DrillRecord) -> Content:
    rows = len(record.losses)
    text = losses_csv(by_weight(record.losses)[:MOST_ROWS])
    if rows <= MOST_ROWS:
        return capped(path, LOSSES, "csv", text)
    return capped(path, f"losses.csv, first {MOST_ROWS:,} of {rows:,} rows; all in {_whole(path)}", "csv", text)


def capped(path: Path, name: str, kind: str, text: str) -> Content:
    """The text, or as many of its whole lines as viewers bear. What is cut is no picture and no JSON, but text."""
    size = len(text.encode())
    if size <= MOST_BYTES:
        return Content(name, kind, text)
    head = f"Cut: this is the beginning of {mebibytes(size)}. The whole is in {_whole(path)}.\n\n"
    room = text.encode()[: MOST_BYTES - len(head.encode()) - 1].decode(errors="ignore")
    return Content(f"{name} (cut)", "text", head + (room.rpartition("\n")[0] or room) + "\n")


def _whole(path: Path) -> str:
    digest = f", SHA-256 {sha256_of(path)}" if path.exists() else ""
    return f"{path.parent.name}/{path.name}{digest}"


def _marks(verdict: Verdict) -> str:
    lines = ["mark,s since start,UTC,source,+- s"]
    lines += [f"{m.name},{m.at_s:.3f},{m.utc},{m.source},{m.uncertainty_s:g}" for m in verdict.marks]
    return "\r\n".join(lines) + "\r\n"
