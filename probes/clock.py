"""The two clocks of a drill: a monotonic one that measures, and UTC, which is only written beside it."""

import sys
import time
from pathlib import Path

import msgspec
import psutil

# UTC and the monotonic clock are read again if somebody else ran for longer than this between the two, ...
_TOGETHER_NS = 100_000
# ... so many times at most, on a machine that is never quiet.
_TRIES = 5


class ClockBase(msgspec.Struct, frozen=True):
    """Zero of one process's time axis: what the monotonic clock and UTC said at one moment.

    `mono_ns` and `utc_ns` are ns of `time.monotonic_ns` and `time.time_ns`. `boot` names the boot of the machine:
    processes that share it share the monotonic clock, so their axes are compared exactly; others only through UTC.
    `offset` says what is known of UTC's own error ("unknown" until a time daemon was asked).
    """

    mono_ns: int
    utc_ns: int
    boot: str
    offset: str = "unknown"

    def now_ns(self) -> int:
        """Ns since this base."""
        return time.monotonic_ns() - self.mono_ns

    def utc_of(self, at_ns: int) -> int:
        """UTC, in ns since 1970, of a moment on this axis."""
        return self.utc_ns + at_ns


def start_clock(offset: str = "unknown") -> ClockBase:
    """Take this moment as zero. `offset` is what is known of UTC's own error (`probes.offset.known_offset`)."""
    mono_ns, utc_ns = read_clocks()
    return ClockBase(mono_ns=mono_ns, utc_ns=utc_ns, boot=boot_id(), offset=offset)


def read_clocks() -> tuple[int, int]:
    """The monotonic clock and UTC at one moment, ns.

    UTC is read between two monotonic reads and stands for their middle, so the pair is right to the time that one read
    takes (well under a microsecond). Where something came in between, the best of a few tries is taken.
    """
    tries = []
    for _ in range(_TRIES):
        before_ns, utc_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        tries.append((after_ns - before_ns, (before_ns + after_ns) // 2, utc_ns))
        if after_ns - before_ns <= _TOGETHER_NS:
            break
    _, mono_ns, utc_ns = min(tries)
    return mono_ns, utc_ns


def slept_ns() -> int | None:
    """How long the machine has slept since it booted, ns; None where the operating system does not say.

    Of two clocks one stands still while the machine sleeps. On Linux that is the monotonic one, and CLOCK_BOOTTIME goes
    on (clock_gettime(2)). On macOS `time.monotonic` stands still (mach_absolute_time), and CLOCK_MONOTONIC_RAW goes on
    (clock_gettime(3) there). Only differences of two answers mean anything: the clocks may begin at different zeros.
    """
    names = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC_RAW"}
    goes_on = getattr(time, names.get(sys.platform, ""), None)
    if goes_on is None:
        return None
    return time.clock_gettime_ns(goes_on) - time.monotonic_ns()


def boot_id() -> str:
    """Name of the machine's current boot: Linux gives one; elsewhere the boot time stands in for it."""
    linux = Path("/proc/sys/kernel/random/boot_id")
    if linux.exists():
        return linux.read_text(encoding="ascii").strip()
    return f"booted-at-{psutil.boot_time():.0f}"


def shift_ns(base: ClockBase, reference: ClockBase) -> int:
    """Ns to add to a moment on `base`'s axis to get it on `reference`'s: exact within one boot, by UTC otherwise."""
    if base.boot == reference.boot:
        return base.mono_ns - reference.mono_ns
    return base.utc_ns - reference.utc_ns
