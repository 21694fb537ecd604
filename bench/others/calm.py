"""Whether the machine was there while something was measured: how late a thread is woken."""

import threading
import time
from types import TracebackType
from typing import Self

# Half a period of the comparison: who is woken later than that has not asked as it was told.
LATE_S = 0.05
_PERIOD_S = 0.01


class Calm:
    """Sleeps on a schedule of its own from `begin` on. Use it as a context manager."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calm", daemon=True)
        self.late_s = 0.0

    def begin(self) -> None:
        """Watch from now on."""
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        while True:
            asleep_s = time.monotonic()
            if self._over.wait(_PERIOD_S):
                return
            self.late_s = max(self.late_s, time.monotonic() - asleep_s - _PERIOD_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._begun.set()
        self._thread.join()
