"""A wall clock that steps, a machine that sleeps, a vantage that stands still: each is seen and taints its own."""

import msgspec
import pytest

from probes.history import ClockReading, History
from reports.model import Finding, Verdict
from reports.verdict import Undoing, judge
from reports.wall_clock import wandered_ns
from tests.truth.simulated import MS, NS, Outage, declared_of, drill

CLEAN = Undoing("clean", "All 3 changes were put back.")
UTC_NS = drill().base.utc_ns
# (from, to, ns): between two moments UTC is off by so much; from a moment on the machine has slept so much more.
Steps = tuple[tuple[int, int, int], ...]
Sleeps = tuple[tuple[int, int], ...]


def with_clocks(
    history: History,
    *,
    steps: Steps = (),
    sleeps: Sleeps = (),
    silent: tuple[int, int] = (0, 0),
    ppm: int = 0,
    lasts: int = 0,
) -> History:
    """The history with a reading every second, and an end that fits the last of them."""
    (record,) = history.vantages
    assert record.end is not None
    last = max(lasts, record.end.base.mono_ns)

    def utc(at: int) -> int:
        off = sum(by for begin, end, by in steps if begin <= at < end)
        return UTC_NS + at + off + at * ppm // 1_000_000 + asleep(at)

    def asleep(at: int) -> int:
        return sum(by for since, by in sleeps if since <= at)

    clocks = tuple(
        ClockReading(at_ns=at, utc_ns=utc(at), asleep_ns=asleep(at))
        for at in range(NS // 2, last, NS)
        if not silent[0] < at < silent[1]
    )
    end = msgspec.structs.replace(
        record.end, base=msgspec.structs.replace(record.end.base, mono_ns=last, utc_ns=utc(last))
    )
    return msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, end=end, clocks=clocks),))


def judged(history: History) -> Verdict:
    return judge(history, declared_of(), CLEAN, "1")


def finding(verdict: Verdict, check: str) -> Finding:
    return next(f for f in verdict.findings if f.check == check)


def test_clocks_that_run_as_they_should_say_so() -> None:
    verdict = judged(with_clocks(drill(), ppm=400))
    assert verdict.verdict == "pass"
    assert finding(verdict, "wall clock steady").verdict == "pass"
    assert finding(verdict, "machine awake").says == "No vantage's machine slept."


@pytest.mark.parametrize(("ppm", "found"), [(400, "pass"), (-400, "pass"), (700, "inconclusive")])
def test_an_hour_of_slewing_is_no_step_and_more_than_slewing_is(ppm: int, found: str) -> None:
    verdict = judged(with_clocks(drill(), ppm=ppm, lasts=3600 * NS))
    assert finding(verdict, "wall clock steady").verdict == found


def test_how_far_utc_wandered_is_by_steps_slewing_and_sleep() -> None:
    assert wandered_ns(drill()) == 0
    assert wandered_ns(with_clocks(drill(), steps=((10 * NS, 12 * NS, -2 * NS),))) == 2 * NS
    assert wandered_ns(with_clocks(drill(), sleeps=((10 * NS, 3 * NS),))) == 3 * NS
    assert wandered_ns(with_clocks(drill(), ppm=400, lasts=1000 * NS)) == 400 * MS
    begun_before = msgspec.structs.replace(drill().base, utc_ns=UTC_NS - NS)  # the runner's own zero, then a step
    assert wandered_ns(msgspec.structs.replace(drill(), base=begun_before)) == NS


def test_without_readings_sleep_is_not_known() -> None:
    assert "not known" in finding(judged(drill()), "machine awake").says


def test_a_step_that_is_taken_back_is_seen_with_when_and_durations_stand() -> None:
    verdict = judged(with_clocks(drill(), steps=((10 * NS, 12 * NS, 2 * NS),)))
    found = finding(verdict, "wall clock steady")
    assert found.verdict == "inconclusive"
    assert "+2.000 s between 9.5 s and 10.5 s" in found.says
    assert "-2.000 s between 11.5 s and 12.5 s" in found.says
    assert found.taints == ()
    assert verdict.verdict == "pass"


def test_many_small_steps_are_a_large_one() -> None:
    steps = tuple((second * NS, 99 * NS, 40 * MS) for second in range(2, 20))
    found = finding(judged(with_clocks(drill(), steps=steps)), "wall clock steady")
    assert found.verdict == "inconclusive"
    assert "+0.720 s between 0.0 s" in found.says


def test_a_step_of_another_machines_clock_taints_what_is_measured_with_it() -> None:
    history = with_clocks(drill(), steps=((10 * NS, 99 * NS, -3 * NS),))
    (record,) = history.vantages
    header = msgspec.structs.replace(record.header, base=msgspec.structs.replace(record.header.base, boot="other"))
    history = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))
    verdict = judged(history)
    assert "cannot be compared" in finding(verdict, "wall clock steady").says
    assert verdict.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("at", "taints"),
    [
        (2 * NS, ()),  # before the fault was asked for
        (6 * NS, ("recovery time", "data loss")),
        (22 * NS, ("data loss",)),  # the recovery was over, the audit after the heal was not
    ],
)
def test_a_sleep_is_told_from_a_step_and_taints_what_it_touches(at: int, taints: tuple[str, ...]) -> None:
    verdict = judged(with_clocks(drill(), sleeps=((at, 30 * NS),)))
    found = finding(verdict, "machine awake")
    assert "slept for 30.000 s between" in found.says
    assert found.taints == taints
    assert finding(verdict, "wall clock steady").verdict == "pass"
    assert verdict.verdict == ("inconclusive" if taints else "pass")


def test_a_vantage_that_stood_still_is_named_as_such() -> None:
    stop = (9 * NS + 500 * MS, 13 * NS)
    verdict = judged(with_clocks(drill(stopped=(stop,)), silent=stop))
    found = finding(verdict, "asked all the time")
    assert found.verdict == "inconclusive"
    assert found.taints == ("recovery time",)
    assert found.operations
    assert "stood still from 9.5 s to 13.0 s: it sent nothing and read no clock" in found.says


def test_one_that_read_its_clocks_did_not_stand_still() -> None:
    verdict = judged(with_clocks(drill(stopped=((9 * NS + 500 * MS, 13 * NS),))))
    found = finding(verdict, "asked all the time")
    assert found.verdict == "inconclusive"
    assert "stood still" not in found.says


def test_one_that_sent_did_not_stand_still_though_a_reading_is_missing() -> None:
    verdict = judged(with_clocks(drill(), silent=(10 * NS, 13 * NS)))
    assert "stood still" not in finding(verdict, "asked all the time").says
    assert verdict.verdict == "pass"


def test_a_standstill_that_the_objective_can_bear_is_told_all_the_same() -> None:
    stop = (6 * NS, 7 * NS + 800 * MS)
    history = drill((Outage(5 * NS, 9 * NS, "refuse"),), stopped=(stop,))
    found = finding(judged(with_clocks(history, silent=stop)), "asked all the time")
    assert found.verdict == "pass"
    assert "stood still from 6." in found.says
