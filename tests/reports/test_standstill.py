"""Replication that stood still: heartbeats bound how far the site fell behind, and see that it caught up."""

import re
from collections.abc import Collection

import msgspec
import pytest

from probes.history import History, Mark
from reports.declared import Declared
from reports.model import Finding
from reports.standstill import judge_standstill
from tests.truth.simulated import MS, NS, UNDO, declared_of, drill, writes_of
from tests.truth.two_sites import marked, with_heartbeats

DRILL = marked(drill(), "undone", UNDO)
REQUESTED = next(m.at_ns for m in DRILL.marks if m.name == "requested")
LAG = 100 * MS
BACK = UNDO + 400 * MS


def paused(*, back: int | None = BACK, unanswered: Collection[int] = (), history: History = DRILL) -> History:
    """Nothing that is acknowledged from the request on is at the site before `back` (None: ever)."""
    arrives = {w.key: w.done_ns + LAG for w in writes_of(history) if w.good}
    late = {key: at for key, at in arrives.items() if at >= REQUESTED}
    arrives |= {key: max(at, 2**62 if back is None else back) for key, at in late.items()}
    return with_heartbeats(history, arrives, unanswered=unanswered)


def declared(rpo_s: float | None = 5.0) -> Declared:
    found = declared_of(rpo_s=rpo_s, expects="no failover")
    assert found.fault is not None
    return msgspec.structs.replace(found, fault=msgspec.structs.replace(found.fault, proved_by="heartbeats"))


def judged(history: History) -> Finding:
    (found,) = judge_standstill(history, declared())
    return found


def test_how_far_it_fell_behind_and_when_it_was_in_step_again() -> None:
    found = judged(paused())
    assert found.verdict == "pass"
    first = min(w.done_ns for w in writes_of(DRILL) if w.good and w.done_ns + LAG >= REQUESTED)
    lower, upper = map(float, re.findall(r"at recovery ([\d.]+)\.\.([\d.]+) s", found.says)[0])
    assert lower <= (BACK - first) / NS + 1, "the heartbeat followed the newest write of that time, or one just before"
    assert upper >= (BACK - REQUESTED) / NS - 1
    (cost,) = map(float, re.findall(r"at least ([\d.]+) s of writes", found.says))
    assert lower - 0.1 <= cost <= lower
    (back,) = map(float, re.findall(r"again ([\d.]+) s after the undo", found.says))
    assert (BACK - UNDO) / NS <= back < (BACK - UNDO) / NS + 1
    assert "the RPO is 5 s" in found.says
    assert "No alarm told of it." in found.says
    assert found.operations


def test_a_replica_that_does_not_catch_up_is_red() -> None:
    found = judged(paused(back=None))
    assert found.verdict == "fail"
    assert "It did not catch up" in found.says


@pytest.mark.parametrize("since", [REQUESTED, UNDO])
def test_without_answers_nothing_is_known(since: int) -> None:
    silent = range(since // (100 * MS), 10_000)
    found = judged(paused(unanswered=silent))
    assert found.verdict == "inconclusive"


def test_an_alarm_that_rang_meanwhile_is_told() -> None:
    rang = Mark(name="sign", at_ns=REQUESTED + NS, source="CloudWatch alarm, eu-central-1", says="lag: ALARM")
    before = msgspec.structs.replace(rang, at_ns=REQUESTED - NS, says="another")
    history = msgspec.structs.replace(DRILL, marks=(*DRILL.marks, before, rang))
    assert judged(paused(history=history)).says.endswith("Alarms meanwhile: lag: ALARM.")


def test_other_faults_are_not_asked() -> None:
    assert judge_standstill(paused(), declared_of()) == []
