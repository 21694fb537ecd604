"""The old primary takes no writes after the failover, or each of them is named with what became of it."""

from collections.abc import Callable

import msgspec
import pytest

from probes.history import History, Operation, Stream
from reports.ledger import all_audits, ledger
from reports.model import Finding
from reports.old_primary import judge_old_primary
from reports.verdict import Undoing, judge
from tests.truth.simulated import MS, NS, VANTAGE, audit_of, declared_of, kept, with_operations, writes_of
from tests.truth.two_sites import END, HOME, journey, marked

PROMOTED, UNDONE = 10 * NS, 26 * NS
JOURNEY = marked(marked(journey(), "promoted", PROMOTED, "plan step promote"), "undone", UNDONE)
STALE = Stream(
    name="stale primary orders", probe="orders", role="stale", kind="write", connection="fresh",
    period_ns=200 * MS, timeout_ns=NS, site="primary", target="primary.example",
)  # fmt: skip


def _written(sent: int, *, taken: bool) -> Operation:
    return Operation(
        vantage=VANTAGE, probe="orders", stream=STALE.name, seq=sent // STALE.period_ns, kind="write", due_ns=sent,
        sent_ns=sent, done_ns=sent + 5 * MS, outcome="ok" if taken else "in-doubt", status=201 if taken else 503,
        key=f"k-stale-{sent // MS}", version=1, checksum="c", site="primary",
    )  # fmt: skip


def stale(takes: Callable[[int], bool], *, found: bool = True, until: int = END) -> History:
    """The drill with stale clients, whose writes the old primary takes at some times; `found` by the last audit."""
    sent = [_written(at, taken=takes(at)) for at in range(STALE.period_ns, until, STALE.period_ns)]
    record = JOURNEY.vantages[0]
    header = msgspec.structs.replace(record.header, streams=(*record.header.streams, STALE))
    history = msgspec.structs.replace(JOURNEY, vantages=(msgspec.structs.replace(record, header=header),))
    there = kept([o for o in sent if o.good]) if found else {}
    last = [o.key for o in sent if o.sent_ns < 36 * NS]
    return with_operations(history, [*sent, *audit_of(last, "after failback", 36 * NS, there)])


def judged(history: History) -> Finding:
    found = judge_old_primary(history)
    assert found is not None
    return found


def test_a_fenced_old_primary_passes_with_the_number_of_writes_that_it_refused() -> None:
    found = judged(stale(lambda at: at < 5 * NS))
    assert found.verdict == "pass"
    assert "took none of" in found.says
    assert found.operations


def test_each_late_write_that_was_thrown_away_is_named() -> None:
    history = stale(lambda at: at < 5 * NS or UNDONE < at < UNDONE + NS // 2, found=False)
    found = judged(history)
    assert found.verdict == "fail"
    assert "acknowledged 2 writes after another site was promoted (split brain)" in found.says
    assert "2 of them are not in the workload: k-stale-26200, k-stale-26400" in found.says
    assert len(found.operations) == 2
    verdict = judge(history, declared_of(), Undoing("clean", "Put back."), "1")
    assert verdict.verdict == "fail"
    assert found in verdict.findings


def test_late_writes_that_were_kept_are_a_split_brain_all_the_same() -> None:
    found = judged(stale(lambda at: UNDONE < at < UNDONE + NS // 2))
    assert found.verdict == "fail"
    assert "all of them are in the workload" in found.says


@pytest.mark.parametrize("at", [5 * NS, PROMOTED - NS, HOME + NS, HOME + 3 * NS])
def test_before_the_promotion_and_on_the_way_home_it_may_take_writes(at: int) -> None:
    assert judged(stale(lambda sent: at <= sent < at + NS // 2)).verdict == "pass"


def test_a_fence_that_nobody_tried_is_not_said_to_hold() -> None:
    found = judged(stale(lambda _: False, until=UNDONE - NS))
    assert (found.verdict, "was not tried" in found.says) == ("inconclusive", True)


def test_without_stale_clients_nothing_is_said() -> None:
    assert judge_old_primary(JOURNEY) is None


def test_their_keys_are_strangers_to_no_audit_and_their_losses_are_not_the_workloads() -> None:
    taken = stale(lambda at: at < 5 * NS)
    plain = ledger(JOURNEY)
    first = all_audits(JOURNEY)[0]
    theirs = [o for o in taken.operations if o.stream == STALE.name and o.good]
    assert theirs
    read_back = audit_of([o.key for o in theirs], first.name.removeprefix("audit "), first.began_ns, kept(theirs))
    history = with_operations(taken, [msgspec.structs.replace(o, stream=first.name) for o in read_back])
    assert any(o.key in all_audits(history)[0].answers for o in theirs)
    assert ledger(history).unexpected == plain.unexpected == ()
    assert len(ledger(history).fates) == len(plain.fates) == len(writes_of(JOURNEY))
