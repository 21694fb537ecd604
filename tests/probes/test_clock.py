import sys
import time

import pytest

from probes import clock
from probes.clock import read_clocks, shift_ns, slept_ns, start_clock


def test_the_two_clocks_are_read_at_one_moment() -> None:
    before = time.monotonic_ns()
    mono_ns, utc_ns = read_clocks()
    assert before <= mono_ns <= time.monotonic_ns()
    assert abs(utc_ns - time.time_ns()) < 10_000_000_000


def test_a_read_that_was_interrupted_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    mono = iter([0, 5_000_000_000, 6_000_000_000, 6_000_000_100])
    utc = iter([77, 88])
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(mono))
    monkeypatch.setattr(time, "time_ns", lambda: next(utc))
    assert read_clocks() == (6_000_000_050, 88)


def test_a_machine_that_is_never_quiet_gets_the_best_of_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = [9, 7, 3, 8, 6]
    mono = iter([t for i, gap in enumerate(gaps) for t in (i * 10**9, i * 10**9 + gap * 10**6)])
    utc = iter(range(5))
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(mono))
    monkeypatch.setattr(time, "time_ns", lambda: next(utc))
    assert read_clocks() == (2 * 10**9 + 1_500_000, 2)


def test_what_is_known_of_the_offset_goes_along() -> None:
    assert start_clock().offset == "unknown"
    assert start_clock("chrony: +0.000001 s, ±0.000100 s").offset.startswith("chrony")


def test_within_a_boot_the_monotonic_clock_counts_and_else_utc() -> None:
    one = clock.ClockBase(mono_ns=10, utc_ns=1000, boot="a")
    assert shift_ns(clock.ClockBase(mono_ns=30, utc_ns=5, boot="a"), one) == 20
    assert shift_ns(clock.ClockBase(mono_ns=30, utc_ns=1500, boot="b"), one) == 500


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="other systems do not say")
def test_a_machine_that_runs_a_test_does_not_sleep() -> None:
    first = slept_ns()
    time.sleep(0.05)
    second = slept_ns()
    assert first is not None
    assert second is not None
    assert abs(second - first) < 45_000_000, "waiting is not sleeping"


def test_sleep_is_what_the_one_clock_has_and_the_other_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: {7: 50_000}[which])
    monkeypatch.setattr(time, "monotonic_ns", lambda: 20_000)
    assert slept_ns() == 30_000
    monkeypatch.setattr(sys, "platform", "plan9")
    assert slept_ns() is None
