"""Somebody who looks into the lab of one drill while that runs, where the drill itself does not: for the truth."""

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from bench.drilled import HANGS_S, Where, started
from bench.truth import NoTruth
from fixtures.errors import LabError
from fixtures.lab import Lab
from fixtures.lab.disks import lab_of

POLL_S = 0.02

Found = TypeVar("Found")
Seen = TypeVar("Seen", bound="Observer[Any]")


class Observer(threading.Thread, Generic[Found]):
    """Looks at the lab of the drill with that process id. `truth` once it has, or else `failure` says why not."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.truth: Found | None = None
        self.failure = "it was not asked"
        self.ended = threading.Event()
        self._pid = pid

    def run(self) -> None:
        """Look."""
        try:
            self.truth = self.look(self._lab())
        except (NoTruth, LabError, OSError, ValueError) as error:
            self.failure = f"{type(error).__name__}: {error}"

    def end(self) -> None:
        """The drill is over: wait for nothing any more."""
        self.ended.set()
        self.join()

    @abstractmethod
    def look(self, lab: Lab) -> Found:
        """What is true, once the lab tells it. Raises NoTruth, LabError, OSError or ValueError."""

    def _lab(self) -> Lab:
        while not self.ended.is_set():
            if (lab := lab_of(self._pid)) is not None:
                return lab
            time.sleep(POLL_S)
        raise NoTruth("the drill had no lab")


def observed(command: Sequence[str], where: Where, looking: Callable[[int], Seen]) -> tuple[int, Seen]:
    """Run a drill with somebody who looks meanwhile: its exit code, and who looked. Raises TimeoutExpired."""
    with started(command, where) as process:
        observer = looking(process.pid)
        observer.start()
        code = process.wait(HANGS_S)
        observer.end()
    return code, observer
