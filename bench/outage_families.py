"""Families of simulated outages: how each may look, drawn from a seed, with the truth to the nanosecond.

The service and the clients are those of `tests/truth/simulated.py`. Histories are short: what an interval rests on lies
near its edges. In every family the hold is long enough to see a failure as thin as the family's thinnest.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import msgspec

from tests.truth.simulated import MS, NS, Asked, Hits, Mode, Outage, Script

LONGEST = 9 * MS  # the longest latency of the simulation
SLIP = 2 * MS
MODES: tuple[Mode, ...] = ("refuse", "swallow", "503", "slow")
_REQUESTED = 150 * MS
_TIMEOUT = 250 * MS
# A partial failure is never thinner than this share of a hold's operations can show (1e-6: the odds of seeing none).
_UNSEEN = 14.0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One outage. `truth_ns`: how long it lasted; None: it did not end. `full`: everything failed, all at once.

    `end_ns` is up to when it could be seen not to end. `longest_ns` is how long a success may take.
    """

    seed: int
    script: Script
    truth_ns: int | None
    period_ns: int
    end_ns: int = 0
    full: bool = False
    tolerance: float = 0.0
    p99_s: float | None = None
    capacity: float | None = None
    longest_ns: int = LONGEST


def _streams(outages: list[Outage], period: int, count: int) -> list[Asked]:
    return [
        Asked(f"s{i}", outages, period=period, offset=period * i // count, timeout=_TIMEOUT) for i in range(count)
    ]  # fmt: skip


def _script(streams: list[Asked], last: int, hold: int) -> Script:
    """The drill goes on for a hold and as long again, so that a wide interval has room."""
    undo = last + 2 * hold + 2 * _TIMEOUT
    return Script(streams, requested=_REQUESTED, undo=undo, end=undo + 50 * MS, hold_s=hold / NS)


def _begin(random: Random) -> int:
    """Mostly well after the fault was asked for: that bounds the impact, too."""
    return _REQUESTED + random.randrange(5 * MS, 600 * MS)


def _lasted(random: Random, period: int, least: float = 2, most: float = 60) -> int:
    """Some periods long, as often short as long."""
    return int(period * least * (most / least) ** random.random()) + 2 * LONGEST


def full(seed: int) -> Case:
    """Everything fails between two moments; requests in flight at the cut are cut off or swallowed."""
    return _full(seed, Random(seed), MODES)


def hang(seed: int) -> Case:
    """What is asked hangs and is answered late, unless it runs out of time first."""
    return _full(seed, Random(seed), ("hang",), 300 * MS)


def _full(seed: int, random: Random, modes: tuple[Mode, ...], more: int = 0) -> Case:
    period = random.choice([10, 20, 50]) * MS
    count, begin = random.choice([1, 2, 4]), _begin(random)
    end = begin + more + _lasted(random, period, 2, 90)
    outage = Outage(begin, end, random.choice(modes))
    script = _script(_streams([outage], period, count), end, 300 * MS)
    return Case(seed=seed, script=script, truth_ns=end - begin, period_ns=period, full=not more)


def overlapping(seed: int) -> Case:
    """Two short outages, asked so often that operations overlap at every edge."""
    random = Random(seed)
    period, begin = random.choice([2, 3, 5]) * MS, _begin(random)
    first = Outage(begin, begin + random.randint(4, 12) * MS)
    at = first.end + random.randint(1, 8) * MS
    second = Outage(at, at + random.randint(4, 12) * MS)
    asked = Asked("s", [first, second], period=period, timeout=_TIMEOUT, latencies=tuple(range(MS, 20 * MS, MS)))
    script = _script([asked], second.end, 100 * MS)
    return Case(seed=seed, script=script, truth_ns=second.end - begin, period_ns=period, longest_ns=19 * MS)


def flapping(seed: int) -> Case:
    """Down, up for less than the hold, and down again, two to four times."""
    random = Random(seed)
    period, mode = random.choice([10, 20, 50]) * MS, random.choice(MODES)
    at = begin = _begin(random)
    outages = []
    for _ in range(random.choice([2, 3, 4])):
        lasted = int((2 * period + LONGEST) * random.uniform(1, 5))
        outages.append(Outage(at, at + lasted, mode))
        at += lasted + int(period * random.choice([0.5, 1, 3, 6]) * random.uniform(0.5, 1.2))
    end = outages[-1].end
    script = _script(_streams(outages, period, random.choice([1, 2, 4])), end, 450 * MS)
    return Case(seed=seed, script=script, truth_ns=end - begin, period_ns=period)


def by_share(seed: int) -> Case:
    """A share of the requests fails, from thin to thick, for a short time or a long one."""
    return _partial(seed, Random(seed), "chance")


def by_key(seed: int) -> Case:
    """A share of the keys cannot be reached."""
    return _partial(seed, Random(seed), "key")


def _partial(seed: int, random: Random, hits: Hits) -> Case:
    share = random.choice([0.1, 0.2, 1 / 3, 0.5, 2 / 3, 0.8, 0.9, 0.95, 0.98])
    period, count = random.choice([5, 10, 20]) * MS, random.choice([1, 2, 4])
    begin = _begin(random)
    end = begin + _lasted(random, period, 3, 60)
    hold = max(300 * MS, int(_UNSEEN / share * period / count))
    outage = Outage(begin, end, random.choice(MODES[:3]), share, hits)
    return Case(
        seed=seed, script=_script(_streams([outage], period, count), end, hold), truth_ns=end - begin, period_ns=period
    )


def backend(seed: int) -> Case:
    """One backend of three is down: fresh requests meet it in turn or by chance, a pooled stream always or never."""
    random = Random(seed)
    period, begin = random.choice([5, 10, 20]) * MS, _begin(random)
    end = begin + _lasted(random, period, 6, 60)
    outage = Outage(begin, end, random.choice(MODES[:3]), 1 / 3, random.choice(["turn", "chance"]))
    streams = _streams([outage], period, random.choice([1, 2, 3]))
    pinned = [_pinned(outage)] if random.random() < 1 / 3 else []
    streams.append(Asked("pooled", pinned, period=period, offset=period // 2, timeout=_TIMEOUT))
    hold = max(300 * MS, int(_UNSEEN * 3 * period / (len(streams) - 1)))
    return Case(seed=seed, script=_script(streams, end, hold), truth_ns=end - begin, period_ns=period)


def _pinned(outage: Outage) -> Outage:
    """The same outage for a connection that always meets it."""
    return Outage(outage.begin, outage.end, outage.mode)


def one_after_another(seed: int) -> Case:
    """Each stream has an outage of its own: one after the other, together, or apart by more than the hold."""
    random = Random(seed)
    period, at = random.choice([20, 50]) * MS, _begin(random)
    outages = []
    for _ in range(3):
        lasted = _lasted(random, period, 2, 20)
        outages.append(Outage(at, at + lasted, random.choice(MODES)))
        at += int(lasted * random.uniform(0.3, 1)) + random.choice([0, 0, random.randrange(200 * MS), 900 * MS])
    streams = [
        Asked(f"s{i}", [o], period=period, offset=period * i // 3, timeout=_TIMEOUT) for i, o in enumerate(outages)
    ]  # fmt: skip
    hold = 300 * MS
    script = _script(streams, max(o.end for o in outages), hold)
    return Case(seed=seed, script=script, truth_ns=longest(outages, hold), period_ns=period)


def longest(outages: list[Outage], hold: int) -> int:
    """The longest episode: outages with less than a hold of good service between them are one."""
    best, first, reached = 0, outages[0].begin, outages[0].end
    for outage in sorted(outages, key=lambda o: o.begin):
        if outage.begin - reached >= hold:
            first = outage.begin
        reached = max(reached, outage.end)
        best = max(best, reached - first)
    return best


def writes_fail(seed: int) -> Case:
    """Reads are good all the time, writes fail."""
    random = Random(seed)
    period, begin = random.choice([10, 20, 50]) * MS, _begin(random)
    end = begin + _lasted(random, period, 2, 40)
    outage = Outage(begin, end, random.choice(MODES))
    count = random.choice([1, 2])
    streams = _streams([outage], period, count)
    streams += [
        Asked(f"r{i}", kind="read", period=period, offset=period * (2 * i + 1) // (2 * count), timeout=_TIMEOUT)
        for i in range(count)
    ]
    script = _script(streams, end, 300 * MS)
    return Case(seed=seed, script=script, truth_ns=end - begin, period_ns=period, full=True)


def noisy(seed: int) -> Case:
    """Two in a hundred always fail, which the objective tolerates, and then far more do."""
    random = Random(seed)
    period, begin = random.choice([3, 5]) * MS, 500 * MS + random.randrange(100 * MS)
    end = begin + int(random.choice([40, 100]) * period * random.uniform(0.8, 1.3))
    outage = Outage(begin, end, random.choice(MODES[:3]), random.choice([0.6, 0.8, 1.0]))
    streams = [Asked("s", [outage], period=period, background=0.02, timeout=_TIMEOUT)]
    script = Script(streams, requested=500 * MS, undo=end + 700 * MS, end=end + 750 * MS, hold_s=0.3)
    return Case(seed=seed, script=script, truth_ns=end - begin, period_ns=period, tolerance=0.04)


def late(seed: int) -> Case:
    """Everything, or most, is answered, but above the objective's p99."""
    random = Random(seed)
    period, begin = random.choice([5, 10]) * MS, _begin(random)
    end = begin + int(random.choice([20, 60]) * period * random.uniform(0.8, 1.3))
    outage = Outage(begin, end, "late", random.choice([0.5, 0.8, 1.0]))
    script = _script(_streams([outage], period, random.choice([1, 2])), end, 300 * MS)
    return Case(seed=seed, script=script, truth_ns=end - begin, period_ns=period, p99_s=0.03)


def less_capacity(seed: int) -> Case:
    """More fails than the capacity allows, though each stream may fail more often."""
    random = Random(seed)
    period, begin = random.choice([5, 10]) * MS, _begin(random)
    count = random.choice([1, 2])
    end = begin + int(random.choice([60, 120]) * period / count * random.uniform(0.8, 1.3))
    outage = Outage(begin, end, random.choice(MODES[:3]), random.choice([0.6, 0.7]))
    script = _script(_streams([outage], period, count), end, 300 * MS)
    return Case(
        seed=seed, script=script, truth_ns=end - begin, period_ns=period, tolerance=0.9, capacity=0.95
    )  # fmt: skip


def paused(seed: int) -> Case:
    """The vantage stands still for a while, anywhere near the edges of a full outage."""
    random = Random(seed)
    case = _full(seed, random, MODES)
    begin, end = (case.script.streams[0].outages[0].begin, case.script.streams[0].outages[0].end)
    stops = sorted(random.choice([begin, end]) + random.randrange(-150 * MS, 150 * MS) for _ in range(2))
    spans = [(at, at + random.randrange(20 * MS, 200 * MS)) for at in stops]
    apart = [spans[0], *(b for a, b in pairwise(spans) if b[0] > a[1] + 20 * MS)]
    streams = [
        Asked(s.name, s.outages, period=s.period, offset=s.offset, timeout=s.timeout, stopped=apart)
        for s in case.script.streams
    ]
    script = _script(streams, end, 300 * MS)
    return msgspec.structs.replace(case, script=script, full=False)


def not_recovered(seed: int) -> Case:
    """Bad until putting back begins, in full or in part."""
    random = Random(seed)
    period, count, begin = random.choice([10, 20]) * MS, random.choice([1, 2, 4]), _begin(random)
    undo = begin + _lasted(random, period, 10, 60) + 2 * _TIMEOUT
    outage = Outage(begin, undo + NS, random.choice(MODES), random.choice([1.0, 1.0, 0.5, 0.8]))
    streams = _streams([outage], period, count)
    script = Script(streams, requested=_REQUESTED, undo=undo, end=undo + 50 * MS, hold_s=0.3)
    return Case(seed=seed, script=script, truth_ns=None, period_ns=period, end_ns=undo - begin)


FAMILIES: dict[str, tuple[int, Callable[[int], Case]]] = {
    # How much of all cases, and how they are drawn.
    "full": (14, full),
    "hang": (6, hang),
    "overlapping": (6, overlapping),
    "flapping": (8, flapping),
    "part by share": (18, by_share),
    "part by key": (8, by_key),
    "one backend of three": (8, backend),
    "one stream after another": (8, one_after_another),
    "reads good, writes bad": (6, writes_fail),
    "tolerated errors": (4, noisy),
    "too slow (p99)": (4, late),
    "too little (capacity)": (2, less_capacity),
    "pauses of the vantage": (5, paused),
    "not recovered": (3, not_recovered),
}
