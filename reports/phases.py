"""Which part of a drill's timeline counts as what."""

import msgspec

from probes.history import History, Mark
from reports.declared import Declared


class Phases(msgspec.Struct, frozen=True):
    """The drill's boundaries, ns on the history's axis.

    Before `since_ns` lies the baseline; None: the drill ended before it asked for anything. What happens from then to
    `until_ns` (when putting things back or the way home began; None: neither did) is judged. From `failback_ns` on
    (None: there was no way home) the failback is judged by itself.
    """

    start_ns: int
    since_ns: int | None
    until_ns: int | None
    failback_ns: int | None = None


def phases_of(history: History, declared: Declared | None = None) -> Phases:
    """The boundaries by the marks `start`, `requested`, `undo` and `failback start`.

    In a drill that injects nothing by design `steady` stands for `requested`. Where no failover is expected, the undo
    is a part of the blip: service is back with it, and all of that is judged. A mark is taken at the early end of its
    uncertainty.
    """
    quiet = declared is not None and declared.expects == "no fault" and declared.fault is None
    blip = declared is not None and declared.expects == "no failover"
    undo_ns = None if blip else _first(history, "undo")
    ends = [ns for ns in (undo_ns, _first(history, "failback start")) if ns is not None]
    return Phases(
        start_ns=_first(history, "start") or 0,
        since_ns=_first(history, "steady" if quiet else "requested"),
        until_ns=min(ends, default=None),
        failback_ns=_first(history, "failback start"),
    )


def main_mark(history: History, name: str) -> Mark | None:
    """The first mark of that name before the way home began, or None: the failback has marks of its own."""
    home_ns = _first(history, "failback start")
    return next((m for m in history.marks if m.name == name and (home_ns is None or m.at_ns < home_ns)), None)


def _first(history: History, name: str) -> int | None:
    return min((m.at_ns - m.uncertainty_ns for m in history.marks if m.name == name), default=None)
