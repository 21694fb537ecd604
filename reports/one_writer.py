"""One Region takes all writes (`writes = "global"`), and the others send theirs there: what the answers show of that.

Every answer names the Region that committed, whichever took the request. While nothing is broken that is one Region, or
the drill shows something else. Once that is lost the right to write moves. How it did is told, and judged by nothing:
two Regions that wrote at once are no loss by themselves, and what was lost by it the ledger has.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from probes.history import History, Operation
from reports.bounds import seconds
from reports.declared import Declared
from reports.gates import Gate, broken, held
from reports.model import Finding
from reports.phases import phases_of
from reports.sent import judged_changes
from reports.series import names_of, region_of, series_of

GLOBAL = "global"
SERVE, PATTERN, WRITERS = "all sites serve", "one write Region", "write Regions"
# Turns that the sentence names.
_SHOWN = 6


class _Period(msgspec.Struct):
    """Writes that one Region committed, one after the other, none of another Region's between them."""

    region: str
    first: Operation
    last: Operation


def reading(history: History, declared: Declared, since_ns: int) -> Gate:
    """Whether each home Region answered reads before the fault; writes are committed in one of them alone."""
    reads = (o for s in series_of(history, "workload") for o in s.operations if o.kind == "read")
    answered = Counter(region_of(o) for o in reads if o.good and o.done_ns < since_ns)
    return served(answered, declared, none="answered no read", some="reads answered")


def served(by_region: Counter[str], declared: Declared, *, none: str, some: str) -> Gate:
    """Whether each home Region did what is counted, before the fault; `none` and `some` say what that is."""
    homes = sorted(set(declared.homes.values()))
    said = ", ".join(f"{region} {by_region[region]}" for region in homes)
    if idle := [region for region in homes if not by_region[region]]:
        says = f"{' and '.join(idle)} {none} before the fault ({said}): not all sites served."
        return broken(SERVE, says, verdict="invalid")
    return held(SERVE, f"Every site served before the fault; {some}: {said}.")


def writing(before: Sequence[Operation], declared: Declared) -> Gate:
    """Whether the one Region committed each of these writes, and clients of another Region sent some of them."""
    away = [o for o in before if region_of(o) != declared.writer]
    if away:
        where = region_of(away[0]) or "no Region"
        says = (
            f"{len(away)} of {len(before)} writes before the fault were not committed in {declared.writer}, as the "
            f'workload file says (writes = "global"); the first is {away[0].key}, in {where}.'
        )
        return broken(PATTERN, says, verdict="invalid", operations=names_of(away))
    sent_on = [o for o in before if declared.homes.get(o.probe, declared.writer) != declared.writer]
    if not sent_on:
        says = f"No client of another Region than {declared.writer} wrote before the fault: nothing was sent on to it."
        return broken(PATTERN, says, verdict="invalid")
    says = (
        f"Each of {len(before)} writes before the fault was committed in {declared.writer}, "
        f"also the {len(sent_on)} that clients of other Regions sent."
    )
    return held(PATTERN, says)


def judge_writers(history: History, declared: Declared) -> Finding | None:
    """Which Region committed when, and how near two of them came to each other. None where each Region may write."""
    since_ns = phases_of(history, declared).since_ns
    written = [o for o in judged_changes(history) if o.good and region_of(o)]
    if declared.writes != GLOBAL or since_ns is None or not written:
        return None
    periods = _periods(written)
    if len(periods) == 1:
        says = f"Each of {len(written)} writes of the drill was committed in {periods[0].region}."
        return Finding(check=WRITERS, verdict="not judged", says=says)
    turns = list(pairwise(periods))
    shown = "; ".join(_turn_words(old, new, since_ns) for old, new in turns[:_SHOWN])
    more = f"; and {len(turns) - _SHOWN} more" if len(turns) > _SHOWN else ""
    nearest = min(_between_ns(old, new) for old, new in turns)
    says = f"Another Region committed writes from then on: {shown}{more}. {_nearness(nearest)}"
    proof = names_of(o for old, new in turns for o in (old.last, new.first))
    return Finding(check=WRITERS, verdict="not judged", says=says, operations=proof)


def _periods(written: Sequence[Operation]) -> list[_Period]:
    found: list[_Period] = []
    for one in sorted(written, key=lambda o: o.done_ns):
        if found and found[-1].region == region_of(one):
            found[-1].last = one
        else:
            found.append(_Period(region_of(one), one, one))
    return found


def _between_ns(old: _Period, new: _Period) -> int:
    """From the old one's last answer until the new one's first request; below 0: they were under way together."""
    return new.first.sent_ns - old.last.done_ns


def _turn_words(old: _Period, new: _Period, since_ns: int) -> str:
    last_s, first_s = seconds(old.last.done_ns - since_ns), seconds(new.first.done_ns - since_ns)
    side = "before" if last_s < 0 else "after"
    return f"{old.region} until {abs(last_s):.1f} s {side} the fault was asked for, {new.region} from {first_s:.1f} s"


def _nearness(between_ns: int) -> str:
    if between_ns < 0:
        return "Writes of two Regions were under way at the same time: both may have written at once."
    return (
        "Two were never seen to write at once: from the last answer of one to the first request that another "
        f"committed lay {seconds(between_ns):.1f} s or more."
    )
