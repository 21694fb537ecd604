"""Ask; when it fails, retry until it is up, and log how long that took: `until_up.py URL SECONDS RATE TIMEOUT`."""

import json
import sys
import time

import requests
import tenacity

_GIVES_UP_S = 60.0


def main(url: str, seconds: float, rate: float, timeout_s: float) -> None:
    def check() -> None:
        requests.get(url, timeout=timeout_s).raise_for_status()

    until_up = tenacity.Retrying(
        wait=tenacity.wait_fixed(1 / rate), stop=tenacity.stop_after_delay(_GIVES_UP_S), reraise=True
    )
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        try:
            check()
            print(json.dumps({"good": time.time()}), flush=True)
        except requests.RequestException:
            down = time.time()
            until_up(check)
            print(json.dumps({"down": down, "up": time.time()}), flush=True)
        time.sleep(1 / rate)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
