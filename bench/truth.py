"""The lab's ground truth of one drill against what was measured: pure functions, no clock and no files.

The lab knows when its *components* died and came back. That is not when its *service* did: between the two lie the
requests that still find a way, names that are still kept, connections that hang. So the truth gives a bracket for
each end, and what was measured must agree with it. `bracket` derives it:

Impact, the first moment at which service is not wholly good.
  Not before `instance loses power` or `database writer lost`, whichever came first: the lab writes these down before
  it tells the network, and until the network swallows something, no client can notice.
  Not after `database server killed` where the zone held the writer, else not after `instance lost power`: the lab
  writes these down when the network swallows already, so every order fails (each needs the writer), or each request
  that the load balancer sends to that target.

Stable, the first moment from which service is wholly good.
  Not before `database writer serves`, which is written down before the network leads there.
  Not before the load balancer stops sending to the dead target: `target unhealthy` or `group terminates` of it,
  whichever came first. The lab looks and acts once a round of its reconciler (`ROUND_NS`), so the moment itself is
  known to within a round before and after; it never lies before `instance lost power`.
  Not after the last of these: that, plus a round; `database writer serves`, plus a round until the network leads
  there, plus the time to live for which a relay may keep the old address, plus the application's deadline of one
  database operation. What began before is over by then, and has thrown its dead connections away; what begins later
  finds the new writer. Nothing that a client asks after that can fail of this fault.

All of it is on one clock: `moments` moves the truth's monotonic times onto the axis of the drill's marks.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from probes.clock import ClockBase
from reports.bounds import NS_PER_S, Edge, seconds, unseen_sends
from reports.episodes import LOCAL_BAD
from reports.model import Episode, Verdict
from reports.repeats import failing_at_most

# The reconciler looks every 0.1 s at least, and a round takes some tens of ms; the rest is for a busy machine.
ROUND_NS = NS_PER_S // 2
NO_CHANCE = 0.001
# Nothing but the lab itself is broken if one of these stands in its log while a drill runs.
BROKEN = ("process died", "part died", "owner died", "database server did not start")


class NoTruth(Exception):
    """The log of ground truth does not say what the comparison needs: which event is missing."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the lab's log: `event` happened to `subject`; for an instance or a database, `detail` is its zone."""

    mono_ns: int
    utc_ns: int
    event: str
    subject: str
    detail: str = ""


class Moment(msgspec.Struct, frozen=True):
    """An entry on the axis of the drill's marks."""

    at_ns: int
    event: str
    subject: str
    detail: str = ""


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """What the bracket rests on besides the log.

    The zone; when the fault was asked for and when putting back began, in ns on the marks' axis; the time to live of
    the database's name and the application's deadline of one database operation, in ns.
    """

    zone: str
    requested_ns: int
    undo_ns: int
    ttl_ns: int
    reconnect_ns: int
    round_ns: int = ROUND_NS


class Bracket(msgspec.Struct, frozen=True):
    """Where the truth allows each end to lie, in ns on the marks' axis."""

    impact: Edge
    stable: Edge

    @property
    def recovery(self) -> Edge:
        """How long it may have taken."""
        lower_ns = max(0, self.stable.lower_ns - self.impact.upper_ns)
        return Edge(lower_ns, self.stable.upper_ns - self.impact.lower_ns)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the verdict says, in ns on the marks' axis. `episodes` counts how often service was seen to be bad."""

    impact: Edge
    stable: Edge
    recovery: Edge
    episodes: int
    lost: int
    loss_lower_s: float
    confidence: float


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How the workload was asked, and how it answered while it was bad.

    In ns: the streams' period, the longest time between two sends around the edges, the longest success of the
    baseline, and the longest of those that ended the outage (service that is just back may answer slower than ever
    before). `met`: for each kind of operation how many were good between the first bad one and the last, and how many
    were bad.
    """

    period_ns: int
    gap_ns: int
    longest_ns: int
    back_ns: int = 0
    met: tuple[tuple[int, int], ...] = ()


def moments(entries: Iterable[Entry], base: ClockBase) -> tuple[Moment, ...]:
    """The log on the axis whose zero is `base`. Exact only within the boot that `base` names."""
    placed = (Moment(e.mono_ns - base.mono_ns, e.event, e.subject, e.detail) for e in entries)
    return tuple(sorted(placed, key=lambda m: m.at_ns))


def bracket(log: Sequence[Moment], drilled: Drilled) -> Bracket:
    """Where impact and recovery may lie (see the module's own words). Raises NoTruth."""
    window = [m for m in log if drilled.requested_ns <= m.at_ns < drilled.undo_ns]
    dead = {m.subject for m in window if m.event == "instance loses power" and m.detail == drilled.zone}
    writers = [m for m in window if m.event == "database writer lost"]
    first = [m.at_ns for m in window if m in writers or (m.event == "instance loses power" and m.subject in dead)]
    if not first:
        raise NoTruth(f"nothing in {drilled.zone} lost its power between the fault's request and its undo")
    gone = {name: _first(window, "instance lost power", name) for name in sorted(dead)}
    felt_ns = _first(window, "database server killed") if writers else min(gone.values())
    ends = [_out_of_service(window, name, at_ns, drilled.round_ns) for name, at_ns in gone.items()]
    ends += [_writer_back(window, lost, drilled) for lost in writers]
    return Bracket(
        Edge(min(first), felt_ns), Edge(max(e.lower_ns for e in ends), max(e.upper_ns for e in ends))
    )  # fmt: skip


def _out_of_service(window: Sequence[Moment], target: str, dead_ns: int, round_ns: int) -> Edge:
    """When the load balancer stopped sending to a dead target."""
    told = [
        m.at_ns for m in window if m.subject == target and m.event in ("target unhealthy", "group terminates")
    ]  # fmt: skip
    if not told:
        raise NoTruth(f"{target} lost its power, and nothing says that the load balancer took it out")
    return Edge(max(dead_ns, min(told) - round_ns), max(dead_ns, min(told)) + round_ns)


def _writer_back(window: Sequence[Moment], lost: Moment, drilled: Drilled) -> Edge:
    serves_ns = _first([m for m in window if m.at_ns >= lost.at_ns], "database writer serves")
    return Edge(serves_ns, serves_ns + drilled.round_ns + drilled.ttl_ns + drilled.reconnect_ns)


def _first(window: Iterable[Moment], event: str, subject: str = "") -> int:
    found = (m.at_ns for m in window if m.event == event and subject in ("", m.subject))
    at_ns = next(found, None)
    if at_ns is None:
        raise NoTruth(f"{event!r}{f' of {subject}' if subject else ''} is not in the log before the undo")
    return at_ns


def broken(log: Iterable[Moment]) -> list[str]:
    """What the lab broke by itself."""
    return [f"the lab: {m.event}: {m.subject} {m.detail}".strip() for m in log if m.event in BROKEN]


def measured(verdict: Verdict, start_ns: int) -> Measured:
    """What the verdict says. `start_ns` is the mark that its times count from. Raises ValueError: no recovery seen."""
    rows = _service(verdict)
    recovery = verdict.recovery_time
    if not rows or recovery.lower_s is None or recovery.upper_s is None:
        raise ValueError("the verdict has no recovery time with both ends")
    first, last = rows[0], rows[-1]
    if last.stable_lower_s is None or last.stable_upper_s is None:
        raise ValueError("the verdict's last episode has no end")
    return Measured(
        impact=Edge(start_ns + _ns(first.impact_lower_s), start_ns + _ns(first.impact_upper_s)),
        stable=Edge(start_ns + _ns(last.stable_lower_s), start_ns + _ns(last.stable_upper_s)),
        recovery=Edge(_ns(recovery.lower_s), _ns(recovery.upper_s)),
        episodes=len(rows),
        lost=verdict.data_loss.gone,
        loss_lower_s=verdict.data_loss.lower_s or 0.0,
        confidence=recovery.confidence,
    )


def _service(verdict: Verdict) -> list[Episode]:
    return [row for row in verdict.episodes if row.stream == "all"]


def disagreements(found: Measured, true: Bracket) -> list[str]:
    """Every number that the truth rules out, in sentences; none: they agree.

    Not the edges of an interval that was not said for certain: what chance may do, `missed` tells.
    """
    said = missed(found, true) if found.confidence >= 1 else []
    if found.episodes != 1:
        said.append(f"service was seen to be bad {found.episodes} times, and the lab broke once")
    if found.lost or found.loss_lower_s > 0:
        # Both writers work on the same volume.
        said.append(f"{found.lost} writes lost, at least {found.loss_lower_s:.3f} s: the lab cannot lose any")
    return said


def missed(found: Measured, true: Bracket) -> list[str]:
    """Every interval that does not hold what the truth allows, in sentences."""
    return [
        *_outside("impact", found.impact, true.impact),
        *_outside("recovery", found.stable, true.stable),
        *_outside("recovery time", found.recovery, true.recovery),
    ]


def too_often(misses: int, intervals: int, share: float = 0.05) -> bool:
    """Whether so many misses, of so many intervals that may miss with that share each, are no chance (1 in 1,000)."""
    fewer = sum(math.comb(intervals, n) * share**n * (1 - share) ** (intervals - n) for n in range(misses))
    return 1.0 - fewer < NO_CHANCE


def _outside(what: str, found: Edge, true: Edge) -> list[str]:
    if found.upper_ns < true.lower_ns:
        off = f"ends {seconds(true.lower_ns - found.upper_ns):.4f} s before"
    elif found.lower_ns > true.upper_ns:
        off = f"begins {seconds(found.lower_ns - true.upper_ns):.4f} s after"
    else:
        return []
    return [f"{what} {shown(found)} s {off} what the lab allows, {shown(true)} s"]


def allowed_width_ns(asked: Asked) -> int:
    """How wide the recovery time's interval may be: 2 T + 2 lmax, and for a partial failure the widening of both ends.

    T is what really lay between two sends: the rules use the actual `sent`. 3 lmax where operations overlap, which is
    where T < lmax. Where the operations that ended the outage took longer, one lmax is theirs: the edge reaches to
    their answer. The widening is the one that the operations of one kind allow together, the same service being asked
    (docs/adr/0005-intervals.md); the kind with the thinnest evidence counts.
    """
    times = 3 if asked.longest_ns > asked.period_ns else 2
    sends = max((_widening(good, bad) for good, bad in asked.met), default=0)
    longest_ns = (times - 1) * asked.longest_ns + max(asked.longest_ns, asked.back_ns)
    return 2 * asked.gap_ns + longest_ns + 2 * sends * asked.period_ns


def _widening(good: int, bad: int) -> int:
    """Sends by which an end may be widened. Between one bad send and itself there is nothing to tell a share from."""
    further = bad - 1
    if not good or further < 1:
        return 0
    near = min(further, LOCAL_BAD)
    return unseen_sends(math.ceil(good * near / further), near)


def shown(edge: Edge) -> str:
    """An interval in s for a reader."""
    return f"{seconds(edge.lower_ns):.3f}..{seconds(edge.upper_ns):.3f}"


def failure_bound(clean_runs: int) -> float:
    """The highest probability of failing that so many runs without a failure leave possible, at 95%.

    p with (1 - p)^n = 0.05: 0.95 for one run, 0.14 for 20, 0.05 for 59.
    """
    return failing_at_most(0, clean_runs)


def _ns(value_s: float) -> int:
    return round(value_s * NS_PER_S)
