import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.history import Outcome
from probes.ledger import Change, Entry, Ledger, checksum_of, in_sample, payload_of, whole_since_ns


def entry(key: str, probe: str = "orders") -> Entry:
    return Entry(probe=probe, key=key, version=1, checksum="")


def written(ledger: Ledger, *keys: str, outcome: Outcome = "ok") -> list[Entry]:
    """Keys acknowledged at 10, 20, 30 ..."""
    rows = [entry(key) for key in keys]
    for at_ns, row in enumerate(rows, start=1):
        ledger.send(row)
        ledger.done(row, outcome, 10 * at_ns)
    return rows


def summed(key: str, version: int) -> str:
    return f"{key}/{version}"


def change(ledger: Ledger, kind: Change = "update", before_ns: int = 1000) -> Entry:
    found = ledger.change("orders", kind, before_ns, summed)
    assert found is not None
    return found


def test_the_newest_acknowledged_key_that_is_old_enough() -> None:
    ledger = Ledger()
    assert ledger.borrow("orders", 10**9) is None
    outcomes: Sequence[tuple[int, Outcome]] = ((10, "ok"), (20, "in-doubt"), (30, "ok"), (40, "fail"), (50, "ok"))
    for at_ns, outcome in outcomes:
        row = entry(str(at_ns))
        ledger.send(row)
        ledger.done(row, outcome, at_ns)
    found = [ledger.borrow("orders", before_ns) for before_ns in (9, 10, 29, 30, 45, 60)]
    assert [row.key if row else None for row in found] == [None, "10", "10", "30", "30", "50"]
    assert ledger.borrow("other", 60) is None


def test_a_number_drawn_falls_on_a_key_that_is_old_enough_and_still_stands() -> None:
    ledger = Ledger()
    assert ledger.borrow("orders", 1000, 7) is None
    written(ledger, "a", "b", "c", "d")  # at 10, 20, 30, 40
    found = [ledger.borrow("orders", 30, drawn) for drawn in range(6)]
    assert [row.key if row else None for row in found] == ["a", "b", "c", "a", "b", "c"]
    for row in found:
        assert row is not None
        ledger.give_back(row)
    assert change(ledger, "delete").key == "a"
    assert [row.key if row else None for row in (ledger.borrow("orders", 40, drawn) for drawn in range(5))] == [
        "d", "b", "c", "d", "d",
    ]  # fmt: skip


def test_changes_take_the_oldest_key_first_and_only_one_that_is_old_enough() -> None:
    ledger = Ledger()
    assert ledger.change("orders", "update", 1000, summed) is None
    written(ledger, "a", "b")
    assert ledger.change("orders", "update", 9, summed) is None
    first, second = change(ledger), change(ledger, "delete")
    assert (first.key, first.version, first.checksum, first.kind) == ("a", 2, "a/2", "update")
    assert (second.key, second.version, second.checksum, second.kind) == ("b", 1, "", "delete")
    assert ledger.change("orders", "update", 1000, summed) is None


def test_an_acknowledged_update_is_read_and_updated_again() -> None:
    ledger = Ledger()
    written(ledger, "a")
    update = change(ledger)
    assert ledger.borrow("orders", 1000) is None, "it is being changed"
    ledger.done(update, "ok", 50)
    borrowed = ledger.borrow("orders", 1000)
    assert borrowed is update
    ledger.give_back(borrowed)
    assert change(ledger).version == 3


@pytest.mark.parametrize("outcome", ["in-doubt", "fail"])
def test_a_key_whose_change_was_not_acknowledged_is_never_changed_again(outcome: Outcome) -> None:
    ledger = Ledger()
    written(ledger, "a")
    update = change(ledger)
    ledger.done(update, outcome, 50)
    assert ledger.change("orders", "update", 1000, summed) is None
    # What is in doubt may be there or not, so it is not read, either; what was refused changed nothing.
    assert (ledger.borrow("orders", 1000) is None) == (outcome == "in-doubt")
    known = ledger.versions("orders", "a")
    assert known.acknowledged is not None
    assert (known.acknowledged.version, [e.version for e in known.in_doubt]) == (1, [2] * (outcome == "in-doubt"))
    (expected,) = ledger.expected("orders", ["a"])
    assert expected.version == 1


def test_a_deleted_key_is_never_used_again() -> None:
    ledger = Ledger()
    written(ledger, "a")
    ledger.done(change(ledger, "delete"), "ok", 50)
    assert ledger.borrow("orders", 1000) is None
    assert ledger.change("orders", "update", 1000, summed) is None
    (expected,) = ledger.expected("orders", ["a"])
    assert (expected.kind, expected.version, expected.checksum) == ("delete", 1, "")


def test_a_key_that_is_being_read_is_not_changed_and_keeps_its_place() -> None:
    ledger = Ledger()
    written(ledger, "a")
    borrowed = [ledger.borrow("orders", 1000), ledger.borrow("orders", 1000)]
    for row in borrowed:
        assert row is not None
        assert ledger.change("orders", "delete", 1000, summed) is None
        ledger.give_back(row)
    assert change(ledger, "delete").key == "a"


def test_a_reader_finds_an_older_key_while_the_newest_is_being_changed() -> None:
    ledger = Ledger()
    written(ledger, "a", "b")
    updates = [change(ledger), change(ledger)]
    ledger.done(updates[0], "ok", 60)
    found = ledger.borrow("orders", 1000)
    assert found is updates[0]


def test_waiting_for_what_is_in_flight() -> None:
    ledger = Ledger()
    row = entry("a")
    ledger.send(row)
    waiting = ledger.in_flight("orders")
    assert waiting == [row]
    assert not ledger.wait_done(waiting, 0.01)
    ledger.done(row, "in-doubt", 1)
    assert ledger.wait_done(waiting, 0.01)
    assert ledger.in_flight("orders") == []


def test_who_wrote_what() -> None:
    ledger = Ledger()
    ledger.send(entry("a"))
    ledger.send(entry("b", "other"))
    assert ledger.probes() == ["orders", "other"]
    assert ledger.unknown(["a", "b", "c"]) == ["c"]  # another probe of the same table may have sent b
    assert ledger.checksum("orders", "a", 1) == ""
    assert ledger.checksum("orders", "a", 2) is None
    assert ledger.checksum("nobody", "a", 1) is None


def test_checksums_and_payloads_can_be_computed_by_anybody() -> None:
    payload = payload_of(7, "k")
    assert payload == hashlib.sha256(b"7|k").hexdigest()[:24]
    assert checksum_of("k", 2, payload) == hashlib.sha256(f"k|2|{payload}".encode()).hexdigest()[:16]
    assert len({payload, payload_of(8, "k"), payload_of(7, "k", 2), payload_of(7, "k", 3)}) == 4


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_the_smaller_one(key: str, share: float, other: float) -> None:
    small, large = sorted((share, other))
    assert in_sample(key, large) or not in_sample(key, small)
    assert in_sample(key, 1.0)
    assert not in_sample(key, 0.0)


def test_a_sample_is_about_as_large_as_its_share() -> None:
    assert 700 < sum(in_sample(f"k-{n:08d}", 0.08) for n in range(10_000)) < 900


def test_a_sampled_audit_asks_for_the_sample_and_for_what_was_sent_late() -> None:
    ledger = Ledger()
    keys = [f"k-{n}" for n in range(200)]
    for at_ns, row in enumerate(written(ledger, *keys)):
        row.sent_ns = 1 + at_ns
    asked = ledger.keys("orders", 150, 0.1)
    assert set(asked) == {k for n, k in enumerate(keys) if in_sample(k, 0.1) or 1 + n >= 150}
    assert ledger.keys("orders") == keys
    ledger.send(entry("not sent yet"))
    assert "not sent yet" in ledger.keys("orders", 150, 0.0)
    assert whole_since_ns(5_000_000_000, 1.5) == 3_500_000_000
