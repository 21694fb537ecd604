"""What the steps of a plan did, one record a line in the drill's folder: `steps.jsonl`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

STEPS = "steps.jsonl"

Plane = Literal["control", "data"]


class CallMade(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a step to an AWS API.

    `at_ns` is ns since the drill's zero (the base of its marks); `answer` says what came back, in words. `plane`:
    whether it went to a control plane, which AWS does not promise in a disaster, or to a data plane.
    """

    service: str
    operation: str
    region: str
    plane: Plane
    at_ns: int
    answer: str = ""


class CopyUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The copy that a restore was made from, as AWS says: `taken_utc` is when it was taken.

    `age_s` (s) is how much older it is than the first sign of trouble: the data loss to expect, beside the measured
    one. `among` is how many usable copies there were. `account` is the other account whose vault it was copied back
    from, "" for none.
    """

    kind: Literal["snapshot", "recovery-point"]
    id: str
    taken_utc: str
    age_s: float
    among: int
    account: str = ""


class TemplateSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a stack was made of, by the SHA-256 of its template, beside the stack that it must be the same as.

    `source` is that one, as `stack in Region`, "" for none. `source_sha256` is "" where it could not be read before
    the fault, and `says` why; `drift` is what CloudFormation found of its resources then (IN_SYNC, DRIFTED), "" for
    unknown.
    """

    sha256: str
    source: str = ""
    source_sha256: str = ""
    drift: str = ""
    says: str = ""


class RestoredRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of the drill's rows in a restored table. `right`: its checksum is that of what it holds."""

    key: str
    version: int
    right: bool = True


class RestoredRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a restored table held of the drill's rows, before anything was copied out of it.

    `at_utc_ns` is the moment that it was restored to (ns of UTC since 1970), by the clock of the Region that was asked.
    """

    at_utc_ns: int
    rows: tuple[RestoredRow, ...]


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """What ARC says of one execution of the Region switch plan `plan` (its ARN), in the Region where it was executed.

    `state` is its own word for how it stands, `skipped` the steps of the plan that it did not do in `ungraceful` mode.
    `recovery_s` (s) is ARC's own "actual recovery time": from the execution's start until the plan was done and the
    plan's application-health alarms were green. None: it had not told any. Source: [ARC: GetPlanExecution].
    """

    plan: str
    execution: str
    region: str
    state: str
    skipped: tuple[str, ...] = ()
    recovery_s: float | None = None


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan: when it ran (ns since the drill's zero), what it called, and how it ended.

    `says` is what it set out to do, `error` why it failed. A step that was not reached has no times of its own: both
    are those of the moment at which the plan was given up. `copy` is what a restore was made from, `template` what a
    deploy was, `restored` what a restored table held, `switched` what ARC says of a Region switch; None for others.
    """

    plan: Literal["recovery", "failback"]
    name: str
    kind: str
    says: str
    region: str
    began_ns: int
    ended_ns: int
    outcome: Literal["done", "failed", "not reached"]
    error: str = ""
    calls: tuple[CallMade, ...] = ()
    copy: CopyUsed | None = None
    template: TemplateSeen | None = None
    restored: RestoredRows | None = None
    switched: Switched | None = None


def latest(steps: Iterable[StepRecord]) -> list[StepRecord]:
    """The steps as they ended last: one of a plan that was called off and begun again was run twice."""
    found: dict[tuple[str, str], StepRecord] = {}
    for step in steps:
        key = (step.plan, step.name)
        if key not in found or (step.began_ns, step.ended_ns) >= (found[key].began_ns, found[key].ended_ns):
            found[key] = step
    return list(found.values())


def read_steps(folder: Path) -> tuple[StepRecord, ...]:
    """The steps of a drill in the order in which they ended; () where it has none.

    A torn last line, which a crash leaves, is left out. Raises `msgspec.DecodeError` for any other that is no record.
    """
    path = folder / STEPS
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    return tuple(msgspec.json.decode(line, type=StepRecord) for line in lines)
