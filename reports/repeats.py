"""Several runs of one drill judged together: the worst of them, the 95th percentile, and what so many runs bound."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from reports.bounds import share_at_least
from reports.counts import loss_span, recovery_span
from reports.gates import Objective
from reports.last_release import LastRelease, Span
from reports.model import Finding, Judgement, Overall, Undo, Verdict
from reports.no_worse import CHECKS, beside, margin, percent, runs_words
from reports.words import drill_name, interval, objective_words

REPEATS = "repeats.json"
SCHEMA = "dr-drills/repeats/1"
_QUANTILE = 0.95
# What a bound that is said at 95% may miss.
_MISS = 0.05


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """One number over all runs of a drill, in s: [lower, upper] of the worst run and of the 95th percentile.

    `counted` runs have one that counts. The percentile is the smallest number that 95% of these runs kept to (nearest
    rank): below 20 runs it is the worst. An upper edge is None where service was not seen to recover. `runs_s` are the
    runs that count, in their order; empty where an older version wrote the file.
    """

    objective_s: float | None
    counted: int
    worst_s: Span | None
    p95_s: Span | None
    runs_s: list[Span] = []


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one drill. Of those that decided anything, `missed` missed an objective.

    `miss_at_most` bounds the probability that the next one does, at 95%; None where no run decided anything. `surer`:
    how sure it is, 0..1, that the slowest run is at or beyond the 95th percentile of all runs there could be.
    """

    workload: str
    drill: str
    parameters: dict[str, str]
    environment: str
    runs: int
    passed: int
    missed: int
    undecided: int
    recovery_time: Spread
    data_loss: Spread
    miss_at_most: float | None
    surer: float
    verdict: Overall
    undo: Undo
    findings: list[Finding] = []

    @property
    def name(self) -> str:
        """The drill with its parameters."""
        return drill_name(self.drill, self.parameters)


class RepeatsFile(msgspec.Struct, frozen=True, kw_only=True):
    """`repeats.json` of a run with `--runs`."""

    run: str
    drills: list[Repeats]
    schema: str = SCHEMA


def failing_at_most(missed: int, decided: int) -> float:
    """The highest probability of a miss that these runs leave possible, at 95% (Clopper and Pearson 1934, one-sided).

    None missed: p with (1 - p)^n = 0.05, which is 0.95 for one run, 0.45 for 5, 0.26 for 10, 0.05 for 59. Raises
    ValueError for no runs.
    """
    if decided < 1:
        raise ValueError("no run decided anything")
    return 1.0 - share_at_least(decided - missed, decided, _MISS) if missed else 1.0 - math.pow(_MISS, 1 / decided)


def repeats_of(verdicts: Sequence[Verdict], last: LastRelease | None = None) -> Repeats:
    """Judge the runs of one drill together; there is at least one. `last` is what they are held against, if anything.

    fail: one of them missed an objective, or together they are proved to be worse than the last release. Only where
    every run passed does the drill; a run that decided nothing leaves it open.
    """
    first = verdicts[-1]
    passed, missed = (sum(v.verdict == word for v in verdicts) for word in ("pass", "fail"))
    findings = _beside(verdicts, last)
    decided = passed + missed
    recovery = _spread(first.recovery_time.objective_s, [recovery_span(v)[0] for v in verdicts])
    return Repeats(
        workload=first.workload,
        drill=first.drill,
        parameters=first.parameters,
        environment=first.environment,
        runs=len(verdicts),
        passed=passed,
        missed=missed,
        undecided=len(verdicts) - decided,
        recovery_time=recovery,
        data_loss=_spread(first.data_loss.objective_s, [loss_span(v)[0] for v in verdicts]),
        miss_at_most=failing_at_most(missed, decided) if decided else None,
        surer=1.0 - math.pow(_QUANTILE, recovery.counted),
        verdict=_overall(passed, missed, len(verdicts), [f.verdict for f in findings]),
        undo="dirty" if any(v.undo == "dirty" for v in verdicts) else "clean",
        findings=findings,
    )


def _overall(passed: int, missed: int, runs: int, beside_last: Iterable[Judgement]) -> Overall:
    if missed or "fail" in beside_last:
        return "fail"
    return "pass" if passed == runs else "inconclusive"


def _beside(verdicts: Sequence[Verdict], last: LastRelease | None) -> list[Finding]:
    if last is None:
        return []
    found: list[Finding] = []
    asked: tuple[Objective, ...] = ("recovery time", "data loss")
    for what in asked:
        if margin(last, what) is None:
            continue
        of = recovery_span if what == "recovery time" else loss_span
        compared = beside([span for v in verdicts if (span := of(v)[0])], last, what)
        found.append(Finding(check=CHECKS[what], verdict=compared.verdict, says=compared.says))
    return found


def _spread(objective_s: float | None, spans: Iterable[Span | None]) -> Spread:
    known = [span for span in spans if span is not None]
    lowers = sorted(lower for lower, _ in known)
    uppers = sorted(math.inf if upper is None else upper for _, upper in known)
    rank = math.ceil(_QUANTILE * len(known)) - 1

    def at(index: int) -> Span:
        return lowers[index], None if uppers[index] == math.inf else uppers[index]

    return Spread(
        objective_s=objective_s,
        counted=len(known),
        worst_s=at(-1) if known else None,
        p95_s=at(rank) if known else None,
        runs_s=known,
    )


def repeats_lines(found: Repeats) -> list[str]:
    """What so many runs say, in sentences."""
    counted = f"{found.passed} passed, {found.missed} missed an objective, {found.undecided} undecided"
    lines = [f"{runs_words(found.runs)}: {counted}"]
    lines += [spread_words(name, spread) for name, spread in numbers(found)]
    if found.miss_at_most is not None:
        lines.append(_bound_words(found))
    lines += [f"{f.verdict}: {f.check}: {f.says}" for f in found.findings]
    return lines


def numbers(found: Repeats) -> tuple[tuple[str, Spread], ...]:
    """Both numbers that are judged, by their names."""
    return (("recovery time", found.recovery_time), ("data loss", found.data_loss))


def spread_words(name: str, spread: Spread) -> str:
    """`recovery time: worst 4.1..4.3 s, p95 3.9..4.0 s of 30 s (20 runs)`."""
    if spread.worst_s is None or spread.p95_s is None:
        return f"{name}: no run of it counts"
    worst = interval(*spread.worst_s, spread.objective_s)
    p95 = interval(*spread.p95_s, spread.objective_s)
    return f"{name}: worst {worst}, p95 {p95} {objective_words(spread.objective_s)} ({runs_words(spread.counted)})"


def _bound_words(found: Repeats) -> str:
    decided, bound = runs_words(found.passed + found.missed), percent(found.miss_at_most or 0.0)
    return (
        f"after {decided} the chance that the next one misses is at most {bound} (at 95%); the slowest of them is "
        f"slower than 95% of all runs there could be with a probability of {_floor(found.surer)}%"
    )


def _floor(share: float) -> int:
    return math.floor(share * 100)


def write_repeats(run_folder: Path, drills: list[Repeats]) -> Path:
    """Write `repeats.json`. Raises OSError."""
    path = run_folder / REPEATS
    content = RepeatsFile(run=run_folder.name, drills=drills)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    return path


def read_repeats(run_folder: Path) -> list[Repeats]:
    """The drills of a run with `--runs`, judged together; [] of any other. Raises msgspec.DecodeError."""
    path = run_folder / REPEATS
    return msgspec.json.decode(path.read_bytes(), type=RepeatsFile).drills if path.exists() else []
