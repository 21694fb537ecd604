import itertools
import threading
import time
from collections.abc import Callable

import pytest

from probes.history import Stream
from probes.pacer import HEADROOM, Pacer
from tests.probes.conftest import stream, wait_for

MS = 1_000_000


class Log:
    """What was sent; `hold` keeps every operation in flight until `release`."""

    def __init__(self, *, hold: bool = False) -> None:
        self.sent: list[tuple[int, int, int]] = []
        self.errors: list[BaseException] = []
        self.enough = threading.Event()
        self.want = 10
        self.release = threading.Event()
        if not hold:
            self.release.set()

    def send(self, index: int, seq: int, due_ns: int) -> None:
        self.sent.append((index, seq, due_ns))
        if len(self.sent) >= self.want:
            self.enough.set()
        self.release.wait(30)


def run(log: Log, *streams: Stream, until: Callable[[], bool]) -> Pacer:
    pacer = Pacer(streams, log.send, time.monotonic_ns, log.errors.append)
    pacer.start(time.monotonic_ns())
    wait_for(until)
    log.release.set()
    pacer.stop()
    return pacer


def test_due_times_are_fixed_in_advance_and_every_seq_is_sent() -> None:
    log = Log()
    streams = [stream("a", period_ns=10 * MS), stream("b", period_ns=20 * MS)]
    pacer = run(log, *streams, until=lambda: len(log.sent) >= 30)
    assert not log.errors
    by_stream = {index: sorted((seq, due) for i, seq, due in log.sent if i == index) for index in (0, 1)}
    for index, rows in by_stream.items():
        assert [seq for seq, _ in rows] == list(range(len(rows)))
        gaps = {later - earlier for (_, earlier), (_, later) in itertools.pairwise(rows)}
        assert gaps == {streams[index].period_ns}
    assert by_stream[1][0][1] - by_stream[0][0][1] == 10 * MS, "staggered: half a period of two streams"
    assert pacer.unsent == 0


def test_nothing_is_sent_before_it_is_due() -> None:
    early: list[int] = []

    def send(_index: int, _seq: int, due_ns: int) -> None:
        early.append(due_ns - time.monotonic_ns())

    log = Log()
    log.send = send  # type: ignore[method-assign,assignment]  # another log
    run(log, stream("a", period_ns=5 * MS), until=lambda: len(early) >= 20)
    assert max(early) <= 0


def test_a_server_that_hangs_changes_nothing_of_the_schedule_until_the_room_is_full() -> None:
    log = Log(hold=True)
    room = 100 // 10 + HEADROOM
    waiting = [stream("a", period_ns=10 * MS, timeout_ns=100 * MS)]
    pacer = Pacer(waiting, log.send, time.monotonic_ns, log.errors.append)
    pacer.start(time.monotonic_ns())
    wait_for(lambda: pacer.unsent >= 5)
    in_flight = list(log.sent)
    log.release.set()
    wait_for(lambda: len(log.sent) >= room + 3)
    pacer.stop()
    # In a loop that waits for its answers one would be in flight.
    assert [seq for _, seq, _ in in_flight] == list(range(room))
    sent = [seq for _, seq, _ in log.sent]
    assert len(sent) == len(set(sent)), "never again what was not sent"
    assert max(sent) + 1 == len(sent) + pacer.unsent, "what was not sent is counted"
    assert not log.errors


def test_one_stream_that_hangs_does_not_hold_up_another() -> None:
    log = Log()
    stuck = threading.Event()

    def send(index: int, seq: int, due_ns: int) -> None:
        if index == 0:
            stuck.wait(30)
        else:
            log.sent.append((index, seq, due_ns))

    pacer = Pacer(
        [stream("stuck", period_ns=10 * MS, timeout_ns=20 * MS), stream("free", period_ns=10 * MS)],
        send, time.monotonic_ns, log.errors.append,
    )  # fmt: skip
    pacer.start(time.monotonic_ns())
    wait_for(lambda: len(log.sent) >= 20)
    stuck.set()
    pacer.stop()
    assert [seq for _, seq, _ in log.sent][:20] == list(range(20))


def test_after_a_standstill_what_is_too_late_is_counted_and_not_sent() -> None:
    log = Log()
    now = [0]
    # The clock of a process that was stopped for 10 s at once.
    pacer = Pacer([stream("a", period_ns=10 * MS, timeout_ns=50 * MS)], log.send, lambda: now[0], log.errors.append)
    now[0] = 10_000 * MS
    pacer.start(0)
    wait_for(lambda: pacer.unsent + len(log.sent) >= 1001)
    pacer.stop()
    assert not log.errors
    # 0..9940 ms are later than 50 ms, 9950..10000 ms are not.
    assert pacer.unsent == 995
    assert sorted(seq for _, seq, _ in log.sent) == list(range(995, 1001))  # all were due: sent at once, side by side


@pytest.mark.parametrize("where", ["send", "clock"])
def test_a_bug_is_reported_not_swallowed(where: str) -> None:
    errors: list[BaseException] = []

    def broken(*_args: int) -> int:
        raise ZeroDivisionError

    send = broken if where == "send" else (lambda *_args: 0)
    clock = time.monotonic_ns if where == "send" else broken
    pacer = Pacer([stream("a", period_ns=5 * MS)], send, clock, errors.append)  # type: ignore[arg-type]  # returns an int
    pacer.start(time.monotonic_ns())
    wait_for(lambda: bool(errors))
    pacer.stop()
    assert isinstance(errors[0], ZeroDivisionError)


def test_stop_waits_for_what_is_in_flight() -> None:
    log = Log(hold=True)
    pacer = Pacer([stream("a", period_ns=10 * MS)], log.send, time.monotonic_ns, log.errors.append)
    pacer.start(time.monotonic_ns())
    wait_for(lambda: bool(log.sent))
    stopper = threading.Thread(target=pacer.stop)
    stopper.start()
    stopper.join(0.1)
    assert stopper.is_alive()
    log.release.set()
    stopper.join(10)
    assert not stopper.is_alive()


def test_without_streams_it_ends() -> None:
    log = Log()
    assert run(log, until=lambda: True).unsent == 0
