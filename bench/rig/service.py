"""The rig itself, a process of its own: `python -m bench.rig.service`.

It reads a `Script` from the first line of stdin, prints `Doors`, and obeys the words `begin`, `heal` and `truth`, one a
line, each answered by one line. It ends with stdin.
"""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from bench.rig.door import Door
from bench.rig.hits import Hits
from bench.rig.script import Loss, Outage, Script, Turn
from bench.rig.serving import ON_ARRIVAL, Serving
from bench.rig.store import Row, Store
from bench.rig.truth import NO_NAMES, Doors, Down, Truth, Written
from bench.rig.wire import Connection, Request

if TYPE_CHECKING:
    from bench.rig.names import Names

NS_PER_S = 1_000_000_000


class Service:
    """Follows the script and writes down what it did."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._zero_ns = 0
        self._store = Store(script.seed)
        self._hits = Hits(script.seed)
        self._serving = Serving(script, self._store, self._hits)
        self._down: dict[Outage, Down] = {}
        self._snapshots: dict[Loss, dict[str, Row]] = {}
        self._doors = [Door(self._serving.taken), Door(self._serving.taken)]
        self._component = Door(self._component_asked)
        self._control = Door(_control_asked)
        self._names = None if script.turn is None else _names(script.turn)
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> Doors:
        """Answer questions for the name, where it turns; say where everything is."""
        names = self._names
        if names is not None:
            self._transport, _ = await self._loop.create_datagram_endpoint(
                lambda: names, local_addr=("127.0.0.1", 0)
            )  # fmt: skip
        return Doors(
            first=self._doors[0].port,
            second=self._doors[1].port,
            component=self._component.port,
            control=self._control.port,
            names=NO_NAMES if self._transport is None else self._transport.get_extra_info("sockname")[1],
        )

    def close(self) -> None:
        """Let go of everything."""
        for door in (*self._doors, self._component, self._control):
            door.close()
        if self._transport is not None:
            self._transport.close()

    def begin(self) -> int:
        """Start the script; its zero."""
        start_s, self._zero_ns = self._loop.time(), time.monotonic_ns()
        self._serving.begun = True
        for outage in self._script.outages:
            self._loop.call_at(start_s + outage.begin_s, self._begin, outage)
            self._loop.call_at(start_s + outage.end_s, self._end, outage)
        for loss in self._script.losses:
            self._loop.call_at(start_s + loss.begin_s, self._losing, loss)
            self._loop.call_at(start_s + loss.end_s, self._serving.losing.discard, loss)
            if loss.kind not in ON_ARRIVAL:
                self._loop.call_at(start_s + loss.at_s, self._lose, loss)
        if self._script.turn is not None and self._names is not None:
            self._loop.call_at(start_s + self._script.turn.at_s, self._names.turn)
        return self._zero_ns

    def heal(self) -> int:
        """Give back what is only late."""
        self._store.heal()
        return time.monotonic_ns()

    def truth(self) -> Truth:
        """What was done up to now."""
        return Truth(
            zero_ns=self._zero_ns,
            down=tuple(self._as_seen(d) for d in self._down.values()),
            written=tuple(self._serving.written),
            listed=tuple(self._serving.listed),
            keys={key: tuple(changes) for key, changes in self._store.changes.items()},
        )

    def _as_seen(self, down: Down) -> Down:
        """An outage of one address ends, for whoever asks by name, when the old address is forgotten."""
        forgotten = None if self._names is None else self._names.forgotten_ns()
        if down.outage.door == "all" or down.end_ns is not None or forgotten is None:
            return down
        return msgspec.structs.replace(down, end_ns=forgotten[0], ended_ns=forgotten[1])

    def _begin(self, outage: Outage) -> None:
        begin_ns = time.monotonic_ns()
        if outage.whole:
            for door in self._hit_doors(outage):
                if outage.mode == "refuse":
                    door.refuse()
                else:
                    door.swallow()
        else:
            self._hits.begin(outage)
        begun_ns = time.monotonic_ns()
        self._down[outage] = Down(begin_ns=begin_ns, begun_ns=begun_ns, end_ns=None, ended_ns=None, outage=outage)

    def _end(self, outage: Outage) -> None:
        end_ns = time.monotonic_ns()
        if outage.whole:
            for door in self._hit_doors(outage):
                door.open()
        else:
            self._hits.end(outage)
        ended_ns = time.monotonic_ns()
        self._down[outage] = msgspec.structs.replace(self._down[outage], end_ns=end_ns, ended_ns=ended_ns)

    def _hit_doors(self, outage: Outage) -> list[Door]:
        return self._doors if outage.door == "all" else self._doors[:1]

    def _losing(self, loss: Loss) -> None:
        self._serving.losing.add(loss)
        if loss.kind == "rewind":
            self._snapshots[loss] = self._store.snapshot()
        elif loss.kind == "old primary":
            self._store.part()

    def _lose(self, loss: Loss) -> None:
        if loss.kind == "rewind":
            self._store.rewind(self._snapshots[loss])
        elif loss.kind == "old primary":
            self._store.join()
        else:
            self._store.lose(loss, self._within(loss))

    def _within(self, loss: Loss) -> list[Written]:
        begin_ns, end_ns = (self._zero_ns + round(at_s * NS_PER_S) for at_s in (loss.begin_s, loss.end_s))
        kinds = {"resurrected": ("delete",), "rolled back": ("update",)}.get(loss.kind, ("write", "update", "delete"))
        return [w for w in self._serving.written if begin_ns <= w.arrived_ns < end_ns and w.kind in kinds]

    def _component_asked(self, connection: Connection, _: Request) -> None:
        up = all(down.end_ns is not None for down in self._down.values())
        connection.answer(200 if up else 503, {})


def _names(turn: Turn) -> "Names":
    from bench.rig.names import Names  # noqa: PLC0415  dnspython takes as long as all the rest, and few scripts turn

    return Names(turn.ttl_s)


def _control_asked(connection: Connection, _: Request) -> None:
    connection.answer(200, {})


async def _main() -> None:
    loop = asyncio.get_running_loop()
    service = Service(msgspec.json.decode(sys.stdin.buffer.readline(), type=Script))
    try:
        _say(await service.start())
        words = {b"begin": service.begin, b"heal": service.heal, b"truth": service.truth}
        while word := await loop.run_in_executor(None, sys.stdin.buffer.readline):
            _say(words[word.strip()]())
    finally:
        service.close()


def _say(reply: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_main())
