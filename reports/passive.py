"""The recovery site while nothing is wrong: whether it is as passive as its strategy says, and no client ends there.

It is asked by its own name all the time (heartbeats, which are reads), and so are its instances (witnesses). A warm
standby answers; a pilot light, and a site that is only restored when it is needed, refuse, or the label is wrong.
"""

from collections.abc import Iterator, Sequence

from probes.history import History, Mark, Operation, ServedBy
from reports.bounds import seconds
from reports.declared import Declared
from reports.lag import nearest_rank
from reports.model import Finding
from reports.series import names_of, series_of

CHECK = "passive site"
TRAFFIC = "no client at the recovery site"
ANSWERS = "warm-standby"
REFUSE = ("pilot-light", "backup-restore")
# What a load balancer says that has nobody behind it: [Application Load Balancers: troubleshoot]. Nothing at all is 0.
REFUSED = (0, 502, 503, 504)
_SHOWN = 20


def judge_passive(history: History, declared: Declared) -> list[Finding]:
    """Two findings for each recovery site that the drill looked at (mark `passive`); none in other drills."""
    marks = [mark for mark in history.marks if mark.name == "passive"]
    return [finding for mark in marks for finding in (_label(history, declared, mark), _traffic(history, mark))]


def _label(history: History, declared: Declared, mark: Mark) -> Finding:
    """Fail if the site answers though it should refuse, or the other way round; inconclusive if it was not asked."""
    site = str(mark.data["site"])
    asked = [o for s in series_of(history, "heartbeat") if s.stream.site == site for o in s.operations]
    if not asked:
        says = f"Nobody asked {site}: it has no name of its own (host), or no probe that reads over HTTP."
        return Finding(check=CHECK, verdict="inconclusive", says=says)
    health = list(_health(history, mark))
    if declared.strategy in REFUSE:
        return _refuses(declared, site, asked, health)
    return _answers(declared, site, asked, health)


def _refuses(declared: Declared, site: str, asked: Sequence[Operation], health: Sequence[Operation]) -> Finding:
    answered = [o for o in asked if o.good or o.served_by is not None or o.status not in REFUSED]
    alive = [o for o in health if o.good]
    if answered or alive:
        says = (
            f"{site} is labelled {declared.strategy}, and answers: {len(answered)} of {len(asked)} reads, and "
            f"{len(alive)} of {len(health)} health checks of its instances. It is a warm standby, or was left running."
        )
        return Finding(check=CHECK, verdict="fail", says=says, operations=names_of([*answered, *alive], _SHOWN))
    how = ", ".join(sorted({f"status {o.status}" if o.status else o.error or "no answer" for o in asked}))
    says = f"{site} refused all {len(asked)} reads ({how}), and none of its instances was there to be asked."
    return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(asked[:3]))


def _answers(declared: Declared, site: str, asked: Sequence[Operation], health: Sequence[Operation]) -> Finding:
    good = sorted(o.done_ns - o.sent_ns for o in asked if o.good)
    bad = [o for o in asked if not o.good]
    alive = sum(o.good for o in health)
    if not good:
        says = f"{site} is labelled {declared.strategy}, and answered none of {len(asked)} reads: it is a pilot light."
        return Finding(check=CHECK, verdict="fail", says=says, operations=names_of(bad, _SHOWN))
    took = ", ".join(
        f"{name} {seconds(nearest_rank(good, share)) * 1000:.1f} ms"
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    )
    says = (
        f"{site} answered {len(good)} of {len(asked)} reads ({took}) and {alive} of {len(health)} health checks of its "
        "instances, while it was passive. No write was sent to it."
    )
    if len(bad) > declared.objectives.tolerance * len(asked):
        return Finding(check=CHECK, verdict="inconclusive", says=says, operations=names_of(bad, _SHOWN))
    return Finding(check=CHECK, verdict="pass", says=says, operations=names_of(asked[:3]))


def _health(history: History, mark: Mark) -> Iterator[Operation]:
    """What the witnesses asked of instances in the site's zones. A store has a zone, too, but speaks no HTTP."""
    zones = str(mark.data["zones"]).split(",")
    for series in series_of(history, "witness"):
        if series.stream.site in zones:
            yield from (o for o in series.operations if o.status or o.served_by is not None)


def _traffic(history: History, mark: Mark) -> Finding:
    """Fail if a client of the workload's own name was answered from the recovery site's Region.

    A site on premises is in none: its answers tell by the zone that they name, where a witness stands there.
    """
    region, zones = str(mark.data["region"]), str(mark.data["zones"]).split(",")
    known = {one.stream.site for one in series_of(history, "witness")}
    asked = [o for one in series_of(history, "workload") for o in one.operations if o.served_by is not None]
    told = [o for o in asked if o.served_by and (o.served_by.region or o.served_by.zone in known)]
    ended = [o for o in told if o.served_by and _is_in(o.served_by, region, zones)]
    if ended:
        says = (
            f"{len(ended)} of {len(told)} answers to the workload's own clients came from {region}, which is passive."
        )
        return Finding(check=TRAFFIC, verdict="fail", says=says, operations=names_of(ended, _SHOWN))
    if not told:
        says = "No answer says which Region it came from (probes.answer), so where clients end is not known."
        return Finding(check=TRAFFIC, verdict="inconclusive", says=says)
    says = f"None of {len(told)} answers to the workload's own clients came from {region}."
    return Finding(check=TRAFFIC, verdict="pass", says=says)


def _is_in(place: ServedBy, region: str, zones: Sequence[str]) -> bool:
    """Whether that is in the Region, or where no Region is said, in a zone of it, whose name begins with its."""
    if place.region:
        return place.region == region
    return place.zone in zones or place.zone.startswith(region)
