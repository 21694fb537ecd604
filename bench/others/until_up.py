"""tenacity, "until it is up": ask now and then; when it fails, retry until it succeeds, and log how long that took."""

from bench.others.asked import TIMEOUT_S, Asked, WallClock, rows_of
from bench.others.observation import Wait, Waits

SETTINGS = (
    "Retrying(wait=wait_fixed({period:g}), stop=stop_after_delay(60)) around requests.get(url, timeout={timeout:g})"
)


def observe(asked: Asked) -> Waits:
    """Run it. Raises ToolFailed."""
    clock = WallClock()
    said = asked.script("until_up.py", asked.url, asked.seconds, asked.rate, TIMEOUT_S)
    return parsed(said, clock.shift_ns())


def parsed(said: str, shift_ns: int = 0) -> Waits:
    """Its log, moved onto another axis."""

    def at_ns(value_s: float) -> int:
        return round(value_s * 1e9) + shift_ns

    rows = rows_of(said)
    waits = tuple(Wait(at_ns(row["down"]), at_ns(row["up"])) for row in rows if "down" in row)
    return Waits(waits, tuple(at_ns(row["good"]) for row in rows if "good" in row))
