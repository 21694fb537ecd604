"""Threads for calls that may never come back: whoever waits for one leaves at its deadline, the call stays behind."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class NoRoom(Exception):
    """As many calls as there may be are still running; this one was not started."""


class Workers:
    """At most `most` threads, each with one call at a time.

    They are daemons: a call that hangs for ever must not keep the process from ending. (The threads of
    `concurrent.futures` would: the interpreter waits for them at its end.)
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._idle: list[queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]] = []
        self._threads = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Start the call now, in a thread of its own. Raises `NoRoom`."""
        future: Future[Any] = Future()
        with self._lock:
            if self._idle:
                inbox = self._idle.pop()
            elif self._threads < self._most and not self._closed:
                self._threads += 1
                inbox = queue.SimpleQueue()
                threading.Thread(target=self._work, args=(inbox,), name=self._name, daemon=True).start()
            else:
                raise NoRoom(f"{self._threads} calls are still running")
        inbox.put((call, future))
        return future

    def close(self) -> None:
        """End the threads that have nothing to do; the others end with their call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _work(self, inbox: "queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]") -> None:
        while (task := inbox.get()) is not None:
            call, future = task
            _run(call, future)
            del task, call, future
            with self._lock:
                if self._closed:
                    break
                self._idle.append(inbox)
        with self._lock:
            self._threads -= 1


def _run(call: Callable[[], Any], future: Future[Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  whoever waits is told, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)
