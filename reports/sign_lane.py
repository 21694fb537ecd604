"""What AWS itself said, in the picture: a row for each source, a tick for each sign, a band as wide as it is unsure."""

from collections.abc import Iterable, Sequence

from reports.model import MarkRow
from reports.scene import LEFT, MUTED, RIGHT, RULE, Scale
from reports.svg import fitted, line, words

ROW = 16.0
TICK, UNSURE = "#0a3069", "#54aeff"


def sign_lane(marks: Sequence[MarkRow], scale: Scale, y: float, parts: list[str]) -> float:
    """Draw the marks `sign` that the axis shows, from `y` down. Returns where the next part begins.

    A sign's band reaches from the earliest to the latest moment at which it may have come; its tick is the moment that
    the mark gives. What each says stands in the page's table.
    """
    shown = [mark for mark in marks if mark.name == "sign" and scale.shows(mark.at_s)]
    if not shown:
        return y
    for source, signs in _by_source(shown).items():
        parts.append(words(LEFT - 8, y + 12, fitted(source, 12, LEFT - 20), size=12, anchor="end"))
        parts.append(line(LEFT, y + 8, RIGHT, y + 8, RULE, width=0.6))
        for sign in signs:
            x = scale.x(sign.at_s)
            first, last = scale.x(sign.at_s - sign.uncertainty_s), scale.x(sign.at_s + sign.uncertainty_s)
            parts.append(line(first, y + 8, last, y + 8, UNSURE, width=3))
            parts.append(line(x, y + 3, x, y + 13, TICK, width=1.6))
        parts.append(words(RIGHT + 6, y + 12, str(len(signs)), size=11.5, fill=MUTED))
        y += ROW
    return y + 4


def signs_told(marks: Iterable[MarkRow]) -> str:
    """How many signs came from whom, as a sentence; "" without any."""
    found = _by_source([mark for mark in marks if mark.name == "sign"])
    told = ", ".join(f"{source} {len(signs)} from {signs[0].at_s:+.1f} s on" for source, signs in found.items())
    return f" Signs: {told}." if told else ""


def _by_source(signs: Iterable[MarkRow]) -> dict[str, list[MarkRow]]:
    """By whose word they are, the Region left out, the earliest source first."""
    found: dict[str, list[MarkRow]] = {}
    for sign in sorted(signs, key=lambda mark: mark.at_s):
        found.setdefault(sign.source.partition(",")[0], []).append(sign)
    return found
