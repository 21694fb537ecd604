"""People's part in the picture: a row for each thing that somebody said, its tick as wide as the moment is unsure."""

from collections.abc import Sequence

from reports.model import MarkRow
from reports.people_part import PART
from reports.scene import INK, LEFT, RIGHT, RULE, Scale
from reports.svg import fitted, line, width_of, words

ROW = 16.0
TICK, UNSURE = "#8250df", "#d8b9ff"


def people_lane(marks: Sequence[MarkRow], scale: Scale, y: float, parts: list[str]) -> float:
    """Draw what people said and the axis shows, from `y` down. Returns where the next part begins."""
    shown = [m for m in marks if m.source == "person" and m.name in PART and scale.shows(m.at_s)]
    if not shown:
        return y
    parts.append(words(LEFT - 8, y + 12, "people", anchor="end", bold=True))
    for mark in sorted(shown, key=lambda mark: mark.at_s):
        x = scale.x(mark.at_s)
        first, last = scale.x(mark.at_s - mark.uncertainty_s), scale.x(mark.at_s + mark.uncertainty_s)
        parts.append(line(LEFT, y + 8, RIGHT, y + 8, RULE, width=0.6))
        parts.append(line(first, y + 8, last, y + 8, UNSURE, width=3))
        parts.append(line(x, y + 3, x, y + 13, TICK, width=1.6))
        parts.append(_text(mark, first, last, y))
        y += ROW
    return y + 4


def _text(mark: MarkRow, first: float, last: float, y: float) -> str:
    """What was said, on that side of the tick where there is more room."""
    left = first - LEFT > RIGHT - last
    room = (first - LEFT if left else RIGHT - last) - 8
    text = fitted(f"{mark.name}: {mark.says}", 12, room)
    x = first - 5 - width_of(text, 12) if left else last + 5
    return words(x, y + 12, text, size=12, fill=INK)
