"""What became of each write that did not simply survive: one row a write, in `losses.csv` for people and tools."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Class = Literal[
    "lost", "late", "rolled back", "corrupt", "duplicated", "in-doubt recovered", "in-doubt vanished", "phantom",
    "unexpected", "resurrected", "unread",
]  # fmt: skip

# The classes that are data loss at the failover: acknowledged, and absent or older in the audit. A delete that was
# undone is one of them (docs/adr/0007-losses.md).
GONE: tuple[Class, ...] = ("lost", "late", "rolled back", "resurrected")

# What a reader looks at first: lost data, then wrong data, then what nobody knows, then what is neither.
WEIGHT: tuple[Class, ...] = (
    "lost", "rolled back", "resurrected", "late", "corrupt", "duplicated", "phantom", "unexpected", "unread",
    "in-doubt vanished", "in-doubt recovered",
)  # fmt: skip
# Nothing was promised of these, so they are counted, and listed only in the file.
NEITHER: tuple[Class, ...] = ("in-doubt vanished", "in-doubt recovered")

COLUMNS = (
    "key", "version", "class", "vantage", "stream", "seq", "sent_s", "done_s", "sent_utc", "done_utc", "at_failover",
    "after_heal",
)  # fmt: skip

# A spreadsheet runs a cell that starts with one of these as a formula. Keys may come from somebody else's data.
_FORMULA = "=+-@\t\r'"


class LossRow(msgspec.Struct, frozen=True, kw_only=True):
    """One write that is not simply there. `loss_class` is a class of the ledger (written as `class`).

    `sent_s` and `done_s` are s since the drill's start, None for a row that no write of this drill belongs to
    (unexpected). `sent_utc` and `done_utc` are the same moments in UTC to the ms, or empty. `at_failover` and
    `after_heal` say what the audits found: `present`, `absent`, `version 3`, `bad checksum`, `2 effects`, `unread`. Of
    a lost write `after_heal` is the last audit of all, also where that came after the way home.
    """

    key: str
    version: int
    loss_class: Class = msgspec.field(name="class")
    vantage: str = ""
    stream: str = ""
    seq: int = 0
    sent_s: float | None = None
    done_s: float | None = None
    sent_utc: str = ""
    done_utc: str = ""
    at_failover: str = ""
    after_heal: str = ""

    @property
    def gone(self) -> bool:
        """Whether this write counts as data loss at the failover."""
        return self.loss_class in GONE


def by_weight(rows: Iterable[LossRow]) -> list[LossRow]:
    """The rows with those first that matter most; within a class in their order."""
    return sorted(rows, key=lambda row: WEIGHT.index(row.loss_class))


def losses_csv(rows: Iterable[LossRow]) -> str:
    """The rows as CSV text with a header line (RFC 4180, CRLF). A cell that a spreadsheet would run gets a `'`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = msgspec.to_builtins(row)
        writer.writerow([_guard(cells[name]) for name in COLUMNS])
    return text.getvalue()


def write_losses(path: Path, rows: Iterable[LossRow]) -> None:
    """Write `losses.csv`. An empty ledger of losses still gives the header line: "none" is not "not written"."""
    path.write_text(losses_csv(rows), encoding="utf-8", newline="")


def read_losses(path: Path) -> list[LossRow]:
    """Read what `write_losses` wrote. Raises `OSError`, or `msgspec.ValidationError` for a file that is not ours."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(cells) for cells in csv.DictReader(file)]


def _guard(cell: str | float | None) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return repr(cell)
    return f"'{cell}" if cell.startswith(tuple(_FORMULA)) else cell


def _row(cells: dict[str, str]) -> LossRow:
    plain = {name: value.removeprefix("'") for name, value in cells.items()}
    numbers: dict[str, object] = {name: float(plain[name]) if plain[name] else None for name in ("sent_s", "done_s")}
    whole = {name: int(plain[name]) for name in ("version", "seq")}
    return msgspec.convert({**plain, **numbers, **whole}, LossRow)
