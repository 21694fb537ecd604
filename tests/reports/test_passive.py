"""A passive site: a label that is wrong is red by its name, and so is a client that ends there."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from probes.history import History, Mark, Operation, ServedBy
from reports.model import Finding
from reports.passive import CHECK, TRAFFIC, judge_passive
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, declared_of, drill, writes_of
from tests.truth.two_sites import with_heartbeats

QUIET = drill((), bitten=(), requested=None, undo=None, marks=[("steady", 4 * NS)])
MARK = Mark(
    name="passive", at_ns=5 * NS, source="runner",
    data={"site": "recovery", "region": "eu-central-1", "zones": "b,c"},
)  # fmt: skip
Change = Callable[[Operation], Operation]


class Answers(NamedTuple):
    """How the site answers a read (the status, and whether it is good), and whether an instance runs there."""

    status: int
    good: bool
    instances: bool


UP, EMPTY = Answers(200, good=True, instances=True), Answers(503, good=False, instances=False)


def changed(history: History, which: str, change: Change) -> History:
    operations = tuple(change(o) if o.stream.startswith(which) else o for o in history.operations)
    return msgspec.structs.replace(history, operations=operations)


def site(answers: Answers, ends: str = "eu-west-1") -> History:
    """The recovery site answers its reads so, and has an instance in zone b; the clients end in that Region."""
    there = {write.key: write.done_ns for write in writes_of(QUIET)}
    history = with_heartbeats(QUIET, there, unanswered=() if answers.good else range(10_000))
    history = changed(history, "heartbeat", lambda o: msgspec.structs.replace(o, status=answers.status))
    history = changed(history, "witness", lambda o: msgspec.structs.replace(o, status=200))
    history = changed(history, "orders", lambda o: msgspec.structs.replace(o, served_by=ServedBy(region=ends)))
    mark = msgspec.structs.replace(MARK, data={**MARK.data, "zones": "b,c" if answers.instances else "c"})
    return msgspec.structs.replace(history, marks=(*history.marks, mark))


@pytest.mark.parametrize(
    ("told", "verdict"),
    [("a", "pass"), ("b", "fail"), ("eu-central-1a", "inconclusive"), ("attic", "inconclusive"), ("", "inconclusive")],
)
def test_a_site_in_no_region_is_told_by_its_zone(told: str, verdict: str) -> None:
    """Where no witness stands, nobody knows what a zone's name means."""
    place = ServedBy(zone=told)
    history = changed(site(EMPTY), "orders", lambda o: msgspec.structs.replace(o, served_by=place))
    mark = msgspec.structs.replace(MARK, data={**MARK.data, "zones": "b,c"})
    marks = (*(m for m in history.marks if m.name != "passive"), mark)
    assert found(msgspec.structs.replace(history, marks=marks), "pilot-light")[TRAFFIC].verdict == verdict


def found(history: History, strategy: str) -> dict[str, Finding]:
    declared = msgspec.structs.replace(declared_of(expects="no fault", fault=False), strategy=strategy)
    return {finding.check: finding for finding in judge_passive(history, declared)}


@pytest.mark.parametrize(
    ("strategy", "answers", "verdict", "says"),
    [
        ("warm-standby", UP, "pass", "answered"),
        ("warm-standby", EMPTY, "fail", "it is a pilot light"),
        ("pilot-light", EMPTY, "pass", "refused all"),
        ("pilot-light", UP, "fail", "labelled pilot-light, and answers"),
        ("pilot-light", Answers(500, good=False, instances=False), "fail", "labelled pilot-light, and answers"),
        ("pilot-light", Answers(503, good=False, instances=True), "fail", "health checks of its instances"),
        ("backup-restore", Answers(0, good=False, instances=False), "pass", "refused all"),
    ],
)
def test_a_wrong_label_is_red(strategy: str, answers: Answers, verdict: str, says: str) -> None:
    finding = found(site(answers), strategy)[CHECK]
    assert (finding.verdict, says in finding.says) == (verdict, True), finding.says


def test_a_warm_standby_that_answers_now_and_then_is_not_known() -> None:
    history = site(UP)
    limping = changed(
        history, "heartbeat", lambda o: msgspec.structs.replace(o, outcome="fail", status=0) if o.seq % 3 else o
    )
    assert found(limping, "warm-standby")[CHECK].verdict == "inconclusive"


def test_how_long_it_took_is_told() -> None:
    assert "p50 10.0 ms" in found(site(UP), "warm-standby")[CHECK].says


def test_a_site_that_nobody_asks_is_not_known() -> None:
    history = msgspec.structs.replace(QUIET, marks=(*QUIET.marks, MARK))
    assert found(history, "pilot-light")[CHECK].verdict == "inconclusive"


def test_a_client_that_ends_at_the_passive_site_is_named() -> None:
    finding = found(site(UP, ends="eu-central-1"), "warm-standby")[TRAFFIC]
    assert (finding.verdict, len(finding.operations)) == ("fail", 20)
    home = found(site(UP), "warm-standby")[TRAFFIC]
    assert home.verdict == "pass"
    nameless = found(site(UP, ends=""), "warm-standby")[TRAFFIC]
    assert nameless.verdict == "inconclusive"


def test_other_drills_are_not_asked() -> None:
    assert judge_passive(QUIET, declared_of()) == []


def test_it_decides_the_verdict() -> None:
    declared = msgspec.structs.replace(declared_of(expects="no fault", fault=False), strategy="pilot-light")
    for answers, verdict in ((EMPTY, "pass"), (UP, "fail")):
        history = site(answers)
        assert judge(history, declared, Undoing("clean", ""), "1").verdict == verdict
