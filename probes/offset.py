"""What this machine's time daemon knows of the error of UTC: asked once, quickly, and never an error."""

import re
import shutil
import subprocess

ASK_S = 0.5
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_NUMBER = r"([-+]?\d+(?:\.\d+)?)"
_TOLD = re.compile(rf": {_NUMBER} s, ±{_NUMBER} s$")


def known_offset() -> str:
    """UTC's error as the first daemon that answers knows it: `chrony: +0.000012 s, ±0.0007 s`, else `unknown`.

    + says that this machine's clock is ahead. The bound after ± holds if the daemon's own source is right: half the
    root delay and the root dispersion, and what is left to correct (chrony's manual, "tracking"; RFC 5905, "root
    distance"). A daemon that is not synchronised knows nothing.
    """
    for name, command, read in (
        ("chrony", ("chronyc", "-n", "tracking"), of_chrony),
        ("ntpd", ("ntpq", "-c", "rv"), of_ntpd),
        ("systemd-timesyncd", ("timedatectl", "timesync-status"), of_timesyncd),
    ):
        known = read(_asked(command))
        if known is not None:
            offset_s, bound_s = known
            return f"{name}: {offset_s:+.6f} s, ±{bound_s:.6f} s"
    return "unknown"


def reach_s(told: str) -> float | None:
    """How far from UTC a clock may have been, in s, by what `known_offset` told then; None where nothing was known."""
    found = _TOLD.search(told)
    return max(abs(float(found[1])), float(found[2])) if found else None


def _asked(command: tuple[str, ...]) -> str:
    """What a program of this machine prints; nothing if it is not there, fails or takes too long."""
    path = shutil.which(command[0])
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_S, check=True,
            env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", errors="replace")


def of_chrony(tracking: str) -> tuple[float, float] | None:
    """UTC's error and its bound in s by `chronyc tracking`; None if it does not say or is not synchronised."""
    system = re.search(rf"^System time\s*: {_NUMBER} seconds (fast|slow) of NTP time", tracking, re.MULTILINE)
    delay = re.search(rf"^Root delay\s*: {_NUMBER} seconds", tracking, re.MULTILINE)
    dispersion = re.search(rf"^Root dispersion\s*: {_NUMBER} seconds", tracking, re.MULTILINE)
    if not system or not delay or not dispersion or re.search(r"^Leap status\s*: Not sync", tracking, re.MULTILINE):
        return None
    ahead_s = float(system[1]) * (1 if system[2] == "fast" else -1)
    return ahead_s, abs(ahead_s) + float(dispersion[1]) + float(delay[1]) / 2


def of_ntpd(variables: str) -> tuple[float, float] | None:
    """The same by `ntpq -c rv`, which gives ms, and the offset of the server from this machine."""
    found = dict(re.findall(rf"\b(offset|rootdelay|rootdisp)={_NUMBER}", variables))
    if len(found) < 3 or re.search(r"\bleap=11\b|leap_alarm", variables):  # noqa: PLR2004  the three that are named
        return None
    ahead_s = -float(found["offset"]) / 1000
    return ahead_s, abs(ahead_s) + (float(found["rootdisp"]) + float(found["rootdelay"]) / 2) / 1000


def of_timesyncd(status: str) -> tuple[float, float] | None:
    """The same by `timedatectl timesync-status`, as of the daemon's last answer from its server."""
    offset = re.search(rf"^\s*Offset: {_NUMBER}(us|ms|s)$", status, re.MULTILINE)
    distance = re.search(rf"^\s*Root distance: {_NUMBER}(us|ms|s)\b", status, re.MULTILINE)
    if not offset or not distance:
        return None
    ahead_s = -float(offset[1]) * _UNITS_S[offset[2]]
    return ahead_s, abs(ahead_s) + float(distance[1]) * _UNITS_S[distance[2]]
