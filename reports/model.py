"""The verdict of a drill as data: `verdict.json`, a stable schema (its JSON Schema is in `docs/`)."""

from typing import Literal

import msgspec

SCHEMA = "dr-drills/verdict/1"

Overall = Literal["pass", "fail", "inconclusive", "invalid", "aborted"]
Judgement = Literal["pass", "fail", "inconclusive", "invalid", "not judged"]
Undo = Literal["clean", "dirty"]
Expects = Literal["impact", "any", "none", "no fault"]
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
    acknowledged keys that the audits read, and `confidence` that of the upper bound: 0.95 where it is below 1.0.
    """

    objective_s: float | None
    lower_s: float | None
    upper_s: float | None
    acknowledged: int
    lost: int
    late: int
    rolled_back: int
    corrupt: int
    duplicated: int
    in_doubt: int
    in_doubt_recovered: int
    unexpected: int
    phantom: int
    unread: int
    lost_for_good: int
    in_flight_at_impact: int
    verdict: Judgement
    says: str = ""
    resurrected: int = 0
    in_doubt_vanished: int = 0
    coverage: float = 1.0
    confidence: float = 1.0


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


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is judged of one drill."""

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
