"""All runs of one drill as a small picture: each run's interval, sorted, the worst, the 95th percentile, the objective.

Once as SVG for the page, once in letters where no picture can be shown.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from reports import svg
from reports.last_release import Span
from reports.repeats import Repeats, Spread, numbers
from reports.scene import BAD, GOOD, INK, MUTED, OBJECTIVE, RULE
from reports.words import seconds

WIDTH = 520.0
_LEFT, _RIGHT = 16.0, WIDTH - 24.0
_HEAD, _AXIS, _GAP = 44.0, 36.0, 8.0
# A run is a line of this height at most; many runs share the room of so many px, and no line is thinner than 2.
_THICK, _THIN, _ROOM = 9.0, 2.0, 180.0
_OPEN = "#6e40c9"
_SHORT = {"recovery time": "RTO", "data loss": "RPO"}
# A strip in letters: so many cells, each as high as its runs.
CELLS = 48
_LEVELS = " ▁▂▃▄▅▆▇█"


def shown(found: Repeats) -> list[tuple[str, Spread]]:
    """The numbers of which there is something to be seen."""
    return [(name, spread) for name, spread in numbers(found) if any(_edges(spread.runs_s))]


def repeats_svg(found: Repeats) -> str:
    """A panel for each number; "" where there is nothing to be seen."""
    parts: list[str] = []
    y = 0.0
    for name, spread in shown(found):
        y = _panel(name, spread, y, parts)
    if not parts:
        return ""
    desc = f"{found.runs} runs of {found.name}, each an interval; shortest first."
    return svg.document(parts, width=WIDTH, height=y, title=f"All runs of {found.name}", desc=desc)


def strip(name: str, spread: Spread) -> str:
    """Two lines of letters: how many runs may lie in each cell of the axis, and what stands where below it."""
    top_s = _top(spread)
    cells = [0] * CELLS
    for lower_s, upper_s in spread.runs_s:
        last = CELLS - 1 if upper_s is None else _cell(upper_s, top_s)
        for cell in range(_cell(lower_s, top_s), last + 1):
            cells[cell] += 1
    most = max(cells)
    bars = "".join(_LEVELS[math.ceil(count / most * (len(_LEVELS) - 1))] for count in cells)
    below = [" "] * CELLS
    if spread.objective_s:
        below[_cell(spread.objective_s, top_s)] = "|"
    for sign, span in (("9", spread.p95_s), ("W", spread.worst_s)):
        if span is not None:
            below[CELLS - 1 if span[1] is None else _cell(span[1], top_s)] = sign
    legend = "W worst, 9 p95" + (f", | {_SHORT[name]}" if spread.objective_s else "")
    return f"{name}\n0 s {bars} {seconds(_rounded(top_s))}\n    {''.join(below).rstrip()}  ({legend})"


class _Scale(NamedTuple):
    top_s: float

    def x(self, at_s: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(at_s / self.top_s, 1.0)


def _panel(name: str, spread: Spread, y: float, parts: list[str]) -> float:
    """Draw one number from `y` down; where the next one begins."""
    scale = _Scale(_top(spread))
    high = min(_THICK, max(_THIN, _ROOM / len(spread.runs_s)))
    begin = y + _HEAD
    end = begin + high * len(spread.runs_s) + 4
    title = f"{name}, s: {len(spread.runs_s)} run{'' if len(spread.runs_s) == 1 else 's'}, shortest first"
    parts.append(svg.words(_LEFT, y + 20, title, size=13, bold=True))
    parts.append(svg.line(_LEFT, end, _RIGHT, end, INK))
    for at_s in (0.0, _rounded(scale.top_s / 2), _rounded(scale.top_s)):
        anchor = "start" if at_s == 0 else "middle" if at_s < scale.top_s * 0.9 else "end"
        parts.append(svg.words(scale.x(at_s), end + 15, f"{at_s:g}", size=12, fill=MUTED, anchor=anchor))
    if spread.objective_s:  # an RPO of 0 is judged by count: no line can show it
        parts.append(_objective(name, spread.objective_s, scale, begin, end))
    p95_s = _upper(spread.p95_s)
    if p95_s is not None and p95_s != _upper(spread.worst_s):
        parts.append(svg.line(scale.x(p95_s), begin - 4, scale.x(p95_s), end, MUTED, dash="2 3"))
        parts.append(svg.words(scale.x(p95_s), end + 29, "p95", size=12, fill=MUTED, anchor="middle"))
    for row, span in enumerate(_sorted(spread.runs_s)):
        parts.append(_bar(span, spread.objective_s, scale, begin + row * high, high))
    return end + _AXIS + _GAP


def _objective(name: str, objective_s: float, scale: _Scale, begin: float, end: float) -> str:
    x = scale.x(objective_s)
    anchor = "end" if x > WIDTH / 2 else "start"
    says = svg.words(x, begin - 9, f"{_SHORT[name]} {seconds(objective_s)}", size=12, fill=OBJECTIVE, anchor=anchor)
    return svg.line(x, begin - 6, x, end, OBJECTIVE, width=1.5, dash="5 4") + says


def _bar(span: Span, objective_s: float | None, scale: _Scale, y: float, high: float) -> str:
    lower_s, upper_s = span
    begin, end = scale.x(lower_s), _RIGHT if upper_s is None else scale.x(upper_s)
    thick = max(1.0, high - 2)
    rule = svg.line(_LEFT, y + high / 2, begin, y + high / 2, RULE, width=0.6)
    bar = svg.rect(min(begin, end - 2.5), y + (high - thick) / 2, max(end - begin, 2.5), thick, _ink(span, objective_s))
    arrow = svg.words(_RIGHT + 4, y + high / 2 + 4, "→", size=13, fill=BAD) if upper_s is None else ""
    return rule + bar + arrow


def _ink(span: Span, objective_s: float | None) -> str:
    """By the interval and the objective alone: wholly within, wholly beyond, or across."""
    lower_s, upper_s = span
    if not objective_s:
        return MUTED
    if upper_s is not None and upper_s <= objective_s:
        return GOOD
    return BAD if lower_s > objective_s else _OPEN


def _edges(spans: Sequence[Span]) -> list[float]:
    return [edge for span in spans for edge in span if edge]


def _upper(span: Span | None) -> float | None:
    return span[1] if span is not None else None


def _sorted(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (math.inf if span[1] is None else span[1], span[0]))


def _top(spread: Spread) -> float:
    """The s at the axis's end: room for everything."""
    return max([*_edges(spread.runs_s), spread.objective_s or 0.0, 0.001]) * 1.05


def _rounded(value_s: float) -> float:
    """Two digits, never more than it is, so that the label stands on the axis."""
    if value_s <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value_s)) - 1)
    return float(f"{math.floor(value_s / step) * step:.6g}")


def _cell(at_s: float, top_s: float) -> int:
    return min(int(at_s / top_s * CELLS), CELLS - 1)
