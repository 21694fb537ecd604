import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from probes.clock import start_clock
from probes.dial import DialMap
from probes.history import MarksHeader, Stream
from probes.network import Network
from probes.record import MarksFile
from probes.resolve import NameResolver
from probes.spec import AnyProbe, HttpAnswer, HttpProbe, HttpRequest, Resolver, VantageSpec
from tests.probes.servers import Names, Store, dns_server, http_server


@pytest.fixture
def store() -> Iterator[Store]:
    with http_server(Store()) as store:
        yield store


@pytest.fixture
def names() -> Iterator[Names]:
    with dns_server(Names()) as names:
        yield names


@pytest.fixture
def network() -> Network:
    # Nothing listens on the discard port: whoever resolves a name in these tests fails at once.
    return Network(NameResolver("127.0.0.1:9"), DialMap(None, "client"))


def probe_settings(port: int, host: str = "127.0.0.1", scheme: str = "http") -> HttpProbe:
    base = f"{scheme}://{host}:{port}"
    body = '{"key": "{key}", "version": {version}, "checksum": "{checksum}", "payload": "{payload}"}'
    return HttpProbe(
        write=HttpRequest(method="POST", url=f"{base}/orders", body=body, success=(201,)),
        read=HttpRequest(method="GET", url=f"{base}/orders/{{key}}"),
        audit_one=HttpRequest(method="GET", url=f"{base}/orders/{{key}}"),
        audit_bulk=HttpRequest(method="GET", url=f"{base}/orders?prefix={{prefix}}&cursor={{cursor}}"),
        answer=HttpAnswer(effects="effects", region="region", zone="zone", instance="instance"),
    )


def stream(name: str, **changes: object) -> Stream:
    settings: dict[str, object] = {
        "name": name, "probe": "orders", "role": "workload", "kind": "write", "connection": "pooled",
        "period_ns": 20_000_000, "timeout_ns": 400_000_000,
    }  # fmt: skip
    return Stream(**{**settings, **changes})  # type: ignore[arg-type]  # test shorthand


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until it is so; a test whose moment never comes fails instead of hanging."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.002)


@pytest.fixture
def make_spec(tmp_path: Path) -> Callable[..., VantageSpec]:
    """A spec that writes to `tmp_path`, where the marks are begun as a runner would."""

    def make(probes: Mapping[str, AnyProbe], *streams: Stream, key_prefix: str = "t-") -> VantageSpec:
        marks = MarksFile(tmp_path / "marks.jsonl", MarksHeader(base=start_clock(), run="r", drill="d"))
        marks.close()
        return VantageSpec(
            name="v1", run="r", drill="d", folder=str(tmp_path), zone="client", key_prefix=key_prefix, seed=7,
            resolver=Resolver(server="127.0.0.1:9"), dial_map=None, streams=streams, probes=dict(probes),
        )  # fmt: skip

    return make
