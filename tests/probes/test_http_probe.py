import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from probes.deadline import Deadline
from probes.dial import DialMap
from probes.http import HttpSender, build
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import Answer, Asked
from probes.resolve import NameResolver
from probes.spec import HttpAnswer, HttpRequest
from tests.probes.conftest import probe_settings
from tests.probes.servers import Names, Store, http_server

KEY, PAYLOAD = "t-1", "abc"
SUM = checksum_of(KEY, 1, PAYLOAD)
WRITE = Asked(kind="write", connection="fresh", key=KEY, version=1, checksum=SUM, payload=PAYLOAD)
READ = Asked(kind="read", connection="pooled", key=KEY, version=1, checksum=SUM)
AUDIT = Asked(kind="audit", connection="pooled", key=KEY, version=1, checksum=SUM)


@pytest.fixture
def sender(store: Store, network: Network) -> Iterator[HttpSender]:
    with closing(build(probe_settings(store.port), network)) as sender:
        yield sender


def send(sender: HttpSender, asked: Asked, timeout_s: float = 5.0) -> Answer:
    return sender.send(asked, Deadline(timeout_s))


def test_a_write_is_stored_as_sent_and_says_who_answered(sender: HttpSender, store: Store) -> None:
    answer = send(sender, WRITE)
    assert (answer.outcome, answer.status, answer.error) == ("ok", 201, "")
    assert store.rows == [{"key": KEY, "version": 1, "checksum": SUM, "payload": PAYLOAD}]
    assert answer.served_by is not None
    assert answer.served_by.instance == "i-1"
    assert answer.resolved_ip == "127.0.0.1"


@pytest.mark.parametrize("connection", ["fresh", "pooled"])
def test_connection_style(sender: HttpSender, store: Store, connection: str) -> None:
    for _ in range(3):
        assert send(sender, by(READ, connection)).outcome == "fail"
    assert store.connections == (3 if connection == "fresh" else 1)


def test_fresh_is_fresh_even_if_the_server_would_keep_it(store: Store, network: Network) -> None:
    read = HttpRequest(method="GET", url=f"http://127.0.0.1:{store.port}/x", headers={"Connection": "keep-alive"})
    with closing(build(msgspec.structs.replace(probe_settings(store.port), read=read), network)) as sender:
        for _ in range(3):
            assert send(sender, Asked(kind="read", connection="fresh")).outcome == "ok"
    assert store.connections == 3


def by(asked: Asked, connection: str) -> Asked:
    return Asked(kind=asked.kind, connection=connection, key=asked.key, version=1, checksum=asked.checksum)  # type: ignore[arg-type]  # a parameter


def test_refused_is_fail(network: Network) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with closing(build(probe_settings(unused.getsockname()[1]), network)) as sender:
            answer = send(sender, WRITE)
    assert answer.outcome == "fail"
    assert "refused" in answer.error
    assert answer.resolved_ip == "127.0.0.1"


def test_a_name_that_does_not_resolve_is_fail(names: Names) -> None:
    network = Network(NameResolver(f"127.0.0.1:{names.port}"), DialMap(None, "client"))
    with closing(build(probe_settings(80, "gone.test"), network)) as sender:
        answer = send(sender, WRITE)
    assert (answer.outcome, answer.error) == ("fail", "resolve gone.test: no such name")


def test_a_connect_without_answer_is_fail_at_the_deadline(network: Network) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with closing(build(probe_settings(full.getsockname()[1]), network)) as sender:
            answer = send(sender, WRITE, 0.2)
    # Where a full backlog still lets connections in (macOS), the request goes out and hangs instead.
    assert answer.outcome in ("fail", "in-doubt")
    assert "within 0.2 s" in answer.error
    assert (answer.outcome == "fail") == answer.error.startswith("connect")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(503, "in-doubt"), (500, "in-doubt"), (302, "in-doubt"), (202, "in-doubt"), (408, "in-doubt"), (409, "fail"),
     (429, "fail"), (404, "fail"), (403, "fail")],
)  # fmt: skip
def test_statuses_of_a_write(sender: HttpSender, store: Store, status: int, outcome: str) -> None:
    store.mode, store.status = "status", status
    answer = send(sender, WRITE)
    assert (answer.outcome, answer.status) == (outcome, status)
    assert str(status) in answer.error
    assert len(store.requests) == 1


@pytest.mark.parametrize("mode", ["hang", "trickle", "trickle without length", "reset", "close"])
@pytest.mark.parametrize("asked", [WRITE, READ, AUDIT], ids=lambda asked: asked.kind)
def test_sent_and_not_answered_is_in_doubt(sender: HttpSender, store: Store, mode: str, asked: Asked) -> None:
    store.mode = mode
    answer = send(sender, asked, 0.3)
    assert answer.outcome == "in-doubt"
    assert len(store.requests) == 1, "sent once, never again"
    says = {"reset": "after sending: connection reset", "close": "after sending:"}
    assert says.get(mode, "no complete answer within 0.3 s") in answer.error


@pytest.mark.parametrize("mode", ["hang", "trickle", "trickle without length"])
def test_the_total_deadline_is_kept(sender: HttpSender, store: Store, mode: str) -> None:
    store.mode = mode
    began_s = time.monotonic()
    send(sender, WRITE, 0.3)
    took_s = time.monotonic() - began_s
    assert 0.3 <= took_s < 3, "a byte every 20 ms must not keep it alive"


def test_an_idle_pooled_connection_that_was_closed_is_replaced_before_use(sender: HttpSender, store: Store) -> None:
    store.mode = "answer, then close"
    assert send(sender, READ).status == 404
    pools = sender._transports["pooled"].poolmanager.pools
    assert end_has_come(pools[next(iter(pools.keys()))].pool.queue[-1].sock)
    assert send(sender, READ).status == 404
    assert store.connections == 2


def test_a_pooled_connection_that_is_too_old_is_made_anew(network: Network, store: Store) -> None:
    for age_s, connections in ((0.0, 2), (3600.0, 1), (None, 1)):
        store.connections = 0
        sender = HttpSender(msgspec.structs.replace(probe_settings(store.port), connection_age_s=age_s), network)
        for _ in range(2):
            assert send(sender, READ).status == 404
        sender.close()
        assert store.connections == connections, age_s


def test_an_audit_asks_on_no_connection_of_a_stream(sender: HttpSender, store: Store) -> None:
    send(sender, READ)
    send(sender, AUDIT)
    assert store.connections == 2, "who served the name when the stream connected may not be who serves it now"


def end_has_come(sock: socket.socket) -> bool:
    sock.settimeout(5)
    return socket.socket.recv(sock, 1, socket.MSG_PEEK) == b""


def test_a_read_of_what_was_written(sender: HttpSender) -> None:
    send(sender, WRITE)
    answer = send(sender, READ)
    assert (answer.outcome, answer.observed_version, answer.observed_checksum, answer.effects) == ("ok", 1, SUM, 1)
    assert answer.error == ""


def test_a_read_of_an_acknowledged_key_that_is_gone_is_bad(sender: HttpSender) -> None:
    answer = send(sender, READ)
    assert (answer.outcome, answer.status) == ("fail", 404)
    assert answer.error == "an acknowledged key is not there (status 404)"


def test_a_read_of_a_key_never_written_expects_its_absence(sender: HttpSender) -> None:
    asked = Asked(kind="read", connection="fresh", key="t-none", absent_is_right=True)
    assert send(sender, asked).outcome == "ok"


def test_an_audit_says_what_is_absent(sender: HttpSender) -> None:
    answer = send(sender, AUDIT)
    assert (answer.outcome, answer.status, answer.observed_version) == ("ok", 404, None)


@pytest.mark.parametrize("spoilt", ["payload", "checksum"])
def test_corruption_shows_in_the_observed_checksum(sender: HttpSender, store: Store, spoilt: str) -> None:
    send(sender, WRITE)
    store.rows[0][spoilt] = "spoilt"
    answer = send(sender, AUDIT)
    assert answer.outcome == "ok"
    assert answer.observed_checksum not in (None, SUM)
    assert "checksum" in answer.error


def test_two_effects_and_an_older_version_show(sender: HttpSender, store: Store) -> None:
    send(sender, WRITE)
    send(sender, WRITE)
    assert send(sender, AUDIT).effects == 2
    for row in store.rows:
        row["version"] = 0
    assert send(sender, AUDIT).observed_version == 0


@pytest.mark.parametrize("asked", [READ, AUDIT])
def test_an_answer_that_is_none_is_not_ok(sender: HttpSender, store: Store, asked: Asked) -> None:
    store.mode = "garbage"
    answer = send(sender, asked)
    assert answer.outcome == "in-doubt"
    assert "not understood" in answer.error


def test_a_witness_needs_no_key_and_no_body(store: Store, network: Network) -> None:
    read = HttpRequest(method="GET", url="http://{target}/health", success=(204,))
    settings = msgspec.structs.replace(probe_settings(store.port), read=read)
    store.mode, store.status = "status", 204
    with closing(build(settings, network)) as sender:
        assert not sender.by_key("read")
        answer = send(sender, Asked(kind="read", connection="fresh", target=f"127.0.0.1:{store.port}"))
    assert (answer.outcome, answer.status) == ("ok", 204)


def test_a_redirect_is_not_followed_and_cookies_are_not_kept(sender: HttpSender, store: Store) -> None:
    store.mode, store.status = "status", 302
    send(sender, READ)
    send(sender, READ)
    assert len(store.requests) == 2
    assert all("Cookie" not in headers for _, _, headers in store.requests)


def test_proxies_of_the_environment_are_not_used(
    sender: HttpSender, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(sender, WRITE).outcome == "ok"
    assert store.requests[0][1] == "/orders"


def test_the_name_stays_the_name_behind_resolver_and_dial_map(store: Store, names: Names, tmp_path: Path) -> None:
    names.addresses["orders.test"] = ["10.1.0.10"]
    dial_map = tmp_path / "dialmap.json"
    dial_map.write_text(f'{{"client 10.1.0.10:80": "127.0.0.1:{store.port}"}}')
    network = Network(NameResolver(f"127.0.0.1:{names.port}"), DialMap(dial_map, "client"))
    with closing(build(probe_settings(80, "orders.test"), network)) as sender:
        answer = send(sender, WRITE)
    assert (answer.outcome, answer.resolved_ip) == ("ok", "10.1.0.10")
    assert store.requests[0][2]["Host"] == "orders.test:80" or store.requests[0][2]["Host"] == "orders.test"


def test_headers_from_the_environment(store: Store, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    read = HttpRequest(method="GET", url=f"http://127.0.0.1:{store.port}/x", headers={"X-Token": "env:TOKEN"})
    settings = msgspec.structs.replace(probe_settings(store.port), read=read)
    with pytest.raises(ValueError, match=r"X-Token .* TOKEN"):
        build(settings, network)
    monkeypatch.setenv("TOKEN", "secret")
    with closing(build(settings, network)) as sender:
        send(sender, Asked(kind="read", connection="fresh"))
    assert store.requests[0][2]["X-Token"] == "secret"


def test_a_wrong_expression_is_refused_at_once(network: Network) -> None:
    settings = msgspec.structs.replace(probe_settings(80), answer=HttpAnswer(version="a["))
    with pytest.raises(ValueError, match=r"answer\.version"):
        build(settings, network)


def test_a_page(sender: HttpSender, store: Store) -> None:
    store.page_size = 2
    store.rows = [{"key": f"t-{n}", "version": 1, "checksum": "c", "payload": ""} for n in range(3)]
    page = sender.page("t-", "", Deadline(5))
    assert [item.key for item in page.items] == ["t-0", "t-1"]
    assert page.items[0].effects == 1
    following = sender.page("t-", page.cursor, Deadline(5))
    assert [item.key for item in following.items] == ["t-2"]
    assert following.cursor == ""


@pytest.mark.parametrize("mode", ["garbage", "reset", "status"])
def test_a_page_that_cannot_be_believed(sender: HttpSender, store: Store, mode: str) -> None:
    store.mode, store.status = mode, 500
    page = sender.page("t-", "", Deadline(5))
    assert page.answer.outcome == "in-doubt"
    assert page.items == ()


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_store(certificate: Path) -> Iterator[Store]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    # The handshake is left to the connection's own thread, so that a client that breaks it off harms nobody.
    with http_server(
        Store(), lambda sock: context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    ) as store:
        yield store


def tls_sender(store: Store, names: Names, *, verify: bool = True, host: str = "shop.test") -> HttpSender:
    names.addresses[host] = ["127.0.0.1"]
    network = Network(NameResolver(f"127.0.0.1:{names.port}"), DialMap(None, "client"))
    settings = msgspec.structs.replace(probe_settings(store.port, host, "https"), verify_tls=verify)
    return build(settings, network)


@pytest.mark.parametrize("connection", ["fresh", "pooled"])
def test_tls_verifies_the_name(
    tls_store: Store, names: Names, certificate: Path, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with closing(tls_sender(tls_store, names)) as sender:
        for _ in range(2):
            assert send(sender, by(WRITE, connection)).outcome == "ok"
    with closing(tls_sender(tls_store, names, host="other.test")) as sender:
        answer = send(sender, WRITE)
    assert answer.outcome == "fail"
    assert answer.error.startswith("tls other.test")


def test_tls_that_is_not_trusted_is_fail_unless_told_otherwise(tls_store: Store, names: Names) -> None:
    with closing(tls_sender(tls_store, names)) as sender:
        assert send(sender, WRITE).outcome == "fail"
    with closing(tls_sender(tls_store, names, verify=False)) as sender:
        assert send(sender, WRITE).outcome == "ok"


@pytest.mark.parametrize("mode", ["hang", "trickle"])
def test_tls_keeps_the_deadline_too(tls_store: Store, names: Names, mode: str) -> None:
    tls_store.mode = mode
    with closing(tls_sender(tls_store, names, verify=False)) as sender:
        began_s = time.monotonic()
        answer = send(sender, WRITE, 0.5)
    assert answer.outcome == "in-doubt"
    assert 0.5 <= time.monotonic() - began_s < 3


def test_a_tls_handshake_that_never_ends_is_fail_at_the_deadline(names: Names) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with closing(tls_sender(Store(port=silent.getsockname()[1]), names)) as sender:
            answer = send(sender, WRITE, 0.3)
    assert answer.outcome == "fail"
    assert answer.error == "tls shop.test: no answer in time"
