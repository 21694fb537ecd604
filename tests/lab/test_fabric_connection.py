"""Connections at awkward moments, with the network in the test's own process so that the moment is certain."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from fixtures.lab.fabric.names import Records
from fixtures.lab.fabric.network import Network
from fixtures.lab.fabric.state import Closed, FabricState, Host, Link, LinkState, Route

WAIT_S = 10.0
ADDRESS = "10.1.1.10"


class Bench:
    """A network with one route to one backend, and a client's socket that is connected to its listener."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.network = Network(Records(), self.loop.time, swallows_syn=True)
        self.backend = _non_blocking(socket.create_server(("127.0.0.1", 0)))
        self.real = f"127.0.0.1:{self.backend.getsockname()[1]}"
        self.sockets = [self.backend]

    def apply(
        self,
        state: LinkState = "pass",
        *,
        delay_ms: float = 0,
        back_ms: float = 0,
        real: str = "",
        closed: tuple[Closed, ...] = (),
    ) -> None:
        links = [
            Link(source="client", destination="a", delay_ms=delay_ms, state=state),
            Link(source="a", destination="client", delay_ms=back_ms or delay_ms),
        ]
        hosts = [Host(address=ADDRESS, zone="a", ports={80: real or self.real})]
        routes = [Route(source="client", destination=f"{ADDRESS}:80")]
        given = FabricState(hosts=hosts, routes=routes, links=links, closed=list(closed))
        (self.listener,) = self.network.apply(given).values()

    async def dial(self) -> socket.socket:
        client = _non_blocking(socket.socket())
        self.sockets.append(client)
        host, _, port = self.listener.rpartition(":")
        await asyncio.wait_for(self.loop.sock_connect(client, (host, int(port))), WAIT_S)
        return client

    async def accept(self) -> socket.socket:
        server, _ = await asyncio.wait_for(self.loop.sock_accept(self.backend), WAIT_S)
        self.sockets.append(server)
        return server

    async def read(self, end: socket.socket) -> bytes:
        return await asyncio.wait_for(self.loop.sock_recv(end, 65536), WAIT_S)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110  nothing tells what goes on inside the network
                await asyncio.sleep(0.005)

    def answer_on_its_way(self) -> bool:
        return any(pipe._source_ended for connection in self.network._connections for pipe in connection._pipes)

    def dialling(self) -> bool:
        return any(connection._dialling for connection in self.network._connections)


def _non_blocking(made: socket.socket) -> socket.socket:
    made.setblocking(False)
    return made


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _on_bench(body: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        bench = Bench()
        try:
            await body(bench)
        finally:
            bench.network.close()
            for made in bench.sockets:
                made.close()

    asyncio.run(run())


def test_an_answer_given_before_the_whole_question_was_read_arrives_and_then_the_reset() -> None:
    async def body(bench: Bench) -> None:
        bench.apply(back_ms=300)
        client = await bench.dial()
        server = await bench.accept()
        await bench.loop.sock_sendall(client, b"first part, which nobody reads")
        await bench.until(lambda: bool(_peek(server)))
        await bench.loop.sock_sendall(server, b"too long")
        server.close()  # with unread bytes, which makes it a reset
        await bench.until(bench.answer_on_its_way)
        await bench.loop.sock_sendall(client, b"second part, which the backend takes no more")
        assert await bench.read(client) == b"too long"
        with pytest.raises(ConnectionResetError):
            await bench.read(client)
        await bench.until(lambda: not bench.network._connections)

    _on_bench(body)


def test_a_connection_that_is_reset_while_it_is_dialled_leaves_nothing_behind() -> None:
    async def body(bench: Bench) -> None:
        bench.apply(delay_ms=10_000)
        client = await bench.dial()
        await bench.until(bench.dialling)
        bench.apply("refuse")
        with pytest.raises(ConnectionResetError):
            await bench.read(client)
        assert not bench.network._connections
        bench.apply()
        await bench.dial()
        await bench.accept()

    _on_bench(body)


def test_a_syn_that_is_lost_on_its_way_is_sent_again_after_healing() -> None:
    async def body(bench: Bench) -> None:
        bench.apply(delay_ms=50)
        client = await bench.dial()
        await bench.until(bench.dialling)
        bench.apply("swallow")
        await bench.until(lambda: not bench.dialling())
        await bench.loop.sock_sendall(client, b"x")
        with pytest.raises(BlockingIOError):
            bench.backend.accept()
        bench.apply()
        assert await bench.read(await bench.accept()) == b"x"

    _on_bench(body)


def test_a_refusal_that_is_lost_on_its_way_is_not_heard() -> None:
    async def body(bench: Bench) -> None:
        bench.apply(back_ms=400, real=_closed_port())
        client = await bench.dial()
        await bench.until(bench.dialling)
        await asyncio.sleep(0.05)  # the refusal is on its way back
        bench.apply("swallow")
        await bench.until(lambda: not bench.dialling())
        with pytest.raises(BlockingIOError):
            client.recv(1)
        bench.apply()
        await bench.accept()

    _on_bench(body)


def _peek(end: socket.socket) -> bytes:
    try:
        return end.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("open_too", [False, True], ids=["tracked", "not tracked"])
def test_a_port_that_is_closed_takes_nobody_new_and_lets_go_on_who_is_tracked(open_too: bool) -> None:  # noqa: FBT001
    closed = Closed(source="client", address=ADDRESS, port=80, open_too=open_too)

    async def body(bench: Bench) -> None:
        bench.apply()
        client = await bench.dial()
        server = await bench.accept()
        bench.apply(closed=(closed,))
        await bench.loop.sock_sendall(client, b"still there?")
        new = _non_blocking(socket.socket())
        bench.sockets.append(new)
        host, _, port = bench.listener.rpartition(":")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.loop.sock_connect(new, (host, int(port))), 0.2)
        if open_too:
            assert _peek(server) == b""
            bench.apply()
        assert await bench.read(server) == b"still there?"

    _on_bench(body)


def test_a_connection_that_is_not_made_yet_when_its_port_is_closed_waits_until_it_is_open() -> None:
    """Its client's handshake is over, as the fabric's clients see it; the host behind has not heard of it."""
    closed = Closed(source="client", address=ADDRESS, port=80)

    async def body(bench: Bench) -> None:
        bench.apply(delay_ms=50)
        client = await bench.dial()
        await bench.until(bench.dialling)
        bench.apply(closed=(closed,), delay_ms=50)
        await bench.loop.sock_sendall(client, b"anybody?")
        await bench.until(lambda: not bench.dialling())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.loop.sock_accept(bench.backend), 0.1)
        bench.apply()
        assert await bench.read(await bench.accept()) == b"anybody?"

    _on_bench(body)
