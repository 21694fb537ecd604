"""The verdict of a drill as data: `verdict.json`, a stable schema (its JSON Schema is in `docs/`)."""

from typing import Literal

import msgspec

from reports.steps import CopyUsed, Switched, TemplateSeen

SCHEMA = "dr-drills/verdict/1"

Overall = Literal["pass", "fail", "inconclusive", "invalid", "aborted"]
Judgement = Literal["pass", "fail", "inconclusive", "invalid", "not judged"]
Undo = Literal["clean", "dirty"]
Expects = Literal["impact", "any", "none", "no fault", "no failover"]
Disruption = Literal["az", "region", "data", "software", "hardware"]


class RecoveryTime(msgspec.Struct, frozen=True, kw_only=True):
    """Recovery time in s as an interval. `upper_s` is None where recovery was not seen ("at least lower_s").

    `confidence` is 1.0 where the interval is certain and 0.95 where part of the requests failed, so that the edges
    are statistical. `seen_s` is [lower, upper] of the clock "total" as the operations saw it: what they prove if each
    met what everybody met at that time. It is narrower, and no verdict rests on it; empty where the interval is certain
    or nothing was seen to recover.
    """

    objective_s: float | None
    lower_s: float | None
    upper_s: float | None
    confidence: float
    clock: str
    verdict: Judgement
    says: str = ""
    seen_s: list[float] = []


class DataLoss(msgspec.Struct, frozen=True, kw_only=True):
    """Data loss in s as an interval, and what became of every write, by class.

    `resurrected`: acknowledged deletes that were undone; they are lost changes. `coverage` is the share of the
    acknowledged keys that the audits read. `confidence` is that of the interval: 0.95 where not every key was read, or
    where an end of it is an impact that is not certain. None for what nobody measured: `lost_for_good` if nothing was
    read back after the heal, `corrupt` where no audit was told a checksum, `duplicated` where none was told effects.
    """

    objective_s: float | None
    lower_s: float | None
    upper_s: float | None
    acknowledged: int
    lost: int
    late: int
    rolled_back: int
    corrupt: int | None
    duplicated: int | None
    in_doubt: int
    in_doubt_recovered: int
    unexpected: int
    phantom: int
    unread: int
    lost_for_good: int | None
    in_flight_at_impact: int
    verdict: Judgement
    says: str = ""
    resurrected: int = 0
    in_doubt_vanished: int = 0
    coverage: float = 1.0
    confidence: float = 1.0

    @property
    def gone(self) -> int:
        """How many acknowledged writes the store did not have at the failover, whatever came back later.

        One that is there only as an older version counts, and so does a delete that was undone: the store has not what
        it said it has.
        """
        return self.lost + self.late + self.rolled_back + self.resurrected


class MarkRow(msgspec.Struct, frozen=True, kw_only=True):
    """One mark for the reader: `at_s` is s since the drill's start, `utc` to the ms."""

    name: str
    at_s: float
    utc: str
    source: str
    uncertainty_s: float
    says: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check's result. `operations` name the operations that prove it, as `vantage/stream/seq`, at most 20."""

    check: str
    verdict: Judgement
    says: str
    taints: tuple[Literal["recovery time", "data loss"], ...] = ()
    operations: tuple[str, ...] = ()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One time of bad service, of one stream or of all: s since the drill's start, edges as intervals.

    `bad_s` sums the bad time inside it; `flaps` counts relapses; `share` is the share of operations that were bad.
    """

    stream: str
    impact_lower_s: float
    impact_upper_s: float
    stable_lower_s: float | None
    stable_upper_s: float | None
    bad_s: float
    flaps: int
    share: float
    operations: int


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a plan's step: `at_s` is s since the drill's start, `plane` is `control` or `data`."""

    service: str
    operation: str
    region: str
    plane: str
    at_s: float
    answer: str = ""


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan, `recovery` or `failback`: s since the drill's start.

    `outcome` is `done`, `failed` or `not reached`; `error` is why it failed. `copy` is what a restore was made from,
    `template` what a deployed stack was made of, `switched` what ARC says of a Region switch; None for others.
    """

    plan: str
    name: str
    kind: str
    says: str
    region: str
    began_s: float
    ended_s: float
    outcome: str
    error: str = ""
    calls: list[CallRow] = []
    copy: CopyUsed | None = None
    template: TemplateSeen | None = None
    switched: Switched | None = None


class PublishedLag(msgspec.Struct, frozen=True, kw_only=True):
    """What the store's own service says of the lag of one cluster before the fault, in s; nothing is judged by it.

    `mean_s` is the mean of `points` means of `period_s` each, `max_s` their highest value. Both are None where it has
    no points; `says` tells why.
    """

    metric: str
    source: str
    cluster: str
    points: int
    period_s: float
    mean_s: float | None = None
    max_s: float | None = None
    says: str = ""


class ReplicationLag(msgspec.Struct, frozen=True, kw_only=True):
    """How long acknowledged writes took to be at another site, before the fault, in s: quantiles as [lower, upper].

    An upper edge is None where a write of that rank was not seen there before the fault. `writes` were followed, by
    `heartbeats` of which `unanswered` got no answer; `resolution_s` is the widest interval of a single write.
    `published` is what the stores' own services say of the same.
    """

    site: str
    writes: int
    heartbeats: int
    unanswered: int
    resolution_s: float | None
    p50_s: tuple[float, float | None] | None = None
    p95_s: tuple[float, float | None] | None = None
    p99_s: tuple[float, float | None] | None = None
    max_s: tuple[float, float | None] | None = None
    published: list[PublishedLag] = []


class Convergence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the audit `audit` found the same at every one of `sites`, each asked by its own name.

    `keys` were compared, `differing` are not the same everywhere, `unread` were not answered somewhere. `only` counts
    by site the keys that no other site has.
    """

    audit: str
    sites: list[str]
    keys: int
    differing: int
    unread: int
    only: dict[str, int]
    verdict: Judgement
    says: str = ""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """A key that two Regions changed without knowing of each other's change; its client was told that both are done.

    Version `earlier` was acknowledged by one before version `later` was sent to the other, where it took the place of
    version `replaced`. `stands` is the one of the two that was kept; None: nothing that was read since tells.
    """

    key: str
    earlier: int
    earlier_region: str
    later: int
    later_region: str
    replaced: int
    stands: int | None = None


class Failback(msgspec.Struct, frozen=True, kw_only=True):
    """The way home, judged by itself against the same objectives.

    `recovery_time` is all bad service from its start on; `data_loss` what was there before it and is not after it.
    """

    recovery_time: RecoveryTime
    data_loss: DataLoss
    verdict: Judgement


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is judged of one drill.

    `failback` and `convergence` are None where there was no way home, and no audit of two sites.
    """

    schema: str = SCHEMA
    run_id: str
    drill: str
    parameters: dict[str, str]
    workload: str
    strategy: str
    disruption: Disruption
    expects: Expects
    environment: str
    judged_by: str
    verdict: Overall
    undo: Undo
    recovery_time: RecoveryTime
    data_loss: DataLoss
    clocks: dict[str, list[float]]
    marks: list[MarkRow]
    episodes: list[Episode]
    findings: list[Finding]
    does_not_show: list[str]
    steps: list[StepRow] = []
    replication_lag: list[ReplicationLag] = []
    convergence: Convergence | None = None
    conflicts: list[Conflict] = []
    failback: Failback | None = None
