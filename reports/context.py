"""What people know of an exercise and the harness cannot: `context.json` in a run's folder, made from `--context FILE`.

None is what nobody recorded. It is not "none" and not "no": those are said in so many words.
"""

from pathlib import Path
from typing import Literal

import msgspec

CONTEXT = "context.json"
SCHEMA = "dr-drills/context/1"

# From a walk through one part to the whole organisation at work.
ExerciseType = Literal["shallow", "component", "full", "game day"]
# What became of an action that the last drill left open.
Disposition = Literal["done", "in work", "risk accepted", "dropped"]


class Exercise(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of exercise this is, and of what. `threat` is the category of the scenario: power, cyber-attack, ..."""

    type: ExerciseType | None = None
    threat: str | None = None
    scenario: str | None = None
    service: str | None = None
    tier: str | None = None
    in_scope: tuple[str, ...] | None = None
    out_of_scope: tuple[str, ...] | None = None
    assumptions: tuple[str, ...] | None = None
    exclusions: tuple[str, ...] | None = None


class Tolerances(msgspec.Struct, frozen=True, kw_only=True):
    """Objectives besides RTO and RPO, in s: the longest tolerable outage, the work after recovery, the detection."""

    mtd_s: float | None = None
    wrt_s: float | None = None
    detection_s: float | None = None
    data_integrity: str | None = None


class PlanTested(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that was exercised. `sha256` is that of `file`, as it was when the run began."""

    id: str | None = None
    version: str | None = None
    file: str | None = None
    sha256: str | None = None


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who allowed it, and who knows. `approved_at` is ISO 8601, with its offset from UTC."""

    change_ticket: str | None = None
    approver: str | None = None
    approved_at: str | None = None
    risk_acceptance: str | None = None
    notified: tuple[str, ...] | None = None


class RoleSeat(msgspec.Struct, frozen=True, kw_only=True):
    """One role that was expected. `id` is whoever filled it; `present` None: nobody wrote down whether they came."""

    role: str
    id: str | None = None
    present: bool | None = None


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who took part. `key_person_absent`: somebody that the plan leans on stayed away on purpose."""

    facilitator: str | None = None
    observers: tuple[str, ...] | None = None
    key_person_absent: bool | None = None
    roles: tuple[RoleSeat, ...] | None = None


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """An action that an earlier drill left open, and what became of it."""

    id: str
    says: str
    disposition: Disposition | None = None


class FindingsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Whose the findings are, in place of the workload's owner."""

    owner: str | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long the evidence is kept. `until` is a date as ISO 8601."""

    kind: str | None = None
    until: str | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One run's. `source` names the file that it came from, `sha256` is that file's. `links` are names to URLs."""

    exercise: Exercise = Exercise()
    objectives: Tolerances = Tolerances()
    plan: PlanTested = PlanTested()
    authority: Authority = Authority()
    people: People = People()
    carried: tuple[Carried, ...] | None = None
    findings: FindingsOf = FindingsOf()
    retention: Retention = Retention()
    links: dict[str, str] = {}
    source: str = ""
    sha256: str = ""
    schema: str = SCHEMA


def write_context(run_folder: Path, context: Context) -> None:
    """Keep it with the run. Raises OSError."""
    (run_folder / CONTEXT).write_bytes(msgspec.json.format(msgspec.json.encode(context), indent=2) + b"\n")


def read_context(run_folder: Path) -> Context | None:
    """The run's, None where nobody gave one. Raises `msgspec.DecodeError` for what is none."""
    path = run_folder / CONTEXT
    return msgspec.json.decode(path.read_bytes(), type=Context) if path.exists() else None
