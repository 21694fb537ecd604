import threading

import pytest

from probes import vantage
from probes.clock import start_clock
from probes.history import ClockReading
from probes.vantage import ClockWatch
from tests.probes.conftest import wait_for


def nobody(error: BaseException) -> None:
    raise AssertionError(error)


def test_it_reads_at_once_then_again_and_again_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "CLOCKS_S", 0.01)
    base = start_clock()
    readings: list[ClockReading] = []
    watch = ClockWatch(base, readings.append, nobody)
    watch.start()
    wait_for(lambda: len(readings) >= 3)
    watch.stop()
    count = len(readings)
    assert [r.at_ns for r in readings] == sorted(r.at_ns for r in readings)
    assert all(abs(r.utc_ns - base.utc_of(r.at_ns)) < 1_000_000_000 for r in readings)
    assert readings[-1].at_ns <= base.now_ns()
    assert len(readings) == count, "none comes after the stop"


def test_one_that_is_stopped_before_the_first_second_leaves_two() -> None:
    readings: list[ClockReading] = []
    watch = ClockWatch(start_clock(), readings.append, nobody)
    watch.start()
    watch.stop()
    assert len(readings) == 2


def test_sleep_counts_from_its_own_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = iter([100, 130, None])
    monkeypatch.setattr(vantage, "slept_ns", lambda: next(slept))
    watch = ClockWatch(start_clock(), lambda _reading: None, nobody)
    assert watch.read().asleep_ns == 30
    assert watch.read().asleep_ns is None


def test_a_watch_that_cannot_note_says_so() -> None:
    errors: list[BaseException] = []
    said = threading.Event()

    def full(_reading: ClockReading) -> None:
        raise OSError("full")

    def heard(error: BaseException) -> None:
        errors.append(error)
        said.set()

    watch = ClockWatch(start_clock(), full, heard)
    watch.start()
    assert said.wait(20)
    watch.stop()
    assert str(errors[0]) == "full"


def test_one_that_was_never_started_stops() -> None:
    ClockWatch(start_clock(), lambda _reading: None, nobody).stop()
