"""What the parts of a timeline are drawn from, and the measures and inks that they share."""

from dataclasses import dataclass

from probes.history import History
from reports.declared import Declared
from reports.lanes import NANO, Lane
from reports.losses import LossRow
from reports.model import Episode, Verdict
from reports.words import find_mark

WIDTH = 1000.0
LEFT, RIGHT = 190.0, 965.0
INK, MUTED, RULE = "#1f2328", "#57606a", "#d0d7de"
GOOD, BAD, DOUBT, LOST, OBJECTIVE = "#1a7f37", "#cf222e", "#9a5b00", "#8250df", "#0550ae"


@dataclass(frozen=True)
class Scale:
    """The time axis of one panel: s since the drill's start to px."""

    start_s: float
    end_s: float

    def x(self, at_s: float) -> float:
        """The px of a moment, held inside the panel."""
        share = (min(max(at_s, self.start_s), self.end_s) - self.start_s) / (self.end_s - self.start_s)
        return LEFT + share * (RIGHT - LEFT)

    def shows(self, at_s: float) -> bool:
        """Whether the panel shows this moment."""
        return self.start_s <= at_s <= self.end_s


@dataclass(frozen=True)
class Scene:
    """All that the panels draw from."""

    verdict: Verdict
    declared: Declared
    lanes: list[Lane]
    losses: tuple[LossRow, ...]
    episode: Episode | None
    utc_at_start_ns: int

    @property
    def rto_s(self) -> float | None:
        """The RTO in s."""
        return self.verdict.recovery_time.objective_s

    def at(self, *names: str) -> float | None:
        """When the first of these marks came, in s since the drill's start."""
        row = find_mark(self.verdict.marks, *names)
        return None if row is None else row.at_s

    def bad_until(self, scale: Scale) -> float:
        """Where the bad time ends in the picture if it was never seen to end."""
        end = self.at("not recovered", "undo", "end")
        return scale.end_s if end is None else end

    def fault_span(self, scale: Scale) -> tuple[float, float] | None:
        """From when the fault was in effect until it began to be undone; None without a fault."""
        start = self.at("effective", "requested")
        if start is None:
            return None
        end = self.at("undo", "end")
        return start, scale.end_s if end is None else end


def origin_of(history: History, verdict: Verdict) -> int:
    """The drill's start on the history's axis, in ns: where the verdict's marks and the history's agree that it is."""
    for row in verdict.marks:
        mark = next((m for m in history.marks if m.name == row.name), None)
        if mark is not None:
            return mark.at_ns - round(row.at_s * NANO)
    start = history.mark("start")
    return start.at_ns if start is not None else 0


def counted_episode(verdict: Verdict) -> Episode | None:
    """The episode that the recovery time was taken from: the first over all streams after the fault was asked for."""
    asked = find_mark(verdict.marks, "requested", "effective")
    over_all = [e for e in verdict.episodes if e.stream in {"", "all"}]
    after = [e for e in over_all if asked is None or e.impact_upper_s >= asked.at_s]
    return min(after, key=lambda e: e.impact_lower_s, default=None)


