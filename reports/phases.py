"""Which part of a drill's timeline counts as what."""

import msgspec

from probes.history import History
from reports.declared import Declared


class Phases(msgspec.Struct, frozen=True):
    """The drill's boundaries, ns on the history's axis.

    Before `since_ns` lies the baseline; None: the drill ended before it asked for anything. What happens from then to
    `until_ns` (when putting things back began; None: it never did) is judged.
    """

    start_ns: int
    since_ns: int | None
    until_ns: int | None


def phases_of(history: History, declared: Declared | None = None) -> Phases:
    """The boundaries by the marks `start`, `requested` (`steady` in a drill that injects nothing by design) and `undo`.

    A mark is taken at the early end of its uncertainty.
    """
    quiet = declared is not None and declared.expects == "no fault" and declared.fault is None
    return Phases(
        start_ns=_first(history, "start") or 0,
        since_ns=_first(history, "steady" if quiet else "requested"),
        until_ns=_first(history, "undo"),
    )


def _first(history: History, name: str) -> int | None:
    return min((m.at_ns - m.uncertainty_ns for m in history.marks if m.name == name), default=None)
