"""What a drill set out to do, written to `plan.json` before it starts. Judging reads it beside the history."""

from typing import Any, Literal

import msgspec

from reports.last_release import LastRelease
from reports.model import Disruption, Expects
from reports.objectives import Objectives

ProvedBy = Literal[
    "witnesses", "corrupt reads", "missing reads", "failed reads", "heartbeats", "names", "failed launches",
    "refused calls",
]  # fmt: skip


class DeclaredTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One resource that the fault is aimed at."""

    kind: str
    id: str
    site: str
    address: str = ""
    tags: dict[str, str] = {}


class DeclaredFault(msgspec.Struct, frozen=True, kw_only=True):
    """The fault's own plan.

    `bites`: sites where a witness must see it; `spares`: sites where a witness must not. `changes` are the change
    records, each call with the calls that put it back.
    `proved_by`: whose sight of it counts. "witnesses": all of them, or those named in `witnesses`. "corrupt reads": the
    workload's own reads and audits, once one gets what was never written, "missing reads": its reads, once one does
    not find what was acknowledged, and "failed reads": its reads, once some in a row fail; `bites` is empty for these.
    "heartbeats": those to the sites in `bites`, once what was acknowledged no longer comes there. "names": the
    workload's own clients, once a name in `bites` leads them to an address that none of them was ever led to before, or
    to none. "failed launches": what Auto Scaling says, once a launch has failed for want of capacity in the Region of
    one of the `targets`; `bites` is empty. "refused calls": the runner itself, which lets no step of a plan call the
    Regions in `bites`.
    """

    fault: str
    says: str
    targets: tuple[DeclaredTarget, ...]
    bites: tuple[str, ...]
    spares: tuple[str, ...]
    changes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    does_not_show: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    proved_by: ProvedBy = "witnesses"


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One drill as declared. `fault` is None for a drill that injects nothing (or ended before it could).

    `test` is the test's node id, by which its results of many runs are strung together. `last_release` is what the
    drill is held against besides its objectives; None: nothing. `zones` are the ids of the Availability Zones by the
    names that they have in the account.
    `control_plane` has the most operations of control planes that a plan may call, where its team set a limit: by
    `recovery`, the plan for the disruption, and `switchover`.
    `homes` are the Regions whose clients the probes stand for, by the probe's name; `writes` is who writes where. Both
    are empty where the workload file does not say. `writer` is the Region that takes all writes while nothing is
    broken, where `writes` is "global"; else empty. `complications` are what else was broken, before the fault and until
    it was put back, in the order of the marks `complication asked`: what makes recovery harder, and clients do not
    notice by itself.
    """

    run: str
    drill: str
    says: str
    parameters: dict[str, str]
    workload: str
    strategy: str
    environment: str
    disruption: Disruption
    expects: Expects
    objectives: Objectives
    harness: str
    test: str = ""
    fault: DeclaredFault | None = None
    complications: tuple[DeclaredFault, ...] = ()
    does_not_show: tuple[str, ...] = ()
    last_release: LastRelease | None = None
    zones: dict[str, str] = {}
    control_plane: dict[str, int] = {}
    homes: dict[str, str] = {}
    writes: str = ""
    writer: str = ""
