"""One case as a drill: the product's own vantage asks the rig, and leaves a folder to be judged."""

import time
from collections import Counter
from pathlib import Path

import msgspec

from bench.rig.cases import Case, Pace
from bench.rig.process import ZONE, Rig, rig
from bench.rig.truth import Truth
from fixtures.marks import Marks
from probes.client import VantageProcess
from probes.history import Connection, History, Kind, Role, Stream
from probes.load import Follower
from probes.spec import HttpAnswer, HttpProbe, HttpRequest, Resolver, VantageSpec
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.folder import PLAN
from reports.objectives import Objectives
from reports.recovery import stable_since
from reports.steady import baseline

NS_PER_S = 1_000_000_000
SITE = "rig"
_CHANGES: tuple[Kind, ...] = ("update", "delete")
# A steady service is seen after a second or two; a machine that is busy gets this long.
_STEADY_S = 60.0
# Beyond the script, its hold and its timeout: for a machine that is busy.
_GIVE_UP_S = 8.0
# So many keys were updated, and as many deleted, before the script begins.
_CHANGED = 10
_LOOK_S = 0.05
_AUDIT_S = 20.0


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """What one case left: its folder, the rig's truth, and when each audit was over (ns, `time.monotonic_ns`)."""

    case: Case
    folder: Path
    truth: Truth
    audited_ns: tuple[int, int]


def drill(case: Case, folder: Path) -> Drilled:
    """Play one case into `folder`, which must be empty. Raises what its parts raise, and TimeoutError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLAN).write_bytes(msgspec.json.encode(declared(case)))
    with rig(case.script) as scripted:
        scripted.write_dial_map(folder / "dial.json")
        marks = Marks(folder, run="rig", drill=case.name)
        try:
            with VantageProcess(_spec(case, scripted, folder), folder / "vantage.log") as vantage:
                marks.add("start", source="runner")
                _steady(case, folder)
                marks.add("requested", source="runner")
                _play(case, scripted, folder)
                vantage.audit("at failover", _AUDIT_S)
                failover_ns = time.monotonic_ns()
                marks.add("undo", source="runner")
                scripted.heal()
                marks.add("undone", source="runner")
                vantage.audit("after heal", _AUDIT_S)
                marks.add("end", source="runner")
        finally:
            marks.close()
        audited_ns = (failover_ns, time.monotonic_ns())
        return Drilled(case=case, folder=folder, truth=scripted.truth(), audited_ns=audited_ns)


def _steady(case: Case, folder: Path) -> None:
    """Wait until there is a baseline, and where keys are to be changed, until some were."""
    follower, deadline_s = Follower(folder), time.monotonic() + _STEADY_S
    while baseline(history := follower.poll()).problems or (case.changes and not _changed(history)):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"no baseline within {_STEADY_S:g} s; see {folder}/vantage.log")
        time.sleep(_LOOK_S)


def _changed(history: History) -> bool:
    """Whether keys are old enough by now for every turn of the streams that change them."""
    changed = Counter(o.kind for o in history.operations if o.good)
    return all(changed[kind] >= _CHANGED for kind in _CHANGES)


def _play(case: Case, scripted: Rig, folder: Path) -> None:
    """Begin the script, and wait until it is over and service was seen to stay good; or give up."""
    scripted.begin()
    time.sleep(case.script.over_s + _LOOK_S)
    follower = Follower(folder)
    deadline_s = time.monotonic() + case.pace.hold_s + case.pace.timeout_s + (_GIVE_UP_S if case.seen else 0.0)
    while time.monotonic() < deadline_s:
        history = follower.poll()
        if case.seen and _over(scripted) and stable_since(history, case.pace.hold_s) is not None:
            return
        time.sleep(_LOOK_S)


def _over(scripted: Rig) -> bool:
    """Whether the service is up again: an outage that nobody met must not be taken for one that is over."""
    return all(d.end_ns is not None for d in scripted.truth().down)


def declared(case: Case) -> Declared:
    """The case's plan, without an RTO: it is judged by many."""
    return Declared(
        run="rig", drill=case.name, says="", parameters={}, workload="rig", strategy="multi-az", environment="rig",
        disruption="software", expects="impact" if case.seen else "any", harness="",
        objectives=Objectives(rto_s=None, rpo_s=0.0, hold_s=case.pace.hold_s),
        fault=DeclaredFault(
            fault="script", says="A script", bites=(SITE,), spares=(),
            targets=(DeclaredTarget(kind="service", id="rig", site=SITE),),
        ),
    )  # fmt: skip


def _spec(case: Case, scripted: Rig, folder: Path) -> VantageSpec:
    url = scripted.url_by_name if case.named else scripted.url
    return VantageSpec(
        name="rig", run="rig", drill=case.name, folder=str(folder), zone=ZONE, key_prefix="rig-",
        seed=case.script.seed, resolver=Resolver(server=scripted.resolver),
        dial_map=str(folder / "dial.json") if case.named else None, streams=_streams(case),
        probes={
            "orders": _orders(url),
            "component": HttpProbe(read=HttpRequest(method="GET", url=f"{scripted.component_url}/")),
            "control": HttpProbe(read=HttpRequest(method="GET", url=f"{scripted.control_url}/")),
        },
    )  # fmt: skip


def _orders(url: str) -> HttpProbe:
    body = '{"key": "{key}", "version": {version}, "checksum": "{checksum}", "payload": "{payload}"}'
    one = HttpRequest(method="GET", url=f"{url}/orders/{{key}}")
    return HttpProbe(
        write=HttpRequest(method="POST", url=f"{url}/orders", body=body, success=(201,)),
        update=HttpRequest(method="PUT", url=f"{url}/orders/{{key}}", body=body),
        delete=HttpRequest(method="DELETE", url=f"{url}/orders/{{key}}?version={{version}}"),
        read=one,
        audit_one=one,
        audit_bulk=HttpRequest(method="GET", url=f"{url}/orders?prefix={{prefix}}&cursor={{cursor}}"),
        answer=HttpAnswer(effects="effects"),
    )


def _streams(case: Case) -> tuple[Stream, ...]:
    kinds: tuple[Kind, ...] = ("write", "read")
    connections: tuple[Connection, ...] = ("fresh", "pooled")
    streams = [_stream(case.pace, f"{k} {c}", k, connection=c) for k in kinds for c in connections]
    if case.changes:
        streams += [_stream(case.pace, k, k) for k in _CHANGES]
    streams.append(_stream(case.pace, "witness", "read", probe="component", role="witness"))
    streams.append(_stream(case.pace, "control", "read", probe="control", role="control"))
    return tuple(streams)


def _stream(
    pace: Pace, name: str, kind: Kind, *, probe: str = "orders", role: Role = "workload",
    connection: Connection = "pooled",
) -> Stream:  # fmt: skip
    return Stream(
        name=name, probe=probe, role=role, kind=kind, connection=connection,
        period_ns=round(pace.period_s * NS_PER_S), timeout_ns=round(pace.timeout_s * NS_PER_S),
        site=SITE if role == "witness" else "",
    )  # fmt: skip
