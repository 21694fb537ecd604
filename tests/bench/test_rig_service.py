"""The rig as a raw client meets it: each mode is what its name says, and the log says when."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from bench.rig.process import Rig, rig
from bench.rig.script import FOR_EVER_S, Loss, Outage, Script, Turn
from probes.deadline import Deadline
from probes.dial import DialMap
from probes.resolve import NameResolver

# Longer than anything takes that is answered; what is silent is waited for so long in vain.
PATIENCE_S = 10.0
SILENT_S = 0.25
ALWAYS: dict[str, Any] = {"begin_s": 0.0, "end_s": FOR_EVER_S}


@contextmanager
def connected(url: str, timeout_s: float = PATIENCE_S) -> Iterator[socket.socket]:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout_s) as sock:
        yield sock


def send(sock: socket.socket, method: str, path: str, told: object = None) -> None:
    body = b"" if told is None else msgspec.json.encode(told)
    sock.sendall(f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def receive(sock: socket.socket, timeout_s: float = PATIENCE_S) -> tuple[int, Any]:
    sock.settimeout(timeout_s)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(sock)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _some(sock)
    return int(head.split(b" ")[1]), msgspec.json.decode(body)


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise EOFError
    return data


def ask(url: str, method: str, path: str, told: object = None) -> tuple[int, Any]:
    with connected(url) as sock:
        send(sock, method, path, told)
        return receive(sock)


def order(key: str, version: int = 1) -> dict[str, object]:
    return {"key": key, "version": version, "checksum": f"sum-{version}", "payload": f"payload-{version}"}


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.01)


def begun(scripted: Rig) -> None:
    """Begin the script and wait until its first outage is on."""
    scripted.begin()
    until(lambda: bool(scripted.truth().down))


def over(scripted: Rig) -> None:
    until(lambda: all(d.end_ns is not None for d in scripted.truth().down))


def test_it_keeps_what_it_is_told_and_says_when() -> None:
    with rig(Script(seed=1)) as scripted:
        before_ns = time.monotonic_ns()
        assert ask(scripted.url, "POST", "/orders", order("a"))[0] == 201
        after_ns = time.monotonic_ns()
        assert ask(scripted.url, "GET", "/orders/a") == (200, {**order("a"), "effects": 1})
        assert ask(scripted.url, "PUT", "/orders/a", order("a", 2))[0] == 200
        assert ask(scripted.url, "GET", "/orders?prefix=a&cursor=")[1]["items"] == [{**order("a", 2), "effects": 1}]
        assert ask(scripted.url, "DELETE", "/orders/a?version=2")[0] == 200
        assert ask(scripted.url, "GET", "/orders/a")[0] == 404
        truth = scripted.truth()
    assert [(w.kind, w.version, w.status) for w in truth.written] == [
        ("write", 1, 201), ("update", 2, 200), ("delete", 2, 200),
    ]  # fmt: skip
    assert before_ns <= truth.written[0].arrived_ns <= truth.written[0].answered_ns
    assert truth.written[0].arrived_ns <= after_ns, "its axis is that of every process"
    assert [c.version for c in truth.keys["a"]] == [1, 2, None]


def test_refuse_resets_what_is_open_and_refuses_what_comes() -> None:
    outage = Outage(**ALWAYS, mode="refuse")
    with rig(Script(seed=1, outages=(outage,))) as scripted, connected(scripted.url) as sock:
        begun(scripted)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        with pytest.raises(ConnectionRefusedError):
            ask(scripted.url, "GET", "/orders/a")


def test_swallow_is_silent_to_all() -> None:
    outage = Outage(**ALWAYS, mode="swallow")
    with rig(Script(seed=1, outages=(outage,))) as scripted, connected(scripted.url) as sock:
        begun(scripted)
        send(sock, "POST", "/orders", order("a"))
        with pytest.raises(TimeoutError):
            receive(sock, SILENT_S)
        with pytest.raises(TimeoutError):
            _ask_in_vain(scripted.url)
        assert scripted.truth().written == ()


def _ask_in_vain(url: str) -> None:
    """Where the platform takes the connection all the same, nobody answers."""
    with connected(url, SILENT_S) as sock:
        send(sock, "GET", "/orders/a")
        receive(sock, SILENT_S)


def test_it_is_back_on_the_same_port() -> None:
    refuse = Outage(begin_s=0.0, end_s=0.1, mode="refuse")
    swallow = Outage(begin_s=0.2, end_s=0.3, mode="swallow")
    with rig(Script(seed=1, outages=(refuse, swallow))) as scripted:
        scripted.begin()
        until(lambda: len(scripted.truth().down) == 2)
        over(scripted)
        assert ask(scripted.url, "POST", "/orders", order("a"))[0] == 201


def test_what_met_silence_goes_on_where_it_stopped() -> None:
    outage = Outage(begin_s=0.0, end_s=0.4, mode="swallow")
    with rig(Script(seed=1, outages=(outage,))) as scripted, connected(scripted.url) as sock:
        begun(scripted)
        send(sock, "POST", "/orders", order("a"))
        assert receive(sock)[0] == 201
        truth = scripted.truth()
    assert truth.down[0].end_ns is not None
    assert truth.written[0].answered_ns >= truth.down[0].end_ns


def test_hang_answers_when_it_is_over() -> None:
    outage = Outage(begin_s=0.0, end_s=0.4, mode="hang")
    with rig(Script(seed=1, outages=(outage,))) as scripted:
        begun(scripted)
        assert ask(scripted.url, "POST", "/orders", order("a"))[0] == 201
        truth = scripted.truth()
    assert truth.down[0].end_ns is not None
    assert truth.written[0].answered_ns >= truth.down[0].end_ns


def test_slow_answers_late() -> None:
    outage = Outage(**ALWAYS, mode="slow", delay_s=0.3)
    with rig(Script(seed=1, outages=(outage,))) as scripted:
        begun(scripted)
        before_s = time.monotonic()
        assert ask(scripted.url, "POST", "/orders", order("a"))[0] == 201
        assert time.monotonic() - before_s >= 0.3


def test_kinds_and_shares_of_requests_of_keys_and_of_backends() -> None:
    by_backend = Outage(**ALWAYS, mode="503", kinds=("read",), by="backend")
    by_key = Outage(**ALWAYS, mode="503", kinds=("write",), share=0.5, by="key")
    by_chance = Outage(**ALWAYS, mode="503", kinds=("update",), share=0.5)
    script = Script(seed=5, outages=(by_backend, by_key, by_chance), latency_s=(0.0, 0.0))
    with rig(script) as scripted, connected(scripted.url) as sock:

        def failed(method: str, paths: list[str]) -> list[int]:
            """The numbers of the requests that were answered 503."""
            found = []
            for number, path in enumerate(paths):
                send(sock, method, path, None if method in ("GET", "DELETE") else order(path.rpartition("/")[2]))
                found += [number] if receive(sock)[0] == 503 else []
            return found

        scripted.begin()
        until(lambda: len(scripted.truth().down) == 3)
        assert failed("GET", ["/orders/k"] * 9) == [2, 5, 8]
        assert 10 < len(failed("PUT", ["/orders/k"] * 60)) < 50
        assert failed("DELETE", ["/orders/k?version=1"] * 9) == [], "no outage is for deletes"
        keys = [order(f"k{number}") for number in range(60)]

        def refused() -> list[int]:
            found = []
            for number, told in enumerate(keys):
                send(sock, "POST", "/orders", told)
                found += [number] if receive(sock)[0] == 503 else []
            return found

        first = refused()
        assert 10 < len(first) < 50
        assert refused() == first, "always the same keys"


def test_an_answer_that_is_due_in_the_outage_does_not_leave() -> None:
    outage = Outage(**ALWAYS, mode="refuse")
    script = Script(seed=1, outages=(outage,), latency_s=(PATIENCE_S, PATIENCE_S))
    with rig(script) as scripted, connected(scripted.url) as sock:
        send(sock, "POST", "/orders", order("a"))
        until(lambda: bool(scripted.truth().written))
        scripted.begin()
        with pytest.raises(ConnectionResetError):
            receive(sock)
        (write,) = scripted.truth().written
        assert (write.status, write.acknowledged) == (0, False)
        assert scripted.truth().state("a", time.monotonic_ns()).version == 1, "done, and nobody was told"


@pytest.mark.parametrize(
    ("kind", "version", "status"),
    [("unanswered, kept", 1, 0), ("unanswered, dropped", None, 0), ("refused, kept", 1, 409)],
)
def test_what_a_write_is_told_and_what_becomes_of_it(kind: str, version: int | None, status: int) -> None:
    loss = msgspec.convert({"kind": kind, "begin_s": 0.0, "end_s": FOR_EVER_S}, Loss)
    with rig(Script(seed=1, losses=(loss,))) as scripted, connected(scripted.url) as sock:
        scripted.begin()
        scripted.truth()  # answered after what was due at the zero
        send(sock, "POST", "/orders", order("a"))
        if status:
            assert receive(sock)[0] == status
        else:
            with pytest.raises(TimeoutError):
                receive(sock, SILENT_S)
        truth = scripted.truth()
    assert truth.written[0].status == status
    assert truth.state("a", time.monotonic_ns()).version == version


def test_the_witness_sees_the_outage_and_the_control_never() -> None:
    outage = Outage(**ALWAYS, mode="503", kinds=("write",))
    with rig(Script(seed=1, outages=(outage,))) as scripted:
        assert ask(scripted.component_url, "GET", "/")[0] == 200
        begun(scripted)
        assert ask(scripted.component_url, "GET", "/")[0] == 503
        assert ask(scripted.control_url, "GET", "/")[0] == 200
    with rig(Script(seed=1, outages=(Outage(begin_s=0.0, end_s=0.1, mode="503"),))) as scripted:
        begun(scripted)
        over(scripted)
        assert ask(scripted.component_url, "GET", "/")[0] == 200


def test_a_name_turns_and_the_truth_knows_when_its_old_address_was_forgotten(tmp_path: Path) -> None:
    outage = Outage(**ALWAYS, mode="refuse", door="first")
    script = Script(seed=1, outages=(outage,), turn=Turn(at_s=0.1, ttl_s=1))
    with rig(script) as scripted:
        resolver = NameResolver(scripted.resolver)
        scripted.write_dial_map(tmp_path / "dial.json")
        dial_map = DialMap(tmp_path / "dial.json", "client")

        def dialled() -> int:
            return dial_map.dial(resolver.address("orders.rig", Deadline(PATIENCE_S)), 80)[1]

        before_ns = time.monotonic_ns()
        assert dialled() == scripted.doors.first
        begun(scripted)
        until(lambda: dialled() == scripted.doors.second)
        (down,) = scripted.truth().down
        assert down.end_ns is not None
        assert before_ns + 1_000_000_000 <= down.end_ns <= time.monotonic_ns(), "it was kept for its TTL"
        assert ask(f"http://127.0.0.1:{scripted.doors.second}", "POST", "/orders", order("a"))[0] == 201
        with pytest.raises(ConnectionRefusedError):
            ask(scripted.url, "GET", "/orders/a")


def test_its_process_is_gone_afterwards() -> None:
    with rig(Script(seed=1)) as scripted:
        pid = scripted._process.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


def test_it_ends_when_its_owner_is_gone() -> None:
    with rig(Script(seed=1)) as scripted:
        assert scripted._process.stdin is not None
        scripted._process.stdin.close()
        assert scripted._process.wait(PATIENCE_S) == 0
