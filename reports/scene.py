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

    def bad_end(self, episode: Episode, scale: Scale) -> tuple[float, float]:
        """Between which moments the bad time ended; where it was never seen to end, when looking for that ended."""
        if episode.stable_upper_s is not None:
            lower = episode.stable_lower_s
            return (episode.stable_upper_s if lower is None else lower), episode.stable_upper_s
        end = self.at("not recovered", "undo", "end")
        last = max(scale.end_s if end is None else end, episode.impact_upper_s, episode.stable_lower_s or 0.0)
        return last, last

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


def episodes_of(verdict: Verdict) -> list[Episode]:
    """The episodes over all streams that began after the fault was asked for and before it began to be undone."""
    asked, undo = find_mark(verdict.marks, "requested"), find_mark(verdict.marks, "undo")
    over_all = [e for e in verdict.episodes if e.stream == "all"]
    after = [e for e in over_all if asked is None or e.impact_upper_s >= asked.at_s - asked.uncertainty_s]
    return [e for e in after if undo is None or e.impact_lower_s <= undo.at_s]


def counted_episode(verdict: Verdict) -> Episode | None:
    """The episode that bounds the recovery time: one that did not end, or else the one that may be the longest."""

    def longest(episode: Episode) -> tuple[bool, float]:
        end_s = episode.stable_upper_s
        return end_s is None, (end_s or episode.stable_lower_s or 0.0) - episode.impact_lower_s

    return max(episodes_of(verdict), key=longest, default=None)
