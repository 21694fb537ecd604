"""Where the labels of a timeline's marks stand: staggered so that no label covers another one or its leader line.

Each label stands beside its leader, a vertical line from the label down to the chart. A label is put to the right of
its leader, or to the left where it would run out of the picture. Rows count upwards from the chart.

Right-hand labels are placed from right to left: each one goes above all those that its box reaches, so a leader never
meets a box below it. Left-hand ones are the mirror image. Two labels that would each reach the other's leader from
opposite sides can have no such order; then the left one is turned to the left too.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """A label to place: its leader's x and its own width, in px."""

    x: float
    width: float


@dataclass(frozen=True)
class Place:
    """Where a label stands: its row (0 is next to the chart) and whether it is to the left of its leader."""

    row: int
    left: bool


def place(labels: Sequence[Label], right_edge: float, gap: float = 6) -> list[Place]:
    """A place for each label, in their order. `gap` is the least distance in px between two labels of one row."""
    order = sorted(range(len(labels)), key=lambda i: (labels[i].x, i))
    left = _turned(labels, order, right_edge, gap)
    rows: dict[int, int] = {}
    for i in reversed([i for i in order if i not in left]):
        after = [j for j in order[order.index(i) + 1 :] if j not in left]
        reached = [rows[j] for j in after if labels[j].x <= labels[i].x + labels[i].width + gap]
        rows[i] = 1 + max(reached, default=-1)
    for i in [i for i in order if i in left]:
        start = labels[i].x - labels[i].width - gap
        reached = [rows[j] for j in order[: order.index(i)] if _end(labels[j], left=j in left) >= start]
        rows[i] = 1 + max(reached, default=-1)
    return [Place(rows[i], i in left) for i in range(len(labels))]


def _end(label: Label, *, left: bool) -> float:
    return label.x if left else label.x + label.width


def _turned(labels: Sequence[Label], order: Sequence[int], right_edge: float, gap: float) -> set[int]:
    left: set[int] = set()
    for i in reversed(order):
        reach = labels[i].x + labels[i].width + gap
        if reach > right_edge or any(labels[j].x <= reach for j in left):
            left.add(i)
    return left
