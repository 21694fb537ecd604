"""A run judged by objectives that it was not run for: what it would have been, told apart from what it was."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from reports.durations import parse_duration
from reports.folder import BrokenEvidence, Evidence
from reports.objectives import Objectives
from reports.words import seconds

_DURATIONS = {"rto": "rto_s", "rpo": "rpo_s", "p99": "p99_s"}
_PLAIN = ("clock", "tolerance", "capacity", "vanished_counts", "source", "approved_by")


class OtherObjectives(msgspec.Struct, frozen=True, kw_only=True):
    """What is put in place of a drill's own objectives. A workload file gives all of a disruption's; options one each.

    How long service had to stay good, and how long the drill waited, are facts of the run and stay.
    """

    rto_s: float | None = None
    rpo_s: float | None = None
    workload: Path | None = None

    @property
    def asked(self) -> bool:
        """Whether anything is put in place of anything."""
        return (self.rto_s, self.rpo_s, self.workload) != (None, None, None)

    def applied(self, evidence: Evidence) -> tuple[Evidence, str]:
        """The drill with these, and in words what differs from its own. Raises BrokenEvidence."""
        declared = evidence.declared
        own = declared.objectives
        new = own if self.workload is None else _of_file(self.workload, declared.disruption, own)
        if self.rto_s is not None:
            new = msgspec.structs.replace(new, rto_s=self.rto_s)
        if self.rpo_s is not None:
            new = msgspec.structs.replace(new, rpo_s=self.rpo_s)
        return msgspec.structs.replace(evidence, declared=msgspec.structs.replace(declared, objectives=new)), _said(
            own, new
        )


def _said(own: Objectives, new: Objectives) -> str:
    """`RTO 10 s in place of 20 s`, and so on; "nothing" where they are the same."""
    named = {"rto_s": "RTO", "rpo_s": "RPO", "p99_s": "p99"}
    told = []
    for name in Objectives.__struct_fields__:
        before, after = getattr(own, name), getattr(new, name)
        if before != after and name not in ("source", "approved_by", "approved_on"):
            told.append(f"{named.get(name, name)} {_shown(after)} in place of {_shown(before)}")
    return ", ".join(told) or "nothing: they are the drill's own"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return seconds(value) if isinstance(value, float) else str(value)


def _of_file(path: Path, disruption: str, own: Objectives) -> Objectives:
    """The objectives of a workload file for that disruption."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        table = tables.get("objectives", {}).get(disruption)
        if table is None:
            raise BrokenEvidence(
                f"{path}: it sets no objective for {disruption}, so this drill cannot be judged by it."
            )
        return msgspec.convert(_fields(table) | {"hold_s": own.hold_s, "deadline_s": own.deadline_s}, Objectives)
    except OSError as error:
        raise BrokenEvidence(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, ValueError, AttributeError, TypeError) as error:
        raise BrokenEvidence(f"{path}: objectives.{disruption}: {error}") from error


def _fields(table: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"rto_s": None, "rpo_s": None}
    found |= {field: parse_duration(table[key]) for key, field in _DURATIONS.items() if key in table}
    found |= {key: table[key] for key in _PLAIN if key in table}
    return found | {"approved_on": str(table.get("approved_on", ""))}
