"""The loop that everybody writes: `loop.py URL SECONDS RATE TIMEOUT`. It logs a question when it is over."""

import json
import sys
import time

import requests


def main(url: str, seconds: float, rate: float, timeout_s: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        asked = time.time()
        try:
            requests.get(url, timeout=timeout_s).raise_for_status()
            ok = True
        except requests.RequestException:
            ok = False
        print(json.dumps({"time": time.time(), "asked": asked, "ok": ok}), flush=True)
        time.sleep(1 / rate)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
