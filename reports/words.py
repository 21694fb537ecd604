"""How numbers and verdicts are put into words, the same way in the picture, the page, Allure and the terminal.

Every rounding here goes outwards (a lower edge down, an upper edge up), so that what is printed still contains what was
measured, and never so far that it seems to contradict the verdict.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from reports.model import (
    DataLoss,
    Failback,
    Judgement,
    MarkRow,
    Overall,
    PublishedLag,
    RecoveryTime,
    ReplicationLag,
    Verdict,
)
from reports.steps import Switched

# A shape beside each word: colour is never the only sign.
SIGNS: dict[Overall | Judgement, str] = {
    "pass": "✓",
    "fail": "✕",
    "inconclusive": "?",
    "invalid": "⊘",
    "aborted": "■",
    "not judged": "…",
}

# The worst first: fail > invalid > inconclusive > pass: a proven miss is never hidden.
SEVERITY: tuple[Overall, ...] = ("fail", "invalid", "aborted", "inconclusive", "pass")


def _cut(value: float, decimals: int, *, up: bool) -> Decimal:
    # Through repr, so that 1.1 is 1.1 and not 1.100000000000000088, which would round up to 1.2.
    quantum = Decimal(1).scaleb(-decimals)
    return Decimal(repr(value)).quantize(quantum, rounding=ROUND_CEILING if up else ROUND_FLOOR)


def _agrees(value: float, shown: Decimal, objective: float | None) -> bool:
    return objective is None or (value > objective) == (shown > Decimal(repr(objective)))


def _decimals(lower: float | None, upper: float | None, objective: float | None) -> int:
    """Enough that rounding outwards does not blur the interval, nor seems to carry it across the objective."""
    width = (upper or 0.0) - (lower or 0.0)
    blur = width / 4 if lower is not None and upper is not None and width > 0 else 0.25
    least = next((decimals for decimals in range(4) if 10.0**-decimals <= blur), 3)
    for decimals in range(max(least, 1), 10):
        low_fits = lower is None or _agrees(lower, _cut(lower, decimals, up=False), objective)
        high_fits = upper is None or _agrees(upper, _cut(upper, decimals, up=True), objective)
        if low_fits and high_fits:
            return decimals
    return 10


def interval(lower_s: float | None, upper_s: float | None, objective_s: float | None = None) -> str:
    """An interval in s: `4.1..4.3 s`, `at least 60.0 s` where no upper edge was seen, `not measured` without edges."""
    if lower_s is None:
        if upper_s is None:
            return "not measured"
        lower_s = 0.0
    decimals = _decimals(lower_s, upper_s, objective_s)
    low = _cut(lower_s, decimals, up=False)
    if upper_s is None:
        return f"at least {low} s"
    high = _cut(upper_s, decimals, up=True)
    return f"{low}..{high} s" if low != high else f"{low} s"


def seconds(value_s: float) -> str:
    """An exact number of s, as it was set: `30 s`, `0.5 s`."""
    return f"{value_s:g} s" if abs(value_s) < 1e6 else f"{value_s:.0f} s"  # noqa: PLR2004 -- where %g turns to exponents


def at(value_s: float) -> str:
    """A point on the drill's axis: `+12.3 s`."""
    return f"{value_s:+.1f} s"


def utc_text(utc_ns: int) -> str:
    """UTC to the ms, as ISO 8601: `2025-03-01T12:00:05.123Z`. `utc_ns` is ns since 1970."""
    whole, rest = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def drill_name(drill: str, parameters: dict[str, str]) -> str:
    """A drill as pytest names it: `az_power_loss[eu-west-1a]`."""
    return f"{drill}[{'-'.join(parameters.values())}]" if parameters else drill


def zone_named(zone: str, ids: Mapping[str, str]) -> str:
    """`eu-west-1a (euw1-az1)`: zones' names differ between accounts, their ids do not. The name alone without an id."""
    return f"{zone} ({ids[zone]})" if zone in ids else zone


def zones_named(text: str, ids: Mapping[str, str]) -> str:
    """A text with the id beside each zone that it names, unless it stands there already."""
    if not ids:
        return text
    names = "|".join(re.escape(name) for name in sorted(ids, key=len, reverse=True))
    return re.sub(rf"(?<![\w-])({names})(?![\w-]| \()", lambda found: zone_named(found[0], ids), text)


def zones(ids: Mapping[str, str]) -> str:
    """Every zone by name and id."""
    return ", ".join(zone_named(zone, ids) for zone in ids)


def objective_words(objective_s: float | None) -> str:
    """`of 30 s`, or that there is no such objective."""
    return f"of {seconds(objective_s)}" if objective_s is not None else "(no objective)"


def measured(figure: RecoveryTime | DataLoss) -> str:
    """One measured figure, with how sure it is where that is not certain: `3.9..4.5 s (95% sure)`."""
    told = interval(figure.lower_s, figure.upper_s, figure.objective_s)
    return told if figure.confidence >= 1.0 or figure.lower_s is None else f"{told} ({figure.confidence:.0%} sure)"


def recovery_words(recovery: RecoveryTime) -> str:
    """The measured recovery time beside its objective: `4.1..4.3 s of 30 s`.

    Where that is wider than what the operations saw, because they may not have met what everybody met, both stand
    there: `3.9..4.5 s (95% sure; seen 4.1..4.3 s) of 30 s`.
    """
    if recovery.lower_s is None and recovery.upper_s is None:
        objective = "no objective" if recovery.objective_s is None else f"RTO {seconds(recovery.objective_s)}"
        return f"not measured ({objective})"
    measured = interval(recovery.lower_s, recovery.upper_s, recovery.objective_s)
    sure = "" if recovery.confidence >= 1.0 else f" ({recovery.confidence:.0%} sure{_seen_words(recovery)})"
    return f"{measured}{sure} {objective_words(recovery.objective_s)}"


def _seen_words(recovery: RecoveryTime) -> str:
    if not recovery.seen_s:
        return ""
    lower_s, upper_s = recovery.seen_s
    return f"; seen {interval(lower_s, upper_s, recovery.objective_s)}"


def loss_words(loss: DataLoss) -> str:
    """The measured data loss beside its objective: `17 of 812 acknowledged, 0.8..0.9 s of 5 s`.

    `not measured` where nothing was read back.
    """
    count = f"{loss.gone} of {loss.acknowledged} acknowledged"
    objective = "none" if loss.objective_s is None else "0 lost" if loss.objective_s == 0 else seconds(loss.objective_s)
    if loss.lower_s is None and loss.upper_s is None:
        return f"not measured (objective: {objective})"
    if loss.gone == 0 or loss.objective_s == 0:
        return f"{count} (objective: {objective})"
    return f"{count}, {measured(loss)} (objective: {objective})"


def lag_words(lag: ReplicationLag) -> str:
    """The replication lag to one site: `to recovery p50 0.9..1.0 s, p99 1.0..1.2 s, max 1.1..1.2 s (40 writes)`."""
    if lag.p50_s is None or lag.p99_s is None or lag.max_s is None:
        ours = f"to {lag.site}: not measured ({lag.heartbeats} heartbeats)"
    else:
        figures = (("p50", lag.p50_s), ("p99", lag.p99_s), ("max", lag.max_s))
        told = ", ".join(f"{name} {interval(*edges)}" for name, edges in figures)
        ours = f"to {lag.site} {told} ({lag.writes} writes, {lag.heartbeats} heartbeats)"
    return "; ".join((ours, *(published_words(one) for one in lag.published)))


def published_words(published: PublishedLag) -> str:
    """What a service itself says of the lag: `AuroraGlobalDBReplicationLag mean 1.02 s, max 1.30 s (CloudWatch)`."""
    if published.mean_s is None or published.max_s is None:
        return f"{published.source}: {published.says}"
    figures = f"mean {published.mean_s:.2f} s, max {published.max_s:.2f} s"
    points = f"{published.points} points of {seconds(published.period_s)}"
    return f"{published.metric} {figures} ({published.source}; {points})"


def switch_words(switched: Switched) -> str:
    """What ARC says of a Region switch: `ARC says completed, actual recovery time 252 s (without detection)`."""
    skipped = f", skipped {', '.join(switched.skipped)}" if switched.skipped else ""
    took = "no recovery time"
    if switched.recovery_s is not None:
        took = f"actual recovery time {seconds(switched.recovery_s)} (without detection)"
    return f"ARC says {switched.state or 'nothing'}{skipped}, {took}"


def failback_words(failback: Failback) -> str:
    """The way home beside the objectives: `pass: recovery time 0.0..0.2 s of 30 s; data loss 0 of 812 acknowledged`."""
    recovery, loss = recovery_words(failback.recovery_time), loss_words(failback.data_loss)
    return f"{failback.verdict}: recovery time {recovery}; data loss {loss}"


def undo_words(verdict: Verdict) -> str:
    """Whether everything was put back."""
    if verdict.undo == "clean":
        return "clean: everything is proved to be put back"
    return "DIRTY: something is not proved to be put back"


def verdict_sentence(verdict: Verdict) -> str:
    """The verdict in one sentence with its numbers, for a title or a screen reader."""
    recovery, loss = verdict.recovery_time, verdict.data_loss
    back = f"recovery time {recovery_words(recovery)}"
    if recovery.lower_s is not None and recovery.upper_s is None:
        back = f"not recovered, {recovery_words(recovery)}"
    return f"{verdict.verdict.upper()}: {back}; data loss {loss_words(loss)}; undo {verdict.undo}."


def find_mark(marks: Iterable[MarkRow], *names: str) -> MarkRow | None:
    """The first mark with the first of these names that any mark has, or None."""
    rows = list(marks)
    return next((row for name in names for row in rows if row.name == name), None)


def worst(verdicts: Iterable[Overall]) -> Overall:
    """Several verdicts merged: the worst of them. None at all prove nothing, so they are invalid."""
    return min(verdicts, key=SEVERITY.index, default="invalid")


def mebibytes(size: int) -> str:
    """A size for a reader: bytes, KiB or MiB."""
    if size < 1024:  # noqa: PLR2004 -- 1 KiB
        return f"{size} bytes"
    if size < 1024 * 1024:
        return f"{size / 1024:.1f} KiB"
    return f"{size / 1024 / 1024:.1f} MiB"
