"""What every tool is told: whom to ask, how often, how long, and where to leave its record."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.others.started import SCRIPTS, Started, ToolFailed

# One deadline for everybody: what counts as bad must be the same for all.
TIMEOUT_S = 1.0
# The wall clock against the monotonic one may wander so far during a run (NTP slews by 0.5 ms a second at most).
_WANDERS_NS = 20_000_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One tool's orders. `folder` is its own."""

    url: str
    seconds: float
    rate: float
    folder: Path
    started: Started

    @property
    def log(self) -> Path:
        """What the tool says."""
        return self.folder / "said.txt"

    def script(self, name: str, *arguments: str | float) -> str:
        """Run one of the scripts to its end; what it said. Raises ToolFailed."""
        command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
        return self.started.run(command, self.log, self.seconds)


class WallClock:
    """Moves times of the wall clock, which is what tools write down, onto the monotonic axis of the truth."""

    def __init__(self) -> None:
        self._begin_ns = _wall_less_monotonic_ns()

    def shift_ns(self) -> int:
        """Ns to add to ns of UTC. Raises ToolFailed if the wall clock stepped meanwhile."""
        wandered_ns = _wall_less_monotonic_ns() - self._begin_ns
        if abs(wandered_ns) > _WANDERS_NS:
            raise ToolFailed(f"the wall clock stepped by {wandered_ns / 1e6:.0f} ms")
        return -self._begin_ns


def rows_of(text: str) -> list[dict[str, Any]]:
    """The JSON lines in what a tool said; other lines are its own talk. Raises ToolFailed if there are none."""
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    if not rows:
        raise ToolFailed("it left no record")
    return rows


def _wall_less_monotonic_ns() -> int:
    before_ns = time.monotonic_ns()
    wall_ns = time.time_ns()
    return wall_ns - (before_ns + time.monotonic_ns()) // 2
