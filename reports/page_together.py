"""Several runs of one drill (`--runs N`) as the page shows them: what they say together, and a picture."""

from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import msgspec

from reports.model import Overall
from reports.repeats import REPEATS, read_repeats, repeats_lines
from reports.repeats_chart import repeats_svg


class TogetherView(NamedTuple):
    """One drill: its verdict over all runs, the sentences, and a picture as a data URI ("" for none) with its text."""

    name: str
    verdict: Overall
    lines: list[str]
    image: str
    alt: str


class Together(NamedTuple):
    """Every drill that ran several times, and why that cannot be read where it cannot."""

    drills: list[TogetherView]
    problems: list[str]


def together_of(run_folder: Path) -> Together:
    """What `repeats.json` of a run says; nothing where there is none. Raises OSError."""
    try:
        found = read_repeats(run_folder)
    except msgspec.MsgspecError as error:
        return Together([], [f"{REPEATS} cannot be read: what the runs say together is not shown. {error}"])
    views = []
    for one in found:
        picture, lines = repeats_svg(one), repeats_lines(one)
        image = f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}" if picture else ""
        views.append(TogetherView(one.name, one.verdict, lines, image, f"All runs. {'; '.join(lines)}"))
    return Together(views, [])
