"""A passive site: a label that is wrong is red by its name, and so is a client that ends there."""

from collections.abc import Callable

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


def changed(history: History, which: str, change: Change) -> History:
    operations = tuple(change(o) if o.stream.startswith(which) else o for o in history.operations)
    return msgspec.structs.replace(history, operations=operations)


def site(*, status: int, good: bool, instances: bool, ends: str = "eu-west-1") -> History:
    """The recovery site answers its reads so, and has an instance in zone b; the clients end in that Region."""
    there = {write.key: write.done_ns for write in writes_of(QUIET)}
    history = with_heartbeats(QUIET, there, unanswered=() if good else range(10_000))
    history = changed(history, "heartbeat", lambda o: msgspec.structs.replace(o, status=status))
    history = changed(history, "witness", lambda o: msgspec.structs.replace(o, status=200))
    history = changed(history, "orders", lambda o: msgspec.structs.replace(o, served_by=ServedBy(region=ends)))
    mark = msgspec.structs.replace(MARK, data={**MARK.data, "zones": "b,c" if instances else "c"})
    return msgspec.structs.replace(history, marks=(*history.marks, mark))


def found(history: History, strategy: str) -> dict[str, Finding]:
    declared = msgspec.structs.replace(declared_of(expects="no fault", fault=False), strategy=strategy)
    return {finding.check: finding for finding in judge_passive(history, declared)}


@pytest.mark.parametrize(
    ("strategy", "status", "good", "instances", "verdict", "says"),
    [
        ("warm-standby", 200, True, True, "pass", "answered"),
        ("warm-standby", 503, False, False, "fail", "it is a pilot light"),
        ("pilot-light", 503, False, False, "pass", "refused all"),
        ("pilot-light", 200, True, True, "fail", "labelled pilot-light, and answers"),
        ("pilot-light", 500, False, False, "fail", "labelled pilot-light, and answers"),
        ("pilot-light", 503, False, True, "fail", "health checks of its instances"),
        ("backup-restore", 0, False, False, "pass", "refused all"),
    ],
)
def test_a_wrong_label_is_red(strategy: str, status: int, good: bool, instances: bool, verdict: str, says: str) -> None:
    finding = found(site(status=status, good=good, instances=instances), strategy)[CHECK]
    assert (finding.verdict, says in finding.says) == (verdict, True), finding.says


def test_a_warm_standby_that_answers_now_and_then_is_not_known() -> None:
    history = site(status=200, good=True, instances=True)
    limping = changed(
        history, "heartbeat", lambda o: msgspec.structs.replace(o, outcome="fail", status=0) if o.seq % 3 else o
    )
    assert found(limping, "warm-standby")[CHECK].verdict == "inconclusive"


def test_how_long_it_took_is_told() -> None:
    assert "p50 10.0 ms" in found(site(status=200, good=True, instances=True), "warm-standby")[CHECK].says


def test_a_site_that_nobody_asks_is_not_known() -> None:
    history = msgspec.structs.replace(QUIET, marks=(*QUIET.marks, MARK))
    assert found(history, "pilot-light")[CHECK].verdict == "inconclusive"


def test_a_client_that_ends_at_the_passive_site_is_named() -> None:
    finding = found(site(status=200, good=True, instances=True, ends="eu-central-1"), "warm-standby")[TRAFFIC]
    assert (finding.verdict, len(finding.operations)) == ("fail", 20)
    home = found(site(status=200, good=True, instances=True), "warm-standby")[TRAFFIC]
    assert home.verdict == "pass"
    nameless = found(site(status=200, good=True, instances=True, ends=""), "warm-standby")[TRAFFIC]
    assert nameless.verdict == "inconclusive"


def test_other_drills_are_not_asked() -> None:
    assert judge_passive(QUIET, declared_of()) == []


def test_it_decides_the_verdict() -> None:
    declared = msgspec.structs.replace(declared_of(expects="no fault", fault=False), strategy="pilot-light")
    for good, verdict in ((False, "pass"), (True, "fail")):
        history = site(status=200 if good else 503, good=good, instances=good)
        assert judge(history, declared, Undoing("clean", ""), "1").verdict == verdict
