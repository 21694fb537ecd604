"""prometheus-blackbox-exporter, scraped as Prometheus scrapes it: on a fixed schedule, one scrape at a time.

A sample has the time at which its scrape began, as in Prometheus; a scrape without an answer within its timeout leaves
none, which is read as bad.
"""

import re
from pathlib import Path

from bench.others.asked import TIMEOUT_S, Asked, WallClock, rows_of
from bench.others.observation import Sample, Samples, moved
from bench.others.started import ToolFailed

SETTINGS = (
    "module http_2xx, module timeout and scrape_timeout {timeout:g}, scrape_interval {period:g}; probe_success by time"
)
_STARTS_S = 20.0
_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
# The scrape itself takes a little beyond the probe that it waits for; Prometheus has none of this grace.
_SCRAPE_GRACE_S = 0.02


def observe(asked: Asked, exporter: Path, timeout_s: float = TIMEOUT_S) -> Samples:
    """Run it. Raises ToolFailed."""
    config = asked.folder / "blackbox.yml"
    config.write_text(f"modules: {{asked: {{prober: http, timeout: {timeout_s:g}s}}}}\n", encoding="utf-8")
    command = [str(exporter), f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]
    running = asked.started.start(command, asked.folder / "exporter.txt")
    try:
        found = _ADDRESS.search(running.said("Listening on", _STARTS_S))
        if found is None:
            raise ToolFailed("the exporter did not say where it listens")
        clock = WallClock()
        probe = f"http://127.0.0.1:{found[1]}/probe"
        said = asked.script("scrape.py", probe, asked.url, asked.seconds, asked.rate, timeout_s + _SCRAPE_GRACE_S)
        return Samples(moved(parsed(said), clock.shift_ns()))
    finally:
        running.end()


def parsed(said: str) -> list[Sample]:
    """The scrapes, in ns of UTC."""
    return [Sample(round(r["time"] * 1e9), round(r["over"] * 1e9), r["success"] == 1) for r in rows_of(said)]
