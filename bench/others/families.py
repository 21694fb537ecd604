"""The outages that everybody is asked about: one script a family, several outages in it, drawn from a seed."""

from collections.abc import Callable
from random import Random

import msgspec

from bench.others.observation import Window
from bench.rig.script import Mode, Outage, Script
from bench.rig.truth import TrueOutage, Truth, outages_of
from reports.bounds import NS_PER_S

# The first outage begins so long after the zero, in s: the baseline. Each other begins so long after the one before.
_FIRST_S = 2.0
_BETWEEN_S = 2.9
# Around an outage, what is read of it, in s; together less than what lies between two. Before it: more than the second
# between two bursts of Locust's users. After it: a timeout (1 s) for what still waits, and a hold (1 s).
_BEFORE_S = 1.1
_REQUESTED_S = 0.2
_AFTER_S = 1.7
# Outages that lie less apart are one to whoever asks for how long service was not good (the hold).
JOINS_NS = NS_PER_S
# At any phase of a schedule of ten a second.
_PHASE_S = 0.1
_SLOW_S = 1.5

# A loop that waits for its answers reads an outage that swallows as a whole number of its timeouts. So that none is
# right by luck, the lengths of a family are spread evenly over one.
_LASTS_S = (2.0, 3.0)
_SHORT_S = (0.2, 0.4)

# Draws one outage that begins so late, with a place in [0, 1) among the family's.
_Draw = Callable[[Random, float, float], tuple[Outage, ...]]


def _whole(mode: Mode, lasts_s: tuple[float, float] = _LASTS_S, **settings: float) -> _Draw:
    def draw(_: Random, begin_s: float, place: float) -> tuple[Outage, ...]:
        end_s = begin_s + lasts_s[0] + place * (lasts_s[1] - lasts_s[0])
        return (msgspec.structs.replace(Outage(begin_s=begin_s, end_s=end_s, mode=mode), **settings),)

    return draw


def _flapping(mode: Mode) -> _Draw:
    def draw(random: Random, begin_s: float, _: float) -> tuple[Outage, ...]:
        found = []
        for _ in range(FLAPS):
            end_s = begin_s + random.uniform(0.5, 0.8)
            found.append(Outage(begin_s=begin_s, end_s=end_s, mode=mode))
            begin_s = end_s + random.uniform(0.3, 0.5)
        return tuple(found)

    return draw


FLAPS = 3
FAMILIES: dict[str, _Draw] = {
    "refused": _whole("refuse"),
    "swallowed": _whole("swallow"),
    "503": _whole("503"),
    "hangs": _whole("slow", delay_s=_SLOW_S),
    "hangs, then answers": _whole("hang"),
    "flapping": _flapping("refuse"),
    "flapping, swallowed": _flapping("swallow"),
    "partial": _whole("503", share=1 / 3),
    "short": _whole("swallow", _SHORT_S),
}
SAYS = {
    "refused": "connections are refused, open ones reset",
    "swallowed": "connection attempts and open connections meet silence",
    "503": "that answer, at once",
    "hangs": f"connections are taken, and answered {_SLOW_S:g} s later, after everybody's deadline",
    "hangs, then answers": "connections are taken, and answered when the outage ends",
    "flapping": "refused three times for 0.5 to 0.8 s, with 0.3 to 0.5 s of good service between",
    "flapping, swallowed": "the same, swallowed",
    "partial": "a third of the requests is answered 503, by chance",
    "short": "swallowed for 0.2 to 0.4 s, shorter than the deadline",
}


def script_of(family: str, outages: int, seed: int) -> Script:
    """That many outages of a family, of 2 to 3 s each (`short`: 0.3 s). Raises KeyError for a family that is none."""
    random = Random(f"{family} {seed}")
    found: list[Outage] = []
    begin_s = _FIRST_S
    places = random.sample(range(outages), outages)
    for place in places:
        at = (place + random.random()) / outages
        drawn = FAMILIES[family](random, begin_s + random.uniform(0.0, _PHASE_S), at)
        found += drawn
        begin_s = drawn[-1].end_s + _BETWEEN_S
    return Script(seed=random.randrange(2**31), outages=tuple(found))


def over_s(script: Script) -> float:
    """When nothing more is read of it, in s since its zero."""
    return script.over_s + _AFTER_S


def true_outages(truth: Truth) -> list[TrueOutage]:
    """The outages as they were. Raises ValueError for one that still lasts."""
    return outages_of(truth.down, JOINS_NS)


def window_of(true: TrueOutage, first: TrueOutage, zero_ns: int) -> Window:
    """Where to read of one outage, given the run's first one and the script's zero."""
    begin_ns = true.begin.lower_ns
    return Window(
        begin_ns=begin_ns - _ns(_BEFORE_S),
        requested_ns=begin_ns - _ns(_REQUESTED_S),
        end_ns=true.end.upper_ns + _ns(_AFTER_S),
        quiet_ns=(zero_ns, first.begin.lower_ns - _ns(_REQUESTED_S)),
    )


def _ns(value_s: float) -> int:
    return round(value_s * NS_PER_S)
