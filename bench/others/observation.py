"""What a tool left behind, and what its user would read from it of one outage.

All times are ns of `time.monotonic_ns`, the axis of the rig's truth.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from reports.bounds import NS_PER_S


class Sample(msgspec.Struct, frozen=True):
    """One question of a tool: asked at `begin_ns`, over at `end_ns`, and whether it was answered well."""

    begin_ns: int
    end_ns: int
    ok: bool

    def moved(self, by_ns: int) -> "Sample":
        """The same on another axis."""
        return Sample(self.begin_ns + by_ns, self.end_ns + by_ns, self.ok)


class Window(msgspec.Struct, frozen=True):
    """The part of a run in which one outage lies.

    `requested_ns` is when the fault was asked for, before it began; `quiet_ns`: from when to when the
    run was steady, before anything in it happened.
    """

    begin_ns: int
    requested_ns: int
    end_ns: int
    quiet_ns: tuple[int, int]


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says of one outage; all None where it noticed nothing.

    `length_s` is the one number that its user would write down. `lower_s` and `upper_s` are the bounds that the tool
    states, or, where it states none, those that its user can think of: the naive ones. `outages`: how many it saw.
    """

    length_s: float | None = None
    lower_s: float | None = None
    upper_s: float | None = None
    outages: int = 0


class Observation(Protocol):
    """What one tool left of a whole run."""

    @property
    def states_error(self) -> bool:
        """Whether the tool itself says how wrong its number may be."""

    def read(self, window: Window) -> Read:
        """What it says of the outage in `window`. Raises `NothingSeen` where it did not ask before or after."""


class NothingSeen(Exception):
    """A tool has no record of good service on both sides of an outage: it came late, or ended early."""


class Samples(msgspec.Struct, frozen=True):
    """A tool that logs every question. Its user reads from the first bad one to the first good one after the last.

    The naive bounds: it was down at least from the first bad one to the last, at most from the last good one before to
    the first good one after. `stamp` is the time by which the tool logs a question: of its beginning or of its end.
    """

    samples: tuple[Sample, ...]
    by_end: bool = False

    @property
    def states_error(self) -> bool:
        return False

    def read(self, window: Window) -> Read:
        inside = sorted(
            (s for s in self.samples if window.begin_ns <= s.begin_ns < window.end_ns), key=self._stamp_ns
        )  # fmt: skip
        bad = [at for at, sample in enumerate(inside) if not sample.ok]
        if not bad:
            if not any(s.begin_ns < window.requested_ns for s in inside):
                raise NothingSeen("nothing was asked before the outage")
            return Read()
        first, last = bad[0], bad[-1]
        if first == 0 or last == len(inside) - 1:
            raise NothingSeen("no good answer before the outage, or none after it")
        stamps = [self._stamp_ns(s) for s in inside]
        return Read(
            length_s=_seconds(stamps[last + 1] - stamps[first]),
            lower_s=_seconds(stamps[last] - stamps[first]),
            upper_s=_seconds(stamps[last + 1] - stamps[first - 1]),
            outages=sum(inside[at - 1].ok for at in bad),
        )

    def _stamp_ns(self, sample: Sample) -> int:
        return sample.end_ns if self.by_end else sample.begin_ns


class Wait(msgspec.Struct, frozen=True):
    """One waiting until the service was up: from the first failure to the success."""

    down_ns: int
    up_ns: int


class Waits(msgspec.Struct, frozen=True):
    """A tool that waits until it is up, and logs how long that took. It is called once, after the first failure."""

    waits: tuple[Wait, ...]
    checks: tuple[int, ...]

    @property
    def states_error(self) -> bool:
        return False

    def read(self, window: Window) -> Read:
        """One point. There is nothing to make bounds from: whoever waits logs no good answer before, and no bad one."""
        if not any(window.begin_ns <= at < window.requested_ns for at in self.checks):
            raise NothingSeen("nothing was asked before the outage")
        inside = [w for w in self.waits if window.begin_ns <= w.down_ns < window.end_ns]
        if not inside:
            return Read()
        length_s = _seconds(inside[0].up_ns - inside[0].down_ns)
        return Read(length_s=length_s, lower_s=length_s, upper_s=length_s, outages=1)


def moved(samples: Iterable[Sample], by_ns: int) -> tuple[Sample, ...]:
    """All of them on another axis, in the order of asking."""
    return tuple(sorted((s.moved(by_ns) for s in samples), key=lambda s: s.begin_ns))


def rate_of(samples: Sequence[Sample]) -> float:
    """Questions a second, over the whole. 0 for fewer than two."""
    if len(samples) < 2:  # noqa: PLR2004  there is no rate of one
        return 0.0
    return (len(samples) - 1) / _seconds(samples[-1].begin_ns - samples[0].begin_ns)


def _seconds(value_ns: int) -> float:
    return value_ns / NS_PER_S
