import time
from pathlib import Path

import pytest

from probes.client import VantageProcess
from probes.history import Stream
from probes.load import Follower, load_history
from probes.network import Network
from probes.site import NoSiteRequest, SiteProbes, at_host, url_at
from probes.spec import HttpProbe, TcpProbe, VantageSpec
from tests.probes.conftest import probe_settings, stream
from tests.probes.servers import Store, http_server
from tests.probes.test_vantage import MakeSpec, until


@pytest.mark.parametrize(
    ("url", "host", "moved"),
    [
        ("http://shop.example/orders/{key}", "west.example", "http://west.example/orders/{key}"),
        ("https://shop.example:8443/o?p={prefix}", "west.example", "https://west.example:8443/o?p={prefix}"),
        ("http://shop.example:80", "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://me:it@shop.example/a@b:9", "west.example", "http://me:it@west.example/a@b:9"),
        ("http://[::1]:80/a", "west.example", "http://west.example:80/a"),
        ("http://shop.example?x=//y", "west.example", "http://west.example?x=//y"),
    ],
)
def test_only_the_host_of_a_url_is_replaced(url: str, host: str, moved: str) -> None:
    assert url_at(url, host) == moved


@pytest.mark.parametrize("url", ["/orders/{key}", "orders", "http:///orders"])
def test_a_url_without_a_host_cannot_be_moved(url: str) -> None:
    with pytest.raises(NoSiteRequest):
        url_at(url, "west.example")


def test_every_request_is_moved_and_nothing_else() -> None:
    settings = probe_settings(8080, host="shop.example")
    moved = at_host(settings, "west.example")
    assert isinstance(moved, HttpProbe)
    for name in ("write", "read", "audit_one", "audit_bulk"):
        before, after = getattr(settings, name), getattr(moved, name)
        assert after.url == before.url.replace("shop.example", "west.example")
        assert (after.method, after.body, after.success) == (before.method, before.body, before.success)
    assert (moved.update, moved.delete, moved.answer) == (None, None, settings.answer)


def test_a_probe_without_urls_cannot_be_asked_at_a_site(network: Network) -> None:
    probes = SiteProbes({"tcp": TcpProbe(port=5432), "orders": HttpProbe()}, network)
    with pytest.raises(NoSiteRequest, match="tcp"):
        probes.at("tcp", "west.example")
    assert probes.at("orders", "west.example") is probes.at("orders", "west.example")
    probes.close()


def heartbeat(other: Store) -> Stream:
    return stream(
        "heartbeat west orders", role="heartbeat", kind="read", site="west", target=f"127.0.0.1:{other.port}"
    )  # fmt: skip


def test_a_vantage_asks_a_site_by_its_own_name(make_spec: MakeSpec, store: Store, tmp_path: Path) -> None:
    with http_server(Store()) as other:
        spec: VantageSpec = make_spec(
            {"orders": probe_settings(store.port)}, stream("write pooled"), heartbeat(other)
        )  # fmt: skip
        with VantageProcess(spec, tmp_path / "log") as vantage:
            until(tmp_path, lambda h: sum(o.kind == "write" and o.good for o in h.operations) > 5)
            beats = until(tmp_path, lambda h: sum(bool(o.site and o.version) for o in h.operations) > 3)
            assert {o.observed_version for o in beats.operations if o.site and o.version} == {None}
            other.rows += store.rows  # what was acknowledged arrives
            follower, end_s = Follower(tmp_path), time.monotonic() + 20
            while not any(o.site and o.observed_version for o in follower.poll().operations):
                assert time.monotonic() < end_s, "the heartbeat never saw it"
                time.sleep(0.01)
            both = (
                vantage.audit("after failback", 10),
                vantage.audit("after failback", 10, host=heartbeat(other).target, site="west"),
            )
    assert [report.unread for report in both] == [0, 0]
    audits = [o for o in load_history(tmp_path).operations if o.kind == "audit"]
    assert {(o.stream, o.site) for o in audits} == {
        ("audit after failback", ""), ("audit after failback at west", "west"),
    }  # fmt: skip
    there = {o.key for o in audits if o.site and o.observed_version is not None}
    assert there == {row["key"] for row in other.rows}
    assert {o.key for o in audits if not o.site and o.observed_version is not None} > there


def test_an_audit_at_a_site_needs_its_host_and_its_name(make_spec: MakeSpec, tmp_path: Path) -> None:
    vantage = VantageProcess(make_spec({}), tmp_path / "log")
    with pytest.raises(ValueError, match="both"):
        vantage.audit("after failback", 1, host="west.example")
