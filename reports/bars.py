"""The bars above a timeline's operations: how long the fault, the bad time and the loss, and what was allowed."""

from reports.declared import DeclaredFault
from reports.model import Episode
from reports.scene import BAD, INK, LEFT, LOST, OBJECTIVE, RIGHT, WIDTH, Scale, Scene
from reports.svg import fitted, line, number, rect, width_of, words
from reports.words import at, interval, loss_words, seconds

ROW = 22.0
SIZE = 13.0


def bars(scene: Scene, scale: Scale, y: float, parts: list[str]) -> float:
    """Draw the bars that there is something to say about, from `y` down. Returns where the next part begins."""
    fault = scene.fault_span(scale)
    if fault is not None and scene.declared.fault is not None:
        _fault_bar(scene.declared.fault, (scale.x(fault[0]), scale.x(fault[1])), y, parts)
        y += ROW
    if scene.episode is not None:
        _recovery_bar(scene, scene.episode, scale, y, parts)
        y += ROW
        if scene.rto_s is not None:
            _objective_bar(scene.episode, scene.rto_s, scale, y, parts)
            y += ROW
    _loss_bar(scene, scale, y, parts)
    return y + ROW + 2


def _name(name: str, y: float, parts: list[str]) -> None:
    parts.append(words(LEFT - 8, y + 15, name, anchor="end", bold=True))


def _beside(ends: tuple[float, float], y: float, text: str, ink: str, parts: list[str]) -> None:
    """A bar's text: after it, before it, or on it on a white plate, wherever there is room."""
    x, end = ends
    need = width_of(text, SIZE)
    if end + 6 + need <= WIDTH - 4:
        parts.append(words(end + 6, y + 15, text, fill=ink))
    elif x - 6 - need >= LEFT:
        parts.append(words(x - 6, y + 15, text, fill=ink, anchor="end"))
    else:
        # Outside the bar there is no room, so the plate covers a part of the bar, whose ends stay visible.
        left = max(LEFT + 4, min(x + 14, RIGHT - 14 - need))
        text = fitted(text, SIZE, RIGHT - 14 - left)
        parts.append(rect(left, y + 4.5, width_of(text, SIZE) * 0.9 + 10, 13, "#fff", extra='rx="3"'))
        parts.append(words(left + 5, y + 15, text, fill=ink))


def _fault_bar(fault: DeclaredFault, ends: tuple[float, float], y: float, parts: list[str]) -> None:
    _name("fault", y, parts)
    parts.append(rect(ends[0], y + 4, max(ends[1] - ends[0], 2), 14, "url(#hatch)"))
    _beside(ends, y, fault.says or fault.fault.rsplit(".", 1)[-1], INK, parts)


def _recovery_bar(scene: Scene, episode: Episode, scale: Scale, y: float, parts: list[str]) -> None:
    """Solid where the service was certainly bad, hatched where each edge may lie; open to the right if never stable."""
    recovery = scene.verdict.recovery_time
    text = f"recovery time {interval(recovery.lower_s, recovery.upper_s, recovery.objective_s)}"
    lower, upper = scene.bad_end(episode, scale)
    if episode.stable_upper_s is None:
        text = f"not recovered: {interval(recovery.lower_s, None, recovery.objective_s)}"
    _name("recovery", y, parts)
    x, solid, edge, end = (scale.x(t) for t in (episode.impact_lower_s, episode.impact_upper_s, lower, upper))
    parts.append(rect(x, y + 4, max(end - x, 2), 14, "url(#unsure)", extra=f'stroke="{BAD}" stroke-width="0.8"'))
    parts.append(rect(solid, y + 4, max(edge - solid, 1), 14, BAD))
    if episode.stable_upper_s is None:
        parts.append(f'<path d="M{number(end)} {number(y + 1)}l9 10l-9 10z" fill="{BAD}"/>')
        end += 9
    _beside((x, end), y, text, BAD if recovery.verdict == "fail" else INK, parts)


def _objective_bar(episode: Episode, rto_s: float, scale: Scale, y: float, parts: list[str]) -> None:
    """From the impact to where the RTO ends; an arrow where that lies beyond the axis."""
    _name("objective", y, parts)
    due_s = episode.impact_upper_s + rto_s
    x, end = scale.x(episode.impact_upper_s), scale.x(due_s)
    beyond = not scale.shows(due_s)
    parts.append(line(x, y + 11, end, y + 11, OBJECTIVE, width=2.5))
    parts.append(line(x, y + 5, x, y + 17, OBJECTIVE, width=2.5))
    tip = "m-9-6l9 6l-9 6" if beyond else "m0-6v12"
    stroke = f'stroke="{OBJECTIVE}" stroke-width="2.5" fill="none"'
    parts.append(f'<path d="M{number(end)} {number(y + 11)}{tip}" {stroke}/>')
    text = f"RTO {seconds(rto_s)}" + (f", ends at {at(due_s)}, beyond this axis" if beyond else "")
    _beside((x, end), y, text, OBJECTIVE, parts)


def _loss_bar(scene: Scene, scale: Scale, y: float, parts: list[str]) -> None:
    """From the oldest lost write to the newest, or a plain word if no acknowledged write was lost."""
    _name("data loss", y, parts)
    text = loss_words(scene.verdict.data_loss)
    sent = [row.sent_s for row in scene.losses if row.gone and row.sent_s is not None]
    if not sent:
        parts.append(words(LEFT + 2, y + 15, text))
        return
    done = [row.done_s for row in scene.losses if row.gone and row.done_s is not None]
    x, end = scale.x(min(sent)), scale.x(max(done, default=max(sent)))
    parts.append(rect(x, y + 4, max(end - x, 2), 14, LOST))
    _beside((x, end), y, text, INK, parts)
