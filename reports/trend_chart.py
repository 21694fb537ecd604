"""The trend as a picture: for each drill two panels, an interval a run, and the objective that it had."""

from collections.abc import Sequence
from typing import NamedTuple

from reports import svg
from reports.last_release import Span
from reports.model import Judgement
from reports.scene import BAD, GOOD, INK, MUTED, OBJECTIVE
from reports.trend import Line, Point
from reports.words import SIGNS, seconds

WIDTH = 760.0
_LEFT, _RIGHT = 62.0, WIDTH - 92.0
_HEIGHT, _HEAD, _GAP = 110.0, 46.0, 34.0
_OPEN = "#6e40c9"


class _Panel(NamedTuple):
    """One number of one drill: its name, what is drawn, and the s at its top."""

    name: str
    objective: str
    values: tuple[tuple[Judgement, Span | None, float | None], ...]
    y: float

    @property
    def top_s(self) -> float:
        """The largest number that has to be seen, with some room."""
        spans = [(*(span or ()), limit) for _, span, limit in self.values]
        known: list[float] = [edge for edges in spans for edge in edges if edge is not None]
        return max([*known, 0.001]) * 1.15

    def x(self, index: int) -> float:
        """Where the run stands."""
        return _LEFT + (_RIGHT - _LEFT) * (index + 0.5) / len(self.values)

    def at(self, value_s: float) -> float:
        """Where so many s stand."""
        return self.y + _HEIGHT * (1 - value_s / self.top_s)


def trend_svg(lines: Sequence[Line]) -> str:
    """All drills below each other."""
    parts: list[str] = []
    y = 12.0
    for line in lines:
        parts.append(svg.words(12, y + 16, svg.fitted(line.name, 15, WIDTH - 24), size=15, bold=True))
        y += _HEAD
        recovery = tuple((p.recovery_verdict, p.recovery_s, p.rto_s) for p in line.points)
        loss = tuple((p.loss_verdict, p.loss_s, p.rpo_s) for p in line.points)
        _draw(_Panel("recovery time", "RTO", recovery, y), parts)
        _draw(_Panel("data loss", "RPO", loss, y + _HEIGHT + _GAP), parts)
        y += 2 * (_HEIGHT + _GAP)
        parts.append(_dates(line.points, y - _GAP + 15))
        y += 18
    legend = "✓ passed · ✕ missed an objective · ◇ decides nothing · ↑ not seen to end · dashed: the objective"
    parts.append(svg.words(12, y + 4, legend, size=12, fill=MUTED))
    desc = "; ".join(f"{line.name}: {len(line.points)} runs" for line in lines)
    return svg.document(parts, width=WIDTH, height=y + 18, title="Trend of recovery time and data loss", desc=desc)


def _dates(points: Sequence[Point], y: float) -> str:
    first, last = points[0].began_utc[:10], points[-1].began_utc[:10]
    if first == last:
        return svg.words(_LEFT, y, first, size=12, fill=MUTED)
    end = svg.words(_RIGHT, y, last, size=12, fill=MUTED, anchor="end")
    return svg.words(_LEFT, y, first, size=12, fill=MUTED) + end


def _draw(panel: _Panel, parts: list[str]) -> None:
    parts.append(svg.words(_LEFT, panel.y - 7, f"{panel.name}, s", size=12, fill=MUTED))
    parts.append(svg.line(_LEFT, panel.at(0), _RIGHT, panel.at(0), INK))
    parts += [_tick(panel, value_s) for value_s in (0.0, panel.top_s / 1.15)]
    _limits(panel, parts)
    parts += [_run(panel, panel.x(i), judged, span) for i, (judged, span, _) in enumerate(panel.values)]


def _tick(panel: _Panel, value_s: float) -> str:
    return svg.words(_LEFT - 8, panel.at(value_s) + 4, f"{value_s:.3g}", size=12, fill=MUTED, anchor="end")


def _limits(panel: _Panel, parts: list[str]) -> None:
    """The objective of each run; said in words beside the last one."""
    step = (_RIGHT - _LEFT) / len(panel.values) / 2
    limits = [limit for _, _, limit in panel.values]
    for index, limit in enumerate(limits):
        if limit:  # an RPO of 0 is judged by count, so that no line can show it
            x, y = panel.x(index), panel.at(limit)
            parts.append(svg.line(x - step, y, x + step, y, OBJECTIVE, width=1.5, dash="5 4"))
    if (last := limits[-1]) is not None:
        says = f"{panel.objective} {seconds(last)}" if last or panel.objective == "RTO" else "RPO: 0 lost"
        parts.append(svg.words(_RIGHT + 6, panel.at(last) + 4, says, size=12, fill=OBJECTIVE))


def _run(panel: _Panel, x: float, judged: Judgement, span: Span | None) -> str:
    """A bar from edge to edge with a sign above it; where nothing counts, the sign alone, on the axis."""
    sign = SIGNS[judged] if judged in ("pass", "fail") else "◇"
    fill = {"pass": GOOD, "fail": BAD}.get(judged, _OPEN)
    if span is None:
        return svg.words(x, panel.at(0) - 3, "◇", size=12, fill=_OPEN, anchor="middle")
    lower_s, upper_s = span
    top = panel.y if upper_s is None else panel.at(upper_s)
    bar = svg.rect(x - 3, top, 6, max(panel.at(lower_s) - top, 1.5), fill)
    arrow = svg.words(x + 10, panel.y + 6, "↑", size=13, fill=fill, anchor="middle") if upper_s is None else ""
    above = top - 4
    return bar + arrow + svg.words(x, above, sign, size=12, fill=fill, anchor="middle")
