"""Every class of the ledger, by what was sent and what each audit found."""

import msgspec
import pytest

from probes.clock import ClockBase
from probes.history import End, Header, History, Kind, Mark, Operation, Outcome, Stream, VantageRecord
from reports.ledger import ledger, loss_rows
from reports.loss import judge_loss, loss
from reports.losses import Class
from reports.phases import Phases
from reports.recovery import Recovery
from tests.truth.simulated import NS, Stored, audit_of

BASE = ClockBase(mono_ns=0, utc_ns=0, boot="b")
FAILOVER, UNDO, HEAL = 50 * NS, 60 * NS, 70 * NS
NOTHING = Recovery(Phases(0, 0, None), (), 0, 0)


def write(
    sent_s: float,
    key: str = "k-1",
    outcome: Outcome = "ok",
    *,
    version: int = 1,
    kind: Kind = "write",
    took_s: float = 0.1,
) -> Operation:
    sent = int(sent_s * NS)
    return Operation(
        vantage="v1", probe="p", stream="w", seq=int(sent_s * 10), kind=kind, due_ns=sent, sent_ns=sent,
        done_ns=sent + int(took_s * NS), outcome=outcome, key=key, version=version, checksum="c",
    )  # fmt: skip


def history(writes: list[Operation], *audits: list[Operation]) -> History:
    operations = sorted([*writes, *(o for a in audits for o in a)], key=lambda o: o.sent_ns)
    stream = Stream(
        name="w", probe="p", role="workload", kind="write", connection="fresh", period_ns=NS, timeout_ns=NS
    )  # fmt: skip
    header = Header(vantage="v1", base=BASE, streams=(stream,), run="r", drill="d", key_prefix="k-")
    record = VantageRecord(header=header, end=End(operations=len(operations), unsent=0, base=BASE))
    marks = (Mark(name="start", at_ns=0, source="runner"), Mark(name="undo", at_ns=UNDO, source="runner"))
    return History(base=BASE, vantages=(record,), operations=tuple(operations), marks=marks)


def two_audits(writes: list[Operation], failover: Stored | None, heal: Stored | None, unread: str = "") -> History:
    key = writes[0].key
    first = audit_of([key], "at failover", FAILOVER, {key: failover} if failover else {}, unread={key} & {unread[2:]})
    hidden = {key} if unread.startswith("2:") else set()
    last = audit_of([key], "after heal", HEAL, {key: heal} if heal else {}, unread=hidden)
    return history(writes, first, last)


THERE, BROKEN, TWICE = Stored(), Stored(checksum="x"), Stored(effects=2)


@pytest.mark.parametrize(
    ("outcome", "failover", "heal", "expected"),
    [
        ("ok", THERE, THERE, None),
        ("ok", None, THERE, "late"),
        ("ok", None, None, "lost"),
        ("ok", THERE, None, "lost"),
        ("ok", BROKEN, BROKEN, "corrupt"),
        ("ok", BROKEN, THERE, "corrupt"),
        ("ok", TWICE, TWICE, "duplicated"),
        ("ok", THERE, TWICE, "duplicated"),
        ("in-doubt", THERE, THERE, "in-doubt recovered"),
        ("in-doubt", None, None, "in-doubt vanished"),
        ("in-doubt", None, THERE, "in-doubt recovered"),
        ("in-doubt", BROKEN, BROKEN, "corrupt"),
        ("fail", THERE, THERE, "phantom"),
        ("fail", None, None, None),
    ],
)
def test_classes(outcome: Outcome, failover: Stored | None, heal: Stored | None, expected: Class | None) -> None:
    (fate,) = ledger(two_audits([write(1, outcome=outcome)], failover, heal)).fates
    assert fate.loss_class == expected
    assert fate.gone == (expected in ("lost", "late"))


def test_an_older_version_is_rolled_back_and_only_the_newer_write_is_lost() -> None:
    writes = [write(1, version=1, kind="update"), write(2, version=2, kind="update")]
    first, second = ledger(two_audits(writes, Stored(version=1), Stored(version=1))).fates
    assert (first.loss_class, second.loss_class) == (None, "rolled back")
    assert second.gone
    assert second.for_good


def test_a_write_that_was_overwritten_proves_nothing() -> None:
    writes = [write(1, version=1, kind="update"), write(2, version=2, kind="update")]
    first, second = ledger(two_audits(writes, Stored(version=2), Stored(version=2))).fates
    assert (first.judged, second.judged) == (False, True)


def test_a_deleted_key_is_not_lost_and_one_that_comes_back_is_resurrected() -> None:
    writes = [write(1), write(2, kind="delete")]
    assert [f.loss_class for f in ledger(two_audits(writes, None, None)).fates] == [None, None]
    back = ledger(two_audits(writes, None, THERE)).fates
    assert [f.loss_class for f in back if f.write.kind == "delete"] == ["resurrected"]


def test_a_delete_in_doubt_explains_a_missing_key() -> None:
    writes = [write(1), write(2, kind="delete", outcome="in-doubt")]
    assert not any(f.gone for f in ledger(two_audits(writes, None, None)).fates)


def test_a_key_that_got_no_answer_is_unread_and_never_lost() -> None:
    writes = [write(1)]
    no_answer = audit_of(["k-1"], "at failover", FAILOVER, {}, unread=["k-1"])
    (fate,) = ledger(history(writes, no_answer)).fates
    assert (fate.loss_class, fate.judged) == ("unread", True)
    later = audit_of(["k-1"], "after heal", HEAL, {})
    (fate,) = ledger(history(writes, no_answer, later)).fates
    assert fate.loss_class == "lost"


def test_keys_that_nobody_sent_are_unexpected_and_other_peoples_are_not_ours() -> None:
    audit = audit_of(["k-1", "k-9", "z-1"], "at failover", FAILOVER, {"k-1": THERE, "k-9": THERE, "z-1": THERE})
    found = ledger(history([write(1)], audit))
    assert [o.key for o in found.unexpected] == ["k-9"]
    rows = loss_rows(found, history([write(1)], audit))
    assert [(r.key, r.loss_class, r.at_failover) for r in rows] == [("k-9", "unexpected", "version 1")]


def test_only_writes_sent_before_an_audit_began_are_judged_by_it() -> None:
    late = write(55, key="k-2")
    first = audit_of(["k-1", "k-2"], "at failover", FAILOVER, {"k-1": THERE})
    fates = {f.write.key: f for f in ledger(history([write(1), late], first)).fates}
    assert (fates["k-2"].judged, fates["k-2"].loss_class) == (False, None)
    last = audit_of(["k-1", "k-2"], "after heal", HEAL, {"k-1": THERE})
    fates = {f.write.key: f for f in ledger(history([write(1), late], first, last)).fates}
    assert fates["k-2"].loss_class == "lost"


def test_a_write_sent_after_an_audit_took_its_keys_and_before_it_read_the_first_is_not_unread() -> None:
    between = write(FAILOVER / NS + 0.002, key="k-2", took_s=0.001)
    read_late = [
        msgspec.structs.replace(o, sent_ns=o.sent_ns + 5 * NS // 1000, done_ns=o.done_ns + 5 * NS // 1000)
        for o in audit_of(["k-1"], "at failover", FAILOVER, {"k-1": THERE})
    ]
    found = ledger(history([write(1), between], read_late))
    assert [(f.write.key, f.judged) for f in found.fates] == [("k-1", True), ("k-2", False)]


def test_a_write_that_was_acknowledged_after_it_was_read_is_not_lost() -> None:
    slow = write(49.9, took_s=2)
    (fate,) = ledger(history([slow], audit_of(["k-1"], "at failover", FAILOVER, {}))).fates
    assert (fate.judged, fate.gone) == (False, False)


def test_the_last_answer_of_an_audit_counts() -> None:
    first = audit_of(["k-1"], "at failover", FAILOVER, {})
    again = [msgspec.structs.replace(o, seq=1) for o in audit_of(["k-1"], "at failover", FAILOVER + NS, {"k-1": THERE})]
    assert ledger(history([write(1)], first, again)).fates[0].loss_class is None


def test_the_only_audit_after_undo_is_one_after_healing() -> None:
    found = ledger(history([write(1)], audit_of(["k-1"], "after heal", HEAL, {})))
    assert found.audits.at_failover is None
    (fate,) = found.fates
    assert (fate.loss_class, fate.for_good) == ("lost", True)


def test_the_audit_after_the_way_home_says_what_was_lost_for_good() -> None:
    """It judges no loss: what was missing at the failover was lost then."""
    writes = [write(1, key="k-1"), write(1.2, key="k-2"), write(1.4, key="k-3")]
    keys = [w.key for w in writes]
    first = audit_of(keys, "at failover", FAILOVER, {"k-1": THERE})
    home = audit_of(keys, "after failback", HEAL + 5 * NS, {"k-1": THERE, "k-2": THERE})
    went = Mark(name="failback start", at_ns=HEAL + NS, source="runner")
    told, alone = (
        msgspec.structs.replace(one, marks=(*one.marks, went))
        for one in (history(writes, first, home), history(writes, first))
    )
    found = ledger(told)
    assert [(f.loss_class, f.for_good) for f in found.fates] == [(None, False), ("late", False), ("lost", True)]
    assert [row.after_heal for row in loss_rows(found, told)] == ["present", "absent"]
    measured = judge_loss(found, loss(found, NOTHING), None, 60.0)
    assert (measured.lost, measured.late, measured.lost_for_good) == (1, 1, 1)
    assert "1 for good" in measured.says
    assert 'Read back at the failover, and after the way home ("audit after failback").' in measured.says
    blind = judge_loss(ledger(alone), loss(ledger(alone), NOTHING), None, 60.0)
    assert (blind.lost, blind.lost_for_good) == (2, None)
    assert "whether for good is not known" in blind.says


def test_the_loss_runs_from_the_newest_write_before_all_lost_ones_to_the_newest_lost() -> None:
    writes = [write(i, key=f"k-{i}") for i in range(1, 9)]
    stored = {f"k-{i}": THERE for i in (1, 2, 3, 6)}  # 4, 5, 7, 8 are lost, in two holes of which one is inside
    found = ledger(history(writes, audit_of([w.key for w in writes], "at failover", FAILOVER, stored)))
    measured = loss(found, NOTHING)
    # Recovery point in [3.0, 4.1]; newest lost write done in [8.0, 8.1].
    assert (measured.lower_ns, measured.upper_ns) == (int(3.9 * NS), int(5.1 * NS))
    assert (len(measured.lost), measured.holes) == (4, 1)


def test_if_everything_is_lost_there_is_only_a_lower_bound() -> None:
    writes = [write(i, key=f"k-{i}") for i in range(1, 4)]
    found = ledger(history(writes, audit_of([w.key for w in writes], "at failover", FAILOVER, {})))
    assert loss(found, NOTHING).upper_ns is None


def test_unread_data_never_passes_and_a_proven_loss_fails_all_the_same() -> None:
    writes = [write(i, key=f"k-{i}") for i in range(1, 4)]
    keys = [w.key for w in writes]
    there = {"k-1": THERE, "k-3": THERE}
    for stored, expected in ((there | {"k-2": THERE}, "pass"), (there, "fail")):
        found = ledger(history(writes, audit_of(keys, "at failover", FAILOVER, stored)))
        assert judge_loss(found, loss(found, NOTHING), None, 0.0).verdict == expected
    unread = ledger(history(writes, audit_of(keys, "at failover", FAILOVER, there, unread=["k-2"])))
    assert judge_loss(unread, loss(unread, NOTHING), None, 0.0).verdict == "inconclusive"
    assert judge_loss(unread, loss(unread, NOTHING), None, None).verdict == "not judged"


def test_rows_say_what_each_audit_found() -> None:
    drill = two_audits([write(1)], None, TWICE)
    (row,) = loss_rows(ledger(drill), drill)
    assert (row.loss_class, row.at_failover, row.after_heal) == ("late", "absent", "2 effects")
    assert (row.sent_s, row.done_s, row.sent_utc) == (1.0, 1.1, "1970-01-01T00:00:01.000Z")


def test_a_delete_that_was_undone_is_a_lost_change() -> None:
    kept, gone = write(1, key="k-0"), [write(2), write(3, kind="delete")]
    keys = {"k-0": THERE, "k-1": THERE}
    found = ledger(history([kept, *gone], audit_of(list(keys), "at failover", FAILOVER, keys)))
    assert [f.loss_class for f in found.fates] == [None, None, "resurrected"]
    told = judge_loss(found, loss(found, NOTHING), None, 0.0)
    assert (told.resurrected, told.lost, told.verdict) == (1, 0, "fail")
    assert loss(found, NOTHING).lost == (gone[1],)


def test_a_delete_that_was_done_again_after_healing_is_late() -> None:
    fates = ledger(two_audits([write(1), write(2, kind="delete")], THERE, None)).fates
    assert [(f.loss_class, f.gone, f.for_good) for f in fates if f.write.kind == "delete"] == [("late", True, False)]


def test_an_absent_key_after_a_delete_proves_no_recovery_point() -> None:
    """The data was set back to 0.9 s: with the write of 1 s and its delete, and all that came after."""
    writes = [write(0.5, key="k-0"), write(1), write(2, kind="delete"), write(3, key="k-2")]
    found = ledger(history(writes, audit_of(["k-0", "k-1", "k-2"], "at failover", FAILOVER, {"k-0": THERE})))
    assert [f.kept for f in found.fates] == [True, False, False, False]
    assert loss(found, NOTHING).upper_ns == int(3.1 * NS) - int(0.5 * NS)


def test_what_the_first_audit_held_proves_nothing_for_the_second() -> None:
    """A rewind at undo takes k-1 and its delete, which came between the audits, and then k-2."""
    writes = [write(0.5, key="k-0"), write(1), write(52, kind="delete"), write(54, key="k-2")]
    first = audit_of(["k-0", "k-1"], "at failover", FAILOVER, {"k-0": THERE, "k-1": THERE})
    last = audit_of(["k-0", "k-1", "k-2"], "after heal", HEAL, {"k-0": THERE})
    found = ledger(history(writes, first, last))
    assert loss(found, NOTHING).upper_ns == int(54.1 * NS) - int(0.5 * NS)


@pytest.mark.parametrize(("outcome", "expected"), [("in-doubt", None), ("ok", "rolled back")])
def test_an_older_version_in_doubt_may_have_come_late(outcome: Outcome, expected: Class | None) -> None:
    writes = [write(1, outcome=outcome), write(2, version=2, kind="update")]
    assert ledger(two_audits(writes, Stored(version=1), Stored(version=1))).fates[1].loss_class == expected


def test_a_newer_version_than_was_ever_sent_is_damage() -> None:
    found = ledger(two_audits([write(1)], Stored(version=9), Stored(version=9)))
    assert [f.loss_class for f in found.fates] == ["corrupt"]
    assert [o.observed_version for o in found.unexpected] == [9]


def test_a_late_write_that_took_effect_twice_is_an_integrity_failure_all_the_same() -> None:
    found = ledger(two_audits([write(1)], None, TWICE))
    told = judge_loss(found, loss(found, NOTHING), None, 1000.0)
    assert (found.fates[0].loss_class, told.late, told.duplicated, told.verdict) == ("late", 1, 1, "fail")


def test_what_vanished_in_doubt_counts_as_lost_only_where_the_objective_says_so() -> None:
    writes = [write(1, key="k-0"), write(2, outcome="in-doubt"), write(3, key="k-2")]
    there = {"k-0": THERE, "k-2": THERE}
    found = ledger(history(writes, audit_of(["k-0", "k-1", "k-2"], "at failover", FAILOVER, there)))
    assert judge_loss(found, loss(found, NOTHING), None, 0.0).verdict == "pass"
    told = judge_loss(found, loss(found, NOTHING, vanished=True), None, 0.0)
    assert (told.verdict, told.lost, told.in_doubt_vanished) == ("fail", 0, 1)
    assert "which this objective counts as lost" in told.says
    assert loss(found, NOTHING, vanished=True).upper_ns == int(2.1 * NS) - int(1 * NS)


def test_what_is_there_only_after_healing_does_not_prove_that_it_was_there_before() -> None:
    writes = [write(0.5, key="k-0"), write(1), write(2, kind="delete", outcome="in-doubt")]
    first = audit_of(["k-0", "k-1"], "at failover", FAILOVER, {"k-0": THERE})
    last = audit_of(["k-0", "k-1"], "after heal", HEAL, {"k-0": THERE, "k-1": THERE})
    assert [f.kept for f in ledger(history(writes, first, last)).fates] == [True, False, False]


def test_a_refused_write_that_is_there_twice_is_a_phantom_and_nothing_else() -> None:
    found = ledger(two_audits([write(1, outcome="fail")], TWICE, TWICE))
    told = judge_loss(found, loss(found, NOTHING), None, 0.0)
    assert (found.fates[0].loss_class, told.duplicated, told.phantom) == ("phantom", 0, 1)


def test_only_a_write_that_was_over_before_the_oldest_lost_one_was_sent_proves_the_recovery_point() -> None:
    writes = [write(1, key="k-0"), write(2.9, key="k-1", took_s=0.5), write(3, key="k-2")]
    there = {"k-0": THERE, "k-1": THERE}
    found = ledger(history(writes, audit_of(["k-0", "k-1", "k-2"], "at failover", FAILOVER, there)))
    assert loss(found, NOTHING).upper_ns == int(3.1 * NS) - NS
