"""What the rig does with a request: apply it, and answer as its script says."""

import asyncio
import time
from functools import partial
from random import Random
from typing import Any

import msgspec

from bench.rig.chance import chance
from bench.rig.hits import Asked, Hits
from bench.rig.script import Loss, LossKind, Outage, RequestKind, Script
from bench.rig.store import Row, Store
from bench.rig.truth import Written
from bench.rig.wire import Connection, Request

Result = tuple[int, Any]

_METHODS: dict[str, RequestKind] = {"POST": "write", "PUT": "write", "DELETE": "delete", "GET": "read"}
_DOWN: Result = (503, {"error": "down"})
# Losses that happen to a write when it comes; the others happen to the store later.
ON_ARRIVAL: tuple[LossKind, ...] = ("duplicated", "unanswered, kept", "unanswered, dropped", "refused, kept")


class Serving:
    """Applies and answers requests. `losing` are the losses that are on.

    `written` is what came, in order of arrival; `listed` when each page was read.
    """

    def __init__(self, script: Script, store: Store, hits: Hits) -> None:
        self._script = script
        self._store = store
        self._hits = hits
        self._loop = asyncio.get_running_loop()
        self._random = Random(script.seed)
        self._asked = 0
        self.begun = False
        self.losing: set[Loss] = set()
        self.written: list[Written] = []
        self.listed: list[int] = []

    def taken(self, connection: Connection, request: Request) -> None:
        """Take one request. Raises ValueError for one that the rig has no answer to."""
        told: dict[str, Any] = msgspec.json.decode(request.body) if request.body else {}
        named = request.path.removeprefix("/orders").strip("/")
        kind = "update" if request.method == "PUT" and named else _METHODS[request.method]
        self._asked += 1
        asked = Asked(
            connection=connection,
            request=request,
            number=self._asked,
            arrived_ns=time.monotonic_ns(),
            kind=kind,
            key=named or told.get("key", ""),
            version=int(told.get("version", request.query.get("version", "0"))),
            told=told,
        )
        self._arrive(asked)

    def _arrive(self, asked: Asked) -> None:
        outage = self._hits.of(asked)
        if outage is None:
            self._serve(asked, self._latency_s(asked))
        elif outage.mode == "slow":
            self._serve(asked, outage.delay_s)
        elif outage.mode == "503":
            self._loop.call_later(self._latency_s(asked), self._answer, asked, _DOWN, None)
        else:
            self._unserved(asked, outage, partial(self._arrive, asked))

    def _unserved(self, asked: Asked, outage: Outage, goes_on: partial[None]) -> None:
        if outage.mode == "hang":
            self._hits.wait(outage, goes_on)
        elif outage.mode == "refuse":
            asked.connection.reset()

    def _serve(self, asked: Asked, after_s: float) -> None:
        result = self._done(asked)
        if result is not None:
            number = len(self.written) - 1 if asked.kind != "read" else None
            self._loop.call_later(after_s, self._leave, asked, result, number)

    def _leave(self, asked: Asked, result: Result, number: int | None) -> None:
        """An answer that was ready meets the service as it is when it leaves."""
        outage = self._hits.of(asked)
        if outage is None or outage.mode == "slow":
            self._answer(asked, result, number)
        elif outage.mode == "503":
            self._answer(asked, _DOWN, number)
        else:
            self._unserved(asked, outage, partial(self._leave, asked, result, number))

    def _answer(self, asked: Asked, result: Result, number: int | None) -> None:
        left = None if number is None else partial(self._left, number, result[0])
        asked.connection.answer(*result, left)

    def _left(self, number: int, status: int) -> None:
        self.written[number] = msgspec.structs.replace(
            self.written[number], answered_ns=time.monotonic_ns(), status=status
        )

    def _latency_s(self, asked: Asked) -> float:
        if not self.begun and self._script.slowest_s and asked.number % self._script.slow_every == 0:
            return self._script.slowest_s
        return self._random.uniform(*self._script.latency_s)

    # Data

    def _done(self, asked: Asked) -> Result | None:
        """Do what is asked; None where no answer is to leave."""
        if asked.kind == "read":
            return self._read(asked)
        loss = next((x for x in self.losing if x.kind in ON_ARRIVAL and self._lossy(x, asked)), None)
        kind = None if loss is None else loss.kind
        self.written.append(
            Written(kind=asked.kind, key=asked.key, version=asked.version, arrived_ns=asked.arrived_ns)
        )  # fmt: skip
        if kind != "unanswered, dropped":
            self._apply(asked, effects=2 if kind == "duplicated" else 1)
        if kind in ("unanswered, dropped", "unanswered, kept"):
            return None
        if kind == "refused, kept":
            return 409, {"error": "refused"}
        return (201 if asked.kind == "write" else 200), {"key": asked.key, "version": asked.version}

    def _apply(self, asked: Asked, effects: int) -> None:
        if asked.kind == "delete":
            self._store.delete(asked.key, asked.version)
        else:
            row = Row(asked.version, asked.told["checksum"], asked.told["payload"], effects)
            self._store.put(asked.key, row)

    def _read(self, asked: Asked) -> Result:
        if not asked.key:
            query = asked.request.query
            self.listed.append(time.monotonic_ns())
            return 200, self._store.page(query.get("prefix", ""), query.get("cursor", ""))
        found = self._store.get(asked.key)
        return (404, {"error": "no such key"}) if found is None else (200, found)

    def _lossy(self, loss: Loss, asked: Asked) -> bool:
        return chance(self._script.seed, f"{loss.kind}|{asked.key}|{asked.version}") < loss.share
