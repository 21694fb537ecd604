"""Replication that stood still during the drill: how far a site fell behind, and whether it caught up.

The clients of the workload see nothing of it. What it puts at risk is told by heartbeats: at the moment of one that did
not find an acknowledged write at the site, a loss of the primary would have cost that write and all after it, so at
least the time since it was acknowledged.
"""

import math
from collections.abc import Sequence

from probes.history import History
from reports.bounds import seconds
from reports.declared import Declared
from reports.lag import SiteLag, WriteLag, lags_between
from reports.model import Finding
from reports.phases import main_mark
from reports.series import names_of
from reports.words import interval
from reports.words import seconds as seconds_words

CHECK = "replication caught up"
ALARM = "CloudWatch alarm"


def judge_standstill(history: History, declared: Declared) -> list[Finding]:
    """A finding for each site of a fault that is proved by heartbeats; none for other faults.

    Fail if no write that was acknowledged after the undo was seen at the site, and heartbeats were answered there.
    """
    requested, undone = main_mark(history, "requested"), history.mark("undone")
    if declared.fault is None or declared.fault.proved_by != "heartbeats" or requested is None:
        return []
    before = {found.site: found for found in lags_between(history, None, requested.at_ns)}
    since = lags_between(history, requested.at_ns, None)
    undone_ns = None if undone is None else undone.at_ns
    return [_finding(history, declared, before.get(one.site), one, undone_ns) for one in since]


def _finding(
    history: History, declared: Declared, before: SiteLag | None, found: SiteLag, undone_ns: int | None
) -> Finding:
    behind = max((*found.writes, *found.waiting), key=lambda w: w.lower_ns, default=None)
    if behind is None:
        says = f"No heartbeat to {found.site} was answered since, so how far it fell behind is not known."
        return Finding(check=CHECK, verdict="inconclusive", says=says, operations=names_of(found.asked[-5:]))
    said = _behind(declared, before, found.site, behind)
    heard = _heard(history, undone_ns)
    fresh = [
        w for w in found.writes if w.upper_ns is not None and undone_ns is not None and w.acknowledged_ns > undone_ns
    ]
    if fresh and undone_ns is not None:
        back_ns = min(w.proof[-1].done_ns for w in fresh) - undone_ns
        back_s = math.ceil(seconds(back_ns) * 100) / 100
        says = f"{said} It was in step again {back_s:g} s after the undo at the latest. {heard}"
        return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(behind.proof))
    answered = [o for o in found.asked if o.good and undone_ns is not None and o.sent_ns > undone_ns]
    if not answered:
        says = f"{said} No heartbeat was answered after an undo, so whether it caught up is not known. {heard}"
        return Finding(check=CHECK, verdict="inconclusive", says=says, operations=names_of(behind.proof))
    says = f"{said} It did not catch up: nothing that was acknowledged after the undo was seen there. {heard}"
    return Finding(check=CHECK, verdict="fail", says=says, operations=names_of(answered[-5:]))


def _behind(declared: Declared, before: SiteLag | None, site: str, behind: WriteLag) -> str:
    upper_s = None if behind.upper_ns is None else seconds(behind.upper_ns)
    usual_ns = max((w.upper_ns or 0 for w in before.writes), default=0) if before is not None else 0
    usual = f" (before the fault {math.ceil(seconds(usual_ns) * 100) / 100:g} s at most)" if usual_ns else ""
    rpo_s = declared.objectives.rpo_s
    objective = "there is no RPO" if rpo_s is None else f"the RPO is {seconds_words(rpo_s)}"
    lower_s = seconds(behind.lower_ns)
    return (
        f"A write was at {site} {interval(lower_s, upper_s, rpo_s)} after it was acknowledged{usual}. A loss of the "
        f"primary meanwhile would have cost at least {math.floor(lower_s * 10) / 10:g} s of writes; {objective}."
    )


def _heard(history: History, undone_ns: int | None) -> str:
    """Whether anything rang: what nobody is told of, nobody repairs."""
    requested = main_mark(history, "requested")
    rang = [
        m.says
        for m in history.marks
        if m.name == "sign" and m.source.startswith(ALARM) and requested is not None and m.at_ns > requested.at_ns
        and (undone_ns is None or m.at_ns < undone_ns)
    ]  # fmt: skip
    return f"Alarms meanwhile: {_few(rang)}." if rang else "No alarm told of it."


def _few(says: Sequence[str]) -> str:
    return "; ".join(says[:3]) + (f"; and {len(says) - 3} more" if len(says) > 3 else "")  # noqa: PLR2004 - enough to know
