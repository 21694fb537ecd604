"""The few SVG shapes that the timeline needs, as text. Everything that comes from outside is escaped here."""

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# XML 1.0 allows no other control characters, not even escaped; an error message may hold any.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Width of an average character in em. DejaVu Sans, the widest of the fonts above, has about 0.6.
_CHARACTER_EM = 0.6


def clean(text: str) -> str:
    """Text that is safe between tags and in double-quoted attributes."""
    return escape(_FORBIDDEN.sub("�", text), {'"': "&quot;", "'": "&#39;"})


def number(value: float) -> str:
    """A coordinate in px, to a tenth, in as few bytes as can be."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in px; rather too much than too little."""
    return len(text) * size * _CHARACTER_EM


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis where it would not fit into `room` px."""
    most = max(1, int(room / (size * _CHARACTER_EM)))
    return text if len(text) <= most else text[: most - 1] + "…"


def words(
    x: float,
    y: float,
    text: str,
    *,
    size: float = 13,
    fill: str = "#1f2328",
    anchor: str = "start",
    bold: bool = False,
) -> str:
    """One line of text with a white edge, so that it stays readable over lines and tints."""
    weight = ' font-weight="700"' if bold else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{fill}"{where}{weight}>'
        f"{clean(text)}</text>"
    )


def rect(x: float, y: float, width: float, height: float, fill: str, *, extra: str = "") -> str:
    """A filled rectangle. `extra` is a ready attribute string of our own."""
    size = f'width="{number(max(width, 0))}" height="{number(height)}"'
    return f'<rect x="{number(x)}" y="{number(y)}" {size} fill="{fill}"{" " + extra if extra else ""}/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, *, width: float = 1, dash: str = "") -> str:
    """A straight line."""
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{number(width)}"{pattern}/>'


def dots(points: Iterable[tuple[float, float]], fill: str, size: float) -> str:
    """Many round dots in one path: a line of no length with round ends is a dot, and takes ten bytes."""
    data = "".join(f"M{number(x)} {number(y)}h.01" for x, y in points)
    return _path(data, f'stroke="{fill}" stroke-width="{number(size)}" stroke-linecap="round" fill="none"')


def crosses(points: Iterable[tuple[float, float]], stroke: str, size: float) -> str:
    """Many x in one path."""
    r = size / 2
    arm = f"l{number(size)} {number(size)}m0-{number(size)}l-{number(size)} {number(size)}"
    data = "".join(f"M{number(x - r)} {number(y - r)}{arm}" for x, y in points)
    return _path(data, f'stroke="{stroke}" stroke-width="1.4" fill="none"')


def diamonds(points: Iterable[tuple[float, float]], stroke: str, size: float) -> str:
    """Many hollow diamonds in one path."""
    r = number(size / 2)
    data = "".join(f"M{number(x)} {number(y - size / 2)}l{r} {r}l-{r} {r}l-{r}-{r}z" for x, y in points)
    return _path(data, f'stroke="{stroke}" stroke-width="1.1" fill="#fff"')


def triangles(points: Iterable[tuple[float, float]], fill: str, size: float) -> str:
    """Many filled triangles that point down, in one path."""
    r, h = number(size / 2), number(size)
    data = "".join(f"M{number(x - size / 2)} {number(y - size / 2)}h{h}l-{r} {h}z" for x, y in points)
    return _path(data, f'fill="{fill}"')


def _path(data: str, style: str) -> str:
    return f'<path d="{data}" {style}/>' if data else ""


def document(parts: Iterable[str], *, width: float, height: float, title: str, desc: str) -> str:
    """A whole SVG with a white background, a title and a description for screen readers."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
        f'width="{number(width)}" height="{number(height)}" role="img" aria-labelledby="title desc" '
        f'font-family="{FONT}">'
        f'<title id="title">{clean(title)}</title><desc id="desc">{clean(desc)}</desc>'
        "<style>text{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}</style>"
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#e3e5e8"/><line x1="0" y1="0" x2="0" y2="6" stroke="#8c959f" '
        'stroke-width="2"/></pattern>'
        '<pattern id="unsure" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
        '<rect width="5" height="5" fill="#fff"/><line x1="0" y1="0" x2="0" y2="5" stroke="#a40e26" '
        'stroke-width="3"/></pattern></defs>'
    )
    background = rect(0, 0, width, height, "#fff")
    return "".join([head, background, *parts, "</svg>\n"])
