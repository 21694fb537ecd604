"""The marks as the page lists them: what AWS says again and again stands in one row, with how often."""

from collections.abc import Sequence

import msgspec

from reports.model import MarkRow

# Said this often, each has a row: a target that is healthy, unhealthy and healthy again is a course of events. An Auto
# Scaling group that has no capacity says so twice a second, and the page would be nothing else.
OFTEN = 3


class MarkLine(msgspec.Struct, frozen=True):
    """A row: a mark, how many more say the same, and when the last of them came, s since the start."""

    mark: MarkRow
    more: int = 0
    last_s: float = 0.0


def mark_lines(marks: Sequence[MarkRow]) -> list[MarkLine]:
    """The marks in their order; signs that one source says more than `OFTEN` times in the same words are one row."""
    said: dict[tuple[str, str], list[MarkRow]] = {}
    for mark in marks:
        if mark.name == "sign":
            said.setdefault((mark.source, mark.says), []).append(mark)
    lines = []
    for mark in marks:
        same = said[mark.source, mark.says] if mark.name == "sign" else []
        if len(same) <= OFTEN:
            lines.append(MarkLine(mark))
        elif mark is same[0]:
            lines.append(MarkLine(mark, more=len(same) - 1, last_s=same[-1].at_s))
    return lines
