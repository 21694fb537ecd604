"""Which Region writes, by the name that leads there: one at a time, whatever name, caches and network do."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.workloads.orders.forward import NotForwardedError
from fixtures.workloads.orders.writer import NotWriterError, WriterView

WEST, CENTRAL = "eu-west-1", "eu-central-1"
TTL_S, AGE_S, HOLD_S = 2.0, 2.5, 7.0
# A write that is under way, and the replication.
AFTER_S = 2.0


@dataclass
class Name:
    """The write name: `leads_to` is what is answered from now on; each Region has a cache of its own."""

    now_s: float = 0.0
    leads_to: str = WEST
    cut_off: set[str] = field(default_factory=set)
    cached: dict[str, tuple[str, float]] = field(default_factory=dict)

    def view(self, region: str) -> WriterView:
        async def ask() -> str:
            known = self.cached.get(region)
            if known is None or known[1] <= self.now_s:
                known = self.leads_to, self.now_s + TTL_S
                self.cached[region] = known
            if known[0] != region and self.cut_off & {region, known[0]}:
                raise NotForwardedError("no way")
            return known[0]

        return WriterView(ask, region, age_s=AGE_S, hold_s=HOLD_S, clock=lambda: self.now_s)


def looks(view: WriterView, name: Name, for_s: float) -> None:
    """Half a second apart."""
    for _ in range(round(for_s * 2)):
        asyncio.run(view.look())
        name.now_s += 0.5


def test_a_region_writes_once_the_name_has_led_to_it_for_long_enough() -> None:
    name = Name()
    view = name.view(WEST)
    with pytest.raises(NotWriterError, match=r"has not answered for more than 2\.5 s"):
        view.must_be_writer()
    looks(view, name, HOLD_S)
    name.now_s -= 0.5
    with pytest.raises(NotWriterError, match="waits for 7 s until nobody else does"):
        view.must_be_writer()
    name.now_s += 0.5
    view.must_be_writer()


def test_the_right_to_write_ends_with_the_name_or_without_an_answer() -> None:
    name = Name()
    view = name.view(WEST)
    looks(view, name, HOLD_S + 1)
    name.leads_to = CENTRAL
    looks(view, name, TTL_S + 0.5)
    with pytest.raises(NotWriterError, match="leads to eu-central-1"):
        view.must_be_writer()
    name.leads_to = WEST
    looks(view, name, TTL_S + HOLD_S)
    assert view.is_writer()
    name.now_s += AGE_S + 0.5  # nobody asked meanwhile
    assert not view.is_writer()
    looks(view, name, 1)
    assert not view.is_writer(), "it begins anew: meanwhile the name may have led elsewhere"
    looks(view, name, HOLD_S)
    assert view.is_writer()


def test_one_missed_answer_costs_nothing() -> None:
    name = Name(cut_off={WEST}, cached={WEST: (WEST, 1000.0)})
    view = name.view(WEST)
    looks(view, name, HOLD_S + 1)
    name.cached[WEST] = CENTRAL, 1000.0
    looks(view, name, 1)
    name.cached[WEST] = WEST, 1000.0
    looks(view, name, 0.5)
    assert view.is_writer()


def test_an_answer_that_took_long_makes_nobody_a_writer_sooner_nor_longer() -> None:
    name = Name()

    async def ask() -> str:
        name.now_s += 2.0
        return WEST

    view = WriterView(ask, WEST, age_s=AGE_S, hold_s=HOLD_S, clock=lambda: name.now_s)
    for _ in range(4):  # answered at 2, 4, 6 and 8 s
        asyncio.run(view.look())
    assert not view.is_writer(), "the name may have been turned a moment before the first answer"
    asyncio.run(view.look())
    assert view.is_writer()
    name.now_s += 0.6
    assert not view.is_writer(), "nor is it known for how long before it came an answer was true"


EVENTS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([WEST, CENTRAL]), st.sets(st.sampled_from([WEST, CENTRAL]))),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(EVENTS)
def test_two_regions_never_write_at_once(events: list[tuple[int, str, set[str]]]) -> None:
    """Nor so shortly after each other that a write under way, or the replication, could not have come to its end."""
    name, last = Name(), {WEST: -100.0, CENTRAL: -100.0}
    views = {region: name.view(region) for region in last}

    async def run() -> None:
        for halves, leads_to, cut_off in events:
            name.leads_to, name.cut_off = leads_to, cut_off
            for _ in range(halves):
                for region, view in views.items():
                    await view.look()
                    if view.is_writer():
                        last[region] = name.now_s
                        assert all(name.now_s - at_s >= AFTER_S for other, at_s in last.items() if other != region)
                name.now_s += 0.5

    asyncio.run(run())
