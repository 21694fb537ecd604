"""The rig's store and the sums of its truth, without a process."""

import pytest

from bench.rig.script import FOR_EVER_S, Loss, Outage, Script, Turn
from bench.rig.store import PAGE, Row, Store
from bench.rig.truth import Change, Down, Span, Truth, Written, outages_of

OUTAGE = Outage(begin_s=0, end_s=1, mode="503")


def down(begin_ns: int, end_ns: int | None) -> Down:
    ended_ns = None if end_ns is None else end_ns + 2
    return Down(begin_ns=begin_ns, begun_ns=begin_ns + 3, end_ns=end_ns, ended_ns=ended_ns, outage=OUTAGE)


def written(store: Store, *numbers: int, kind: str = "write", version: int = 1) -> list[Written]:
    found = []
    for number in numbers:
        key = f"k{number:02d}"
        if kind == "delete":
            store.delete(key, version)
        else:
            store.put(key, Row(version, f"sum-{version}", f"payload-{version}"))
        found.append(Written(kind=kind, key=key, version=version, arrived_ns=number))
    return found


def versions(store: Store) -> dict[str, int]:
    return {item["key"]: item["version"] for item in store.page("k", "")["items"]}


def test_an_outage_lasts_as_long_as_its_changes_allow() -> None:
    assert outages_of([down(100, 900)], 50)[0].lasted == Span(797, 802)


def test_what_lies_less_than_a_hold_apart_is_one_outage() -> None:
    apart = [down(0, 100), down(151, 200), down(260, 300)]
    assert [(o.begin.lower_ns, o.end.lower_ns) for o in outages_of(apart, 50)] == [(0, 200), (260, 300)]
    inside = [down(0, 500), down(100, 200)]
    assert [(o.begin.lower_ns, o.end.lower_ns) for o in outages_of(inside, 50)] == [(0, 500)]


def test_an_outage_that_lasts_has_no_length() -> None:
    with pytest.raises(ValueError, match="still lasts"):
        outages_of([down(0, None)], 50)


def test_the_state_of_a_key_is_its_last_change() -> None:
    truth = Truth(zero_ns=0, down=(), written=(), keys={"a": (Change(10, 1), Change(20, None))})
    assert [truth.state("a", at_ns).version for at_ns in (9, 10, 19, 20)] == [None, 1, 1, None]
    assert truth.state("b", 99).version is None


def test_a_script_is_over_when_its_last_thing_has_happened() -> None:
    for_ever = Outage(begin_s=0, end_s=FOR_EVER_S, mode="refuse")
    losses = (Loss(kind="tail", begin_s=0, end_s=1, at_s=3),)
    assert Script(seed=1, outages=(for_ever, OUTAGE)).over_s == 1
    assert Script(seed=1, outages=(OUTAGE,), losses=losses).over_s == 3
    assert Script(seed=1, turn=Turn(at_s=2, ttl_s=2)).over_s == 4


@pytest.mark.parametrize(
    ("outage", "whole"),
    [
        (Outage(begin_s=0, end_s=1, mode="refuse"), True),
        (Outage(begin_s=0, end_s=1, mode="swallow"), True),
        (Outage(begin_s=0, end_s=1, mode="503"), False),
        (Outage(begin_s=0, end_s=1, mode="refuse", share=0.5), False),
        (Outage(begin_s=0, end_s=1, mode="refuse", by="backend"), False),
        (Outage(begin_s=0, end_s=1, mode="swallow", kinds=("read",)), False),
    ],
)
def test_only_what_hits_everything_closes_the_port(outage: Outage, whole: bool) -> None:  # noqa: FBT001  a column
    assert outage.whole is whole


def test_a_lost_tail_takes_back_writes_updates_and_deletes() -> None:
    store = Store(1)
    written(store, 1, 2, 3)
    tail = [
        *written(store, 1, kind="update", version=2),
        *written(store, 2, kind="delete", version=1),
        *written(store, 4),
        *written(store, 4, kind="update", version=2),
    ]
    assert versions(store) == {"k01": 2, "k03": 1, "k04": 2}
    store.lose(Loss(kind="tail", begin_s=0, end_s=1), tail)
    assert versions(store) == {"k01": 1, "k02": 1, "k03": 1}
    assert [change.version for change in store.changes["k02"]] == [1, None, 1]


def test_what_is_late_is_back_after_the_heal() -> None:
    store = Store(1)
    late = written(store, 1, 2)
    store.lose(Loss(kind="late", begin_s=0, end_s=1), late)
    assert versions(store) == {}
    store.heal()
    assert versions(store) == {"k01": 1, "k02": 1}


def test_a_share_is_lost_the_same_each_time() -> None:
    def left() -> set[str]:
        store = Store(7)
        store.lose(Loss(kind="holes", begin_s=0, end_s=1, share=0.5), written(store, *range(40)))
        return set(versions(store))

    assert left() == left()
    assert 8 < len(left()) < 32


def test_what_was_overwritten_is_not_rolled_back_over_the_newer_one() -> None:
    store = Store(1)
    written(store, 1)
    older = written(store, 1, kind="update", version=2)
    written(store, 1, kind="update", version=3)
    store.lose(Loss(kind="rolled back", begin_s=0, end_s=1), older)
    assert versions(store) == {"k01": 3}


def test_spoilt_payloads_and_checksums_are_known_to_be() -> None:
    for kind, field in (("corrupt", "payload"), ("corrupt checksum", "checksum")):
        store = Store(1)
        hit = written(store, 1)
        before = store.get("k01")
        store.lose(Loss(kind=kind, begin_s=0, end_s=1), hit)  # type: ignore[arg-type]  # from a tuple
        after = store.get("k01")
        assert before is not None
        assert after is not None
        assert {name for name in before if before[name] != after[name]} == {field}
        assert not store.changes["k01"][-1].sound


def test_an_old_primary_and_a_rewind_take_what_came_in_between() -> None:
    for parted in (True, False):
        store = Store(1)
        written(store, 1)
        snapshot = store.snapshot()
        if parted:
            store.part()
        written(store, 2)
        written(store, 1, kind="update", version=2)
        assert versions(store) == {"k01": 2, "k02": 1}, "the old primary is asked until then"
        if parted:
            store.join()
        else:
            store.rewind(snapshot)
        assert versions(store) == {"k01": 1}
        assert [c.version for c in store.changes["k02"]] == [1, None]


def test_a_write_that_comes_twice_takes_effect_twice() -> None:
    store = Store(1)
    written(store, 1, 1)
    assert store.changes["k01"][-1].effects == 2


def test_a_long_listing_has_pages() -> None:
    store = Store(1)
    for number in range(PAGE + 5):
        store.put(f"k{number:05d}", Row(1, "", ""))
    first = store.page("k", "")
    second = store.page("k", first["cursor"])
    assert [len(first["items"]), len(second["items"]), second["cursor"]] == [PAGE, 5, ""]
    assert not {i["key"] for i in first["items"]} & {i["key"] for i in second["items"]}
