"""The two clocks of a drill: a monotonic one that measures, and UTC, which is only written beside it."""

import time
from pathlib import Path

import msgspec
import psutil


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


def start_clock() -> ClockBase:
    """Take this moment as zero.

    UTC is read between two monotonic reads, and the base is their middle, so the pair is right to the time that
    one read takes (well under a microsecond).
    """
    before = time.monotonic_ns()
    utc_ns = time.time_ns()
    after = time.monotonic_ns()
    return ClockBase(mono_ns=(before + after) // 2, utc_ns=utc_ns, boot=boot_id())


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
