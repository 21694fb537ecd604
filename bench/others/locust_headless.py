"""Locust without its web interface: its request events, read by their start."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from bench.others.asked import TIMEOUT_S, Asked, WallClock, rows_of
from bench.others.observation import Sample, Samples, moved
from bench.others.started import SCRIPTS, ToolFailed

SETTINGS = "headless, {users} user(s), constant_throughput, get(timeout={timeout:g}){how}; request events by start_time"


def observe(asked: Asked, python: Path, users: int = 1, *, staggered: bool = False) -> Samples:
    """Run it from the virtual environment of `python`, the rate shared by the users. Raises ToolFailed."""
    env = shutil.which("env")
    if env is None:
        raise ToolFailed("there is no env to start it with")
    url = urlsplit(asked.url)
    settings = {
        "OTHERS_RATE": asked.rate / users,
        "OTHERS_TIMEOUT_S": TIMEOUT_S,
        "OTHERS_PATH": f"{url.path}?{url.query}" if url.query else url.path,
        "OTHERS_STAGGER_S": 1 / asked.rate if staggered else 0,
    }
    command = [
        env, *(f"{name}={value}" for name, value in settings.items()), str(python.with_name("locust")),
        "--headless", "--skip-log", "--loglevel", "CRITICAL", "--only-summary", "--stop-timeout", "2",
        "--locustfile", str(SCRIPTS / "locustfile.py"), "--host", f"{url.scheme}://{url.netloc}",
        "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{asked.seconds:.0f}s",
        "--exit-code-on-error", "0",
    ]  # fmt: skip
    clock = WallClock()
    said = asked.started.run(command, asked.log, asked.seconds)
    return Samples(moved(parsed(said), clock.shift_ns()))


def parsed(said: str) -> list[Sample]:
    """The request events, in ns of UTC."""
    return [
        Sample(round(row["start"] * 1e9), round((row["start"] + row["took_ms"] / 1e3) * 1e9), row["ok"])
        for row in rows_of(said)
    ]
