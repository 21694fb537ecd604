"""A whole vantage process with several kinds of probe: operations, audits, and secrets that stay where they are."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from probes.client import VantageLost, VantageProcess
from probes.history import Stream
from probes.load import Follower, load_history
from probes.spec import AnyProbe, HttpRequest, PythonProbe, VantageSpec
from tests.probes.conftest import probe_settings, stream, wait_for
from tests.probes.servers import Store

SECRETS = {"SHOP_TOKEN": "s3cr3t-of-the-shop", "ORDERS_TOKEN": "s3cr3t-of-orders"}
CHECKOUT = """
class Checkout:
    def __init__(self, token):
        self.token, self.rows, self.turn = token, {}, 0

    def write(self, key, version, checksum, payload, deadline_s):
        self.turn += 1
        if self.turn % 3 == 0:
            raise RuntimeError(f"the till says: {self.token} is not welcome")
        self.rows[key] = {"version": version, "checksum": checksum, "payload": payload}

    def read(self, key, deadline_s):
        return self.rows.get(key)

    def list(self, prefix, cursor, deadline_s):
        return [{"key": key, **row} for key, row in sorted(self.rows.items()) if key.startswith(prefix)], ""
"""
Make = Callable[..., VantageSpec]


@pytest.fixture
def probes(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, AnyProbe]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "checkout_of_test.py").write_text(CHECKOUT, encoding="utf-8")
    http = probe_settings(store.port)
    assert isinstance(http.write, HttpRequest)
    headers = {"Authorization": "env:ORDERS_TOKEN"}
    return {
        "orders": msgspec.structs.replace(http, write=msgspec.structs.replace(http.write, headers=headers)),
        "own": PythonProbe(
            transaction="checkout_of_test:Checkout", path=str(tmp_path / "own"), options={"token": "env:SHOP_TOKEN"}
        ),
    }


def streams() -> list[Stream]:
    return [
        stream(f"{probe} {kind}", probe=probe, kind=kind, timeout_ns=5_000_000_000)
        for probe in ("orders", "own")
        for kind in ("write", "read")
    ]


def test_probes_side_by_side_are_recorded_audited_and_tell_no_secrets(
    make_spec: Make, probes: dict[str, AnyProbe], store: Store, tmp_path: Path
) -> None:
    follower = Follower(tmp_path)

    def enough() -> bool:
        own = [operation for operation in follower.poll().operations if operation.probe == "own"]
        return len(store.rows) > 5 and any(o.kind == "write" and o.outcome == "in-doubt" for o in own)

    with VantageProcess(make_spec(probes, *streams()), tmp_path / "vantage.log") as vantage:
        wait_for(enough)
        report = vantage.audit("after", 30)
    assert report.unread == 0
    assert report.keys > 5
    history = load_history(tmp_path)
    own = [operation for operation in history.operations if operation.probe == "own"]
    assert {operation.kind for operation in own} == {"write", "read", "audit"}
    doubts = [operation for operation in own if operation.outcome == "in-doubt"]
    assert doubts
    assert {operation.error for operation in doubts} == {"RuntimeError: the till says: (hidden) is not welcome"}
    assert store.requests[0][2].get("Authorization") in (SECRETS["ORDERS_TOKEN"], None)
    assert any(headers.get("Authorization") == SECRETS["ORDERS_TOKEN"] for _, _, headers in store.requests)
    for path in tmp_path.iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not any(secret in text for secret in SECRETS.values()), path.name


@pytest.mark.parametrize("missing", list(SECRETS))
def test_a_secret_that_is_not_set_ends_the_vantage_before_it_asks_anything(
    make_spec: Make, probes: dict[str, AnyProbe], store: Store, tmp_path: Path, missing: str
) -> None:
    spec = make_spec(probes, *streams())
    os.environ.pop(missing)
    with (
        pytest.raises(VantageLost, match=f"{missing}, which is not set"),
        VantageProcess(spec, tmp_path / "vantage.log"),
    ):
        pytest.fail("it must not start")
    assert store.requests == []
