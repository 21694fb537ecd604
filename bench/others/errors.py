"""The arithmetic: how wrong each number was, and whether what we demand of ourselves held."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from bench.others.families import FLAPS
from bench.others.observation import Read

# On outages that show at once, everybody is right to a period; a busy machine adds this.
_BUSY_S = 0.03
# What we demand of ourselves: our worst error is at most this share of the best of theirs.
_SHARE = 0.2
SHARP = ("swallowed", "hangs", "hangs, then answers")
NO_WORSE = ("flapping", "flapping, swallowed", "partial")
PLAIN = ("refused",)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: a tool with its settings.

    `tuned`: set up by hand beyond what it comes with. `every_s`: how far its questions lie apart in fact, which is more
    than 1/`rate` for one whose users all ask at once.
    """

    name: str
    settings: str
    ours: bool = False
    tuned: bool = False
    rate: float = 10.0
    every_s: float = 0.1


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one asker said of one outage, and the truth, in s. `failed` says why it said nothing that counts."""

    family: str
    asker: str
    true_lower_s: float
    true_upper_s: float
    read: Read = Read()
    failed: str = ""

    @property
    def noticed(self) -> bool:
        return self.read.length_s is not None

    @property
    def error_s(self) -> float:
        """|measured - true|; whoever noticed nothing says that it lasted 0 s."""
        length_s = self.read.length_s or 0.0
        return max(0.0, self.true_lower_s - length_s, length_s - self.true_upper_s)

    @property
    def contained(self) -> bool:
        """Whether its bounds hold the truth, all of it or (it is known to some microseconds) a part of it."""
        lower_s, upper_s = self.read.lower_s, self.read.upper_s
        return (
            lower_s is not None
            and upper_s is not None
            and lower_s <= self.true_upper_s
            and self.true_lower_s <= upper_s
        )

    @property
    def width_s(self) -> float | None:
        lower_s, upper_s = self.read.lower_s, self.read.upper_s
        return None if lower_s is None or upper_s is None else upper_s - lower_s


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One asker and one family. Errors in s; None where it said nothing that counts."""

    family: str
    asker: str
    outages: int
    failed: int
    missed: int
    contained: int
    flaps_right: int | None
    median_s: float | None
    worst_s: float | None
    widest_s: float | None


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that we demand of ourselves, whether it held, and the figures."""

    demand: str
    held: bool
    figures: str


def row(family: str, asker: str, answers: Sequence[Answer]) -> Row:
    """One asker's answers to one family, put together."""
    counted = [a for a in answers if not a.failed]
    errors = [a.error_s for a in counted]
    widths = [a.width_s for a in counted if a.width_s is not None]
    flapping = family.startswith("flapping")
    return Row(
        family=family,
        asker=asker,
        outages=len(counted),
        failed=len(answers) - len(counted),
        missed=sum(not a.noticed for a in counted),
        contained=sum(a.contained for a in counted),
        flaps_right=sum(a.read.outages == FLAPS for a in counted) if flapping else None,
        median_s=median(errors) if errors else None,
        worst_s=max(errors, default=None),
        widest_s=max(widths, default=None),
    )


def rows_of(answers: Iterable[Answer]) -> list[Row]:
    """One row for each family and asker, in the order in which they come."""
    grouped: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        grouped.setdefault((answer.family, answer.asker), []).append(answer)
    return [row(family, asker, group) for (family, asker), group in grouped.items()]


def demands(rows: Sequence[Row], askers: Sequence[Asker]) -> list[Demand]:
    """Everything that we demand of ourselves, at the same rate as the others; tools tuned by hand apart."""
    ours = next(a for a in askers if a.ours and a.rate == min(x.rate for x in askers if x.ours))
    stock = [a.name for a in askers if not a.ours and not a.tuned]
    tuned = [a.name for a in askers if not a.ours and a.tuned]
    found = []
    for names, which in ((stock, "the others"), (tuned, "the others tuned by hand")):
        if names:
            found += [_share(rows, ours.name, names, family, which) for family in SHARP]
            found += [
                _no_worse(rows, ours.name, names, family, which=which, period_s=1 / ours.rate) for family in NO_WORSE
            ]
    everybody = [a for a in askers if not a.tuned]
    found += [_plain(rows, everybody, family) for family in PLAIN]
    return [*found, _bounds(rows, [a.name for a in askers if a.ours], [*stock, *tuned])]


def _share(rows: Sequence[Row], ours: str, names: Sequence[str], family: str, which: str) -> Demand:
    mine, best = _worst(rows, [ours], family), _worst(rows, names, family)
    held = mine is not None and best is not None and mine <= _SHARE * best
    return Demand(
        demand=f"{family}: our worst error is at most a fifth of the best of {which}",
        held=held,
        figures=_figures(mine, best),
    )  # fmt: skip


def _no_worse(
    rows: Sequence[Row], ours: str, names: Sequence[str], family: str, *, which: str, period_s: float
) -> Demand:
    """To a period: two askers of one rate that are both as right as can be differ by the chance of their phases."""
    mine, best = _worst(rows, [ours], family), _worst(rows, names, family)
    held = mine is not None and best is not None and mine <= best + period_s
    return Demand(
        demand=f"{family}: our worst error is no worse than the best of {which}, to a period", held=held,
        figures=_figures(mine, best),
    )  # fmt: skip


def _plain(rows: Sequence[Row], askers: Sequence[Asker], family: str) -> Demand:
    """Each to its own period."""
    every_s = {a.name: a.every_s for a in askers}
    worst = {
        r.asker: r.worst_s for r in rows if r.family == family and r.asker in every_s and r.worst_s is not None
    }  # fmt: skip
    held = bool(worst) and all(worst_s <= every_s[name] + _BUSY_S for name, worst_s in worst.items())
    said = ", ".join(f"{name} {worst_s:.3f} s" for name, worst_s in worst.items())
    return Demand(demand=f"{family}: everybody is right to a period", held=held, figures=said or "not measured")


def _bounds(rows: Sequence[Row], ours: Sequence[str], names: Sequence[str]) -> Demand:
    """Whose bounds held the truth in every outage of every family."""

    def share(name: str) -> tuple[int, int]:
        own = [r for r in rows if r.asker == name]
        return sum(r.contained for r in own), sum(r.outages for r in own)

    told = {name: share(name) for name in (*ours, *names)}
    always = [name for name, (held, asked) in told.items() if asked and held == asked]
    return Demand(
        demand="ours are the only bounds that contain the truth every time",
        held=sorted(always) == sorted(ours),
        figures=", ".join(f"{name} {held} of {asked}" for name, (held, asked) in told.items()),
    )


def _worst(rows: Sequence[Row], names: Sequence[str], family: str) -> float | None:
    """The smallest worst error among these askers; None where nobody has a record of every outage."""
    found = [
        r.worst_s for r in rows if r.family == family and r.asker in names and not r.failed and r.worst_s is not None
    ]
    return min(found, default=None)


def _figures(mine: float | None, best: float | None) -> str:
    if mine is None or best is None:
        return "not measured"
    return f"ours {mine:.3f} s, theirs {best:.3f} s"
