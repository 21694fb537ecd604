"""The scorecard of many runs as one page, with the strategies side by side; and all that a game day leaves of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reports.many import Kept, kept_below
from reports.scorecard import cells, scorecard_html, scorecard_text, title_of
from reports.scorecard_chart import scorecard_svg
from reports.sheet import Picture
from reports.strategies import measured, settings_of, strategies_sheets
from reports.strategies_chart import strategies_svg


class GameDay(NamedTuple):
    """What was written: the scorecard as text, and its page."""

    text: str
    page: Path


def write_game_day(folder: Path) -> GameDay:
    """Write `scorecard.html`, `.svg`, `.md` and `strategies.svg`. Raises BrokenEvidence where nothing was judged."""
    kept = kept_below([folder])
    page, found, pictures = folder / "scorecard.html", cells(kept), _pictures(kept)
    page.write_text(scorecard_html(found, pictures, strategies_sheets(kept)), encoding="utf-8")
    (folder / "scorecard.md").write_text(scorecard_text(found, as_markdown=True), encoding="utf-8")
    for name, picture in zip(("scorecard", "strategies"), pictures, strict=False):
        (folder / f"{name}.svg").write_text(picture.svg, encoding="utf-8")
    return GameDay(scorecard_text(found), page)


def game_day_html(kept: Sequence[Kept]) -> str:
    """The scorecard, and below it what each strategy keeps ready and how it recovered."""
    return scorecard_html(cells(kept), _pictures(kept), strategies_sheets(kept))


def _pictures(kept: Sequence[Kept]) -> list[Picture]:
    found, strategies = cells(kept), measured(kept)
    drawn = [Picture(title_of(found), scorecard_svg(found))]
    if strategies:
        drawn.append(Picture("Strategies, as measured", strategies_svg(strategies, settings_of(kept))))
    return drawn
