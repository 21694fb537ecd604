import pytest

from bench import pacing
from bench.answering import answering
from bench.pacing import MOST_RATE, Highest, Slipped, search, shown_highest, slipped

MS = 1_000_000


@pytest.mark.parametrize("limit", [125, 700, 1499, 6000])
def test_the_search_comes_close_to_what_is_kept(limit: int) -> None:
    asked: list[int] = []

    def kept(rate: int) -> bool:
        asked.append(rate)
        return rate <= limit

    best, missed = search(kept)
    assert missed is not None
    assert best <= limit < missed
    assert missed - best <= 0.1 * best
    assert len(asked) < 14, "each try takes seconds"


def test_the_search_ends_where_nothing_or_everything_is_kept() -> None:
    assert search(lambda _rate: False) == (0, pacing.FROM_RATE)
    best, missed = search(lambda _rate: True)
    assert missed is None
    assert MOST_RATE / 2 < best <= MOST_RATE


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (Slipped(slip_ns=[MS] * 99 + [9 * MS], unsent=0, good=100, cpu_s=0.1), True),
        (Slipped(slip_ns=[MS] * 90 + [9 * MS] * 10, unsent=0, good=100, cpu_s=0.1), False),
        (Slipped(slip_ns=[MS] * 100, unsent=1, good=100, cpu_s=0.1), False),
        (Slipped(slip_ns=[MS] * 100, unsent=0, good=99, cpu_s=0.1), False),
        (Slipped(slip_ns=[], unsent=0, good=0, cpu_s=0.0), False),
    ],
)
def test_a_schedule_is_kept_if_all_was_sent_in_time_and_answered(found: Slipped, *, kept: bool) -> None:
    assert found.keeps(2 * MS) is kept


def test_a_vantage_is_measured() -> None:
    with answering() as port:
        found = slipped(port, 50, 0.6)
    assert len(found.slip_ns) > 20
    assert min(found.slip_ns) >= 0
    assert found.good == len(found.slip_ns)
    assert 0 <= found.cpu_s < 10


def test_a_reader_sees_what_was_kept_and_what_was_not() -> None:
    says = shown_highest(Highest(kept=1200, missed=1300, one_core=True, cpu_us=600.4))
    assert says == "pacer: highest rate of one stream on one core: 1200/s (1300/s was not kept), CPU 600 us each"
