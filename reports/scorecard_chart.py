"""The scorecard as a picture: a row for each workload, a column for each disruption."""

import re
from collections.abc import Sequence
from textwrap import wrap
from typing import get_args

from reports import svg
from reports.many import NOT_BOUNDED, NOT_MEASURED
from reports.model import Disruption
from reports.scene import INK, MUTED
from reports.scorecard import STATE_SIGNS, Cell, title_of

_FILLS = {
    "pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a5b00", "invalid": "#6e40c9", "aborted": "#424a53",
    "no drill": "#9a5b00", "no objective": "#57606a",
}  # fmt: skip
_SURE = re.compile(r" \((\d+)% sure[^)]*\)")
_NAME, _WIDE, _HIGH, _TOP = 290.0, 212.0, 74.0, 66.0


def scorecard_svg(found: Sequence[Cell]) -> str:
    """One picture of all cells; each with its sign, its word and its numbers, so that colour is not the only sign."""
    disruptions: tuple[str, ...] = get_args(Disruption)
    workloads = list(dict.fromkeys(cell.workload for cell in found))
    width, height = _NAME + _WIDE * len(disruptions) + 12, _TOP + _HIGH * len(workloads) + 12
    parts = [svg.words(12, 26, title_of(found), size=16, bold=True)]
    parts += [svg.words(_NAME + i * _WIDE + 6, _TOP - 10, n, size=13, fill=MUTED) for i, n in enumerate(disruptions)]
    for row, workload in enumerate(workloads):
        y = _TOP + row * _HIGH
        name, _, where = workload.rpartition(" ")
        parts.append(svg.words(12, y + 24, svg.fitted(name, 13, _NAME - 18), size=13, bold=True))
        parts.append(svg.words(12, y + 44, where, size=12, fill=MUTED))
        ours = [cell for cell in found if cell.workload == workload]
        parts += [_cell(cell, _NAME + disruptions.index(cell.disruption) * _WIDE, y) for cell in ours]
    desc = "; ".join(f"{c.workload} {c.disruption}: {c.state}{', not put back' if c.dirty else ''}" for c in found)
    return svg.document(parts, width=width, height=height, title=title_of(found), desc=desc)


def _cell(cell: Cell, x: float, y: float) -> str:
    """A framed box with a bar in the state's colour."""
    fill = _FILLS[cell.state]
    parts = [
        svg.rect(x + 2, y + 2, _WIDE - 4, _HIGH - 4, "#f6f8fa", extra=f'stroke="{fill}"'),
        svg.rect(x + 2, y + 2, 5, _HIGH - 4, fill),
        svg.words(x + 14, y + 22, f"{STATE_SIGNS[cell.state]} {cell.state}", size=13, fill=fill, bold=True),
    ]
    if cell.dirty:
        parts.append(
            svg.words(
                x + _WIDE - 10, y + 22, "\u2715 not put back", size=12, fill=_FILLS["fail"], anchor="end", bold=True
            )
        )
    for i, text in enumerate(_lines(cell)):
        parts.append(svg.words(x + 14, y + 41 + 18 * i, svg.fitted(text, 11, _WIDE - 22), size=11, fill=INK))
    return "".join(parts)


def _lines(cell: Cell) -> list[str]:
    """The numbers of what was drilled, or why there are none; what was seen besides stands in the table."""
    if not cell.drills:
        return wrap(cell.why, 28)[:2]
    return [_SURE.sub(r" (\1%)", cell.recovery_time), _loss(cell.data_loss)]


def _loss(said: str) -> str:
    """How many were lost; that nobody looked, or that nothing bounds how much more it is, is no number to leave out."""
    if said == NOT_MEASURED:
        return f"data loss {said}"
    count = said.partition(" acknowledged")[0]
    return f"lost {count}, not bounded" if NOT_BOUNDED in said or "at least" in said else f"lost {count}"
