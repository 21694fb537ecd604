"""What Locust runs: users that ask at a constant throughput, and every request event logged with its times.

From the environment: OTHERS_RATE (of one user, a second), OTHERS_TIMEOUT_S, OTHERS_PATH, OTHERS_STAGGER_S (users
begin so far apart; 0: as Locust spawns them).
"""

import itertools
import json
import os
import sys
import time
from typing import Any

# Installed in an environment of its own, not beside the harness.
from locust import HttpUser, constant_throughput, events, task  # type: ignore[import-not-found]

_number = itertools.count()


@events.request.add_listener  # type: ignore[untyped-decorator]
def _log(start_time: float, response_time: float, exception: BaseException | None, **_: Any) -> None:
    row = {"start": start_time, "took_ms": response_time, "ok": exception is None}
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


class Asks(HttpUser):  # type: ignore[misc]
    """One user."""

    wait_time = constant_throughput(float(os.environ["OTHERS_RATE"]))

    def on_start(self) -> None:
        stagger_s = float(os.environ["OTHERS_STAGGER_S"])
        if stagger_s:
            time.sleep(next(_number) * stagger_s)
            # The pace counts from when the user was made, which all users of one batch share.
            self._cp_last_run = time.perf_counter()

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        self.client.get(os.environ["OTHERS_PATH"], timeout=float(os.environ["OTHERS_TIMEOUT_S"]))
