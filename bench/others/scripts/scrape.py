"""Scrapes an exporter as Prometheus does: `scrape.py EXPORTER URL SECONDS RATE TIMEOUT`.

On a fixed schedule, one scrape at a time. A sample has the time at which its scrape began.
"""

import json
import re
import sys
import time

import requests


def success_of(metrics: str) -> int:
    """`probe_success` in the exporter's answer. Raises ValueError where it is not in it."""
    found = re.search(r"^probe_success (\d)", metrics, re.MULTILINE)
    if found is None:
        raise ValueError("no probe_success")
    return int(found[1])


def main(exporter: str, url: str, seconds: float, rate: float, timeout_s: float) -> None:
    session = requests.Session()
    asked = {"target": url, "module": "asked"}
    begin_s, tick = time.monotonic(), 0
    while tick / rate < seconds:
        begun = time.time()
        try:
            success = success_of(session.get(exporter, params=asked, timeout=timeout_s).text)
        except (requests.RequestException, ValueError):
            success = -1
        print(json.dumps({"time": begun, "over": time.time(), "success": success}), flush=True)
        # Ticks that came meanwhile are dropped but for one, as by the ticker of Prometheus' scrape loop.
        tick = max(tick + 1, int((time.monotonic() - begin_s) * rate))
        time.sleep(max(0.0, begin_s + tick / rate - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
