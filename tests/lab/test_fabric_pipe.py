import asyncio
import contextlib
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from fixtures.lab.fabric.pipe import Pipe

_WAIT_S = 10.0
_BUFFER = 65536


class Line:
    """A pipe between two socket pairs: what is put into `near` comes out of `far`."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.near, source = _pair()
        sink, self.far = _pair()
        self.sockets = (self.near, source, sink, self.far)
        self.ends: list[object] = []
        self.pipe = Pipe(source, sink, ended=self.ends.append, broken=lambda: self.ends.append("broken"))
        self.pipe.delay_s = delay_s
        self.pipe.run()

    async def read(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.far, 65536), _WAIT_S)

    async def read_all(self) -> bytes:
        data = b""
        while piece := await self.read():
            data += piece
        return data

    async def silent(self, for_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.far, 65536), for_s)
            return False
        return True


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection, which unlike a socketpair's can be reset."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    for end in (one, other):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        end.setblocking(False)
    return one, other


def _with_line(body: Callable[[Line], Awaitable[None]], delay_s: float = 0.0) -> None:
    async def run() -> None:
        line = Line(delay_s)
        try:
            await body(line)
        finally:
            line.pipe.stop()
            for end in line.sockets:
                end.close()

    asyncio.run(run())


def _chunks() -> Iterator[bytes]:
    return (b"%06d." % number for number in itertools.count())


def test_bytes_and_their_end_come_through() -> None:
    async def body(line: Line) -> None:
        line.near.sendall(b"one two")
        line.near.shutdown(socket.SHUT_WR)
        assert await line.read_all() == b"one two"
        assert line.ends == [False]

    _with_line(body)


def test_a_delay_is_at_least_what_was_set_for_data_and_end() -> None:
    async def body(line: Line) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        line.near.sendall(b"x")
        assert await line.read() == b"x"
        assert loop.time() - start_s >= 0.08
        start_s = loop.time()
        line.near.shutdown(socket.SHUT_WR)
        assert await line.read() == b""
        assert loop.time() - start_s >= 0.08

    _with_line(body, delay_s=0.08)


def test_a_delay_is_a_pipeline_and_not_stop_and_wait() -> None:
    async def body(line: Line) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        sent = b""
        for chunk in itertools.islice(_chunks(), 40):
            line.near.sendall(chunk)
            sent += chunk
            await asyncio.sleep(0.001)  # so that each is a chunk of its own in the pipe
        line.near.shutdown(socket.SHUT_WR)
        assert await line.read_all() == sent
        assert loop.time() - start_s < 40 * 0.2 / 2  # one after another they take 8 s

    _with_line(body, delay_s=0.2)


def test_a_shorter_delay_does_not_overtake_a_longer_one() -> None:
    async def body(line: Line) -> None:
        line.near.sendall(b"first ")
        await _until(lambda: line.pipe._held > 0)
        line.pipe.delay_s = 0.0
        line.near.sendall(b"second")
        line.near.shutdown(socket.SHUT_WR)
        assert await line.read_all() == b"first second"

    _with_line(body, delay_s=0.2)


@pytest.mark.parametrize("delay_s", [0.0, 0.05])
def test_a_slow_reader_gets_every_byte_and_holds_the_sender_back(delay_s: float) -> None:
    async def body(line: Line) -> None:
        loop = asyncio.get_running_loop()
        data = b"".join(itertools.islice(_chunks(), 2_000_000))
        sending = loop.create_task(loop.sock_sendall(line.near, data))
        await asyncio.sleep(0.3)
        # 14 MB fit neither into the sockets' buffers nor, at 1 Gbit/s, into what may be in flight.
        assert not sending.done()
        assert 0 < line.pipe._held <= 2 * 65536 + delay_s * 125_000_000
        got = bytearray()
        while len(got) < len(data):
            got += await line.read()
        await sending
        assert got == data

    _with_line(body, delay_s)


def test_held_bytes_stay_until_it_runs_again() -> None:
    async def body(line: Line) -> None:
        line.near.sendall(b"before ")
        assert await line.read() == b"before "
        line.near.sendall(b"on its way ")
        line.pipe.hold()
        line.near.sendall(b"after")
        line.near.shutdown(socket.SHUT_WR)
        assert await line.silent(0.2)
        line.pipe.run()
        assert await line.read_all() == b"on its way after"

    _with_line(body)


def test_bytes_in_flight_are_held_too() -> None:
    async def body(line: Line) -> None:
        line.near.sendall(b"x")
        await _until(lambda: line.pipe._held > 0)
        line.pipe.hold()
        assert await line.silent(0.7)
        line.pipe.run()
        assert await line.read() == b"x"

    _with_line(body, delay_s=0.5)


def test_a_reset_arrives_after_what_was_sent_before_it() -> None:
    async def body(line: Line) -> None:
        line.near.sendall(b"x")
        await _until(lambda: line.pipe._held > 0)
        line.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.near.close()
        await asyncio.sleep(0)
        assert line.ends == []
        assert await line.read() == b"x"
        await _until(lambda: bool(line.ends))
        assert line.ends == [True]

    _with_line(body, delay_s=0.2)


def test_a_sink_that_is_gone_is_told_once() -> None:
    async def body(line: Line) -> None:
        line.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.far.close()
        line.near.sendall(b"x")
        await _until(lambda: bool(line.ends))
        line.near.sendall(b"y")
        await asyncio.sleep(0.05)
        assert line.ends == ["broken"]

    _with_line(body)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WAIT_S):
        while not condition():  # noqa: ASYNC110  the pipe under test has no event to wait for
            await asyncio.sleep(0.005)
