"""The guidance's figure as a picture: a column for each workload, recovery time and data loss on one scale of s."""

import math
import textwrap
from collections.abc import Mapping, Sequence

from reports import svg
from reports.scene import INK, LOST, MUTED, OBJECTIVE, RULE
from reports.strategies import Measured
from reports.words import SIGNS, interval

_LEFT, _TOP, _WIDE, _HIGH = 64.0, 88.0, 236.0, 260.0
_LINE = 15.0
_NARROW = 2
_SMALLEST_S = 0.1
_LEGEND = "▮ recovery time   ▯ data loss, in s of acknowledged writes; the scale is logarithmic"


def strategies_svg(found: Sequence[Measured], settings: Mapping[str, float]) -> str:
    """One picture of them; the numbers stand beside each bar, so that neither colour nor scale is the only sign."""
    columns = max(len(found), _NARROW)
    width = _LEFT + _WIDE * columns + 12
    top_s = _top_s(found)
    parts = [
        svg.words(12, 26, "Strategies, as measured", size=16, bold=True),
        svg.words(
            12, 48, "▮ recovery time   ▯ data loss, in s of acknowledged writes; logarithmic", size=12, fill=MUTED
        ),
        *_axis(width, top_s),
    ]
    for index, one in enumerate(found):
        parts += _column(one, _LEFT + index * _WIDE, top_s)
    y = _TOP + _HIGH + 22 + _LINE * max((len(_lines(one)) for one in found), default=0)
    for line in _told(settings, width):
        y += _LINE
        parts.append(svg.words(12, y, line, size=11, fill=MUTED))
    desc = "; ".join(f"{o.strategy} ({o.workload}): recovery time {o.recovery}, data loss {o.loss}" for o in found)
    return svg.document(parts, width=width, height=y + 18, title="Strategies, as measured", desc=desc)


def _top_s(found: Sequence[Measured]) -> float:
    """The smallest power of ten that is above all of them."""
    edges = [edge for one in found for edge in (*(one.recovery_s or ()), *(one.loss_s or ())) if edge]
    return 10.0 ** math.ceil(math.log10(max([*edges, 1.0]) * 1.01))


def _y(value_s: float, top_s: float) -> float:
    share = math.log(max(value_s, _SMALLEST_S) / _SMALLEST_S) / math.log(top_s / _SMALLEST_S)
    return _TOP + _HIGH * (1 - min(share, 1.0))


def _axis(width: float, top_s: float) -> list[str]:
    parts: list[str] = []
    ticks = [_SMALLEST_S * 10**step for step in range(round(math.log10(top_s / _SMALLEST_S)) + 1)]
    for value_s in ticks:
        y = _y(value_s, top_s)
        parts.append(svg.line(_LEFT, y, width - 12, y, RULE))
        below = "≤ " if value_s == _SMALLEST_S else ""
        parts.append(svg.words(_LEFT - 8, y + 4, f"{below}{value_s:g}", size=12, fill=MUTED, anchor="end"))
    return parts


def _column(one: Measured, x: float, top_s: float) -> list[str]:
    """Its two bars from edge to edge, what they say, and below what stood ready."""
    title = f"{SIGNS[one.verdict]} {one.strategy}"
    parts = [svg.words(x + 10, _TOP - 14, svg.fitted(title, 14, _WIDE - 16), size=14, bold=True)]
    recovery_bar, recovery_said = _interval(x + 14, one.recovery_s, top_s, OBJECTIVE, filled=True)
    loss_bar, loss_said = _interval(x + 124, one.loss_s, top_s, LOST, filled=False)
    parts += [*recovery_bar, *loss_bar, recovery_said, loss_said]  # no bar stands over words
    y = _TOP + _HIGH + 18
    for number, line in enumerate(_lines(one)):
        parts.append(svg.words(x + 10, y + _LINE * number, line, size=11, fill=INK if number == 0 else MUTED))
    return parts


def _interval(
    x: float, edges_s: tuple[float, float | None] | None, top_s: float, ink: str, *, filled: bool
) -> tuple[list[str], str]:
    """A bar, to the top where there is no upper edge, and its words; words alone where nothing was measured."""
    low, high = edges_s or (0.0, 0.0)
    bottom = _y(low, top_s)
    text = "not measured" if edges_s is None else "none" if high == 0 and not filled else interval(low, high)
    said = svg.words(x + 22, bottom + (4 if filled and edges_s else -6), text, size=12, fill=ink)
    bar = [] if edges_s is None else _bar(x, bottom, _TOP if high is None else _y(high, top_s), ink, filled=filled)
    return bar, said


def _bar(x: float, low: float, high: float, ink: str, *, filled: bool) -> list[str]:
    """From the interval's lower edge up; an interval of no width is still seen."""
    top = min(high, low - 3)
    return [svg.rect(x, top, 16, low - top, ink if filled else "#fff", extra=f'stroke="{ink}" stroke-width="1.5"')]


def _lines(one: Measured) -> list[str]:
    """What stands below a column: the workload, then each site, and what that costs where there are prices."""
    room = int((_WIDE - 16) / (11 * 0.6))
    said = [one.workload, *one.standing, *([f"costs {one.cost}"] if one.cost else [])]
    return [line for each in said for line in textwrap.wrap(each, room, subsequent_indent="  ")]


def _told(settings: Mapping[str, float], width: float) -> list[str]:
    """The lab's settings in lines; nothing on AWS."""
    if not settings:
        return []
    text = "; ".join(
        f"{name.removesuffix('_s')} {value:g}{' s' * name.endswith('_s')}" for name, value in settings.items()
    )
    said = f"In the lab, an emulated AWS: times there say nothing about the real one. Its settings: {text}."
    return textwrap.wrap(said, int((width - 24) / (11 * 0.6)))
