"""Whether a drill got worse than the last release: a finding of its own, besides the objectives.

It fails only where the intervals prove it, and passes only where they prove that it is no worse. Where they allow both
it is not judged, and stops nobody.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from reports.counts import why_not
from reports.gates import Objective
from reports.last_release import LastRelease, Span
from reports.model import DataLoss, Finding, Judgement, RecoveryTime
from reports.ordered import no_longer, order
from reports.words import interval, seconds

CHECKS: dict[Objective, str] = {
    "recovery time": "recovery time, beside the last release",
    "data loss": "data loss, beside the last release",
}


class Compared(NamedTuple):
    """Runs now beside runs then: what is proved, in a sentence."""

    verdict: Judgement
    says: str


def judge_no_worse(
    last: LastRelease | None, recovery: RecoveryTime, loss: DataLoss, gates: Sequence[Finding], *, interrupted: bool
) -> list[Finding]:
    """One finding for each number that the plan holds against the last release; none where it holds none.

    `gates` are the checks that the numbers rest on.
    """
    if last is None:
        return []
    numbers: tuple[tuple[Objective, RecoveryTime | DataLoss], ...] = (("recovery time", recovery), ("data loss", loss))
    found: list[Finding] = []
    for what, judged in numbers:
        margin_s = margin(last, what)
        if margin_s is None:
            continue
        why = "the drill was ended before its end" if interrupted else why_not(judged, what, gates)
        now = [] if why or judged.lower_s is None else [(judged.lower_s, judged.upper_s)]
        compared = beside(now, last, what, why=why)
        found.append(Finding(check=CHECKS[what], verdict=compared.verdict, says=compared.says))
    return found


def margin(last: LastRelease, what: Objective) -> float | None:
    """By how many s a run may be worse; None: it is not asked."""
    return last.worse_recovery_s if what == "recovery time" else last.worse_loss_s


def beside(now: Sequence[Span], last: LastRelease, what: Objective, *, why: str = "") -> Compared:
    """Runs of one drill beside those of the last release. `why` says why none of the runs now counts."""
    then = [span for run in last.runs if (span := run.recovery_s if what == "recovery time" else run.loss_s)]
    if not last.runs:
        return Compared("not judged", f"{last.source} has no run of this drill: there is nothing to hold it against.")
    if not then:
        return Compared("not judged", f"No {what} of the {runs_words(len(last.runs))} in {last.source} counts.")
    if not now:
        return Compared("not judged", f"It cannot be held against {last.source}: {why or 'no run of it counts'}.")
    return compare(now, then, margin(last, what) or 0.0, what, last.source)


def compare(now: Sequence[Span], then: Sequence[Span], margin_s: float, what: str, source: str) -> Compared:
    """What the intervals of both prove. Neither is empty."""
    found = order(now, then, margin_s)
    said = f"The {what} was {spans(now)} and in {source} {spans(then)}"
    allowed = f"more than the {seconds(margin_s)} that is allowed" if margin_s else "and no margin is allowed"
    if found.apart:
        least_s = min(lower for lower, _ in now) - max(upper for _, upper in then if upper is not None)
        return Compared("fail", f"{said}: worse by at least {least(least_s)}, {allowed}. {_luck(found.by_chance)}")
    if found.proved:
        pairs = f"in {found.worse} of {found.pairs} pairs of runs it was worse by {allowed.removeprefix('and ')}"
        return Compared("fail", f"{said}: {pairs}. {_luck(found.by_chance)}")
    if no_longer(now, then, margin_s):
        return Compared("pass", f"{said}: not worse by more than {seconds(margin_s)}.")
    return Compared(
        "not judged",
        f"{said}: the intervals prove neither that it is worse by more than {seconds(margin_s)} nor that it is not.",
    )


def spans(found: Sequence[Span]) -> str:
    """Some intervals in words: the only one, or between which edges they all lie."""
    if len(found) == 1:
        return interval(*found[0])
    uppers = [upper for _, upper in found]
    highest = None if None in uppers else max(upper for upper in uppers if upper is not None)
    return f"{interval(min(lower for lower, _ in found), highest)} in {len(found)} runs"


def least(value_s: float) -> str:
    """A number of s that a true one is not below: rounded down, to three digits that count."""
    if value_s <= 0:
        return "0 s"
    digits = max(0, 2 - math.floor(math.log10(value_s)))
    return f"{math.floor(value_s * 10**digits) / 10**digits:g} s"


def _luck(by_chance: float) -> str:
    return f"Runs that are all alike come out in such an order in {percent(by_chance)} of cases."


def percent(share: float) -> str:
    """A bound of a probability, rounded up."""
    return f"{math.ceil(share * 1000) / 10:g}%"


def runs_words(count: int) -> str:
    """`1 run`, `5 runs`."""
    return f"{count} run{'' if count == 1 else 's'}"
