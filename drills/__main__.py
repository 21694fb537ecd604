"""A game day: the drills of many workloads, one run after another, then their scorecard: `python -m drills [FILE ...]`.

One drill stands for each disruption (those marked `scorecard`); `--all` runs every drill that applies. Each workload is
a run of its own, as `pytest drills --workload FILE` makes it, in a folder of this game day. Without FILE: the reference
workloads, in the lab. The exit code is the worst of the runs'.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fixtures.exits import WORDS, Exit
from fixtures.many_runs import Ran, run_all, worst_of
from fixtures.run_settings import DEFAULT_OUT, ROOT
from reports.folder import BrokenEvidence
from reports.game_day import GameDay, write_game_day
from reports.prices import prices_in

REFERENCE = ROOT / "fixtures" / "workloads"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("workloads", type=Path, nargs="*", metavar="FILE", help="workload files (default: all of ours)")
    parser.add_argument("--all", action="store_true", help="every drill that applies, not one for each disruption")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the runs go (default: a new one in reports/out)")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="price what stood ready by this table")
    given = parser.parse_args(arguments)
    files = given.workloads or sorted(REFERENCE.glob("*.toml"))
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        parser.error(f"no such workload file: {', '.join(missing)}")
    if given.prices is not None:
        try:
            prices_in(given.prices)  # now, not after half an hour
        except (BrokenEvidence, OSError) as error:
            parser.error(str(error))
    out = given.out or ROOT / DEFAULT_OUT / f"game-day-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    ran = run_all(files, out, () if given.all else ("-m", "scorecard"))
    code = worst_of(ran) if len(ran) == len(files) else max(worst_of(ran), int(Exit.REFUSED))
    sys.stdout.write("\n".join([*_lines(ran, len(files), out, given.prices), ""]))
    return code


def _lines(ran: Sequence[Ran], asked: int, out: Path, prices: Path | None) -> list[str]:
    took_s = sum(one.took_s for one in ran)
    told = [f"  {one.name:32} {one.took_s:6.0f} s  exit {one.code}{_word(one.code)}" for one in ran]
    head = f"\n{len(ran)} of {asked} workloads in {took_s / 60:.1f} minutes"
    try:
        card, unpriced = _scorecard(out, prices)
    except BrokenEvidence as error:
        return [head, *told, f"no scorecard: {error}"]
    return [head, *told, "", card.text, *unpriced, f"scorecard: {card.page}"]


def _scorecard(out: Path, prices: Path | None) -> tuple[GameDay, list[str]]:
    """It, and why it has no prices although they were asked for. Raises BrokenEvidence where nothing was judged."""
    try:
        return write_game_day(out, prices), []
    except (BrokenEvidence, OSError) as error:
        if prices is None:
            raise
        again = f"Mend it, then: python -m reports scorecard {out} --prices {prices} --format html"
        return write_game_day(out), [f"without prices: {error} {again}"]


def _word(code: int) -> str:
    return f" ({WORDS[Exit(code)]})" if code in set(Exit) else ""


if __name__ == "__main__":
    sys.exit(main())
