"""The scorecard of many runs as one page, with the strategies side by side; and all that a game day leaves of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reports.many import Kept, kept_below
from reports.prices import Prices, prices_for
from reports.scorecard import cells, scorecard_html, scorecard_text, title_of
from reports.scorecard_chart import scorecard_svg
from reports.sheet import Picture
from reports.strategies import measured, settings_of, strategies_sheets
from reports.strategies_chart import strategies_svg


class GameDay(NamedTuple):
    """What was written: the scorecard as text, and its page."""

    text: str
    page: Path


def write_game_day(folder: Path, prices: Path | None = None) -> GameDay:
    """Write `scorecard.html`, `.svg`, `.md` and `strategies.svg`, with prices where there is a file of them.

    Raises BrokenEvidence where nothing was judged, or the prices are wrong, and OSError.
    """
    kept = kept_below([folder])
    table = prices_for(prices, kept) if prices is not None else None
    page, found, pictures = folder / "scorecard.html", cells(kept), _pictures(kept, table)
    page.write_text(scorecard_html(found, pictures, strategies_sheets(kept, table)), encoding="utf-8")
    (folder / "scorecard.md").write_text(scorecard_text(found, as_markdown=True), encoding="utf-8")
    for name, picture in zip(("scorecard", "strategies"), pictures, strict=False):
        (folder / f"{name}.svg").write_text(picture.svg, encoding="utf-8")
    return GameDay(scorecard_text(found), page)


def game_day_html(kept: Sequence[Kept], prices: Prices | None = None) -> str:
    """The scorecard, and below it what each strategy keeps ready and how it recovered."""
    return scorecard_html(cells(kept), _pictures(kept, prices), strategies_sheets(kept, prices))


def _pictures(kept: Sequence[Kept], prices: Prices | None) -> list[Picture]:
    found, strategies = cells(kept), measured(kept, prices)
    drawn = [Picture(title_of(found), scorecard_svg(found))]
    if strategies:
        drawn.append(Picture("Strategies, as measured", strategies_svg(strategies, settings_of(kept))))
    return drawn
