import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from probes.deadline import Deadline
from probes.network import Network
from probes.probe import Answer, Asked
from probes.spec import TcpProbe
from probes.tcp import build


@contextmanager
def listener(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """A server for one connection."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def ask(network: Network, port: int, timeout_s: float = 5.0) -> Answer:
    asked = Asked(kind="read", connection="fresh", target="127.0.0.1")
    return build(TcpProbe(port=port), network).send(asked, Deadline(timeout_s))


def test_a_server_that_lets_go_is_alive(network: Network) -> None:
    with listener(lambda connection: connection.recv(1)) as port:
        answer = ask(network, port)
    assert (answer.outcome, answer.error, answer.resolved_ip) == ("ok", "", "127.0.0.1")


def test_a_server_that_speaks_first_is_alive(network: Network) -> None:
    with listener(lambda connection: connection.sendall(b"hello")) as port:
        assert ask(network, port).outcome == "ok"


def test_nobody_listens(network: Network) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = ask(network, unused.getsockname()[1])
    assert answer.outcome == "fail"
    assert "refused" in answer.error


def test_a_relay_in_front_of_a_dead_server_is_not_alive(network: Network) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listener(reset) as port:
        assert ask(network, port).outcome != "ok"


def test_a_kernel_that_accepts_for_a_frozen_server_is_not_alive(network: Network) -> None:
    with socket.socket() as frozen:
        frozen.bind(("127.0.0.1", 0))
        frozen.listen()
        answer = ask(network, frozen.getsockname()[1], 0.2)
    assert answer.outcome == "in-doubt"
    assert "silent for 0.2 s" in answer.error


def test_it_cannot_write() -> None:
    network: Network | None = None
    with pytest.raises(ValueError, match="nothing to write"):
        build(TcpProbe(port=1), network).by_key("write")  # type: ignore[arg-type]  # never used
