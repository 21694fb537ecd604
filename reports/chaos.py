"""Sequences of faults that were drawn by a seed: what was run of each, how it ended, and its shortest failing part."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from reports.model import Overall, Undo, Verdict
from reports.record import read_record
from reports.words import SIGNS, loss_words, recovery_words, worst

CHAOS = "chaos.json"
SCHEMA = "dr-drills/chaos/1"
# The parameters of each fault's drill; and how the place of one begins that belongs to a part that was run again.
PARAMETERS = ("seed", "place", "fault")
AGAIN = "again"


class ChaosFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a sequence, or of a part that was run again: its place, its drill, and how that ended.

    `outcome` is a verdict, `refused` (the fault was), `error`, or `not steady`: what came before had left the workload
    in a state in which nothing was started. `refused before it began`: not the workload, but something else (a stop
    alarm, AWS, the probes' rate) kept the drill from starting. `says` is why it was refused, in a line. `pause_s` was
    waited before it, and `took_s` is all it took, its lab's start included. `folder` is its drill's, "" where it came
    to none.
    """

    place: int
    fault: str
    disruption: str
    pause_s: float
    took_s: float
    outcome: str
    undo: Undo
    folder: str = ""
    says: str = ""


class ChaosReplay(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the sequence that was run again, by its places, as far as it came.

    `failed_at` is the n-th of its places, from 1, or None where none failed. `whole`: it was run to its end.
    """

    places: list[int]
    faults: list[ChaosFault]
    failed_at: int | None
    whole: bool


class ChaosSequence(msgspec.Struct, frozen=True, kw_only=True):
    """One sequence. `verdict` is the worst of its faults', without what was refused; of those run again none counts.

    `ended` says why it went no further, and `failed` are the places up to the one that failed, [] where none did.
    `shortest` is the shortest part that was seen to fail, and `shrunk` says why no shorter one was looked for.
    `fresh`: each part was run in a lab of its own; else on the workload as it was by then.
    """

    seed: int
    minutes: float
    drill: str
    faults: list[ChaosFault]
    ended: str
    verdict: Overall
    undo: Undo
    failed: list[int] = []
    shortest: list[int] = []
    shrunk: str = ""
    fresh: bool = True
    replays: list[ChaosReplay] = []


class ChaosFile(msgspec.Struct, frozen=True, kw_only=True):
    """`chaos.json` of a run with `--chaos-seed`."""

    run: str
    sequences: list[ChaosSequence]
    schema: str = SCHEMA


class ChaosRow(NamedTuple):
    """One fault of a sequence for a reader."""

    place: int
    fault: str
    outcome: str
    recovery_time: str
    data_loss: str
    undo: str


def is_random(parameters: Mapping[str, str]) -> bool:
    """Whether a drill with these parameters is one fault of a sequence, or of a part that was run again."""
    return set(parameters) == set(PARAMETERS)


def is_again(parameters: Mapping[str, str]) -> bool:
    """Whether it is one of a part that was run again."""
    return is_random(parameters) and parameters["place"].startswith(AGAIN)


_VERDICTS: tuple[Overall, ...] = ("pass", "fail", "inconclusive", "invalid", "aborted")


def overall(faults: Iterable[ChaosFault]) -> Overall:
    """The worst of them; what was refused broke nothing, and a sequence in which nothing was broken is invalid.

    What came to no verdict, found the workload unsound, or could not even begin, is inconclusive.
    """
    broken = [one.outcome for one in faults if one.outcome != "refused"]
    named: dict[str, Overall] = {verdict: verdict for verdict in _VERDICTS}
    return worst(named.get(outcome, "inconclusive") for outcome in broken)


def write_chaos(run_folder: Path, sequences: list[ChaosSequence]) -> Path:
    """Write `chaos.json`. Raises OSError."""
    path = run_folder / CHAOS
    content = ChaosFile(run=run_folder.name, sequences=sequences)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    return path


def read_chaos(run_folder: Path) -> list[ChaosSequence]:
    """The sequences of a run; [] of one without any. Raises msgspec.DecodeError."""
    path = run_folder / CHAOS
    return msgspec.json.decode(path.read_bytes(), type=ChaosFile).sequences if path.exists() else []


def rows(sequence: ChaosSequence, run_folder: Path) -> list[ChaosRow]:
    """Each fault of the sequence itself, with what its drill measured."""
    return [_row(one, _verdict(one, run_folder)) for one in sequence.faults]


def _verdict(fault: ChaosFault, run_folder: Path) -> Verdict | None:
    measured = fault.folder and fault.outcome in _VERDICTS
    return read_record(run_folder / fault.folder).verdict if measured else None


def _row(fault: ChaosFault, verdict: Verdict | None) -> ChaosRow:
    none = "not measured"
    recovery = none if verdict is None else recovery_words(verdict.recovery_time)
    loss = none if verdict is None else loss_words(verdict.data_loss)
    return ChaosRow(fault.place, fault.fault, fault.outcome, recovery, loss, fault.undo)


def chaos_lines(sequence: ChaosSequence, run_folder: Path) -> list[str]:
    """A sequence in lines: each fault with its numbers, why it ended, and its shortest failing part."""
    lines = [f"{SIGNS[sequence.verdict]} {title(sequence)}: {sequence.verdict}, undo {sequence.undo}"]
    for row in rows(sequence, run_folder):
        said = f"recovery time {row.recovery_time}; data loss {row.data_loss}; undo {row.undo}"
        lines.append(f"  {row.place}. {row.fault}: {row.outcome}; {said}")
    return [*lines, *(f"  {line}" for line in told(sequence))]


def title(sequence: ChaosSequence) -> str:
    """`random_faults, seed 7: 4 faults`."""
    count = len(sequence.faults)
    return f"{sequence.drill}, seed {sequence.seed}, {count} fault{'' if count == 1 else 's'}"


def told(sequence: ChaosSequence) -> list[str]:
    """What is to be said besides the faults themselves."""
    lines = [f"ended: {sequence.ended}"]
    if not sequence.failed:
        return lines
    whole = len(sequence.shortest) == len(sequence.failed)
    seen = "as it was run" if whole else "seen when run again"
    lines.append(f"shortest failing sequence found ({seen}): {_named(sequence, sequence.shortest)}")
    lines += [_replay_words(sequence, number, one) for number, one in enumerate(sequence.replays, start=1)]
    if sequence.shrunk:
        lines.append(f"shrinking ended: {sequence.shrunk}")
    again = f"--chaos-seed {sequence.seed} --chaos-minutes {sequence.minutes:g}"
    return [*lines, f"the same sequence again: {again}, on the same workload file"]


def _named(sequence: ChaosSequence, places: Sequence[int]) -> str:
    names = {one.place: one.fault for one in sequence.faults}
    return ", then ".join(f"{place}. {names.get(place, '?')}" for place in places)


def _replay_words(sequence: ChaosSequence, number: int, replay: ChaosReplay) -> str:
    where = "in a fresh lab" if sequence.fresh else "on the workload as it was by then"
    run = ", ".join(f"{one.place} {one.outcome}" for one in replay.faults)
    if replay.failed_at is not None:
        end = "failed again"
    elif replay.whole:
        every = all(one.outcome == "pass" for one in replay.faults)
        end = "did not fail, seen once" if every else "did not fail, and did not pass: it says nothing"
    else:
        end = "was not run to its end, so it says nothing"
    return f"part {number} ({_named(sequence, replay.places)}), {where}: {end} ({run})"
