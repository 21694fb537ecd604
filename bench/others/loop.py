"""The loop that everybody writes: ask, log what came and when, sleep, again. First error seen .. first success seen."""

from bench.others.asked import TIMEOUT_S, Asked, WallClock, rows_of
from bench.others.observation import Sample, Samples, moved

SETTINGS = (
    "while True: requests.get(url, timeout={timeout:g}); time.sleep({period:g}); each line logged when it is over"
)


def observe(asked: Asked) -> Samples:
    """Run it. It logs a question when it is over, as such loops do. Raises ToolFailed."""
    clock = WallClock()
    said = asked.script("loop.py", asked.url, asked.seconds, asked.rate, TIMEOUT_S)
    return Samples(moved(parsed(said), clock.shift_ns()), by_end=True)


def parsed(said: str) -> list[Sample]:
    """Its log, in ns of UTC."""
    return [Sample(round(row["asked"] * 1e9), round(row["time"] * 1e9), row["ok"]) for row in rows_of(said)]
