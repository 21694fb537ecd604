"""Two runs, or two releases, beside each other: what is proved worse or better, and where the intervals overlap."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from reports.counts import loss_span, recovery_span
from reports.last_release import Span
from reports.many import Kept, by_drill
from reports.no_worse import percent, spans
from reports.ordered import RARE, Order, order
from reports.tables import markdown_table, text_table
from reports.words import interval

Outcome = Literal["worse", "better", "not told apart", "not compared"]
_HEAD = ("drill", "number", "A", "B", "B is", "why")


class Difference(NamedTuple):
    """One number of one drill in A and in B, in words, and what the intervals prove of it."""

    drill: str
    number: str
    before: str
    after: str
    outcome: Outcome
    why: str


def differences(before: Sequence[Kept], after: Sequence[Kept]) -> list[Difference]:
    """Every drill of either, each with its recovery time and its data loss."""
    then, now = by_drill(before), by_drill(after)
    found: list[Difference] = []
    for key in sorted({*then, *now}):
        one, other = then.get(key, []), now.get(key, [])
        name = f"{key[2]} of {key[0]} ({key[1]})"
        found.append(_difference(name, "recovery time", _recoveries(one), _recoveries(other)))
        found.append(_difference(name, "data loss", _losses(one), _losses(other)))
    return found


def _recoveries(kept: Sequence[Kept]) -> list[tuple[Span | None, str]]:
    return [recovery_span(one.verdict) for one in kept]


def _losses(kept: Sequence[Kept]) -> list[tuple[Span | None, str]]:
    return [loss_span(one.verdict) for one in kept]


def _difference(
    name: str, number: str, one: Sequence[tuple[Span | None, str]], other: Sequence[tuple[Span | None, str]]
) -> Difference:
    then, now = ([span for span, _ in side if span is not None] for side in (one, other))
    told = (_side(one, then), _side(other, now))
    if not then or not now:
        missing = " and ".join(side for side, known in (("A", then), ("B", now)) if not known)
        return Difference(name, number, *told, "not compared", f"no number that counts in {missing}")
    worse, better = order(now, then), order(then, now)
    if _proved_by(worse):
        return Difference(name, number, *told, "worse", _words(now, then, worse))
    if _proved_by(better):
        return Difference(name, number, *told, "better", _words(then, now, better))
    single = len(then) == len(now) == 1
    why = "the intervals overlap" if single else f"alike in rank: chance does it in {percent(_least(worse, better))}"
    return Difference(name, number, *told, "not told apart", why)


def _least(worse: Order, better: Order) -> float:
    return min(worse.by_chance, better.by_chance)


def _proved_by(found: Order) -> bool:
    """Both ways are asked, so that chance may do half as much each way."""
    return found.apart or found.by_chance <= RARE / 2


def _words(longer: Sequence[Span], shorter: Sequence[Span], found: Order) -> str:
    luck = f"runs that are alike do that in {percent(found.by_chance)}"
    if not found.apart:
        return f"{found.worse} of {found.pairs} pairs of runs; {luck}"
    uppers = [upper for _, upper in longer]
    least_s = min(lower for lower, _ in longer) - max(upper for _, upper in shorter if upper is not None)
    most_s = None if None in uppers else max(filter(None, uppers)) - min(lower for lower, _ in shorter)
    return f"by {interval(least_s, most_s)}; {luck}"


def _side(given: Sequence[tuple[Span | None, str]], known: Sequence[Span]) -> str:
    if not given:
        return "not run"
    if not known:
        return f"does not count: {given[-1][1]}"
    left_out = len(given) - len(known)
    return spans(known) + (f" ({left_out} more do not count)" if left_out else "")


def other_conditions(before: Sequence[Kept], after: Sequence[Kept]) -> list[str]:
    """What was not the same: versions, objectives, the lab's settings. A difference may be theirs."""
    common = {one.key for one in before} & {one.key for one in after}
    before, after = ([one for one in side if one.key in common] for side in (before, after))
    said = []
    for what, one, other in (
        ("harness", _harness(before), _harness(after)),
        ("commit", _commits(before), _commits(after)),
        ("objectives", _objectives(before), _objectives(after)),
        ("the lab's settings", _settings(before), _settings(after)),
    ):
        if one != other:
            gone, come = sorted(one - other), sorted(other - one)
            said.append(f"{what}: {', '.join(gone) or 'none'} -> {', '.join(come) or 'none'}")
    return said


def _harness(kept: Sequence[Kept]) -> set[str]:
    return {one.run.harness for one in kept if one.run}


def _commits(kept: Sequence[Kept]) -> set[str]:
    return {one.run.commit for one in kept if one.run and one.run.commit}


def _objectives(kept: Sequence[Kept]) -> set[str]:
    found = ((one.name, one.verdict.recovery_time.objective_s, one.verdict.data_loss.objective_s) for one in kept)
    return {f"{name} RTO {_objective(rto_s)}, RPO {_objective(rpo_s)}" for name, rto_s, rpo_s in found}


def _objective(value_s: float | None) -> str:
    return "none" if value_s is None else f"{value_s:g} s"


def _settings(kept: Sequence[Kept]) -> set[str]:
    return {f"{name} {value:g}" for one in kept if one.run for name, value in one.run.lab.items()}


def compared_text(before: Sequence[Kept], after: Sequence[Kept], *, as_markdown: bool = False) -> str:
    """Both as a table, and below it what was not the same."""
    table = markdown_table if as_markdown else text_table
    rows = [tuple(one) for one in differences(before, after)]
    other = [f"not the same: {said}" for said in other_conditions(before, after)]
    return "\n".join([table(_HEAD, rows), *([""] if other else []), *([f"- {o}" for o in other])]) + "\n"
