"""The fabric as its users meet it: a process of its own, sockets on both sides."""

import contextlib
import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import dns.message
import dns.query
import dns.rcode
import psutil
import pytest

from fixtures.errors import LabError
from fixtures.lab.fabric import Fabric, FabricState, Host, Link, Name, Route

WAIT_S = 10.0  # for what must come
SILENT_S = 0.3  # for what must not: some 3,000 times what it takes where it comes
A, B, C = "10.1.1.10", "10.1.2.10", "10.1.3.10"
TO_A, TO_B, TO_NAME = f"client {A}:80", f"client {B}:80", "client db.lab:80"


class Net:
    """A fabric and two backends, whose connections the tests take by hand."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.backends = {address: socket.create_server(("127.0.0.1", 0)) for address in (A, B)}
        self.listeners: dict[str, str] = {}
        self._open: list[socket.socket] = [*self.backends.values()]
        for backend in self.backends.values():
            backend.settimeout(WAIT_S)

    def apply(
        self,
        *links: Link,
        dark: str = "",
        isolated: tuple[str, ...] = (),
        name: str = A,
        ttl: int = 1,
        ports: tuple[int, ...] = (80,),
        routes: tuple[str, ...] = (TO_A, TO_B, TO_NAME, f"a {A}:80", f"a {B}:80"),
    ) -> None:
        real = {address: f"127.0.0.1:{backend.getsockname()[1]}" for address, backend in self.backends.items()}
        state = FabricState(
            hosts=[
                Host(address=address, zone=zone, ports=dict.fromkeys(ports, real[address]), up=address != dark)
                for zone, address in (("a", A), ("b", B))
            ],
            names=[Name(name="db.lab", addresses=[name], ttl=ttl)],
            routes=[Route(source=key.split()[0], destination=key.split()[1]) for key in routes],
            links=list(links),
            isolated=list(isolated),
        )
        self.listeners = self.fabric.apply(state)

    def port(self, route: str = TO_A) -> tuple[str, int]:
        host, _, port = self.listeners[route].rpartition(":")
        return host, int(port)

    def dial(self, route: str = TO_A, timeout_s: float = WAIT_S) -> socket.socket:
        client = socket.create_connection(self.port(route), timeout=timeout_s)
        self._open.append(client)
        client.settimeout(WAIT_S)
        return client

    def accept(self, address: str = A) -> socket.socket:
        server, _ = self.backends[address].accept()
        self._open.append(server)
        server.settimeout(WAIT_S)
        return server

    def pair(self, route: str = TO_A, address: str = A) -> tuple[socket.socket, socket.socket]:
        return self.dial(route), self.accept(address)

    def close(self) -> None:
        for end in self._open:
            end.close()


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fabric]:
    directory = tmp_path_factory.mktemp("fabric")
    log = directory / "fabric.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "always")
        running = Fabric.start(directory, log)
    yield running
    running.close()
    # No warning, no exception in a callback, nothing unclosed, in all that the tests did to it.
    assert log.read_text() == ""


@pytest.fixture
def net(fabric: Fabric) -> Iterator[Net]:
    made = Net(fabric)
    made.apply()
    yield made
    made.close()
    made.fabric.apply(FabricState())


def _silent(*ends: socket.socket) -> bool:
    return not select.select(ends, [], [], SILENT_S)[0]


def _is_swallowed(net: Net, route: str = TO_A) -> bool:
    with pytest.raises(TimeoutError):
        net.dial(route, SILENT_S)
    return True


def _reset_by_peer(end: socket.socket) -> bool:
    with pytest.raises(ConnectionResetError):
        end.recv(1)
    return True


swallows_syn = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full backlog loses a SYN on Linux")


def test_bytes_pass_both_ways_and_each_way_ends_on_its_own(net: Net) -> None:
    client, server = net.pair()
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    assert server.recv(100) == b"question"
    assert server.recv(100) == b""
    server.sendall(b"answer")
    server.close()
    assert client.recv(100) == b"answer"
    assert client.recv(100) == b""


def test_each_route_has_a_listener_of_its_own_in_the_dial_map(net: Net) -> None:
    dial_map = json.loads(net.fabric.dial_map.read_text())
    assert dial_map == net.listeners
    assert set(dial_map) == {TO_A, TO_B, TO_NAME, f"a {A}:80", f"a {B}:80", "client 10.250.0.1:80"}
    assert len(set(dial_map.values())) == len(dial_map)


def test_a_listener_that_stays_keeps_its_port_and_one_that_goes_is_closed(net: Net) -> None:
    before, gone = net.listeners[TO_A], net.port(TO_B)
    for change in (
        partial(net.apply, dark=A),
        partial(net.apply, ports=()),
        net.apply,
        partial(net.apply, routes=(TO_A,)),
    ):
        change()
        assert net.listeners[TO_A] == before
    assert TO_B not in json.loads(net.fabric.dial_map.read_text())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(gone, timeout=WAIT_S)


@swallows_syn
def test_a_dark_host_swallows_new_connections_until_it_is_back(net: Net) -> None:
    net.pair()
    for _ in range(2):
        net.apply(dark=A)
        assert _is_swallowed(net)
        assert _is_swallowed(net, f"a {A}:80")
        net.pair(TO_B, B)
        net.apply()
        net.pair()


@swallows_syn
def test_a_connection_attempt_that_waits_comes_through_after_healing(net: Net) -> None:
    net.apply(dark=A)
    with socket.socket() as pending:
        pending.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            pending.connect(net.port())
        assert not select.select([], [pending], [], SILENT_S)[1]
        net.apply()
        pending.settimeout(WAIT_S)
        pending.sendall(b"late")
        assert net.accept().recv(100) == b"late"


@swallows_syn
@pytest.mark.parametrize("ends", [("client", "a"), ("a", "client")])
def test_one_swallowed_direction_is_enough(net: Net, ends: tuple[str, str]) -> None:
    net.apply(Link(source=ends[0], destination=ends[1], state="swallow"))
    assert _is_swallowed(net)
    net.pair(f"a {A}:80")


@swallows_syn
def test_an_isolated_zone_is_cut_both_ways_and_whole_inside(net: Net) -> None:
    net.apply(isolated=("a",))
    assert _is_swallowed(net)
    assert _is_swallowed(net, f"a {B}:80")
    net.pair(f"a {A}:80")
    net.pair(TO_B, B)


@swallows_syn
def test_an_address_without_a_host_is_swallowed(net: Net) -> None:
    net.apply(routes=(f"client {C}:80",))
    assert _is_swallowed(net, f"client {C}:80")


def test_an_open_connection_of_an_isolated_zone_is_silent_and_then_goes_on(net: Net) -> None:
    client, server = net.pair()
    spared, spared_server = net.pair(f"a {A}:80")
    net.apply(isolated=("a",))
    client.sendall(b"into the dark")
    server.sendall(b"out of it")
    server.close()
    assert _silent(client)
    spared.sendall(b"inside")
    assert spared_server.recv(100) == b"inside"
    net.apply()
    assert client.recv(100) == b"out of it"


def test_both_directions_of_a_resumed_connection_keep_every_byte_and_the_end(net: Net) -> None:
    client, server = net.pair()
    net.apply(Link(source="a", destination="client", state="swallow"))
    client.sendall(b"one ")
    client.sendall(b"two")
    client.close()
    assert _silent(server)
    net.apply()
    received = b""
    while piece := server.recv(100):
        received += piece
    assert received == b"one two"


def test_a_host_that_lost_its_power_is_silent_and_then_knows_nothing_of_the_connection(net: Net) -> None:
    client, server = net.pair()
    net.apply(dark=A)
    server.close()
    client.sendall(b"anybody there?")
    assert _silent(client)
    net.apply()
    assert _reset_by_peer(client)
    net.pair()


def test_a_rebooted_host_resets_an_idle_connection_when_it_is_used_again(net: Net) -> None:
    client, server = net.pair()
    net.apply(dark=A)
    net.apply()
    assert _reset_by_peer(server)
    assert _silent(client)
    client.sendall(b"still there?")
    assert _reset_by_peer(client)


def test_the_reset_of_a_rebooted_host_is_swallowed_like_anything_else(net: Net) -> None:
    client, _ = net.pair()
    net.apply(dark=A, isolated=("a",))
    client.sendall(b"x")
    net.apply(isolated=("a",))
    assert _silent(client)
    net.apply()
    assert _reset_by_peer(client)


def test_a_reset_is_passed_on_in_both_directions(net: Net) -> None:
    for dying in (0, 1):
        ends = net.pair()
        ends[dying].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ends[dying].close()
        assert _reset_by_peer(ends[1 - dying])


def test_a_dead_process_on_a_living_host_resets(net: Net) -> None:
    net.backends[A].close()
    with pytest.raises((ConnectionResetError, ConnectionRefusedError)):
        net.dial().recv(1)


def test_a_port_that_is_not_served_is_refused_until_it_is(net: Net) -> None:
    open_client, open_server = net.pair()
    net.apply(ports=())
    with pytest.raises(ConnectionRefusedError):
        net.dial()
    open_client.sendall(b"was open before")
    assert open_server.recv(100) == b"was open before"
    net.apply()
    net.pair()


def test_a_refusing_link_refuses_new_connections_and_resets_open_ones(net: Net) -> None:
    client, server = net.pair()
    net.apply(Link(source="client", destination="a", state="refuse"))
    assert _reset_by_peer(client)
    assert _reset_by_peer(server)
    with pytest.raises(ConnectionRefusedError):
        net.dial()
    net.pair(TO_B, B)


def test_delays_of_both_directions_add_up(net: Net) -> None:
    net.apply(Link(source="client", destination="a", delay_ms=60), Link(source="a", destination="client", delay_ms=30))
    start_s = time.monotonic()
    client, server = net.pair()
    client.sendall(b"question")
    assert server.recv(100) == b"question"
    asked_s = time.monotonic()
    assert asked_s - start_s >= 0.06 + 0.03 + 0.06  # the handshake's round trip, then the way there
    server.sendall(b"answer")
    assert client.recv(100) == b"answer"
    assert time.monotonic() - asked_s >= 0.03


def test_a_name_is_followed_when_its_ttl_has_passed_and_not_before(net: Net) -> None:
    first_use_s = time.monotonic()
    net.pair(TO_NAME, A)
    net.apply(name=B)
    while net.dial(TO_NAME) and not select.select([net.backends[B]], [], [], 0.05)[0]:
        assert time.monotonic() - first_use_s < WAIT_S
    assert time.monotonic() - first_use_s >= 1.0


@swallows_syn
def test_a_name_is_followed_out_of_a_swallowed_zone(net: Net) -> None:
    dark_s = time.monotonic()
    net.apply(dark=A)
    net.apply(dark=A, name=B)
    net.pair(TO_NAME, B)  # its SYN is lost until the name is asked for again
    assert time.monotonic() - dark_s >= 1.0


def test_a_name_that_does_not_exist_cannot_be_connected_to(net: Net) -> None:
    net.apply(routes=("client nothing.lab:80",))
    with pytest.raises(ConnectionRefusedError):
        net.dial("client nothing.lab:80")


@pytest.mark.parametrize("ask", [dns.query.udp, dns.query.tcp])
def test_dns_answers_over_both_transports(net: Net, ask: Callable[..., dns.message.Message]) -> None:
    host, _, port = net.fabric.dns.rpartition(":")

    def answers(name: str) -> tuple[int, list[tuple[int, str]]]:
        reply = ask(dns.message.make_query(name, "A"), host, timeout=WAIT_S, port=int(port))
        return reply.rcode(), [(rrset.ttl, rdata.to_text()) for rrset in reply.answer for rdata in rrset]

    assert answers("db.lab.") == (dns.rcode.NOERROR, [(1, A)])
    net.apply(name=B, ttl=30)
    assert answers("DB.lab.") == (dns.rcode.NOERROR, [(30, B)])
    assert answers("control.lab.") == (dns.rcode.NOERROR, [(60, "10.250.0.1")])
    assert answers("other.lab.") == (dns.rcode.NXDOMAIN, [])


def test_the_control_target_answers_whatever_is_cut(net: Net) -> None:
    net.apply(dark=A, isolated=("a", "b"))
    client = net.dial("client 10.250.0.1:80")
    client.sendall(b"GET / HTTP/1.1\r\nHost: control.lab\r\n\r\n")
    assert client.recv(1000) == b"HTTP/1.1 204 No Content\r\n\r\n"
    client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"Connection: close" in client.recv(1000)
    assert client.recv(1) == b""


def test_a_state_that_contradicts_itself_changes_nothing(net: Net) -> None:
    host = Host(address=A, zone="a", ports={})
    with pytest.raises(LabError, match=f"nothing was changed: host {A} is given 2 times"):
        net.fabric.apply(FabricState(hosts=[host, host]))
    net.pair()


def test_connections_that_are_over_leave_nothing_behind(net: Net) -> None:
    process = psutil.Process(net.fabric.pid)
    before = _settled(process)
    for _ in range(20):
        client, server = net.pair()
        client.close()
        server.close()
    client, _ = net.pair()
    net.apply(dark=A)
    net.apply()
    client.sendall(b"x")
    assert _reset_by_peer(client)
    deadline_s = time.monotonic() + WAIT_S
    while process.num_fds() > before:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def _settled(process: psutil.Process) -> int:
    """Count descriptors once those of earlier tests' connections are closed."""
    count, since_s = process.num_fds(), time.monotonic()
    while time.monotonic() - since_s < SILENT_S:
        if process.num_fds() != count:
            count, since_s = process.num_fds(), time.monotonic()
        time.sleep(0.02)
    return count
