"""What is read from a tool's record, and the arithmetic of errors, on fixed samples."""

from collections.abc import Sequence

import pytest

from bench.others.errors import Answer, Asker, Demand, demands, row, rows_of
from bench.others.observation import NothingSeen, Read, Sample, Samples, Wait, Waits, Window, moved, rate_of

MS = 1_000_000
S = 1000 * MS
WINDOW = Window(begin_ns=0, requested_ns=S, end_ns=10 * S, quiet_ns=(0, S))
OURS = Asker(name="ours", settings="", ours=True)
FAST = Asker(name="fast", settings="", ours=True, rate=100.0)
STOCK = Asker(name="stock", settings="")
TUNED = Asker(name="tuned", settings="", tuned=True)
FAMILIES = ("refused", "swallowed", "hangs", "hangs, then answers", "flapping", "flapping, swallowed", "partial")


def samples(bad: Sequence[int], *, took_ms: int = 0, by_end: bool = False) -> Samples:
    """One question a second for ten seconds; those in `bad` were bad and took so long."""
    return Samples(
        tuple(Sample(at * S, at * S + (took_ms * MS if at in bad else 0), at not in bad) for at in range(10)), by_end
    )  # fmt: skip


def answer(
    asker: str, length_s: float | None, *, family: str = "swallowed", bounds: tuple[float, float] | None = None
) -> Answer:
    lower_s, upper_s = bounds or (None, None)
    read = Read(length_s=length_s, lower_s=lower_s, upper_s=upper_s, outages=3)
    return Answer(family=family, asker=asker, true_lower_s=3.0, true_upper_s=3.001, read=read)


def test_an_outage_is_read_from_the_first_bad_one_to_the_good_one_after_the_last() -> None:
    assert samples([3, 4, 5]).read(WINDOW) == Read(length_s=3.0, lower_s=2.0, upper_s=4.0, outages=1)


def test_who_logs_when_a_question_is_over_reads_the_first_error_late() -> None:
    assert samples([3, 4, 5], took_ms=900, by_end=True).read(WINDOW).length_s == pytest.approx(2.1)


def test_flaps_are_the_bad_runs_and_the_length_spans_them() -> None:
    found = samples([2, 4, 5, 7]).read(WINDOW)
    assert (found.outages, found.length_s) == (3, 6.0)


def test_an_outage_that_met_no_question_is_missed() -> None:
    assert samples([]).read(WINDOW) == Read()


@pytest.mark.parametrize("bad", [[0], [0, 1, 2], [9], [8, 9]])
def test_who_has_no_good_answer_on_both_sides_says_nothing(bad: list[int]) -> None:
    with pytest.raises(NothingSeen):
        samples(bad).read(WINDOW)


def test_who_came_late_missed_nothing_and_says_nothing() -> None:
    late = Samples(tuple(Sample(at * S, at * S, ok=True) for at in range(5, 9)))
    with pytest.raises(NothingSeen):
        late.read(WINDOW)


def test_only_the_window_is_read() -> None:
    assert samples([3, 8]).read(Window(begin_ns=S, requested_ns=2 * S, end_ns=6 * S, quiet_ns=(0, S))).length_s == 1.0


def test_who_waits_until_it_is_up_has_one_point_of_the_first_waiting() -> None:
    found = Waits((Wait(3 * S, 5 * S), Wait(6 * S, 7 * S)), (0,)).read(WINDOW)
    assert found == Read(length_s=2.0, lower_s=2.0, upper_s=2.0, outages=1)
    assert Waits((), (0,)).read(WINDOW) == Read()
    with pytest.raises(NothingSeen):
        Waits((Wait(3 * S, 5 * S),), ()).read(WINDOW)


def test_moving_sorts_by_asking() -> None:
    assert moved([Sample(2, 3, ok=True), Sample(1, 9, ok=False)], 10) == (
        Sample(11, 19, ok=False),
        Sample(12, 13, ok=True),
    )
    assert rate_of(samples([]).samples) == 1.0


@pytest.mark.parametrize(
    ("length_s", "error_s"), [(3.0, 0.0), (3.0005, 0.0), (3.5, 0.499), (2.5, 0.5), (None, 3.0)]
)  # fmt: skip
def test_the_error_is_the_distance_to_the_truth_and_nothing_noticed_says_zero(
    length_s: float | None, error_s: float
) -> None:
    assert answer("x", length_s).error_s == pytest.approx(error_s)


@pytest.mark.parametrize(
    ("bounds", "contained"),
    [((2.9, 3.1), True), ((3.0005, 3.1), True), ((2.0, 2.99), False), ((3.01, 4.0), False), (None, False)],
)
def test_bounds_hold_the_truth_or_do_not(bounds: tuple[float, float] | None, *, contained: bool) -> None:
    assert answer("x", 3.0, bounds=bounds).contained is contained


def test_a_row_sums_up_what_counts() -> None:
    failed = Answer(family="flapping", asker="x", true_lower_s=3.0, true_upper_s=3.0, failed="came late")
    answers = [answer("x", length, family="flapping", bounds=(2.9, 3.1)) for length in (3.1, 3.4, 2.0)]
    missed = Answer(family="flapping", asker="x", true_lower_s=3.0, true_upper_s=3.0)
    found = row("flapping", "x", [*answers, missed, failed])
    assert (found.outages, found.failed, found.missed, found.contained, found.flaps_right) == (4, 1, 1, 3, 3)
    assert found.worst_s == pytest.approx(3.0)
    assert found.median_s == pytest.approx((0.399 + 1.0) / 2)
    assert found.widest_s == pytest.approx(0.2)


def test_only_flapping_counts_flaps_and_nothing_counted_has_no_error() -> None:
    assert row("refused", "x", [answer("x", 3.0)]).flaps_right is None
    empty = row("refused", "x", [Answer(family="refused", asker="x", true_lower_s=1, true_upper_s=1, failed="no")])
    assert (empty.worst_s, empty.median_s, empty.outages, empty.failed) == (None, None, 0, 1)


def judged(ours_off_s: float, theirs_off_s: float, *, theirs_held: bool = False) -> dict[str, Demand]:
    """Demands where we err by the first and everybody else by the second, in each family."""
    off = {"ours": ours_off_s, "fast": 0.0, "stock": theirs_off_s, "tuned": theirs_off_s}
    answers = [
        answer(
            name, 3.001 + wrong_s, family=family,
            bounds=(2.0, 4.0) if name in ("ours", "fast") or theirs_held else (3.5, 4.0),
        )
        for family in FAMILIES
        for name, wrong_s in off.items()
    ]  # fmt: skip
    return {d.demand: d for d in demands(rows_of(answers), [FAST, OURS, STOCK, TUNED])}


def test_all_demands_hold_where_we_are_five_times_as_right() -> None:
    found = judged(0.02, 0.101)
    assert len(found) == 14
    assert [d.demand for d in found.values() if not d.held] == []


def test_a_fifth_is_a_fifth_of_the_best() -> None:
    missed = [d for d, found in judged(0.03, 0.101).items() if not found.held]
    assert len(missed) == 6
    assert all("at most a fifth" in demand for demand in missed)


def test_worse_by_more_than_a_period_is_worse() -> None:
    found = judged(0.35, 0.1)
    assert not found["partial: our worst error is no worse than the best of the others, to a period"].held
    assert judged(0.19, 0.1)["partial: our worst error is no worse than the best of the others, to a period"].held
    assert not found["refused: everybody is right to a period"].held


def test_bounds_of_others_that_always_held_are_not_hidden() -> None:
    demand = "ours are the only bounds that contain the truth every time"
    assert judged(0.0, 1.0)[demand].held
    found = judged(0.0, 1.0, theirs_held=True)[demand]
    assert not found.held
    assert "stock 7 of 7" in found.figures


def test_what_was_not_measured_does_not_hold() -> None:
    found = demands(rows_of([answer("ours", 3.0), answer("fast", 3.0)]), [OURS, FAST, STOCK])
    assert not any(d.held for d in found if "fifth" in d.demand)


def test_whoever_has_no_record_of_some_outages_is_not_the_best() -> None:
    lucky = Answer(family="swallowed", asker="stock", true_lower_s=3.0, true_upper_s=3.0, failed="came late")
    answers = [answer("ours", 3.05), answer("fast", 3.0), answer("stock", 3.0), lucky, answer("slow", 4.0)]
    found = demands(rows_of(answers), [OURS, FAST, STOCK, Asker(name="slow", settings="")])
    fifth = next(d for d in found if d.demand.startswith("swallowed"))
    assert (fifth.held, fifth.figures) == (True, "ours 0.049 s, theirs 0.999 s")


def test_who_asks_in_bursts_is_right_to_its_own_period() -> None:
    def held(every_s: float) -> bool:
        burst = Asker(name="burst", settings="", every_s=every_s)
        rows = rows_of([answer("ours", 3.0, family="refused"), answer("burst", 3.6, family="refused")])
        return next(d for d in demands(rows, [OURS, burst]) if d.demand.startswith("refused")).held

    assert held(1.0)
    assert not held(0.1)
