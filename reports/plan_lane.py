"""The steps of the plans in the picture: a bar each, in rows so that no bar or name covers another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.model import StepRow
from reports.scene import BAD, INK, LEFT, RIGHT, WIDTH, Scale
from reports.svg import fitted, rect, width_of, words

ROW = 20.0
SIZE = 12.0
# The way there and the way home; a step that failed says so in its text, too.
DONE, HOME = "#54aeff", "#8c959f"
# At most this wide is a step's name; the whole stands in the page's table.
_WIDEST = 320.0


@dataclass(frozen=True)
class Bar:
    """One step: where its bar stands, its text and where that stands, in px."""

    step: StepRow
    x: float
    end: float
    text: str
    text_x: float

    @property
    def right(self) -> float:
        """Where the next thing in the same row may begin."""
        return max(self.end, self.text_x + width_of(self.text, SIZE)) + 10

    @property
    def left(self) -> float:
        """Where it begins."""
        return min(self.x, self.text_x)


def plan_lane(steps: Sequence[StepRow], scale: Scale, y: float, parts: list[str]) -> float:
    """Draw the steps that were run and that the axis shows, from `y` down. Returns where the next part begins."""
    shown = [s for s in steps if s.outcome != "not reached" and s.ended_s >= scale.start_s and s.began_s <= scale.end_s]
    if not shown:
        return y
    parts.append(words(LEFT - 8, y + 14, "plan", anchor="end", bold=True))
    rows = _rows(_bar(step, scale) for step in shown)
    for number, row in enumerate(rows):
        for bar in row:
            _draw(bar, y + ROW * number, parts)
    return y + ROW * len(rows) + 4


def _bar(step: StepRow, scale: Scale) -> Bar:
    x = scale.x(step.began_s)
    end = max(scale.x(step.ended_s), x + 3)
    took_s = step.ended_s - step.began_s
    told = f"{step.name} {'FAILED after ' if step.outcome == 'failed' else ''}{took_s:.1f} s"
    text = fitted(told, SIZE, _WIDEST)
    need = width_of(text, SIZE)
    if end + 5 + need <= WIDTH - 4:
        return Bar(step, x, end, text, end + 5)
    if x - 5 - need >= LEFT:
        return Bar(step, x, end, text, x - 5 - need)
    # Neither side has room: on the bar, which is wide then, from its left end.
    text = fitted(told, SIZE, RIGHT - x - 12)
    return Bar(step, x, end, text, x + 6)


def _rows(bars: Iterator[Bar]) -> list[list[Bar]]:
    """Each bar in the first row where nothing stands in its way."""
    rows: list[list[Bar]] = []
    for bar in bars:
        row = next((r for r in rows if all(o.right <= bar.left or bar.right <= o.left for o in r)), None)
        if row is None:
            rows.append([bar])
        else:
            row.append(bar)
    return rows


def _draw(bar: Bar, y: float, parts: list[str]) -> None:
    failed = bar.step.outcome == "failed"
    fill = BAD if failed else HOME if bar.step.plan == "failback" else DONE
    parts.append(rect(bar.x, y + 4, bar.end - bar.x, 12, fill, extra='rx="2"'))
    parts.append(words(bar.text_x, y + 14, bar.text, size=SIZE, fill=BAD if failed else INK))
