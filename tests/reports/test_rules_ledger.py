"""Rules of the ledger and of reads, one test each: what may explain an answer, and which audit is asked."""

import msgspec
import pytest

from probes.history import History, Operation, Stream
from probes.ledger import in_sample
from reports.ledger import Fate, audits_of, ledger
from reports.losses import Class
from reports.reads import check_reads
from reports.sent import Sends, judged_changes
from tests.reports import test_reads
from tests.reports.test_loss import FAILOVER, HEAL, THERE, TWICE, history, two_audits, write
from tests.reports.test_reads import UPDATE, change, read
from tests.truth.simulated import NS, Stored, audit_of

# Half of the keys; `k-1` is among them and `k-3` is not.
SHARE = 0.5


def sampled(drill: History, whole_s: float) -> History:
    """The same drill, of which the audits were to read a sample, and all that was sent in the last `whole_s`."""
    (vantage,) = drill.vantages
    header = msgspec.structs.replace(vantage.header, audit_share=SHARE, audit_whole_s=whole_s)
    return msgspec.structs.replace(drill, vantages=(msgspec.structs.replace(vantage, header=header),))


def fate_of(drill: History, write: Operation) -> Fate:
    (fate,) = (f for f in ledger(drill).fates if f.write is write)
    return fate


# --- what may have come after what ---


def test_an_operation_does_not_explain_what_is_read_of_itself() -> None:
    first, again = write(1), write(3)
    (answer,) = audit_of(["k-1"], "at failover", FAILOVER, {"k-1": THERE})
    assert not Sends([first]).explained(1, answer, first)
    assert Sends([first, again]).explained(1, answer, first)


@pytest.mark.parametrize(("deleted_s", "expected"), [(49.0, None), (55.0, "lost")])
def test_only_a_delete_sent_before_the_answer_explains_that_the_key_is_absent(
    deleted_s: float, expected: Class | None
) -> None:
    kept = write(1)
    writes = [kept, write(deleted_s, kind="delete")]
    drill = history(writes, audit_of(["k-1"], "at failover", FAILOVER, {}))
    assert fate_of(drill, kept).loss_class == expected


def test_writes_of_a_control_stream_are_not_the_workloads() -> None:
    control = msgspec.structs.replace(write(2, key="k-2"), stream="c")
    drill = history([write(1), control], audit_of(["k-1", "k-2"], "at failover", FAILOVER, {"k-1": THERE}))
    (vantage,) = drill.vantages
    stream = Stream(
        name="c", probe="p", role="control", kind="write", connection="fresh", period_ns=NS, timeout_ns=NS
    )  # fmt: skip
    header = msgspec.structs.replace(vantage.header, streams=(*vantage.header.streams, stream))
    drill = msgspec.structs.replace(drill, vantages=(msgspec.structs.replace(vantage, header=header),))
    assert [o.key for o in judged_changes(drill)] == ["k-1"]
    assert not ledger(drill).of_class("lost")


# --- which audit is asked, and of what ---


@pytest.mark.parametrize(("whole_s", "expected"), [(20.0, "unread"), (5.0, "not sampled")])
def test_the_newest_keys_are_to_be_read_though_the_sample_leaves_them_out(whole_s: float, expected: str) -> None:
    assert in_sample("k-1", SHARE)
    assert not in_sample("k-3", SHARE)
    late = write(40, key="k-3")
    drill = sampled(history([write(1), late], audit_of(["k-1"], "at failover", FAILOVER, {"k-1": THERE})), whole_s)
    assert fate_of(drill, late).at_failover == expected


def test_of_three_audits_the_first_and_the_last_count() -> None:
    found = (None, None, THERE)
    names = ("at failover", "in between", "after heal")
    audits = [
        audit_of(["k-1"], name, FAILOVER + i * 10 * NS, {"k-1": there} if there else {})
        for i, (name, there) in enumerate(zip(names, found, strict=True))
    ]
    drill = history([write(1)], *audits)
    asked = audits_of(drill)
    assert [a.began_ns for a in asked.all] == [FAILOVER, FAILOVER + 20 * NS]
    assert [f.loss_class for f in ledger(drill).fates] == ["late"]


def test_a_write_between_the_audits_that_the_last_one_did_not_read_is_unread() -> None:
    between = write(55, key="k-2")
    first = audit_of(["k-1"], "at failover", FAILOVER, {"k-1": THERE})
    last = audit_of(["k-1", "k-2"], "after heal", HEAL, {"k-1": THERE}, unread=["k-2"])
    fate = fate_of(history([write(1), between], first, last), between)
    assert (fate.at_failover, fate.after_heal, fate.loss_class) == ("not asked", "unread", "unread")


# --- deletes and duplicates ---


def test_a_version_that_nobody_sent_is_damage_and_no_delete_undone() -> None:
    writes = [write(1), write(2, kind="delete")]
    found = ledger(two_audits(writes, Stored(version=9), Stored(version=9)))
    assert [(f.write.kind, f.loss_class) for f in found.fates] == [("write", "corrupt"), ("delete", None)]
    assert [o.observed_version for o in found.unexpected] == [9]


@pytest.mark.parametrize(("took_s", "expected"), [(2.0, None), (0.05, "resurrected")])
def test_a_delete_that_was_acknowledged_after_its_key_was_read_was_not_undone(
    took_s: float, expected: Class | None
) -> None:
    delete = write(49.9, kind="delete", took_s=took_s)
    drill = history([write(1), delete], audit_of(["k-1"], "at failover", FAILOVER, {"k-1": THERE}))
    assert fate_of(drill, delete).loss_class == expected


@pytest.mark.parametrize(("observed", "expected"), [(2, None), (1, "resurrected")])
def test_a_key_that_was_written_again_after_its_delete_is_not_back(observed: int, expected: Class | None) -> None:
    delete = write(2, kind="delete")
    drill = two_audits([write(1), delete, write(3, version=2)], Stored(version=observed), Stored(version=observed))
    assert fate_of(drill, delete).loss_class == expected


@pytest.mark.parametrize(("effects", "expected"), [(2, 0), (3, 2)])
def test_what_was_sent_twice_may_take_effect_twice_and_no_more(effects: int, expected: int) -> None:
    stored = Stored(effects=effects)
    found = ledger(two_audits([write(1), write(2)], stored, stored))
    assert sum(f.duplicated for f in found.fates) == expected


def test_what_was_sent_once_and_took_effect_twice_is_a_duplicate() -> None:
    (fate,) = ledger(two_audits([write(1)], TWICE, TWICE)).fates
    assert fate.duplicated


# --- reads ---


def test_a_write_in_doubt_that_came_late_is_no_step_back() -> None:
    reads = (read(40, 50, 2), read(60, 70, 1))
    in_doubt, done = change(0, 10, 1, "in-doubt"), change(0, 10, 1)
    assert check_reads(test_reads.history(in_doubt, UPDATE, *reads)).backwards == ()
    assert check_reads(test_reads.history(done, UPDATE, *reads)).backwards == (reads,)


def test_a_read_that_has_caught_up_is_no_step_back() -> None:
    stale, fresh = read(40, 50, 1), read(60, 70, 2)
    found = check_reads(test_reads.history(change(0, 10), UPDATE, stale, fresh))
    assert found.backwards == ()
    assert found.unseen == ((UPDATE, stale),)
