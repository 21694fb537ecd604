"""What data loss is: acknowledged writes, those that the recovery site does not have, and the interval.

The formula is that of `reports.loss`, on writes chosen for a reader.
"""

from collections.abc import Iterator

from bench.pictures.axis import BAD, DARK, GOOD, GREY, UNSURE, WIDTH, Axis, row
from reports.svg import crosses, document, dots, line, rect, words

# Writes every 0.1 s, each acknowledged 20 ms later; replication lags 0.43 s at the impact; a late one comes after.
PERIOD_S, ANSWERED_S, IMPACT_S, LAG_S = 0.1, 0.02, 2.05, 0.43
LATE_S = 2.1
SHOWN = (1.0, 2.6)
WRITES_Y, POINT_Y, LENGTH_Y, AXIS_Y, HEIGHT = 70.0, 130.0, 170.0, 205.0, 238.0


def picture() -> str:
    """The SVG."""
    axis = Axis(*SHOWN)
    sent = [round(SHOWN[0] + k * PERIOD_S, 3) for k in range(12)]
    kept = [s for s in sent if s + ANSWERED_S <= IMPACT_S - LAG_S]
    lost = [s for s in sent if s not in kept]
    point = (max(kept), min(lost) + ANSWERED_S)
    end = max(IMPACT_S, LATE_S + ANSWERED_S)
    lower_s, upper_s = end - ANSWERED_S - point[1], end - point[0]
    parts = [*_writes(axis, kept, lost), *_point(axis, point), *_length(axis, point, end, (lower_s, upper_s))]
    return document(
        [*parts, *axis.drawn(AXIS_Y, 0.2)], width=WIDTH, height=HEIGHT, title="What data loss is",
        desc=f"Acknowledged writes every 0.1 s. The recovery site lacks the last {len(lost)} of them. The recovery "
        f"point lies between the sending of the newest write before all lost ones and the answer to the oldest lost "
        f"one; the data loss reaches from there to the impact or the newest lost write: {lower_s:.2f} to "
        f"{upper_s:.2f} s.",
    )  # fmt: skip


def _writes(axis: Axis, kept: list[float], lost: list[float]) -> Iterator[str]:
    yield from row(WRITES_Y + 4, "acknowledged", "writes")
    yield dots([(axis.x(s + ANSWERED_S), WRITES_Y) for s in kept], GOOD, 9)
    yield crosses([(axis.x(s + ANSWERED_S), WRITES_Y) for s in lost], BAD, 10)
    yield words(axis.x(kept[0]), WRITES_Y - 14, "read back at the recovery site", size=12, fill=GOOD)
    yield words(axis.x(lost[0]), WRITES_Y - 14, "acknowledged, and absent: lost", size=12, fill=BAD)
    yield line(axis.x(IMPACT_S), 22, axis.x(IMPACT_S), AXIS_Y, DARK, dash="5 3")
    yield words(axis.x(IMPACT_S), 16, "impact", size=12, anchor="middle", bold=True)
    says = "an old writer that still acknowledged"
    yield words(axis.x(LATE_S) + 22, WRITES_Y + 4, says, size=11, fill="#57606a")


def _point(axis: Axis, point: tuple[float, float]) -> Iterator[str]:
    yield from row(POINT_Y + 4, "recovery point", "lies in here")
    yield rect(axis.x(point[0]), POINT_Y - 8, axis.x(point[1]) - axis.x(point[0]), 16, UNSURE)
    for at_s in point:
        yield line(axis.x(at_s), WRITES_Y, axis.x(at_s), LENGTH_Y + 8, GREY, dash="3 3")


def _length(axis: Axis, point: tuple[float, float], end_s: float, bounds: tuple[float, float]) -> Iterator[str]:
    yield from row(LENGTH_Y + 4, "data loss")
    yield line(axis.x(point[0]), LENGTH_Y, axis.x(end_s), LENGTH_Y, DARK, width=1.5)
    says = f"{bounds[0]:.2f} .. {bounds[1]:.2f} s"
    yield words(axis.x((point[1] + end_s) / 2), LENGTH_Y - 6, says, anchor="middle", bold=True)
