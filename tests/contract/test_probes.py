"""What every kind of probe has to do. A new one is picked up by being there, and asks for a case in `CASES`.

The rules are those that a measurement rests on: one sending for one operation, within its deadline, and an outcome
that claims no more than is known. `fail` is for what was provably not done.
"""

import socket
import textwrap
import threading
import time
import typing
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import msgspec
import psutil
import pytest

import probes
from probes.deadline import Deadline
from probes.dial import DialMap
from probes.history import Kind
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import Answer, Asked, Probe, build_probe
from probes.resolve import NameResolver
from probes.spec import (
    AnyProbe,
    DynamodbProbe,
    HttpProbe,
    HttpRequest,
    PostgresqlProbe,
    PythonProbe,
    S3Probe,
    TcpProbe,
)
from tests.probes.raw_servers import Raw, log_in, raw_server

KINDS = typing.get_args(AnyProbe)
TAGS = [str(kind.__struct_config__.tag) for kind in KINDS]
KEY, PAYLOAD = "t-1", "abc"
ALL_KINDS: tuple[Kind, ...] = ("write", "update", "delete", "read", "audit")
VIRTUAL = "10.1.0.10"

TRANSACTION = """
import socket

class Plain:
    def __init__(self, port):
        self.port = int(port)

    def _ask(self, deadline_s):
        with socket.create_connection(("127.0.0.1", self.port)) as sock:
            sock.sendall(b"do it")
            if not sock.recv(1):
                raise OSError("closed")
        return {"version": 1, "checksum": "c"}

    def write(self, key, version, checksum, payload, deadline_s):
        self._ask(deadline_s)

    update = write

    def delete(self, key, deadline_s):
        self._ask(deadline_s)

    def read(self, key, deadline_s):
        return self._ask(deadline_s)
"""


@dataclass(frozen=True)
class Case:
    """How a kind is aimed at `host:port`, how a server greets it before the first request, and what it is to do.

    `dials`: whether it goes through the vantage's own network, to a name that stands in its settings.
    """

    settings: Callable[[str, int, Path], AnyProbe]
    greet: Callable[[socket.socket], object] = lambda _: None
    kinds: tuple[Kind, ...] = ALL_KINDS
    says_something: bool = True
    dials: bool = True


def _http(host: str, port: int, _folder: Path) -> HttpProbe:
    request = HttpRequest(method="POST", url=f"http://{host}:{port}/{{key}}")
    return HttpProbe(write=request, update=request, delete=request, read=request)


def _python(_host: str, port: int, folder: Path) -> PythonProbe:
    (folder / "contract_plain.py").write_text(textwrap.dedent(TRANSACTION), encoding="utf-8")
    return PythonProbe(transaction="contract_plain:Plain", path=str(folder), options={"port": str(port)})


CASES = {
    "http": Case(_http),
    # A witness: it connects to a stream's target and says nothing there (tests/probes/test_tcp_probe.py).
    "tcp": Case(lambda _host, port, _folder: TcpProbe(port=port), kinds=("read",), says_something=False, dials=False),
    "postgresql": Case(
        lambda host, port, _folder: PostgresqlProbe(dsn=f"postgresql://u@{host}:{port}/d", table="t"), greet=log_in
    ),
    "dynamodb": Case(
        lambda host, port, _folder: DynamodbProbe(table="t", region="eu-west-1", endpoint_url=f"http://{host}:{port}")
    ),
    "s3": Case(
        lambda host, port, _folder: S3Probe(bucket="kept", region="eu-west-1", endpoint_url=f"http://{host}:{port}"),
        kinds=("write", "delete", "read", "audit"),
    ),
    "python": Case(_python, dials=False),
}
each_kind = pytest.mark.parametrize("tag", TAGS)
each_dialling = pytest.mark.parametrize("tag", [tag for tag in TAGS if tag in CASES and CASES[tag].dials])
OPERATIONS = [(tag, kind) for tag, case in CASES.items() for kind in case.kinds]
each_operation = pytest.mark.parametrize(("tag", "kind"), OPERATIONS)
# Hanging takes as long as its deadline, so that one kind of operation has to do for it.
BROKEN = [(tag, kind, mode) for tag, kind in OPERATIONS if CASES[tag].says_something for mode in ("reset", "close")]
BROKEN += [(tag, case.kinds[0], "hang") for tag, case in CASES.items()]


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: a module is imported once."""
    return tmp_path_factory.mktemp("transactions")


@pytest.fixture
def network() -> Network:
    return Network(NameResolver("127.0.0.1:9"), DialMap(None, "client"))


def asked(kind: Kind, target: str = "127.0.0.1") -> Asked:
    checksum = checksum_of(KEY, 1, PAYLOAD)
    return Asked(
        kind=kind, connection="fresh", key=KEY, version=1, checksum=checksum, payload=PAYLOAD, target=target
    )  # fmt: skip


@contextmanager
def probe_of(tag: str, port: int, folder: Path, network: Network, host: str = "127.0.0.1") -> Iterator[Probe]:
    with closing(build_probe(CASES[tag].settings(host, port, folder), network)) as probe:
        yield probe


def send(probe: Probe, kind: Kind, deadline_s: float = 5.0) -> Answer:
    return probe.send(asked(kind), Deadline(deadline_s))


def test_every_kind_has_its_file_and_every_file_its_settings() -> None:
    built = {tag for tag in TAGS if callable(getattr(import_module(f"probes.{tag}"), "build", None))}
    assert built == set(TAGS)
    folder = Path(probes.__file__ or "").parent
    files = {path.stem for path in folder.glob("*.py") if "\ndef build(" in path.read_text(encoding="utf-8")}
    assert files == set(TAGS)


def test_every_kind_is_tried_here() -> None:
    assert set(CASES) == set(TAGS)


@each_kind
def test_settings_travel_to_the_vantage_as_they_are(tag: str, module_folder: Path) -> None:
    settings = CASES[tag].settings("127.0.0.1", 1, module_folder)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=AnyProbe) == settings


@each_kind
def test_it_says_what_it_can_do(tag: str, module_folder: Path, network: Network) -> None:
    with probe_of(tag, 9, module_folder, network) as probe:
        for kind in ALL_KINDS:
            if kind in CASES[tag].kinds:
                assert isinstance(probe.by_key(kind), bool)
            else:
                with pytest.raises(ValueError, match=kind):
                    probe.by_key(kind)


@each_operation
def test_refused_is_provably_not_done(tag: str, kind: Kind, module_folder: Path, network: Network) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with probe_of(tag, unused.getsockname()[1], module_folder, network) as probe:
            answer = send(probe, kind)
    assert answer.outcome == "fail"
    assert "refused" in answer.error.lower()


@each_dialling
def test_a_name_that_does_not_resolve_is_provably_not_done(tag: str, module_folder: Path, network: Network) -> None:
    with probe_of(tag, 80, module_folder, network, host="gone.test") as probe:
        answer = send(probe, "write", 0.3)
    assert answer.outcome == "fail"
    assert answer.error.startswith("resolve gone.test")


@pytest.mark.parametrize(("tag", "kind", "mode"), BROKEN)
def test_sent_and_not_answered_is_in_doubt_and_sent_once(
    tag: str, kind: Kind, mode: str, module_folder: Path, network: Network
) -> None:
    began_s = time.monotonic()
    with raw_server(Raw(mode=mode, greet=CASES[tag].greet)) as raw:
        with probe_of(tag, raw.port, module_folder, network) as probe:
            # Long enough that a slow machine has sent it by then; and the server hangs far longer.
            answer = send(probe, kind, 1.0 if mode == "hang" else 5.0)
            took_s = time.monotonic() - began_s
        assert answer.outcome == "in-doubt"
        assert answer.error
        assert raw.connections == 1, "never a second try"
    assert took_s < 5, "the deadline is a total one"


@each_dialling
def test_it_dials_where_the_dial_map_says(tag: str, module_folder: Path, tmp_path: Path) -> None:
    with raw_server(Raw(mode="close", greet=CASES[tag].greet)) as raw:
        dial_map = tmp_path / "dialmap.json"
        dial_map.write_text(f'{{"client {VIRTUAL}:80": "127.0.0.1:{raw.port}"}}')
        network = Network(NameResolver("127.0.0.1:9"), DialMap(dial_map, "client"))
        with probe_of(tag, 80, module_folder, network, host=VIRTUAL) as probe:
            answer = send(probe, "write")
        assert raw.requests
    assert answer.resolved_ip == VIRTUAL


@each_kind
def test_nothing_is_left_open(tag: str, module_folder: Path, network: Network) -> None:
    before = psutil.Process().num_fds()
    raw = Raw(mode="close", greet=CASES[tag].greet)
    with raw_server(raw), probe_of(tag, raw.port, module_folder, network) as probe:
        for kind in CASES[tag].kinds:
            for connection in ("fresh", "pooled"):
                probe.send(replace(asked(kind), connection=connection), Deadline(5))
    deadline_s = time.monotonic() + 10
    while any(thread.name == "transaction" for thread in threading.enumerate()):
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    assert psutil.Process().num_fds() <= before
