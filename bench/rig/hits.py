"""Which requests an outage hits, where it does not hit connections as such."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.rig.chance import chance
from bench.rig.script import BACKENDS, Outage, RequestKind
from bench.rig.wire import Connection, Request


@dataclass(eq=False)
class Asked:
    """One request on its way. `number` counts the rig's requests; `drawn` keeps whether each outage hits it."""

    connection: Connection
    request: Request
    number: int
    arrived_ns: int
    kind: RequestKind
    key: str
    version: int
    told: dict[str, Any]
    drawn: dict[Outage, bool] = field(default_factory=dict)


class Hits:
    """The outages that are on, and who waits for the end of one that hangs."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = Random(seed)
        self._on: dict[Outage, list[Callable[[], None]]] = {}

    def begin(self, outage: Outage) -> None:
        """From here on it hits."""
        self._on[outage] = []

    def end(self, outage: Outage) -> None:
        """It hits no more; whoever waited for that goes on."""
        for goes_on in self._on.pop(outage):
            goes_on()

    def wait(self, outage: Outage, goes_on: Callable[[], None]) -> None:
        """Call when it is over."""
        self._on[outage].append(goes_on)

    def of(self, asked: Asked) -> Outage | None:
        """The outage that hits this request now, if one does. The same request gets the same answer again."""
        return next((outage for outage in self._on if self._hit(outage, asked)), None)

    def _hit(self, outage: Outage, asked: Asked) -> bool:
        if outage not in asked.drawn:
            asked.drawn[outage] = asked.kind in outage.kinds and self._drawn(outage, asked)
        return asked.drawn[outage]

    def _drawn(self, outage: Outage, asked: Asked) -> bool:
        if outage.by == "backend":
            # The rig's balancer goes round its backends, and the first of them is down.
            return asked.number % BACKENDS == 0
        if outage.by == "key":
            return bool(asked.key) and chance(self._seed, asked.key) < outage.share
        return outage.share >= 1.0 or self._random.random() < outage.share
