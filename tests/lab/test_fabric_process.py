"""How the fabric starts and ends, and what it does where a full backlog loses nothing."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fixtures.errors import LabError
from fixtures.lab.fabric import Fabric, FabricState, Host, Route
from fixtures.lab.fabric.names import Records
from fixtures.lab.fabric.network import Network
from fixtures.lab.fabric.swallow import swallows_syn

WAIT_S = 30.0
ADDRESS = "10.1.1.10"
CHECKOUT = Path(__file__).parents[2]
STARTER = """
import sys, time
from pathlib import Path
from fixtures.lab.fabric import Fabric
fabric = Fabric.start(Path(sys.argv[1]), Path(sys.argv[1]) / "fabric.log")
print(fabric.pid, flush=True)
time.sleep(600)
"""


def _state(real: str, *, up: bool = True) -> FabricState:
    host = Host(address=ADDRESS, zone="a", ports={80: real}, up=up)
    return FabricState(hosts=[host], routes=[Route(source="client", destination=f"{ADDRESS}:80")])


def _is_closed(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=WAIT_S)
    return True


@pytest.fixture
def process(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    argv = [sys.executable, "-m", "fixtures.lab.fabric", "--directory", str(tmp_path)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        yield started
        started.kill()


def _ready(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    assert process.stdout is not None
    ready: dict[str, str] = json.loads(process.stdout.readline())
    return ready


def test_close_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    fabric = Fabric.start(tmp_path, tmp_path / "log")
    listeners = fabric.apply(_state("127.0.0.1:9"))
    process = psutil.Process(fabric.pid)
    assert os.getpgid(fabric.pid) == os.getpgid(0)
    fabric.close()
    fabric.close()
    assert not process.is_running()
    assert all(_is_closed(address) for address in (*listeners.values(), fabric.control, fabric.dns))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dialmap.json", "log"]


def test_it_says_where_it_is_and_ends_with_its_input(process: "subprocess.Popen[bytes]") -> None:
    ready = _ready(process)
    assert set(ready) == {"control", "dns", "swallows_syn"}
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(WAIT_S) == 0
    assert _is_closed(ready["control"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    _ready(process)
    process.send_signal(number)
    assert process.wait(WAIT_S) == 0


def test_it_ends_with_a_starter_that_was_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        fabric = psutil.Process(int(starter.stdout.readline()))
        assert fabric.is_running()
        starter.kill()
        starter.wait(WAIT_S)
    _, alive = psutil.wait_procs([fabric], WAIT_S)
    assert alive == []


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"(?s)before it was ready.*No such file or directory"):
        Fabric.start(tmp_path / "missing", tmp_path / "log")


def test_a_fabric_that_has_died_is_an_error(tmp_path: Path) -> None:
    fabric = Fabric.start(tmp_path, tmp_path / "log")
    try:
        psutil.Process(fabric.pid).kill()
        with pytest.raises(LabError, match="the fabric"):
            fabric.apply(FabricState())
    finally:
        fabric.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="known of Linux only")
def test_a_full_backlog_loses_a_syn_here() -> None:
    assert swallows_syn()


def test_where_a_syn_cannot_be_lost_a_connection_is_taken_and_held_in_silence() -> None:
    async def run() -> None:
        network = Network(Records(), asyncio.get_running_loop().time, swallows_syn=False)
        server = await asyncio.start_server(_greet, "127.0.0.1", 0)
        real = "{}:{}".format(*server.sockets[0].getsockname())
        try:
            (listener,) = network.apply(_state(real, up=False)).values()
            host, _, port = listener.rpartition(":")
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), WAIT_S)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
            network.apply(_state(real))
            assert await asyncio.wait_for(reader.read(), WAIT_S) == b"hello"
            writer.close()
            async with asyncio.timeout(WAIT_S):
                while network._connections:  # noqa: ASYNC110  nothing tells when a relayed connection is over
                    await asyncio.sleep(0.01)
        finally:
            network.close()
            server.close()

    asyncio.run(run())


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    writer.close()
