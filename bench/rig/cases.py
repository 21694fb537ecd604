"""What is played on the rig: one case a mode of failing, each drawn from a seed, so that a number runs it again."""

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bench.rig.script import FOR_EVER_S, Loss, LossKind, Mode, Outage, RequestKind, Script, Turn

READS: tuple[RequestKind, ...] = ("read",)
WRITES: tuple[RequestKind, ...] = ("write", "update", "delete")


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a case is asked, in s. `slowest_s`: one answer of the baseline now and then takes so long (0: none)."""

    period_s: float = 0.05
    timeout_s: float = 0.5
    hold_s: float = 0.7
    slowest_s: float = 0.0


BENCH = Pace()
# For a machine that is slow and busy: its longest success is longer than it holds anybody up.
QUICK = Pace(timeout_s=1.0, hold_s=0.5, slowest_s=0.25)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One drill against the rig: how it fails, and how it is asked.

    `seen` is false where nothing is bad for a client without a limit for latency. `named`: asked by a name, whose
    address turns. `changes`: keys are updated and deleted, too.
    """

    name: str
    script: Script
    pace: Pace = BENCH
    seen: bool = True
    named: bool = False
    changes: bool = False


_Draw = Callable[[Random, Pace], Case]


def _script(draw: Random, *outages: Outage, **changes: object) -> Script:
    return msgspec.structs.replace(Script(seed=draw.randrange(2**31), outages=outages), **changes)


def _begin(draw: Random) -> float:
    """At any phase of the schedule."""
    return draw.uniform(0.05, 0.3)


def _whole(name: str, **settings: object) -> _Draw:
    """One outage of everything that is asked."""

    def make(draw: Random, _: Pace) -> Case:
        begin_s = _begin(draw)
        outage = Outage(begin_s=begin_s, end_s=begin_s + draw.uniform(0.3, 1.6), mode="503")
        return Case(name=name, script=_script(draw, msgspec.structs.replace(outage, **settings)))

    return make


def _hang(draw: Random, pace: Pace) -> Case:
    # Longer than the timeout by enough that some operations do fail.
    begin_s = _begin(draw)
    outage = Outage(begin_s=begin_s, end_s=begin_s + pace.timeout_s + draw.uniform(0.3, 1.3), mode="hang")
    return Case(name="hang", script=_script(draw, outage))


def _slow(draw: Random, pace: Pace) -> Case:
    begin_s = _begin(draw)
    outage = Outage(begin_s=begin_s, end_s=begin_s + draw.uniform(0.4, 1.4), mode="slow", delay_s=pace.timeout_s + 0.2)
    return Case(name="slow, beyond the timeout", script=_script(draw, outage))


def _sluggish(draw: Random, pace: Pace) -> Case:
    begin_s = _begin(draw)
    outage = Outage(begin_s=begin_s, end_s=begin_s + draw.uniform(0.4, 1.2), mode="slow", delay_s=pace.timeout_s / 2)
    return Case(name="slow, within the timeout", script=_script(draw, outage), seen=False)


def _flapping(name: str, up: tuple[float, float], mode: Mode) -> _Draw:
    """Down three times; in between it is up for such a share of the hold."""

    def make(draw: Random, pace: Pace) -> Case:
        at_s, outages = _begin(draw), []
        for _ in range(3):
            end_s = at_s + draw.uniform(0.2, 0.5)
            outages.append(Outage(begin_s=at_s, end_s=end_s, mode=mode))
            at_s = end_s + pace.hold_s * draw.uniform(*up)
        return Case(name=name, script=_script(draw, *outages))

    return make


def _in_flight(draw: Random, _: Pace) -> Case:
    """Answers take longer than a period, so that several requests are on their way at the cut."""
    begin_s = _begin(draw)
    outage = Outage(begin_s=begin_s, end_s=begin_s + draw.uniform(0.3, 1.4), mode="refuse")
    return Case(name="in flight at the cut", script=_script(draw, outage, latency_s=(0.06, 0.15)))


def _one_after_the_other(draw: Random, _: Pace) -> Case:
    begin_s = _begin(draw)
    turn_s = begin_s + draw.uniform(0.3, 0.8)
    reads = Outage(begin_s=begin_s, end_s=turn_s, mode="503", kinds=READS)
    writes = Outage(begin_s=turn_s, end_s=turn_s + draw.uniform(0.3, 0.8), mode="503", kinds=WRITES)
    return Case(name="reads, then writes", script=_script(draw, reads, writes))


def _name_turns(draw: Random, _: Pace) -> Case:
    begin_s = _begin(draw)
    outage = Outage(begin_s=begin_s, end_s=FOR_EVER_S, mode="refuse", door="first")
    turn = Turn(at_s=begin_s + draw.uniform(0.1, 0.6), ttl_s=1)
    return Case(name="DNS turns", script=_script(draw, outage, turn=turn), named=True)


CASES: dict[str, _Draw] = {
    "refuse": _whole("refuse", mode="refuse"),
    "swallow": _whole("swallow", mode="swallow"),
    "503": _whole("503"),
    "hang": _hang,
    "slow, beyond the timeout": _slow,
    "slow, within the timeout": _sluggish,
    "flapping within the hold": _flapping("flapping within the hold", (0.15, 0.6), "503"),
    "flapping beyond the hold": _flapping("flapping beyond the hold", (1.5, 2.0), "refuse"),
    "a share of requests": _whole("a share of requests", share=0.4),
    "a share of requests hangs": _whole("a share of requests hangs", share=0.4, mode="swallow"),
    "a share of keys": _whole("a share of keys", share=0.5, by="key"),
    "one backend of three": _whole("one backend of three", by="backend", mode="refuse"),
    "in flight at the cut": _in_flight,
    "writes fail, reads do not": _whole("writes fail, reads do not", kinds=WRITES),
    "writes silent, reads good": _whole("writes silent, reads good", kinds=WRITES, mode="swallow"),
    "reads, then writes": _one_after_the_other,
    "DNS turns": _name_turns,
}


def outage_case(name: str, seed: int, pace: Pace = BENCH) -> Case:
    """The case of that name, as the seed draws it. Raises KeyError."""
    return _paced(CASES[name](Random(f"{name} {seed}"), pace), pace)


def _paced(case: Case, pace: Pace) -> Case:
    script = msgspec.structs.replace(case.script, slowest_s=pace.slowest_s)
    return msgspec.structs.replace(case, script=script, pace=pace)


# Losses. Writes of a second, an outage after it, and what is lost of them.
_DOWN = Outage(begin_s=1.0, end_s=1.4, mode="503")
_LOSSES: dict[str, Loss] = {
    "nothing": Loss(kind="tail", begin_s=0.0, end_s=0.0),
    "tail": Loss(kind="tail", begin_s=0.5, end_s=1.0, at_s=1.2),
    "holes": Loss(kind="holes", begin_s=0.2, end_s=1.0, at_s=1.2, share=0.3),
    "late": Loss(kind="late", begin_s=0.5, end_s=1.0, at_s=1.2, share=0.7),
    "duplicated": Loss(kind="duplicated", begin_s=0.2, end_s=1.0, share=0.4),
    "corrupt": Loss(kind="corrupt", begin_s=0.2, end_s=1.0, at_s=1.2, share=0.4),
    "corrupt checksum": Loss(kind="corrupt checksum", begin_s=0.2, end_s=1.0, at_s=1.2, share=0.4),
    "rolled back": Loss(kind="rolled back", begin_s=0.2, end_s=1.0, at_s=1.2, share=0.5),
    "old primary": Loss(kind="old primary", begin_s=0.5, end_s=1.8, at_s=1.8),
    "rewind": Loss(kind="rewind", begin_s=0.6, end_s=1.9, at_s=1.9),
    "resurrected": Loss(kind="resurrected", begin_s=0.2, end_s=1.0, at_s=1.2, share=0.6),
    "stranger": Loss(kind="stranger", begin_s=0.2, end_s=0.5, at_s=1.2, share=0.4),
    "unanswered, kept": Loss(kind="unanswered, kept", begin_s=0.4, end_s=0.9, share=0.5),
    "unanswered, dropped": Loss(kind="unanswered, dropped", begin_s=0.4, end_s=0.9, share=0.5),
    "refused, kept": Loss(kind="refused, kept", begin_s=0.4, end_s=0.9, share=0.5),
}
# Many in one drill, each to the writes of a time of its own.
_MANY: tuple[LossKind, ...] = (
    "duplicated", "unanswered, kept", "unanswered, dropped", "refused, kept", "corrupt checksum", "stranger", "holes",
    "late", "tail",
)  # fmt: skip
_EACH_S = 0.25
# These need keys that are changed after they were written.
CHANGES: tuple[str, ...] = ("rolled back", "resurrected")
LOSSES: tuple[str, ...] = ("many", *_LOSSES)


def loss_case(name: str, seed: int, pace: Pace = BENCH) -> Case:
    """One class of loss, or `many` in one drill. Raises KeyError."""
    draw = Random(f"{name} {seed}")
    losses, down = (_many(), _after(_MANY)) if name == "many" else ((_LOSSES[name],), _DOWN)
    case = Case(name=f"loss: {name}", script=_script(draw, down, losses=losses), changes=name in CHANGES)
    return _paced(case, pace)


def _many() -> tuple[Loss, ...]:
    down = _after(_MANY)
    return tuple(
        Loss(kind=kind, begin_s=i * _EACH_S, end_s=(i + 1) * _EACH_S, at_s=down.begin_s + 0.2, share=_share(kind))
        for i, kind in enumerate(_MANY)
    )


def _share(kind: LossKind) -> float:
    return 1.0 if kind == "tail" else 0.6


def _after(kinds: Sequence[LossKind]) -> Outage:
    begin_s = len(kinds) * _EACH_S
    return Outage(begin_s=begin_s, end_s=begin_s + 0.4, mode="503")
