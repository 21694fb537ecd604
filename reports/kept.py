"""What publishing reads of `workload.json`, the workload file as it was resolved for a drill, and of the clocks."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from probes.clock import ClockBase

WORKLOAD = "workload.json"


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who allowed drills of the workload, when, and until when (ISO 8601, with the offset from UTC)."""

    by: str = ""
    on: str = ""
    until: str = ""


class _Tables(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that are read; a workload file has many more."""

    owner: str = ""
    sites: list[dict[str, Any]] = []
    stores: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    plans: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    approval: Approval | None = None
    overridden: dict[str, Any] = {}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A drill's workload: `sha256` is that of the file, `plans` are those of each of its plans, by the plan's key.

    `overridden` are the settings that somebody gave in place of the file's.
    """

    sha256: str
    owner: str
    sites: tuple[str, ...]
    stores: tuple[str, ...]
    probes: tuple[str, ...]
    plans: dict[str, str]
    stop_alarms: int
    max_targets: int | None
    production: bool
    approval: Approval | None
    overridden: dict[str, Any]


class _First(msgspec.Struct, frozen=True):
    """What is read of the first line of a file of the history."""

    base: ClockBase


def read_kept(folder: Path) -> Kept | None:
    """The drill's workload; None where `workload.json` is missing or is none."""
    try:
        content = (folder / WORKLOAD).read_bytes()
        tables = msgspec.json.decode(content, type=_Tables)
    except (OSError, msgspec.DecodeError):
        return None
    return Kept(
        sha256=hashlib.sha256(content).hexdigest(),
        owner=tables.owner,
        sites=_named(tables.sites),
        stores=_named(tables.stores),
        probes=_named(tables.probes),
        plans={key: _hash(plan) for key, plan in tables.plans.items() if plan},
        stop_alarms=len(tables.limits.get("stop_alarms") or ()),
        max_targets=tables.limits.get("max_targets"),
        production=tables.limits.get("production") is True,
        approval=tables.approval,
        overridden=tables.overridden,
    )


def clock_offsets(folder: Path) -> dict[str, str]:
    """What each process knew of its clock's error against UTC when it began, by its file; `unknown` is left out."""
    found: dict[str, str] = {}
    for path in sorted([*folder.glob("marks.jsonl"), *folder.glob("history-*.jsonl")]):
        with path.open("rb") as file:
            line = file.readline()
        try:
            offset = msgspec.json.decode(line, type=_First).base.offset
        except msgspec.DecodeError:
            continue
        if offset and offset != "unknown":
            found[path.name] = offset
    return found


def _named(tables: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(str(table.get("name", "")) for table in tables)


def _hash(plan: Any) -> str:
    """Of the plan's keys and values in one form, whatever their order in the file."""
    return hashlib.sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()
