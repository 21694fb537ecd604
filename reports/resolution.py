"""What a rate can show: how narrow the intervals of a drill can be, and whether that decides its objectives.

Source: the edges in `docs/measuring.md`, and how wide they make an interval (`docs/adr/0005-intervals.md`). With the
period T, the write gap G and the longest normal answer l, each in s,

    recovery time   2 T + 2 l    so it is shown to ±(T + l)
    data loss       T + G + 2 l  so it is shown to ±((T + G) / 2 + l)

and one l more where operations overlap (T < l). Part of the requests failing, or a pause
of the vantage, makes an interval wider; no rate helps against these.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

import msgspec

from probes.history import Stream
from reports.bounds import seconds
from reports.objectives import Objectives
from reports.words import seconds as seconds_words

_CHANGES = ("write", "update", "delete")


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What one schedule can show, in s.

    `period_s` is the longest period of the streams that are judged, `write_gap_s` that of those that write (None:
    none does). `longest_s` is the longest success of the baseline, None before there is one.
    """

    period_s: float
    write_gap_s: float | None
    longest_s: float | None = None

    @property
    def recovery_s(self) -> float:
        """Half the width of a recovery time; without the longest normal answer, while that is not known."""
        return self.period_s + self._answers_s

    @property
    def loss_s(self) -> float | None:
        """Half the width of a data loss, in the same way; None where nothing is written."""
        if self.write_gap_s is None:
            return None
        return (self.period_s + self.write_gap_s) / 2 + self._answers_s

    @property
    def _answers_s(self) -> float:
        longest_s = self.longest_s or 0.0
        return longest_s if longest_s <= self.period_s else 1.5 * longest_s


def resolution(streams: Iterable[Stream], longest_s: float | None = None) -> Resolution | None:
    """What these streams can show; only those that ask the workload count. None if there is none of them."""
    judged = [stream for stream in streams if stream.role == "workload"]
    if not judged:
        return None
    gaps = [seconds(stream.period_ns) for stream in judged if stream.kind in _CHANGES]
    return Resolution(
        period_s=max(seconds(stream.period_ns) for stream in judged),
        write_gap_s=max(gaps, default=None),
        longest_s=longest_s,
    )


def undecided(shows: Resolution, objectives: Objectives) -> str:
    """Why this cannot decide the objectives, in one sentence; "" if it can.

    An interval may get as wide as that. Where it is as wide as its objective, its upper bound may lie above the
    objective even if service was back at once.
    """
    if objectives.rto_s is not None and 2 * shows.recovery_s >= objectives.rto_s:
        return _too_wide("Recovery time", shows.recovery_s, "RTO", objectives.rto_s)
    if objectives.rpo_s and shows.loss_s is not None and 2 * shows.loss_s >= objectives.rpo_s:
        return _too_wide("Data loss", shows.loss_s, "RPO", objectives.rpo_s)
    return ""


def resolution_words(shows: Resolution, objectives: Objectives) -> str:
    """What it can show of these objectives: `recovery time to ±0.05 s (RTO 20 s), data loss by count (RPO 0 s)`."""
    said = []
    if objectives.rto_s is not None:
        said.append(f"recovery time to ±{margin(shows.recovery_s)} s (RTO {seconds_words(objectives.rto_s)})")
    if objectives.rpo_s is not None and shows.loss_s is not None:
        how = "by count" if objectives.rpo_s == 0 else f"to ±{margin(shows.loss_s)} s"
        said.append(f"data loss {how} (RPO {seconds_words(objectives.rpo_s)})")
    return f"{', '.join(said)}{_answers(shows)}" if said else "nothing: no objective is set"


def _answers(shows: Resolution) -> str:
    if shows.longest_s is None:
        return "; each ± grows by the longest normal answer"
    return f"; the longest normal answer took {margin(shows.longest_s * 1000)} ms"


def margin(value: float) -> str:
    """Two digits that count, rounded up: what is shown is never better than what there is."""
    exact = Decimal(repr(value))
    if exact == 0:
        return "0"
    rounded = exact.quantize(Decimal(1).scaleb(min(exact.adjusted() - 1, 0)), rounding=ROUND_CEILING)
    return f"{rounded.normalize():f}"


def _too_wide(what: str, half_s: float, name: str, objective_s: float) -> str:
    return (
        f"{what} would be known to ±{margin(half_s)} s only, and the {name} is {seconds_words(objective_s)}: "
        "the evidence would allow both pass and fail."
    )
