"""The commands of `python -m reports` that make more of one run or of many: their options, and what they print."""

import argparse
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from reports.allure_html import RESULTS, NoAllure, command, generate, statuses
from reports.compare import compared_text, differences
from reports.folder import BrokenEvidence
from reports.game_day import game_day_html
from reports.manifest import MANIFEST
from reports.many import Kept, kept_below
from reports.markdown import run_markdown
from reports.other_objectives import OtherObjectives
from reports.page import PAGE, page_html
from reports.prices import prices_for
from reports.record import drill_folders
from reports.scorecard import Cell, cells, scorecard_text
from reports.scorecard_chart import scorecard_svg
from reports.trend import Line, lines_of, trend_html, trend_text
from reports.trend_chart import trend_svg

Command = Callable[[argparse.Namespace], int]
UNREADABLE = 2
_Found = TypeVar("_Found", Line, Cell)
_PICTURES = ("text", "markdown", "svg", "html")


def add(parsers: Any) -> dict[str, Command]:
    """Add the commands; what runs each of them: 0 done, 1 something is worse (`compare`), 2 it cannot be read."""
    compare = _added(parsers, "compare", "what is proved to differ between two runs, or between two releases")
    compare.add_argument("a", type=Path, metavar="A", help="a drill's folder, a run's, or one of many runs")
    compare.add_argument("b", type=Path, metavar="B", help="the same, the later one")
    _formats(compare, ("text", "markdown"))
    for name, text in (
        ("trend", "recovery time and data loss over all runs, and what so many runs bound"),
        ("scorecard", "every workload against every disruption: what is proved, and what is missing"),
    ):
        many = _added(parsers, name, text)
        many.add_argument("runs", type=Path, nargs="+", help="folders of runs")
        many.add_argument("--workload", metavar="NAME", help="of this workload only")
        _formats(many, _PICTURES)
        if name == "scorecard":
            many.add_argument("--prices", type=Path, metavar="FILE", help="price what stood ready (the page, html)")
    for name, text in (
        ("markdown", "a run for the page of a CI job"),
        ("page", "make the run's page again"),
        ("allure", "make Allure's HTML of a run, without what it loads from elsewhere"),
    ):
        one = _added(parsers, name, text)
        one.add_argument("run", type=Path, help="the folder of a run")
        one.add_argument("--out", type=Path, metavar="PATH", help="where it is written")
    work = {"compare": _compare, "trend": _trend, "scorecard": _scorecard, "markdown": _markdown, "page": _page}
    return {name: _safe(one) for name, one in (work | {"allure": _allure}).items()}


def add_objectives(parser: argparse.ArgumentParser) -> None:
    """The options that judge a run by other objectives than its own."""
    parser.add_argument("--rto-s", type=_positive, metavar="S", help="by this RTO instead, in s")
    parser.add_argument("--rpo-s", type=_not_negative, metavar="S", help="by this RPO instead, in s")
    parser.add_argument("--workload", type=Path, metavar="FILE", help="by the objectives of this workload file instead")


def other_objectives(given: argparse.Namespace) -> OtherObjectives:
    """What was given of them; of a command that has none, nothing."""
    if given.command != "rejudge":
        return OtherObjectives()
    return OtherObjectives(rto_s=given.rto_s, rpo_s=given.rpo_s, workload=given.workload)


def _not_negative(text: str) -> float:
    value_s = float(text)
    if not 0 <= value_s < math.inf:
        raise argparse.ArgumentTypeError(f'found "{text}". Allowed: s, 0 or more')
    return value_s


def _positive(text: str) -> float:
    if (value_s := _not_negative(text)) > 0:
        return value_s
    raise argparse.ArgumentTypeError(f'found "{text}". Allowed: s, more than 0')


def _added(parsers: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parsers.add_parser(name, help=text)
    return parser


def _formats(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    parser.add_argument("--format", choices=formats, default="text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there")


def _safe(work: Command) -> Command:
    def run(given: argparse.Namespace) -> int:
        try:
            return work(given)
        except (BrokenEvidence, NoAllure, OSError, msgspec.DecodeError) as error:
            sys.stderr.write(f"{error}\n")
            return UNREADABLE

    return run


def _compare(given: argparse.Namespace) -> int:
    before, after = kept_below([given.a]), kept_below([given.b])
    _put(compared_text(before, after, as_markdown=given.format == "markdown"), given.out)
    return 1 if any(one.outcome == "worse" for one in differences(before, after)) else 0


def _trend(given: argparse.Namespace) -> int:
    return _drawn(given, lines_of(_chosen(given)), trend_text, trend_svg, trend_html)


def _scorecard(given: argparse.Namespace) -> int:
    kept = _chosen(given)
    prices = prices_for(given.prices, kept) if given.prices is not None else None
    return _drawn(given, cells(kept), scorecard_text, scorecard_svg, lambda *_: game_day_html(kept, prices))


def _drawn(
    given: argparse.Namespace,
    found: list[_Found],
    text: Callable[..., str],
    svg: Callable[[list[_Found]], str],
    html: Callable[[list[_Found], str], str],
) -> int:
    """Put it out in the format that was asked for: one of `_PICTURES`."""
    made: dict[str, Callable[[], str]] = {
        "text": lambda: text(found),
        "markdown": lambda: text(found, as_markdown=True),
        "svg": lambda: svg(found),
        "html": lambda: html(found, svg(found)),
    }
    _put(made[given.format](), given.out)
    return 0


def _chosen(given: argparse.Namespace) -> list[Kept]:
    kept = kept_below(given.runs)
    chosen = [one for one in kept if given.workload in (None, one.verdict.workload)]
    if not chosen:
        names = ", ".join(sorted({one.verdict.workload for one in kept}))
        raise BrokenEvidence(f"No run of a workload {given.workload}; there are runs of: {names}.")
    return chosen


def _markdown(given: argparse.Namespace) -> int:
    """Of one run, or of each run in a folder."""
    runs = [given.run] if drill_folders(given.run) else sorted(path.parent for path in given.run.glob("*/run.json"))
    if not runs:
        raise BrokenEvidence(f"{given.run}: no run in it. Give a run's folder, or one of runs.")
    _put("\n".join(run_markdown(run) for run in runs), given.out)
    return 0


def _page(given: argparse.Namespace) -> int:
    """The manifest holds the page, too: one that differs is written elsewhere, or the evidence would be spoilt."""
    if not drill_folders(given.run):
        raise BrokenEvidence(f"{given.run}: no drill in it. Give a run's folder.")
    text, own = page_html(given.run), given.run / PAGE
    out = given.out or own
    held = (given.run / MANIFEST).exists() and out.resolve() == own.resolve()
    if held and (not own.exists() or own.read_text(encoding="utf-8") != text):
        raise BrokenEvidence(
            f"{own}: made again it would differ, and {MANIFEST} holds it as it is. Say where else with --out FILE."
        )
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    return 0


def _allure(given: argparse.Namespace) -> int:
    results = given.run / RESULTS if (given.run / RESULTS).is_dir() else given.run
    out = given.out or given.run / "allure-report"
    if out.exists() and (out / "index.html").exists():
        shutil.rmtree(out)
    cleaned = generate(results, out, command())
    shown = ", ".join(f"{count} {status}" for status, count in sorted(statuses(out).items()))
    sys.stdout.write(f"{out / 'index.html'}\n  tests: {shown or 'see the report'}\n")
    if cleaned:
        sys.stdout.write(f"  taken out: the scripts that would tell Google who reads it, of {', '.join(cleaned)}\n")
    sys.stdout.write(
        "  Browsers show it from a web server only: python -m http.server -d that folder --bind 127.0.0.1\n"
    )
    return 0


def _put(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{out}\n")
