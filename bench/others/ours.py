"""The project's own vantage and judging, one stream at the same rate, with the same deadline."""

import msgspec

from bench.others.asked import TIMEOUT_S, Asked
from bench.others.observation import NothingSeen, Read, Window
from bench.others.started import ToolFailed
from fixtures.marks import Marks
from probes.client import VantageLost, VantageProcess
from probes.history import History, Mark, Stream
from probes.load import load_history
from probes.spec import HttpProbe, HttpRequest, Resolver, VantageSpec
from reports.bounds import NS_PER_S
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.folder import Evidence, judge
from reports.model import Verdict
from reports.objectives import Objectives
from reports.verdict import Undoing

SETTINGS = "one read stream, fresh connections, deadline {timeout:g}; judged by its history, hold {hold:g}"
# Longer than the good times between flaps, shorter than those between outages.
HOLD_S = 1.0
_SITE = "rig"


class Judged(msgspec.Struct, frozen=True):
    """A whole run's history. Each outage in it is judged as a drill of its own, as if the others had not been."""

    history: History

    @property
    def states_error(self) -> bool:
        return True

    def read(self, window: Window) -> Read:
        """The verdict's recovery time; its number is the middle of what the operations saw."""
        verdict = judged(self.history, window)
        found = verdict.recovery_time
        rows = [row for row in verdict.episodes if row.stream == "all"]
        if not rows:
            return Read(lower_s=found.lower_s, upper_s=found.upper_s)
        if found.lower_s is None or found.upper_s is None:
            raise NothingSeen("service was not seen to recover")
        seen = found.seen_s or [found.lower_s, found.upper_s]
        return Read(
            length_s=sum(seen) / 2,
            lower_s=found.lower_s,
            upper_s=found.upper_s,
            outages=sum(row.flaps + 1 for row in rows),
        )


def observe(asked: Asked) -> Judged:
    """Ask for so long; the history. Raises ToolFailed."""
    marks = Marks(asked.folder, run="others", drill="ours")
    try:
        with VantageProcess(_spec(asked), asked.folder / "vantage.log"):
            marks.add("start", source="runner")
            if asked.started.over.wait(asked.seconds):
                raise ToolFailed("the comparison is over")
            marks.add("end", source="runner")
    except VantageLost as error:
        raise ToolFailed(str(error)) from error
    finally:
        marks.close()
    return Judged(load_history(asked.folder))


def judged(history: History, window: Window) -> Verdict:
    """The verdict on one outage: the run's first, quiet seconds are its baseline, and the window is its drill."""
    base = history.base
    moments = (*window.quiet_ns, window.begin_ns, window.requested_ns, window.end_ns)
    start_ns, quiet_ns, begin_ns, requested_ns, end_ns = (at - base.mono_ns for at in moments)
    kept = tuple(
        o for o in history.operations if start_ns <= o.sent_ns < quiet_ns or begin_ns <= o.sent_ns < end_ns
    )  # fmt: skip
    if not any(begin_ns <= o.sent_ns < requested_ns for o in kept):
        raise NothingSeen("nothing was asked before the outage")
    marks = (
        Mark(name="start", at_ns=start_ns, source="runner"),
        Mark(name="requested", at_ns=requested_ns, source="runner"),
        Mark(name="end", at_ns=end_ns, source="runner"),
    )
    cut = msgspec.structs.replace(history, operations=kept, marks=marks)
    return judge(Evidence(cut, _declared(), Undoing("clean", "")))


def _declared() -> Declared:
    fault = DeclaredFault(
        fault="script", says="A script", bites=(_SITE,), spares=(),
        targets=(DeclaredTarget(kind="service", id="rig", site=_SITE),),
    )  # fmt: skip
    return Declared(
        run="others", drill="ours", says="", parameters={}, workload="rig", strategy="multi-az", environment="rig",
        disruption="software", expects="any", harness="", fault=fault,
        objectives=Objectives(rto_s=None, rpo_s=None, hold_s=HOLD_S),
    )  # fmt: skip


def _spec(asked: Asked) -> VantageSpec:
    stream = Stream(
        name="read fresh", probe="orders", role="workload", kind="read", connection="fresh",
        period_ns=round(NS_PER_S / asked.rate), timeout_ns=round(TIMEOUT_S * NS_PER_S),
    )  # fmt: skip
    return VantageSpec(
        name="ours", run="others", drill="ours", folder=str(asked.folder), zone="client", key_prefix="others-", seed=1,
        resolver=Resolver(), dial_map=None, streams=(stream,),
        probes={"orders": HttpProbe(read=HttpRequest(method="GET", url=asked.url))},
    )  # fmt: skip
