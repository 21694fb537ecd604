"""What was promised: the objectives that a drill is judged against."""

from typing import Literal

import msgspec

# Sampling: 20 operations within the RTO put the edges of a recovery within a tenth of it.
SENDS_PER_RTO = 20
# The shortest period that a vantage can keep, and the longest that an outage of some seconds is not missed by.
FASTEST_PERIOD_S = 0.02
SLOWEST_PERIOD_S = 5.0

Clock = Literal["total", "from_decision", "first_success", "audited"]


class Objectives(msgspec.Struct, frozen=True, kw_only=True):
    """The objectives of one disruption, in s, and how they are to be read. None: there is no such objective.

    `clock` is the clock that the RTO is held against. `hold_s` is how long service must stay good before it counts
    as recovered, `deadline_s` how long a drill waits for that. `tolerance` is the share of operations that may fail
    while service still counts as good, beyond what failed in the baseline. `p99_s`: service is only good while 99% of
    the good operations take at most so long, in s. `capacity`: only while at least this share of the operations a
    second that the baseline had is done well (1.0: production's load). `vanished_counts`: a write in doubt that is not
    there counts as lost. `source`, `approved_by` and `approved_on`
    say who set them and where it is written.
    """

    rto_s: float | None
    rpo_s: float | None
    clock: Clock = "total"
    hold_s: float = 60.0
    deadline_s: float = 3600.0
    tolerance: float = 0.0
    p99_s: float | None = None
    capacity: float | None = None
    vanished_counts: bool = False
    source: str = ""
    approved_by: str = ""
    approved_on: str = ""


def allowed_period_s(rto_s: float) -> float:
    """The longest period, in s, at which a stream may ask for that RTO: RTO/20, within 20 ms and 5 s."""
    return min(max(rto_s / SENDS_PER_RTO, FASTEST_PERIOD_S), SLOWEST_PERIOD_S)
