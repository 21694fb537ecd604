"""What the rig did, and what a client could have seen of it: the truth that numbers are held against.

*Down* is the service from the moment at which the rig changed to bad to the moment at which it changed back. Each
change takes some microseconds; both ends of it are logged, so a moment of truth is an interval as well:
[`begin_ns`, `begun_ns`] and [`end_ns`, `ended_ns`]. Nothing is answered between the two, as one thread does it all.

- `refuse`, `swallow`, `503`: what is asked while the service is down meets that. An answer that was due while it is
  down does not leave (it is reset, held back in silence, or a 503), though the write may be done.
- `hang`: down from beginning to end. Of what is asked in its last timeout the answer comes in time, so a client sees
  nothing bad in that part: an interval must hold the end of the hang, and may be wider by a timeout.
- `slow`: down if the delay exceeds the client's timeout; else a client that has no limit for latency sees nothing bad.
- A name that turns: down until the client was free to ask for the name again: from the last old answer + TTL to the
  first new answer.

Times are ns of `time.monotonic_ns`, an axis that all processes of one boot share.
"""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from bench.rig.script import Outage

# The discard port: whoever asks it for a name fails at once.
NO_NAMES = 9


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """The rig's ports on 127.0.0.1.

    `component` answers 200 only while nothing is scripted to be down (for a witness), `control` always; `names` is DNS.
    """

    first: int
    second: int
    component: int
    control: int
    names: int


class Down(msgspec.Struct, frozen=True, kw_only=True):
    """One outage as it was. `end_ns` and `ended_ns` are None while it lasts."""

    begin_ns: int
    begun_ns: int
    end_ns: int | None
    ended_ns: int | None
    outage: Outage


class Change(msgspec.Struct, frozen=True):
    """The state of one key from `at_ns` on: its version (None: absent), how often it took effect, sound or not."""

    at_ns: int
    version: int | None
    effects: int = 1
    sound: bool = True


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One write, update or delete that reached the rig. `answered_ns` and `status` are 0 where no answer left."""

    kind: str
    key: str
    version: int
    arrived_ns: int
    answered_ns: int = 0
    status: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether the rig said that it is done. An answer that left may still have come too late for the client."""
        return self.status in (200, 201)


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run.

    `keys` has every state of every key, in time order; `written` every write in order of arrival; `listed` when each
    page of a listing was read.
    """

    zero_ns: int
    down: tuple[Down, ...]
    written: tuple[Written, ...]
    keys: dict[str, tuple[Change, ...]]
    listed: tuple[int, ...] = ()

    def state(self, key: str, at_ns: int) -> Change:
        """The state of a key at a moment."""
        changes = self.keys.get(key, ())
        found = bisect_right(changes, at_ns, key=lambda change: change.at_ns)
        return changes[found - 1] if found else Change(0, None)


class Span(msgspec.Struct, frozen=True):
    """A length of time or a moment that is known to lie in [`lower_ns`, `upper_ns`]."""

    lower_ns: int
    upper_ns: int


class TrueOutage(msgspec.Struct, frozen=True):
    """What counts as one outage: no time of `hold_ns` in it was good."""

    begin: Span
    end: Span

    @property
    def lasted(self) -> Span:
        """How long it was."""
        return Span(self.end.lower_ns - self.begin.upper_ns, self.end.upper_ns - self.begin.lower_ns)


def outages_of(down: Iterable[Down], hold_ns: int) -> list[TrueOutage]:
    """Join what lies less than a hold apart. Raises ValueError for one that still lasts."""
    found: list[TrueOutage] = []
    for one in sorted(down, key=lambda d: d.begin_ns):
        if one.end_ns is None or one.ended_ns is None:
            raise ValueError("an outage still lasts")
        begin, end = Span(one.begin_ns, one.begun_ns), Span(one.end_ns, one.ended_ns)
        if found and begin.lower_ns - found[-1].end.upper_ns < hold_ns:
            last = found.pop()
            begin, end = last.begin, max(last.end, end, key=lambda e: e.upper_ns)
        found.append(TrueOutage(begin, end))
    return found
