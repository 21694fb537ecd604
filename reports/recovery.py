"""Recovery time: every stream's episodes put together, and the clocks that are read from them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec

from probes.history import History, Mark, MarkName
from reports.bounds import CERTAIN_MISS_PER_END, MISS_PER_END, NS_PER_S, Edge, seconds, span
from reports.declared import Declared
from reports.group import Group
from reports.limits import Look, looks
from reports.model import Episode
from reports.objectives import Clock, Objectives
from reports.pauses import over_pauses
from reports.phases import Phases, main_mark, phases_of
from reports.plain import StreamEpisode, Window, plain_episodes
from reports.series import Series, series_of, settled_ns
from reports.steady import Baseline, baseline
from reports.widening import widened

# What a vantage may take to write down an operation that is over (it flushes every 50 ms).
_WRITTEN_NS = NS_PER_S // 10


class Recovery(msgspec.Struct, frozen=True):
    """What the judged streams saw between `requested` and `undo`. No groups: they saw nothing.

    `groups` join whatever may be one episode. `lower_ns` is the longest that any episode is known to have lasted,
    `upper_ns` the longest that one may have (None: that cannot be told). `held`: after the last bad operation every
    stream was good, and was asked, for a whole hold. `cautious` are the same with edges that err in one drill of a
    million, by which an objective is decided; None: these are so already. `seen_lower_ns` and `seen_upper_ns` are the
    same bounds as `lower_ns` and `upper_ns`, if each operation met what everybody met at that time. `sum_lower_ns` is
    how long the episodes are known to have lasted all in all.
    """

    phases: Phases
    groups: tuple[Group, ...]
    lower_ns: int
    upper_ns: int | None
    held: bool = True
    cautious: "Recovery | None" = None
    seen_lower_ns: int = 0
    seen_upper_ns: int | None = None
    sum_lower_ns: int = 0

    @property
    def certain(self) -> bool:
        """Whether the bounds are certain, not statistical."""
        return all(g.certain for g in self.groups)

    @property
    def impact(self) -> Edge | None:
        """When clients first saw anything; None: never."""
        return self.groups[0].impact if self.groups else None

    @property
    def recovered(self) -> bool:
        """Whether service was seen to be good again, and to stay so."""
        return all(g.stable_upper_ns is not None for g in self.groups)


def recovery(history: History, declared: Declared, base: Baseline) -> Recovery:
    """Every episode that begins after the fault was asked for and before putting things back began."""
    return recovery_within(history, declared, base, phases_of(history, declared))


def recovery_within(history: History, declared: Declared, base: Baseline, phases: Phases) -> Recovery:
    """The same for the time from `phases.since_ns` to `phases.until_ns`: the failback's, say."""
    if phases.since_ns is None:
        return Recovery(phases, (), 0, 0)
    window = Window(phases.since_ns, phases.until_ns, _ns(declared.objectives.hold_s))
    look = _Looked(series_of(history, "workload"), base, declared.objectives, window)
    found = look.found(phases)
    if found.certain:
        return found
    return msgspec.structs.replace(found, cautious=look.found(phases, CERTAIN_MISS_PER_END))


def disturbances(history: History, declared: Declared, base: Baseline) -> Recovery | None:
    """The episodes from the start of `undo` to that of the way home; None if nothing was put back by then."""
    phases = phases_of(history, declared)
    if phases.until_ns is None or phases.until_ns == phases.failback_ns:
        return None
    window = Window(phases.until_ns, phases.failback_ns, _ns(declared.objectives.hold_s))
    return _Looked(series_of(history, "workload"), base, declared.objectives, window).found(phases, must_hold=False)


def stable_since(
    history: History,
    hold_s: float,
    *,
    tolerance: float = 0.0,
    p99_s: float | None = None,
    capacity: float | None = None,
    declared: Declared | None = None,
) -> Episode | None:
    """The last episode, once service has been good for `hold_s` after it; None while it has not, or without one.

    The predicate is the one that judges; `tolerance`, `p99_s` and `capacity` are the objective's, and `declared` says
    whether what is judged ends with the undo. Because `history`
    still grows, each stream must also have answered a timeout later than the window's end, so that nothing asked in the
    window can still turn out bad. Takes some 30 ms for 10,000 operations.
    """
    phases = phases_of(history, declared)
    if phases.since_ns is None:
        return None
    objectives = Objectives(
        rto_s=None, rpo_s=None, hold_s=hold_s, tolerance=tolerance, p99_s=p99_s, capacity=capacity
    )  # fmt: skip
    streams = series_of(history, "workload")
    window = Window(phases.since_ns, phases.until_ns, _ns(hold_s))
    look = _Looked(streams, baseline(history, tolerance=tolerance), objectives, window)
    stable_ns = look.stable_ns
    if stable_ns is None or any(
        _newest_ns(s, None, 0) < stable_ns + window.hold_ns + _WRITTEN_NS + s.stream.timeout_ns for s in streams
    ):
        return None
    found = look.found(phases)
    return None if found.groups[-1].stable_upper_ns is None else as_episode(found.groups[-1], phases.start_ns)


class _Looked:
    """The judged streams, looked at in every way that the objective asks for."""

    def __init__(self, streams: Sequence[Series], base: Baseline, objectives: Objectives, window: Window) -> None:
        self._streams = streams
        self._base = base
        self._window = window
        self._looks = looks(streams, base.streams, objectives)
        self._exact = self._episodes([look for look in self._looks if look.steady.allowed <= 0], MISS_PER_END)
        self._by_windows = [look for look in self._looks if look.steady.allowed > 0]
        self._found: dict[float, list[StreamEpisode]] = {}

    def _episodes(self, looked: Sequence[Look], miss: float) -> list[StreamEpisode]:
        return [e for look in looked for e in plain_episodes(look.series, look.steady, self._window, miss)]

    def _plain(self, miss: float) -> list[StreamEpisode]:
        """Whichever of several errs, the whole does: each look has its part of what may be missed."""
        if miss not in self._found:
            self._found[miss] = self._episodes(self._by_windows, miss / max(1, len(self._by_windows)))
        return [*self._exact, *self._found[miss]]

    @property
    def stable_ns(self) -> int | None:
        """From when on service was seen to be good in every way, to the end; None: never bad, or still bad."""
        groups = _may_be_one(self._plain(MISS_PER_END), self._window.hold_ns)
        return groups[-1].stable_upper_ns if groups else None

    def _held(self) -> bool:
        """Whether every stream was still asked at the end of the hold. That it was good, the episodes say."""
        stable_ns = self.stable_ns
        if stable_ns is None:
            return False
        over_ns, until_ns = stable_ns + self._window.hold_ns, self._window.until_ns
        return all(
            _newest_ns(s, until_ns, self._base.streams[s.id].longest_ns) + s.stream.period_ns >= over_ns
            for s in self._streams
        )

    def found(self, phases: Phases, miss: float = MISS_PER_END, *, must_hold: bool = True) -> Recovery:
        """All episodes, with edges that err with `miss` at most."""
        window = self._window
        plain = self._plain(miss)
        steady = {look.series.id: look.steady for look in self._looks}
        asked = [look.series for look in self._looks]
        together = _may_be_one(plain, window.hold_ns)
        episodes = [e for g in together for e in widened(g.episodes, asked, steady, window, miss)]
        groups = over_pauses(_may_be_one(episodes, window.hold_ns), self._streams, window)
        held = not groups or self._held()
        if groups and must_hold and not held:
            groups[-1] = msgspec.structs.replace(groups[-1], stable_upper_ns=None)
        lower_ns, upper_ns = _bounds(groups, episodes, window.hold_ns)
        seen_lower_ns, seen_upper_ns = _bounds(together, plain, window.hold_ns)
        return Recovery(
            phases,
            tuple(groups),
            lower_ns,
            upper_ns,
            held,
            seen_lower_ns=seen_lower_ns,
            seen_upper_ns=seen_upper_ns,
            sum_lower_ns=sum(_lasted(g) for g in _surely_one(episodes, window.hold_ns)),
        )


def _may_be_one(episodes: Iterable[StreamEpisode], hold_ns: int) -> list[Group]:
    """Episodes joined where the evidence allows that service was not good for a whole hold in between."""
    groups: list[Group] = []
    for episode in sorted(episodes, key=lambda e: e.impact.lower_ns):
        last = groups[-1] if groups else None
        if last is not None and _reaches(last, episode, hold_ns):
            uppers = (last.stable_upper_ns, episode.stable_upper_ns)
            upper_ns = None if None in uppers else max(u for u in uppers if u is not None)
            groups[-1] = Group((*last.episodes, episode), upper_ns)
        else:
            groups.append(Group((episode,), episode.stable_upper_ns))
    return groups


def _reaches(group: Group, episode: StreamEpisode, hold_ns: int) -> bool:
    if group.stable_upper_ns is None or episode.impact.lower_ns - group.stable_upper_ns < hold_ns:
        return True
    return any(e.may_go_on and e.series.stream.probe == episode.series.stream.probe for e in group.episodes)


def _surely_one(episodes: Iterable[StreamEpisode], hold_ns: int) -> list[Group]:
    """Episodes joined only where no whole hold fits in between."""
    groups: list[Group] = []
    for episode in sorted(episodes, key=lambda e: e.impact.upper_ns):
        if groups and episode.impact.upper_ns - groups[-1].stable_lower_ns < hold_ns:
            groups[-1] = Group((*groups[-1].episodes, episode), None)
        else:
            groups.append(Group((episode,), None))
    return groups


def _bounds(groups: Sequence[Group], episodes: Sequence[StreamEpisode], hold_ns: int) -> tuple[int, int | None]:
    """The longest that any of them is known to have lasted, and the longest that one may have (None: unknown)."""
    lower_ns = max((_lasted(g) for g in _surely_one(episodes, hold_ns)), default=0)
    uppers = [None if g.stable_upper_ns is None else g.stable_upper_ns - g.impact.lower_ns for g in groups]
    known = [u for u in uppers if u is not None]
    return lower_ns, max(known, default=0) if len(known) == len(uppers) else None


def _lasted(group: Group) -> int:
    return max(0, group.stable_lower_ns - group.impact.upper_ns)


def _newest_ns(series: Series, until_ns: int | None, longest_ns: int) -> int:
    return max(
        (o.done_ns for o in series.operations if until_ns is None or settled_ns(o, longest_ns) <= until_ns), default=0
    )


def measured(found: Recovery, history: History, clock: Clock) -> tuple[int, int | None] | None:
    """Bounds of one clock in ns; the upper is None where recovery was not seen. None: it cannot be measured.

    A service that answered once, or whose data was audited, and that did not stay good has met no objective.
    """
    bounds = _read(found, history, clock)
    return bounds if bounds is None or found.recovered else (bounds[0], None)


def _read(found: Recovery, history: History, clock: Clock) -> tuple[int, int | None] | None:
    """The same, whatever became of the service afterwards."""
    if not found.groups:
        return None
    if clock == "total":
        return found.lower_ns, found.upper_ns
    if clock == "first_success":
        return _first_successes(found.groups)
    if clock == "audited":
        return _between(found.groups[0].impact, main_mark(history, "audited"))
    return _from_decision(found.groups[-1], main_mark(history, "decided"))


def clocks(found: Recovery, history: History) -> dict[str, list[float]]:
    """Every clock as [lower, upper] in s; an empty list where it cannot be measured."""
    names: tuple[Clock, ...] = ("total", "from_decision", "first_success", "audited")
    bounds = {name: _read(found, history, name) for name in names}
    return {
        name: [seconds(b[0]), seconds(b[1])] if b is not None and b[1] is not None else [] for name, b in bounds.items()
    }


def _from_decision(group: Group, decided: Mark | None) -> tuple[int, int | None] | None:
    """None as well where it was decided only when service was good already: nothing followed from that."""
    if decided is None:
        return None
    if group.stable_upper_ns is not None and decided.at_ns - decided.uncertainty_ns > group.stable_upper_ns:
        return None
    lower_ns = max(0, group.stable_lower_ns - decided.at_ns - decided.uncertainty_ns)
    if group.stable_upper_ns is None:
        return lower_ns, None
    return lower_ns, max(0, group.stable_upper_ns - decided.at_ns + decided.uncertainty_ns)


def _first_successes(groups: Sequence[Group]) -> tuple[int, int] | None:
    """The longest of every outage's; None if there is one without."""
    found = [one for group in groups if (one := _first_success(group)) is not None]
    if len(found) < len(groups):
        return None
    return max(lower_ns for lower_ns, _ in found), max(upper_ns for _, upper_ns in found)


def _first_success(group: Group) -> tuple[int, int] | None:
    """From the impact to the first good answer to a question asked after it, on a stream that the impact hit."""
    asked_after = group.impact.upper_ns
    answers = [
        o.done_ns for e in group.episodes for o in e.series.operations if o.good and o.sent_ns >= asked_after
    ]  # fmt: skip
    if not answers:
        return None
    first = min(answers)
    between = span(group.impact, Edge(first, first))
    return between.lower_ns, between.upper_ns


def _between(impact: Edge, mark: Mark | None) -> tuple[int, int] | None:
    if mark is None or mark.at_ns + mark.uncertainty_ns < impact.lower_ns:
        return None
    between = span(impact, Edge(mark.at_ns - mark.uncertainty_ns, mark.at_ns + mark.uncertainty_ns))
    return between.lower_ns, between.upper_ns


def longest_unseen_ns(history: History, found: Recovery) -> int | None:
    """How long an outage may have been that no operation met: the longest time from one success to the next.

    For a stream with at least two successes after the fault; None if there is one without.
    """
    longest: list[int] = []
    for series in series_of(history, "workload"):
        good = [
            o
            for o in series.operations
            if o.good and o.done_ns >= (found.phases.since_ns or 0) and _before(o.sent_ns, found.phases.until_ns)
        ]
        if len(good) < 2:  # noqa: PLR2004  a gap has two ends
            return None
        longest.append(max(b.done_ns - a.sent_ns for a, b in pairwise(good)))
    return max(longest, default=None)


def _before(at_ns: int, until_ns: int | None) -> bool:
    return until_ns is None or at_ns <= until_ns


def as_episode(group: Group, start_ns: int) -> Episode:
    """An episode of the service, in s since the drill's start."""
    return _row("all", group.episodes, group.impact, (group.stable_lower_ns, group.stable_upper_ns), start_ns)


def as_rows(groups: Iterable[Group], start_ns: int) -> list[Episode]:
    """Every episode for the report: the service's, each followed by those of its streams."""
    rows: list[Episode] = []
    for group in groups:
        rows.append(as_episode(group, start_ns))
        for e in sorted(group.episodes, key=attrgetter("impact.lower_ns")):
            rows.append(  # noqa: PERF401  a comprehension of two levels is harder to read
                _row(e.series.stream.name, (e,), e.impact, (e.stable_lower_ns, e.stable_upper_ns), start_ns)
            )
    return rows


def _row(
    stream: str, episodes: Sequence[StreamEpisode], impact: Edge, stable: tuple[int, int | None], start_ns: int
) -> Episode:
    lower_ns, upper_ns = stable
    bad, sends = sum(len(e.bad) for e in episodes), sum(e.sends for e in episodes)
    return Episode(
        stream=stream,
        impact_lower_s=seconds(impact.lower_ns - start_ns),
        impact_upper_s=seconds(impact.upper_ns - start_ns),
        stable_lower_s=seconds(lower_ns - start_ns),
        stable_upper_s=None if upper_ns is None else seconds(upper_ns - start_ns),
        bad_s=seconds(_covered(s for e in episodes for s in e.bad_spans)),
        flaps=max(e.flaps for e in episodes) + _relapses(episodes),
        share=round(bad / sends, 4),
        operations=sends,
    )


def _relapses(episodes: Sequence[StreamEpisode]) -> int:
    """How often a stream went bad again within the same episode of the service."""
    return len(episodes) - len({e.series.id for e in episodes})


def _covered(spans: Iterable[tuple[int, int]]) -> int:
    """Length of the union of spans."""
    total, reached = 0, None
    for begin, end in sorted(spans):
        if reached is None or begin > reached:
            total, reached = total + end - begin, end
        elif end > reached:
            total, reached = total + end - reached, end
    return total


def mark_edge(history: History, name: MarkName) -> Edge | None:
    """A mark with its uncertainty, or None."""
    mark = history.mark(name)
    return None if mark is None else Edge(mark.at_ns - mark.uncertainty_ns, mark.at_ns + mark.uncertainty_ns)


def _ns(value_s: float) -> int:
    return round(value_s * NS_PER_S)
