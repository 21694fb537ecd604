"""A real load balancer: who gets requests, who does not, and what a client sees meanwhile."""

import contextlib
import http.client
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest
import requests

from fixtures.errors import LabError
from fixtures.lab.machines.caddy import Caddy, installed_caddy
from fixtures.lab.machines.health import BalancerSettings

DEADLINE_S = 20.0
QUICK = BalancerSettings(uri="/health", interval_s=0.05, timeout_s=1.0, response_timeout_s=0.3, dial_timeout_s=0.3)


class Upstream:
    """A small target whose health can be set; it can die and come back on the same port."""

    def __init__(self) -> None:
        self.health = 200
        self.checks = 0
        self._server: ThreadingHTTPServer | None = None
        self.address = f"127.0.0.1:{free_port()}"

    def start(self) -> "Upstream":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                check = self.path == "/health"
                outer.checks += check
                body = outer.address.encode()
                self.send_response(outer.health if check else 200)
                self.send_header("Content-Length", str(len(body)))
                # a pooled connection to a target that dies would otherwise live on in a thread of this process
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", int(self.address.split(":")[1])), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def die(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


class Client:
    """A client with one pooled connection, and the balancer that it asks."""

    def __init__(self, caddy: Caddy, port: int) -> None:
        self.caddy = caddy
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def ask(self) -> str:
        """Who answered, or the status of an error."""
        answer = self._session.get(self.url, timeout=DEADLINE_S)
        return answer.text if answer.ok else str(answer.status_code)

    def ask_often(self, times: int = 60) -> Counter[str]:
        return Counter(self.ask() for _ in range(times))


@contextlib.contextmanager
def running_balancer(folder: Path, settings: BalancerSettings) -> Iterator[Client]:
    caddy = Caddy(folder)
    port = free_port()
    caddy.start(port, settings)
    with contextlib.closing(Client(caddy, port)) as client:
        yield client
    caddy.stop()


@pytest.fixture
def upstreams() -> Iterator[list[Upstream]]:
    three = [Upstream().start() for _ in range(3)]
    yield three
    for upstream in three:
        upstream.die()


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Client]:
    with running_balancer(tmp_path / "lb", QUICK) as client:
        yield client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def serve(balancer: Client, upstreams: list[Upstream]) -> None:
    balancer.caddy.set_upstreams([u.address for u in upstreams])
    wait_until(lambda: all(balancer.caddy.healthy().values()))


def test_no_upstream_is_503(balancer: Client) -> None:
    assert balancer.ask() == "503"
    balancer.caddy.set_upstreams([])
    assert balancer.caddy.healthy() == {}
    assert balancer.ask() == "503"


def test_healthy_upstreams_share_equally(balancer: Client, upstreams: list[Upstream]) -> None:
    serve(balancer, upstreams)
    assert balancer.ask_often(60) == {u.address: 20 for u in upstreams}


def test_a_killed_upstream_costs_some_failures_and_then_none(balancer: Client, upstreams: list[Upstream]) -> None:
    first, second, _ = upstreams
    serve(balancer, [first, second])
    second.die()
    seen: Counter[str] = Counter()
    while balancer.caddy.states()[second.address] == "healthy":
        seen[balancer.ask()] += 1
    assert set(seen) <= {first.address, "502"}
    assert seen["502"] > 0
    assert balancer.ask_often() == {first.address: 60}

    second.start()
    wait_until(lambda: balancer.caddy.healthy()[second.address])
    assert balancer.ask_often() == {first.address: 30, second.address: 30}


def test_a_new_upstream_gets_nothing_before_its_first_passed_check(balancer: Client, upstreams: list[Upstream]) -> None:
    first, new, _ = upstreams
    new.health = 503
    balancer.caddy.set_upstreams([new.address])
    assert balancer.caddy.states() == {new.address: "initial"}
    assert balancer.ask() == "503"
    balancer.caddy.set_upstreams([first.address, new.address])
    wait_until(lambda: balancer.caddy.healthy()[first.address] and new.checks > QUICK.fails)
    assert balancer.ask_often() == {first.address: 60}
    new.health = 200
    wait_until(lambda: balancer.caddy.healthy()[new.address])
    assert balancer.ask_often() == {first.address: 30, new.address: 30}


def test_an_upstream_that_is_left_out_gets_nothing_more(balancer: Client, upstreams: list[Upstream]) -> None:
    serve(balancer, upstreams)
    balancer.caddy.set_upstreams([upstreams[0].address])
    assert balancer.ask_often() == {upstreams[0].address: 60}
    balancer.caddy.set_upstreams([])
    assert balancer.ask() == "503"


def test_a_silent_upstream_is_taken_out(upstreams: list[Upstream], tmp_path: Path) -> None:
    settings = BalancerSettings(uri="/health", interval_s=0.05, timeout_s=0.2, response_timeout_s=0.3)
    with running_balancer(tmp_path / "silent", settings) as other:
        serve(other, upstreams[:2])
        upstreams[1].die()
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            silent.bind(("127.0.0.1", int(upstreams[1].address.split(":")[1])))
            silent.listen(100)
            wait_until(lambda: not other.caddy.healthy()[upstreams[1].address])
            assert other.ask_often() == {upstreams[0].address: 60}
            # with nobody else there, requests go to it all the same, and time out
            other.caddy.set_upstreams([upstreams[1].address])
            wait_until(lambda: other.caddy.states()[upstreams[1].address] == "unhealthy")
            assert other.ask() == "504"


def test_it_fails_open(balancer: Client, upstreams: list[Upstream]) -> None:
    serve(balancer, upstreams[:2])
    for upstream in upstreams[:2]:
        upstream.health = 503
    wait_until(lambda: not any(balancer.caddy.healthy().values()))
    assert balancer.ask_often() == {u.address: 30 for u in upstreams[:2]}


def test_clients_keep_their_connection_through_every_change(balancer: Client, upstreams: list[Upstream]) -> None:
    def ask() -> int:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    serve(balancer, upstreams)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=DEADLINE_S)) as connection:
        assert ask() == 200
        connection.auto_open = 0  # a second connection would be an error from here on
        balancer.caddy.set_upstreams([])
        assert ask() == 503
        serve(balancer, upstreams)
        assert [ask() for _ in range(6)] == [200] * 6


def test_one_port_on_this_machine_is_all_it_opens(balancer: Client, tmp_path: Path) -> None:
    assert balancer.caddy._caddy is not None
    assert balancer.caddy._checker is not None
    opened = [
        (c.laddr, c.status)
        for child in (balancer.caddy._caddy, balancer.caddy._checker)
        for c in psutil.Process(child.pid).net_connections("all")
        if c.status == psutil.CONN_LISTEN
    ]
    assert opened == [(("127.0.0.1", balancer.port), psutil.CONN_LISTEN)]
    assert {p.name for p in tmp_path.iterdir()} == {"lb"}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    caddy = Caddy(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LabError, match="address already in use"):
            caddy.start(int(taken.getsockname()[1]), QUICK)
    assert not caddy.alive


def test_the_loss_of_its_health_checks_is_seen(balancer: Client, upstreams: list[Upstream]) -> None:
    assert balancer.caddy._checker is not None
    states = [balancer.caddy.alive]
    os.kill(balancer.caddy._checker.pid, signal.SIGKILL)
    assert balancer.caddy._checker.wait(DEADLINE_S)
    assert [*states, balancer.caddy.alive] == [True, False]
    with pytest.raises(LabError, match="health checks"):
        balancer.caddy.set_upstreams([upstreams[0].address])


def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    caddy = Caddy(tmp_path)
    caddy.start(free_port(), QUICK)
    assert caddy._caddy is not None
    assert caddy._checker is not None
    pids = [caddy._caddy.pid, caddy._checker.pid]
    assert all(psutil.pid_exists(pid) for pid in pids)
    caddy.stop()
    caddy.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(LabError, match="not running"):
        caddy.set_upstreams([])


def test_caddy_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed_caddy().is_file()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(LabError, match="Install the extra"):
        installed_caddy()
