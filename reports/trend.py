"""Recovery time and data loss over all runs of a workload, drill by drill, and what so many runs bound."""

from collections.abc import Sequence
from typing import NamedTuple

from reports.counts import loss_span, recovery_span
from reports.last_release import Span
from reports.many import Kept, by_drill
from reports.model import Judgement, Overall
from reports.repeats import Repeats, repeats_lines, repeats_of
from reports.sheet import Picture, Sheet, sheet_html
from reports.tables import markdown, markdown_table, text_table
from reports.words import SIGNS, interval, seconds

_HEAD = ("began, UTC", "verdict", "recovery time", "RTO", "data loss", "RPO", "run")


class Point(NamedTuple):
    """One run: what counts of it, in s, and the objectives that it had then. `why`: of what does not count."""

    began_utc: str
    run: str
    verdict: Overall
    recovery_s: Span | None
    rto_s: float | None
    loss_s: Span | None
    rpo_s: float | None
    why: str
    recovery_verdict: Judgement
    loss_verdict: Judgement


class Line(NamedTuple):
    """All runs of one drill, the earliest first, and what they say together."""

    name: str
    points: tuple[Point, ...]
    together: Repeats


def lines_of(kept: Sequence[Kept]) -> list[Line]:
    """The drills in the order of their names."""
    groups = by_drill(kept)
    return [_line(f"{key[2]} of {key[0]} ({key[1]})", groups[key]) for key in sorted(groups)]


def _line(name: str, kept: Sequence[Kept]) -> Line:
    return Line(name, tuple(_point(one) for one in kept), repeats_of([one.verdict for one in kept]))


def _point(kept: Kept) -> Point:
    verdict = kept.verdict
    (recovery_s, slow), (loss_s, lost) = recovery_span(verdict), loss_span(verdict)
    return Point(
        kept.began_utc, verdict.run_id, verdict.verdict, recovery_s, verdict.recovery_time.objective_s, loss_s,
        verdict.data_loss.objective_s, slow or lost, verdict.recovery_time.verdict, verdict.data_loss.verdict,
    )  # fmt: skip


def trend_text(lines: Sequence[Line], *, as_markdown: bool = False) -> str:
    """Each drill with a table of its runs, and what they say together below it."""
    parts = []
    for line in lines:
        rows = [_row(point) for point in line.points]
        told = _told(line)
        if as_markdown:
            parts.append(f"### {markdown(line.name)}\n\n{markdown_table(_HEAD, rows)}\n")
            parts.append("".join(f"- {markdown(one)}\n" for one in told))
        else:
            parts.append(f"{line.name}\n{text_table(_HEAD, rows)}\n")
            parts.append("".join(f"  {one}\n" for one in told))
    return "\n".join(parts)


def _told(line: Line) -> list[str]:
    """What the runs say together, and why some of them do not count."""
    left_out = [f"does not count: {point.began_utc}: {point.why}" for point in line.points if point.why]
    return [*repeats_lines(line.together), *left_out]


def _row(point: Point) -> tuple[str, ...]:
    return (
        point.began_utc,
        f"{SIGNS[point.verdict]} {point.verdict}",
        _span(point.recovery_s),
        _objective(point.rto_s),
        _span(point.loss_s),
        _objective(point.rpo_s),
        point.run,
    )


def _span(span: Span | None) -> str:
    return interval(*span) if span is not None else "does not count"


def _objective(value_s: float | None) -> str:
    return "none" if value_s is None else seconds(value_s)


def trend_html(lines: Sequence[Line], picture: str) -> str:
    """The same with a picture, as one HTML file."""
    sheets = [Sheet(line.name, _HEAD, [_row(p) for p in line.points], _told(line)) for line in lines]
    title = "Trend of recovery time and data loss"
    return sheet_html(title, [Picture(title, picture)], sheets)
