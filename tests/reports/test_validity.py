import msgspec

from probes.history import History
from reports.validity import effect_seen
from tests.truth.simulated import MS, NS, UNDO, Outage, declared_of, drill


def until(history: History, now_ns: int) -> History:
    return msgspec.structs.replace(
        history, operations=tuple(o for o in history.operations if o.done_ns <= now_ns)
    )  # fmt: skip


BITTEN = 4 * NS + 200 * MS


def test_the_effect_is_seen_once_a_witness_failed_and_its_edges_hold_the_truth() -> None:
    history = drill(bitten=(Outage(BITTEN, UNDO, "refuse"),))
    assert not effect_seen(until(history, BITTEN - MS), declared_of()).complete
    seen = effect_seen(until(history, BITTEN + 300 * MS), declared_of())
    assert seen.complete
    assert seen.effective is not None
    assert seen.effective.lower_ns <= BITTEN <= seen.effective.upper_ns
    assert seen.effective.upper_ns - seen.effective.lower_ns < 150 * MS


def test_every_biting_site_must_be_seen() -> None:
    seen = effect_seen(drill(), declared_of(bites=("a", "c")))
    assert not seen.complete
    assert seen.bites["a"] is not None
    assert seen.bites["c"] is None
    assert seen.unwatched == ("c",)
    assert seen.effective is None


def test_a_single_lost_answer_in_a_spared_site_is_no_spill_and_an_outage_is() -> None:
    blip = drill(spared=(Outage(6 * NS, 6 * NS + 100 * MS, "refuse"),))
    assert effect_seen(blip, declared_of()).complete
    spilled = effect_seen(drill(spared=(Outage(6 * NS, 7 * NS, "refuse"),)), declared_of())
    assert not spilled.complete
    assert list(spilled.spilled) == ["witness b"]


def test_what_was_bad_before_or_after_is_no_effect() -> None:
    before = drill(bitten=(Outage(2 * NS, 3 * NS, "refuse"),))
    assert not effect_seen(before, declared_of()).complete
    after = drill(bitten=(Outage(UNDO + NS, UNDO + 2 * NS, "refuse"),))
    assert not effect_seen(after, declared_of()).complete


def test_without_a_fault_nothing_is_seen() -> None:
    seen = effect_seen(drill(), declared_of(fault=False))
    assert not seen.complete
    assert seen.effective is None
