"""One lane of a timeline: its operations as marks, with what they are and how many beside them."""

from reports.lanes import Columns, Lane, column, columns_of
from reports.scene import BAD, DOUBT, GOOD, LEFT, LOST, MUTED, RIGHT, RULE, Scale
from reports.svg import crosses, diamonds, dots, fitted, line, triangles, width_of, words

CELL = 5.0  # px, the side of the square that one operation's mark stands in
COUNT = int((RIGHT - LEFT) // CELL)
STEP = (RIGHT - LEFT) / COUNT
# Marks above and below a lane's middle: in the lanes that are judged, and in the others.
JUDGED, OTHER = (6, 5), (3, 3)
_NOTE = 11.5
_ROOM = LEFT - 8 - 12


def draw_lane(lane: Lane, scale: Scale, y: float, parts: list[str]) -> float:
    """Draw a lane from `y` down and return where the next one begins.

    Good marks grow up from its middle, failed and in-doubt ones down; lost writes stand below, where they were sent.
    """
    up, down = JUDGED if lane.workload else OTHER
    cells = columns_of(lane, start_s=scale.start_s, end_s=scale.end_s, count=COUNT, up=up, down=down)
    middle = y + 6 + up * CELL
    bottom = middle + down * CELL + 4
    parts.append(line(LEFT, middle, RIGHT, middle, RULE))
    parts += _marks(cells, middle)
    if lane.lost_s:
        bottom += 12
        parts.append(_lost(lane, scale, bottom - 7))
    bottom = max(bottom, _gutter(lane, cells, y, parts))
    parts.append(line(15, bottom + 3, RIGHT, bottom + 3, RULE, width=0.6))
    return bottom + 4


def _x(c: int) -> float:
    return LEFT + (c + 0.5) * STEP


def _marks(cells: Columns, middle: float) -> list[str]:
    good = [(_x(c), middle - (i + 0.5) * CELL) for c, n in sorted(cells.good.items()) for i in range(n)]
    failed = [(_x(c), middle + (i + 0.5) * CELL) for c, n in sorted(cells.failed.items()) for i in range(n)]
    below = [(c, cells.failed.get(c, 0), n) for c, n in sorted(cells.in_doubt.items())]
    in_doubt = [(_x(c), middle + (first + i + 0.5) * CELL) for c, first, n in below for i in range(n)]
    return [dots(good, GOOD, 3.8), crosses(failed, BAD, 3.6), diamonds(in_doubt, DOUBT, 4.2)]


def _lost(lane: Lane, scale: Scale, y: float) -> str:
    hit = {column(at_s, scale.start_s, scale.end_s, COUNT) for at_s in lane.lost_s}
    return triangles([(_x(c), y) for c in sorted(c for c in hit if c is not None)], LOST, 7)


def _gutter(lane: Lane, cells: Columns, y: float, parts: list[str]) -> float:
    parts.append(words(LEFT - 8, y + 15, fitted(lane.title, 13, _ROOM), anchor="end", bold=True))
    y += 15
    for note, ink in _notes(lane, cells):
        y += 14
        parts.append(words(LEFT - 8, y, fitted(note, _NOTE, _ROOM), size=_NOTE, fill=ink, anchor="end"))
    return y + 4


def _notes(lane: Lane, cells: Columns) -> list[tuple[str, str]]:
    """How many operations this panel shows, and what a mark stands for."""
    failed, in_doubt = f"{cells.counts['fail']:,} failed", f"{cells.counts['in-doubt']:,} in doubt"
    both = f"{failed}, {in_doubt}"
    notes = [(f"{cells.counts['ok']:,} good", MUTED)]
    notes += [(text, MUTED) for text in ([both] if width_of(both, _NOTE) <= _ROOM else [failed, in_doubt])]
    if lane.lost_s:
        notes.append((f"{len(lane.lost_s):,} acknowledged, lost", LOST))
    if lane.note:
        notes.append((lane.note, MUTED))
    if cells.unit > 1:
        notes.append((f"1 mark = up to {cells.unit:,}", MUTED))
    return notes
