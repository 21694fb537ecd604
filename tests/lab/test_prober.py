"""Route 53's health checkers: what passes, and when a status turns."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fixtures.lab.machines.prober import Check, Endpoint, ask


def observed(*checks: bool, threshold: int = 3) -> list[bool]:
    """The status after each check."""
    endpoint, seen = Endpoint(), []
    for passed in checks:
        endpoint.observe(passed=passed, says="", threshold=threshold)
        seen.append(endpoint.report.healthy)
    return seen


def test_a_status_turns_after_as_many_checks_in_a_row_as_its_threshold() -> None:
    assert observed(False, False, False, False) == [True, True, False, False]
    assert observed(False, False, True, False, False, False) == [True] * 5 + [False]
    assert observed(False, True, False, True, threshold=1) == [False, True, False, True]
    assert observed(*[False] * 3, True, True, False, True, True, True)[3:] == [False] * 5 + [True]


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def asked(answer: bytes, path: str = "/health") -> tuple[bool, str, bytes]:
    """Whether a server that answers like this passes, what is said of it, and what it was sent."""
    got = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path:
            got.set_result(await reader.readuntil(b"\r\n\r\n"))
        else:
            got.set_result(b"")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        check = Check(
            id="c", dial=f"{host}:{port}", host="shop.example", path=path, interval_s=1, timeout_s=20, threshold=1
        )
        passed, says = await ask(check)
        return passed, says, await got


@pytest.mark.parametrize(("status", "passes"), [("200", True), ("302", True), ("404", False), ("503", False)])
def test_http_passes_with_2xx_and_3xx(status: str, passes: bool) -> None:  # noqa: FBT001 - a parameter of the table
    passed, says, sent = asyncio.run(asked(f"HTTP/1.1 {status} X\r\n\r\n".encode()))
    assert passed is passes
    assert says.startswith("Success" if passes else "Failure")
    assert status in says
    assert sent.startswith(b"GET /health HTTP/1.1\r\nHost: shop.example\r\n")


def test_a_closed_connection_fails_and_tcp_needs_no_answer() -> None:
    assert not asyncio.run(asked(b""))[0]
    assert asyncio.run(asked(b"", path=""))[0]
