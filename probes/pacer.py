"""Sends operations on a fixed schedule, whatever the answers do: an open loop, which never retries.

Why open: a loop that waits for its answers asks less often just when the service is slow, and then reports that
little went wrong (wrk2 on coordinated omission).
"""

import heapq
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from probes.history import Stream

# Operations of one stream that may be in flight beyond timeout/period: those that end late or started late.
HEADROOM = 4

Send = Callable[[int, int, int], None]


class Pacer:
    """Sends every stream's operation number `seq` at `start + offset + seq * period`.

    `send(stream index, seq, due_ns)` is called in a thread of its own for each; it must keep the stream's total
    deadline and not raise (`on_error` gets what it raises anyway: a bug). What cannot be sent is counted, never
    skipped in silence: when timeout/period + headroom are in flight, and when an operation is later than its own
    timeout (after the process was stopped for a while, say; sending them all would be a flood).
    `now_ns` gives ns on the axis of the due times.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        send: Send,
        now_ns: Callable[[], int],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._streams = streams
        self._send = send
        self._now_ns = now_ns
        self._on_error = on_error
        self._stop = threading.Event()
        rooms = [math.ceil(stream.timeout_ns / stream.period_ns) + HEADROOM for stream in streams]
        self._rooms = [threading.Semaphore(room) for room in rooms]
        self._pool = ThreadPoolExecutor(max_workers=max(1, sum(rooms)), thread_name_prefix="operation")
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)
        self._start_ns = 0
        self.unsent = 0

    def start(self, at_ns: int) -> None:
        """Begin the schedule at `at_ns`. Streams are staggered over their period, so that they do not fire at once."""
        self._start_ns = at_ns
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more, and return when everything in flight has ended."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown(wait=True)

    def _run(self) -> None:
        try:
            self._keep_schedule()
        except BaseException as error:  # noqa: BLE001  a pacer that died in silence would look like a quiet drill
            self._on_error(error)

    def _keep_schedule(self) -> None:
        if not self._streams:
            return
        due = [(self._first_ns(index), index, 0) for index in range(len(self._streams))]
        heapq.heapify(due)
        while not self._stop.is_set():
            due_ns, index, seq = due[0]
            early_ns = due_ns - self._now_ns()
            if early_ns > 0:
                self._stop.wait(early_ns / 1e9)
                continue
            heapq.heapreplace(due, (due_ns + self._streams[index].period_ns, index, seq + 1))
            self._dispatch(index, seq, due_ns, -early_ns)

    def _first_ns(self, index: int) -> int:
        return self._start_ns + self._streams[index].period_ns * index // len(self._streams)

    def _dispatch(self, index: int, seq: int, due_ns: int, late_ns: int) -> None:
        if late_ns > self._streams[index].timeout_ns or not self._rooms[index].acquire(blocking=False):
            self.unsent += 1
            return
        self._pool.submit(self._work, index, seq, due_ns)

    def _work(self, index: int, seq: int, due_ns: int) -> None:
        try:
            self._send(index, seq, due_ns)
        except BaseException as error:  # noqa: BLE001  a thread pool would keep it to itself
            self._on_error(error)
        finally:
            self._rooms[index].release()
