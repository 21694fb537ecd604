"""Gates on what a drill was: aimed as declared, witnessed there, recovered without help, wholly recorded."""

import msgspec
import pytest

from probes.history import History, Mark, ServedBy
from reports.declared import Declared, DeclaredTarget
from reports.model import Finding, Verdict
from reports.verdict import Undoing, judge
from tests.truth.simulated import END, IMPACT, NS, Outage, declared_of, drill
from tests.truth.two_sites import acknowledged, journey

CLEAN = Undoing("clean", "All 3 changes were put back.")


def judged(history: History, declared: Declared | None = None) -> Verdict:
    return judge(history, declared or declared_of(), CLEAN, "1")


def finding(verdict: Verdict, check: str) -> Finding:
    return next(f for f in verdict.findings if f.check == check)


def answered_by(history: History, stream: str, by: ServedBy) -> History:
    return msgspec.structs.replace(
        history,
        operations=tuple(
            msgspec.structs.replace(o, served_by=by) if o.stream == stream and o.good else o for o in history.operations
        ),
    )


def sited(history: History, sites: dict[str, str]) -> History:
    """The same with other sites and targets of its streams."""
    (record,) = history.vantages
    streams = tuple(
        msgspec.structs.replace(s, target=sites.get(s.name, s.target)) for s in record.header.streams
    )  # fmt: skip
    header = msgspec.structs.replace(record.header, streams=streams)
    return msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))


def aimed(*targets: tuple[str, str]) -> Declared:
    declared = declared_of()
    assert declared.fault is not None
    made = tuple(DeclaredTarget(kind="instance", id=f"i-{a}", site=s, address=a) for s, a in targets)
    return msgspec.structs.replace(declared, fault=msgspec.structs.replace(declared.fault, targets=made))


@pytest.mark.parametrize(
    ("by", "believed"),
    [
        (ServedBy(zone="b", region="r"), False),
        (ServedBy(zone="a", region="r"), True),
        (ServedBy(region="x"), False),
        (ServedBy(instance="i-1"), True),
    ],
)
def test_a_witness_that_another_zone_answered_proves_nothing(by: ServedBy, believed: bool) -> None:  # noqa: FBT001  a test's parameter
    verdict = judged(answered_by(drill(), "witness a", by))
    found = finding(verdict, "witnesses at their targets")
    if believed:
        assert (found.verdict, verdict.verdict) == ("pass", "pass")
    else:
        assert "witness a" in found.says
        assert found.operations
        assert all("/witness a/" in name for name in found.operations)
        assert verdict.verdict == "invalid"
        assert "no witness that is believed is aimed at a" in finding(verdict, "fault effective").says


def test_a_witness_of_a_region_believes_every_zone_of_it() -> None:
    declared = declared_of(bites=("eu-west-1",), spares=())
    history = sited(drill(), {})
    (record,) = history.vantages
    streams = tuple(
        msgspec.structs.replace(s, site="eu-west-1") if s.name == "witness a" else s for s in record.header.streams
    )
    header = msgspec.structs.replace(record.header, streams=streams)
    history = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))
    for by, verdict in (
        (ServedBy(zone="eu-west-1b"), "pass"),
        (ServedBy(zone="use1-az1", region="eu-west-1"), "pass"),
        (ServedBy(zone="us-east-1a", region="us-east-1"), "invalid"),
    ):
        assert judged(answered_by(history, "witness a", by), declared).verdict == verdict


@pytest.mark.parametrize(
    ("targets", "witnesses", "says"),
    [
        ((("a", "10.0.0.1"),), {"witness a": "10.0.0.1", "witness b": "10.0.0.2"}, ""),
        ((("a", "10.0.0.1"),), {"witness a": "10.0.0.9"}, "No witness in a is aimed at what the fault is: 10.0.0.1."),
        ((("a", "10.0.0.1"), ("c", "10.0.0.2")), {"witness b": "10.0.0.2"}, "which the fault has in c"),
        ((("a", "10.0.0.1"), ("b", "10.0.0.2")), {}, "aimed at i-10.0.0.2 in b, which it says it spares"),
    ],
)
def test_fault_and_witnesses_must_be_aimed_at_the_same(
    targets: tuple[tuple[str, str], ...], witnesses: dict[str, str], says: str
) -> None:
    verdict = judged(sited(drill(), witnesses), aimed(*targets))
    found = finding(verdict, "target as declared")
    assert (found.verdict, verdict.verdict) == (("invalid", "invalid") if says else ("pass", "pass"))
    assert says in found.says


def helped(history: History, at: int, *, planned: bool = False) -> History:
    data: dict[str, str | int | float | bool | None] = {"planned": True} if planned else {}
    mark = Mark(name="decided", at_ns=at, source="person", says="", data=data)
    return msgspec.structs.replace(history, marks=(*history.marks, mark))


def test_a_loss_that_is_proved_stands_where_clients_saw_no_outage() -> None:
    keys = acknowledged(journey(outages=()), 4 * NS, 6 * NS)[-3:]
    for lost, overall, loss in ((keys, "fail", "fail"), ([], "invalid", "invalid")):
        verdict = judged(journey(outages=(), lost=lost), declared_of(rpo_s=0.0))
        assert finding(verdict, "expectation met").verdict == "invalid"
        assert (verdict.verdict, verdict.data_loss.verdict, verdict.data_loss.lost) == (overall, loss, len(lost))
        assert verdict.recovery_time.verdict == "invalid"


def test_a_persons_help_that_the_plan_does_not_have_is_no_recovery() -> None:
    verdict = judged(helped(drill(), 7 * NS))
    found = finding(verdict, "recovered without help")
    assert found.verdict == "inconclusive"
    assert '"decided" at 7.0 s' in found.says
    assert verdict.recovery_time.verdict == "inconclusive"
    assert verdict.data_loss.verdict == "pass", "only the recovery time rests on it"


@pytest.mark.parametrize(("at", "planned"), [(7 * NS, True), (2 * NS, False), (15 * NS, False)])
def test_help_that_is_planned_or_comes_before_or_after_is_none(at: int, planned: bool) -> None:  # noqa: FBT001  as above
    verdict = judged(helped(drill(), at, planned=planned))
    assert finding(verdict, "recovered without help").verdict == "pass"
    assert verdict.verdict == "pass"


def test_help_does_not_excuse_a_miss() -> None:
    history = helped(drill((Outage(IMPACT, END, "swallow"),)), 7 * NS)
    verdict = judge(history, declared_of(rto_s=3.0), CLEAN, "1")
    assert finding(verdict, "recovered without help").verdict == "inconclusive"
    assert verdict.recovery_time.verdict == "fail"


def test_a_torn_mark_is_counted() -> None:
    verdict = judged(msgspec.structs.replace(drill(), torn_marks=1))
    assert "The last mark was torn" in finding(verdict, "history complete").says
    assert verdict.verdict == "inconclusive"
