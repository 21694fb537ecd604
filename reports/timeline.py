"""The picture of a drill: one static SVG, 1000 px wide, that shows what its numbers were made from.

From the top: the verdict in words; the marks; the fault, the recovery, the objective and the loss as bars; the
operations as the clients sent them; and, where the recovery is short beside the drill, the same once more around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10
from textwrap import wrap

from probes.history import History
from reports.automated import step_of
from reports.bars import bars
from reports.declared import Declared
from reports.dots import draw_lane
from reports.labels import Label, place
from reports.lanes import NANO, lanes_of
from reports.losses import LossRow
from reports.model import Episode, MarkRow, Verdict
from reports.people_lane import people_lane
from reports.plan_lane import plan_lane
from reports.scene import (
    BAD,
    DOUBT,
    GOOD,
    INK,
    LEFT,
    LOST,
    MUTED,
    OBJECTIVE,
    RIGHT,
    WIDTH,
    Scale,
    Scene,
    counted_episode,
    episodes_of,
    origin_of,
)
from reports.sign_lane import sign_lane, signs_told
from reports.svg import clean, crosses, diamonds, document, dots, fitted, line, number, rect, triangles, width_of, words
from reports.words import SIGNS, at, drill_name, interval, utc_text, verdict_sentence

VERDICT_INK = {"pass": GOOD, "fail": BAD, "inconclusive": DOUBT, "invalid": "#6e40c9", "aborted": "#424a53"}
# Behind the operations.
FAULT, BAD_TIME, IMPACT, STABLE, HELD, DUE = "#f3f4f6", "#ffebe9", "#ff8182", "#6fdd8b", "#dafbe1", "#b6d4fe"

# Marks that say only that the drill began or ended, as the axis does; what AWS says has a lane of its own.
# A metric is of a time before, and stands in a table; what is ready has findings, and what ARC says of its switch.
_NO_MOMENTS = {"sign", "metric", "ready", "region switch"}
_UNLABELLED = {"start", "end", *_NO_MOMENTS}
# The recovery gets a panel of its own if it takes less than this share of the whole drill.
_CLOSE_UP = 0.45
# How much longer the axis may become so that the end of the RTO is on it.
_STRETCH = 1.4


def timeline_svg(history: History, verdict: Verdict, declared: Declared, losses: Sequence[LossRow] = ()) -> str:
    """One drill as an SVG. It needs no script, no font and no request, and stays small for any number of operations."""
    origin_ns = origin_of(history, verdict)
    scene = Scene(
        verdict=verdict,
        declared=declared,
        lanes=lanes_of(history, declared, losses, origin_ns),
        losses=tuple(losses),
        episode=counted_episode(verdict),
        utc_at_start_ns=history.base.utc_of(origin_ns),
    )
    whole = Scale(*_extent(scene))
    parts: list[str] = []
    y = _headline(verdict, parts)
    y = _panel(scene, whole, y, parts, close_up=False)
    near = _near(scene, whole)
    if near is not None:
        y = _panel(scene, near, y + 26, parts, close_up=True)
    y = _legend(y + 22, parts)
    name = f"Timeline of {drill_name(verdict.drill, verdict.parameters)} on {verdict.workload}"
    return document(parts, width=WIDTH, height=y, title=name, desc=_description(scene))


def _description(scene: Scene) -> str:
    """The picture in words, for who cannot see it."""
    lanes = [
        f"{lane.title}: {lane.count('ok')} good, {lane.count('fail')} failed, {lane.count('in-doubt')} in doubt"
        + (f", {len(lane.lost_s)} acknowledged and lost" if lane.lost_s else "")
        for lane in scene.lanes
    ]
    marks = [f"{_named(row)} {at(row.at_s)}" for row in scene.verdict.marks if row.name not in _NO_MOMENTS]
    steps = [f"{s.name} {s.outcome} {at(s.began_s)} to {at(s.ended_s)}" for s in scene.verdict.steps]
    plan = f" Steps of the plan: {', '.join(steps)}." if steps else ""
    plan += signs_told(scene.verdict.marks)
    return f"{verdict_sentence(scene.verdict)} Operations: {'; '.join(lanes)}. Marks: {', '.join(marks)}.{plan}"


def _extent(scene: Scene) -> tuple[float, float]:
    """First and last moment to show. The RTO's end is shown too, unless that would press the drill into a corner."""
    times = [row.at_s for row in scene.verdict.marks]
    for sent in (sent for lane in scene.lanes for sent in lane.sent_s.values() if sent):
        times += [min(sent), max(sent)]
    start, end = min(times, default=0.0), max(times, default=0.0)
    if scene.episode is not None and scene.rto_s is not None:
        due = scene.episode.impact_upper_s + scene.rto_s
        if due < start + _STRETCH * (end - start):
            end = max(end, due)
    return start, max(end, start + 1.0)


def _near(scene: Scene, whole: Scale) -> Scale | None:
    """The axis of the close-up: from a little before the fault to a little after the recovery; None if not needed."""
    episode = scene.episode
    if episode is None or episode.stable_upper_s is None:
        return None
    asked = scene.at("requested", "effective")
    first = episode.impact_lower_s if asked is None else min(episode.impact_lower_s, asked)
    pad = max(0.25 * (episode.stable_upper_s - first), 0.2)
    near = Scale(max(whole.start_s, first - pad), min(whole.end_s, episode.stable_upper_s + pad))
    return near if near.end_s - near.start_s < _CLOSE_UP * (whole.end_s - whole.start_s) else None


def _headline(verdict: Verdict, parts: list[str]) -> float:
    badge = f"{SIGNS[verdict.verdict]} {verdict.verdict.upper()}"
    badge_width = width_of(badge, 18) + 18
    parts.append(rect(15, 12, badge_width, 28, VERDICT_INK[verdict.verdict], extra='rx="4"'))
    parts.append(
        f'<text x="{number(15 + badge_width / 2)}" y="32" font-size="18" font-weight="700" fill="#fff" '
        f'text-anchor="middle" style="stroke:none">{clean(badge)}</text>'
    )
    name = f"{drill_name(verdict.drill, verdict.parameters)} · {verdict.workload} · {verdict.environment}"
    parts.append(words(27 + badge_width, 32, fitted(name, 18, WIDTH - badge_width - 40), size=18, bold=True))
    sentence = verdict_sentence(verdict).split(": ", 1)[1]
    rows = wrap(sentence[0].upper() + sentence[1:], width=115)
    parts += [words(15, 60 + 18 * i, row, size=14) for i, row in enumerate(rows)]
    return 60 + 18 * len(rows)


def _panel(scene: Scene, scale: Scale, y: float, parts: list[str], *, close_up: bool) -> float:
    """One chart. What lies behind is put into `parts` first, so that marks stand on the tints and not under them."""
    lanes = [lane for lane in scene.lanes if lane.workload] if close_up else scene.lanes
    front: list[str] = []
    if close_up:
        front.append(words(15, y + 4, "Around the recovery", size=14, bold=True))
        y += 14
    top = _mark_labels(scene, scale, y, front, parts)
    y = bars(scene, scale, top, front)
    y = plan_lane(scene.verdict.steps, scale, y, front)
    y = people_lane(scene.verdict.marks, scale, y, front)
    y = sign_lane(scene.verdict.marks, scale, y, front)
    for lane in lanes:
        y = draw_lane(lane, scale, y, front)
    if not lanes:
        front.append(words(LEFT + 2, y + 20, "No operation was recorded.", fill=MUTED))
        y += 30
    parts += _tints(scene, _Area(scale, top, y))
    parts += front
    return _axis(scene, scale, y, parts)


def _shown(scene: Scene, scale: Scale) -> list[MarkRow]:
    """The marks to label, and the edges of the episode that counts, which only judging knows."""
    rows = [row for row in scene.verdict.marks if row.name not in {*_UNLABELLED, "impact", "stable"}]
    episode = scene.episode
    edges = [] if episode is None else [("impact", episode.impact_upper_s), ("stable", episode.stable_upper_s)]
    rows += [
        MarkRow(name=name, at_s=at_s, utc="", source="probe", uncertainty_s=0.0)
        for name, at_s in edges
        if at_s is not None
    ]
    return sorted((row for row in rows if scale.shows(row.at_s)), key=lambda row: row.at_s)


def _mark_labels(scene: Scene, scale: Scale, y: float, front: list[str], back: list[str]) -> float:
    """The marks' names above the chart, staggered."""
    rows = _shown(scene, scale)
    texts = [f"{_named(row)} {_when(scene, row)}" for row in rows]
    wanted = [Label(scale.x(r.at_s), width_of(t, 12) + 4) for r, t in zip(rows, texts, strict=True)]
    places = place(wanted, WIDTH - 4)
    bottom = y + 15.0 * (1 + max((p.row for p in places), default=0)) + 6
    for row, text, spot in zip(rows, texts, places, strict=True):
        x, base = scale.x(row.at_s), bottom - 6 - 15 * spot.row
        back.append(line(x, base - 9, x, bottom, "#8c959f", width=0.7))
        front.append(words(x + (-4 if spot.left else 4), base, text, size=12, anchor="end" if spot.left else "start"))
    return bottom


def _named(row: MarkRow) -> str:
    """A mark's name, and of an automation which step of its plan it was."""
    return f"{row.name}: {step_of(row.says)}" if row.name in ("automated", "not automated") else row.name


def _when(scene: Scene, row: MarkRow) -> str:
    """When a mark came; the edges of the episode as the intervals that they are."""
    episode = scene.episode
    if episode is not None and row.name == "impact":
        return f"+{interval(episode.impact_lower_s, episode.impact_upper_s)}"
    if episode is not None and row.name == "stable":
        return f"+{interval(episode.stable_lower_s, episode.stable_upper_s)}"
    return at(row.at_s)


@dataclass(frozen=True)
class _Area:
    """Where a panel's operations stand: its axis, and its top and bottom in px."""

    scale: Scale
    top: float
    bottom: float

    def band(self, start_s: float, end_s: float, fill: str) -> str:
        """A tint from the top to the bottom; a short one is kept wide enough to be seen."""
        if end_s < self.scale.start_s or start_s > self.scale.end_s:
            return ""
        x = self.scale.x(start_s)
        return rect(x, self.top, max(self.scale.x(end_s) - x, 1.5), self.bottom - self.top, fill)

    def upright(self, at_s: float, stroke: str, *, width: float, dash: str) -> str:
        """A line from the top to the bottom."""
        x = self.scale.x(at_s)
        return line(x, self.top, x, self.bottom, stroke, width=width, dash=dash)


def _tints(scene: Scene, area: _Area) -> Iterator[str]:
    """Behind the operations: the fault, the bad time, the hold window, both edges, and where the RTO ends."""
    fault = scene.fault_span(area.scale)
    if fault is not None:
        yield area.band(*fault, FAULT)
    for other in episodes_of(scene.verdict):
        yield area.band(other.impact_upper_s, scene.bad_end(other, area.scale)[0], BAD_TIME)
    episode = scene.episode
    if episode is not None:
        yield area.band(episode.impact_lower_s, episode.impact_upper_s, IMPACT)
        if episode.stable_upper_s is not None:
            lower, upper = scene.bad_end(episode, area.scale)
            yield area.band(upper, _hold_end(scene, upper), HELD)
            yield area.band(lower, upper, STABLE)
        yield from _due(scene, episode, area)
    for row in _shown(scene, area.scale):
        yield area.upright(row.at_s, "#8c959f", width=0.7, dash="2 3")


def _due(scene: Scene, episode: Episode, area: _Area) -> Iterator[str]:
    """The RTO ends as long after the impact as it is long, so its end is as uncertain as the impact."""
    if scene.rto_s is not None and area.scale.shows(episode.impact_upper_s + scene.rto_s):
        yield area.band(episode.impact_lower_s + scene.rto_s, episode.impact_upper_s + scene.rto_s, DUE)
        yield area.upright(episode.impact_upper_s + scene.rto_s, OBJECTIVE, width=1.6, dash="6 4")


def _hold_end(scene: Scene, stable_s: float) -> float:
    confirmed = scene.at("confirmed")
    return confirmed if confirmed is not None and confirmed > stable_s else stable_s + scene.declared.objectives.hold_s


def _axis(scene: Scene, scale: Scale, y: float, parts: list[str]) -> float:
    """The seconds since the drill's start, and UTC below them."""
    parts.append(line(LEFT, y, RIGHT, y, INK))
    step = _tick(scale.end_s - scale.start_s)
    first = floor(scale.start_s / step)
    for at_s in ((first + i) * step for i in range(int((scale.end_s - scale.start_s) / step) + 2)):
        if scale.shows(at_s):
            x = scale.x(at_s)
            utc = utc_text(scene.utc_at_start_ns + round(at_s * NANO))[11 : 19 if step >= 1 else 21]
            parts.append(line(x, y, x, y + 5, INK))
            parts.append(words(x, y + 18, f"{at_s:.10g}", size=12, anchor="middle"))
            parts.append(words(x, y + 33, utc, size=11.5, fill=MUTED, anchor="middle"))
    day = utc_text(scene.utc_at_start_ns + round(scale.start_s * NANO))[:10]
    parts.append(words(LEFT - 42, y + 18, "s since start", size=12, anchor="end"))
    parts.append(words(LEFT - 42, y + 33, f"UTC {day}", size=11.5, fill=MUTED, anchor="end"))
    return y + 38


def _tick(span_s: float) -> float:
    """The step between two ticks, in s: five to ten of them, at numbers that people count in."""
    if span_s > 600:  # noqa: PLR2004 -- ten minutes: from here on people count in minutes and hours
        return next((s for s in (120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200) if span_s / s <= 10), 86400.0)  # noqa: PLR2004
    raw = span_s / 9
    scale = 10.0 ** floor(log10(raw))
    return next(m * scale for m in (1, 2, 5, 10) if m * scale >= raw)


def _legend(y: float, parts: list[str]) -> float:
    """What each shape means. Nothing in the picture is told by colour alone."""
    shapes = (
        (20.0, dots([(20, y - 4)], GOOD, 5), "good"),
        (92.0, crosses([(92, y - 4)], BAD, 6), "failed: provably not done"),
        (300.0, diamonds([(300, y - 4)], DOUBT, 7), "in doubt: nothing proves either way"),
        (575.0, triangles([(575, y - 4)], LOST, 8), "acknowledged write that the audit did not find"),
    )
    for x, shape, text in shapes:
        parts += [shape, words(x + 10, y, text, size=12)]
    tints = ((FAULT, "fault in effect"), (BAD_TIME, "service bad"), (IMPACT, "impact lies here"),
             (STABLE, "stable begins here"), (HELD, "held good"), (DUE, "RTO ends here"))  # fmt: skip
    for i, (fill, text) in enumerate(tints):
        x = 15 + i * 162.0
        parts.append(rect(x, y + 10, 14, 12, fill, extra='stroke="#8c959f" stroke-width="0.6"'))
        parts.append(words(x + 20, y + 20, text, size=12))
    return y + 34
