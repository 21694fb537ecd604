"""Pauses: stretches in which a stream asked nothing, and what may have hidden in them.

A vantage on a busy machine now and then sends late. The edges rest on the operations that were sent, so a pause at an
edge is in the interval already. A pause just before an outage may hide its beginning, and one in the hold a relapse:
the interval is widened over it. How long a pause may be at all is a gate's business (`reports/vantage.py`).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import attrgetter

import msgspec

from probes.history import Operation
from reports.group import Group
from reports.plain import Window
from reports.series import Series

# Sends further apart than this many periods leave a stretch in which nothing was asked.
MOST_PERIODS = 2


class Pause(msgspec.Struct, frozen=True, order=True):
    """From one sending to the next, and until that was answered. Ns on the history's axis."""

    begin_ns: int
    end_ns: int
    answered_ns: int


def pauses_of(operations: Sequence[Operation], most_ns: int) -> Iterator[Pause]:
    """Every time that nothing was sent for longer than `most_ns`; `operations` in the order of sending."""
    for a, b in pairwise(operations):
        if b.sent_ns - a.sent_ns > most_ns:
            yield Pause(a.sent_ns, b.sent_ns, b.done_ns)


def over_pauses(groups: Sequence[Group], streams: Sequence[Series], window: Window) -> list[Group]:
    """The same episodes, each widened over the pauses that may hide its beginning or a relapse."""
    pauses = sorted(p for asked in _together(streams) for p in asked if p.end_ns >= window.since_ns)
    return [_widened(group, pauses, window) for group in groups]


def _together(streams: Sequence[Series]) -> Iterator[Iterator[Pause]]:
    """The pauses of the streams that ask the same: while one is late, another that asks is no pause."""
    by_what = attrgetter("stream.probe", "stream.kind")
    for _, alike in groupby(sorted(streams, key=by_what), key=by_what):
        same = list(alike)
        operations = sorted((o for s in same for o in s.operations), key=attrgetter("sent_ns"))
        yield pauses_of(operations, MOST_PERIODS * max(s.stream.period_ns for s in same))


def _widened(group: Group, pauses: Sequence[Pause], window: Window) -> Group:
    lower_ns = group.impact.lower_ns
    for pause in reversed(pauses):
        # Good service for a whole hold in between would make it an outage of its own.
        if pause.begin_ns < lower_ns <= pause.end_ns + window.hold_ns:
            # A fault cannot bite before it was asked for.
            lower_ns = min(lower_ns, max(pause.begin_ns, window.since_ns))
    upper_ns = group.stable_upper_ns
    if upper_ns is not None:
        for pause in pauses:
            if group.stable_lower_ns < pause.end_ns and pause.begin_ns <= upper_ns + window.hold_ns:
                upper_ns = max(upper_ns, pause.answered_ns)
    return msgspec.structs.replace(group, unasked_ns=lower_ns, stable_upper_ns=upper_ns)
