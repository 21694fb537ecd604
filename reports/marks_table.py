"""The marks as the page lists them: what AWS says again and again stands in one row, with how often."""

from collections import Counter
from collections.abc import Iterable, Sequence

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
    said = Counter(_words(mark) for mark in marks if mark.name == "sign")
    last = {_words(mark): mark for mark in marks}
    return [
        MarkLine(mark, more=said[_words(mark)] - 1, last_s=last[_words(mark)].at_s)
        if said[_words(mark)] > OFTEN else MarkLine(mark)
        for mark in _once(marks, said)
    ]  # fmt: skip


def _once(marks: Iterable[MarkRow], said: Counter[tuple[str, str, str]]) -> Iterable[MarkRow]:
    """Without those that only repeat an earlier one."""
    seen = set()
    for mark in marks:
        if _words(mark) not in seen or said[_words(mark)] <= OFTEN:
            yield mark
        seen.add(_words(mark))


def _words(mark: MarkRow) -> tuple[str, str, str]:
    return mark.name, mark.source, mark.says
