"""The measured figures as Allure 3 takes them: one key for each drill and edge of an interval, with a trend over runs.

An interval is two figures: a gate reads the upper edge, which is the worse one. What was not decided is not in it: the
figures of a drill that proves nothing would be a trend of nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from reports.model import Judgement, Verdict
from reports.words import drill_name


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one drill; `start` and `stop` are ms since 1970. Source: [Allure 3: performance results]."""

    id: str
    key: str
    value: float
    start: int
    stop: int


class Title(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader sees of a key."""

    title: str
    unit: str
    better: str
    group: str


def metrics(verdicts: Iterable[Verdict]) -> list[Metric]:
    """Every figure of these drills that was decided. A drill without marks has no time, and no figure."""
    return [metric for verdict in verdicts for metric in _of(verdict)]


def titles(verdicts: Iterable[Verdict]) -> dict[str, Title]:
    """What each key of these drills is called, decided this time or not: it may have been before."""
    return {
        f"{_prefix(verdict)}.{name}": Title(title=f"{_shown(verdict)}: {title}", unit=unit, better="lower", group=group)
        for verdict in verdicts
        for name, title, unit, group in _NAMES
    }


_NAMES = (
    ("recovery_time.lower", "recovery time, at least", "s", "recovery-time"),
    ("recovery_time.upper", "recovery time, at most", "s", "recovery-time"),
    ("data_loss.lower", "data loss, at least", "s", "data-loss"),
    ("data_loss.upper", "data loss, at most", "s", "data-loss"),
    ("data_loss.writes", "acknowledged writes lost", "writes", "data-loss"),
)
GROUPS = {"recovery-time": "Recovery time", "data-loss": "Data loss"}


def _of(verdict: Verdict) -> Iterator[Metric]:
    if not verdict.marks:
        return
    moments = [_ms(mark.utc) for mark in verdict.marks]
    for name, value in _figures(verdict):
        key = f"{_prefix(verdict)}.{name}"
        yield Metric(id=f"{verdict.run_id}.{key}", key=key, value=value, start=min(moments), stop=max(moments))


def _figures(verdict: Verdict) -> Iterator[tuple[str, float]]:
    recovery, loss = verdict.recovery_time, verdict.data_loss
    if _decided(recovery.verdict):
        edges = (("recovery_time.lower", recovery.lower_s), ("recovery_time.upper", recovery.upper_s))
        yield from ((name, value) for name, value in edges if value is not None)
    if _decided(loss.verdict):
        edges = (("data_loss.lower", loss.lower_s), ("data_loss.upper", loss.upper_s))
        yield from ((name, value) for name, value in edges if value is not None)
        yield "data_loss.writes", float(loss.gone)


def _decided(judged: Judgement) -> bool:
    return judged in ("pass", "fail")


def _prefix(verdict: Verdict) -> str:
    return f"{verdict.workload}.{_shown(verdict)}"


def _shown(verdict: Verdict) -> str:
    return drill_name(verdict.drill, verdict.parameters)


def _ms(utc: str) -> int:
    return round(datetime.fromisoformat(utc).timestamp() * 1000)
