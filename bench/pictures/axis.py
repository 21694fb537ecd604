"""What all pictures share: a time axis in px, and the colours of the report."""

from collections.abc import Iterator

from reports.svg import line, words

GOOD, BAD, UNSURE, GREY, DARK = "#1a7f37", "#a40e26", "url(#unsure)", "#8c959f", "#1f2328"
LEFT, RIGHT, WIDTH = 150.0, 30.0, 900.0


class Axis:
    """Seconds to px, from `begin_s` to `end_s`."""

    def __init__(self, begin_s: float, end_s: float) -> None:
        self.begin_s = begin_s
        self.end_s = end_s
        self._scale = (WIDTH - LEFT - RIGHT) / (end_s - begin_s)

    def x(self, at_s: float) -> float:
        return LEFT + (at_s - self.begin_s) * self._scale

    def drawn(self, y: float, step_s: float) -> Iterator[str]:
        """The axis with a number every `step_s`."""
        yield line(LEFT, y, WIDTH - RIGHT, y, DARK)
        for k in range(round((self.end_s - self.begin_s) / step_s) + 1):
            at_s = self.begin_s + k * step_s
            yield line(self.x(at_s), y, self.x(at_s), y + 5, DARK)
            yield words(self.x(at_s), y + 19, f"{at_s:g} s", size=12, anchor="middle")


def row(y: float, text: str, *more: str) -> Iterator[str]:
    """The name of a row, at its left; further lines are smaller."""
    yield words(LEFT - 12, y, text, size=13, anchor="end", bold=True)
    for k, one in enumerate(more, start=1):
        yield words(LEFT - 12, y + 15 * k, one, size=11, anchor="end", fill="#57606a")
