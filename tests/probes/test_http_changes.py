"""Updates and deletes over HTTP, and TLS with certificates of one's own."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import trustme

from probes.deadline import Deadline, tls_context
from probes.dial import DialMap
from probes.history import Kind
from probes.http import HttpSender, build
from probes.http_answer import AnswerReader
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import Answer, Asked
from probes.resolve import NameResolver
from probes.spec import HttpAnswer, HttpProbe, HttpRequest
from tests.probes.conftest import probe_settings
from tests.probes.servers import Names, Store, http_server

KEY, PAYLOAD = "t-1", "abc"


def changing(port: int) -> HttpProbe:
    url = f"http://127.0.0.1:{port}/orders"
    body = '{"key": "{key}", "version": {version}, "checksum": "{checksum}", "payload": "{payload}"}'
    return msgspec.structs.replace(
        probe_settings(port),
        update=HttpRequest(method="POST", url=url, body=body, success=(201,)),
        delete=HttpRequest(method="GET", url=f"{url}/{{key}}", success=(200, 204)),
    )


def asked(kind: Kind, version: int = 2) -> Asked:
    checksum = checksum_of(KEY, version, PAYLOAD)
    return Asked(
        kind=kind, connection="pooled", key=KEY, version=version, checksum=checksum, payload=PAYLOAD
    )  # fmt: skip


def send(sender: HttpSender, kind: Kind) -> Answer:
    return sender.send(asked(kind), Deadline(5))


@pytest.fixture
def sender(store: Store, network: Network) -> Iterator[HttpSender]:
    with closing(build(changing(store.port), network)) as sender:
        yield sender


def test_an_update_sends_the_version_that_it_is_told(sender: HttpSender, store: Store) -> None:
    assert send(sender, "update").outcome == "ok"
    assert store.rows == [{"key": KEY, "version": 2, "checksum": checksum_of(KEY, 2, PAYLOAD), "payload": PAYLOAD}]


@pytest.mark.parametrize(
    ("says", "answered", "known"),
    [("was", b'{"was": 3}', 3), ("", b'{"was": 3}', None), ("was", b'{"was": "3"}', None), ("was", b"done", None)],
)
def test_an_update_says_what_it_took_the_place_of_where_the_answer_does(
    says: str, answered: bytes, known: int | None
) -> None:
    """An update that was answered well was done, whatever else is in the answer."""
    assert AnswerReader(HttpAnswer(replaced=says)).replaced(answered) == known


def test_only_an_update_is_asked_what_it_replaced(store: Store, network: Network) -> None:
    settings = msgspec.structs.replace(changing(store.port), answer=HttpAnswer(replaced="`7`"))
    with closing(build(settings, network)) as sender:
        assert send(sender, "update").replaced_version == 7  # an expression that is a number, whatever is answered
        assert send(sender, "delete").replaced_version is None


@pytest.mark.parametrize("kind", ["update", "delete"])
@pytest.mark.parametrize(
    ("status", "outcome"), [(500, "in-doubt"), (503, "in-doubt"), (408, "in-doubt"), (409, "fail"), (403, "fail")]
)
def test_statuses_of_a_change(sender: HttpSender, store: Store, kind: Kind, status: int, outcome: str) -> None:
    store.mode, store.status = "status", status
    assert (send(sender, kind).outcome, send(sender, kind).status) == (outcome, status)


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_a_change_of_what_is_absent_is_no_success(sender: HttpSender, store: Store, kind: Kind) -> None:
    """Only acknowledged keys are changed, so an absent one was lost: a delete that counted would excuse that."""
    store.mode, store.status = "status", 404
    answer = send(sender, kind)
    assert (answer.outcome, answer.error) == ("fail", "an acknowledged key is not there (status 404)")


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_without_a_request_there_is_no_such_operation(store: Store, network: Network, kind: Kind) -> None:
    with (
        closing(build(probe_settings(store.port), network)) as sender,
        pytest.raises(ValueError, match=f"no request for {kind}"),
    ):
        sender.by_key(kind)


@pytest.mark.parametrize("request_name", ["update", "delete"])
def test_their_headers_come_from_the_environment_too(
    store: Store, network: Network, monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    settings = changing(store.port)
    request = msgspec.structs.replace(getattr(settings, request_name), headers={"X-Token": "env:SHOP_TOKEN"})
    settings = msgspec.structs.replace(settings, **{request_name: request})
    with pytest.raises(ValueError, match=r"X-Token .* SHOP_TOKEN"):
        build(settings, network)
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-word")
    with closing(build(settings, network)) as sender:
        send(sender, request_name)  # type: ignore[arg-type]  # a kind by its name
    assert store.requests[0][2]["X-Token"] == "s3cr3t-word"


def test_a_secret_that_the_service_says_back_is_not_recorded(
    store: Store, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-word")
    url = f"http://127.0.0.1:{store.port}/orders/{{key}}"
    read = HttpRequest(method="GET", url=url, headers={"X-Token": "env:SHOP_TOKEN"})
    store.rows = [{"key": KEY, "version": "s3cr3t-word", "checksum": "c"}]
    with closing(build(msgspec.structs.replace(probe_settings(store.port), read=read), network)) as sender:
        answer = sender.send(asked("read"), Deadline(5))
    assert answer.outcome == "in-doubt"
    assert "(hidden)" in answer.error
    assert "s3cr3t" not in answer.error


# Certificates


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def mutual(authority: trustme.CA) -> Iterator[Store]:
    """A server that lets nobody in without a certificate of the authority's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("shop.test").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def wrap(sock: socket.socket) -> socket.socket:
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    with http_server(Store(), wrap) as store:
        yield store


def tls_sender(store: Store, names: Names, **changes: str) -> HttpSender:
    names.addresses["shop.test"] = ["127.0.0.1"]
    network = Network(NameResolver(f"127.0.0.1:{names.port}"), DialMap(None, "client"))
    return build(msgspec.structs.replace(probe_settings(store.port, "shop.test", "https"), **changes), network)


def test_a_certificate_of_ones_own_is_shown_and_the_authority_is_trusted(
    mutual: Store, names: Names, authority: trustme.CA, tmp_path: Path
) -> None:
    ca_file, both, cert, key = (str(tmp_path / name) for name in ("ca.pem", "both.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca_file)
    issued = authority.issue_cert("client.test")
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(cert)
    for shown in ({"client_cert": both}, {"client_cert": cert, "client_key": key}):
        with closing(tls_sender(mutual, names, ca_file=ca_file, **shown)) as sender:
            assert sender.send(asked("write"), Deadline(5)).outcome == "ok"
    with closing(tls_sender(mutual, names, ca_file=ca_file)) as sender:
        assert sender.send(asked("write"), Deadline(5)).outcome != "ok", "it has no certificate to show"
    with closing(tls_sender(mutual, names, client_cert=both)) as sender:
        assert sender.send(asked("write"), Deadline(5)).outcome == "fail", "it does not trust the authority"


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(ValueError, match=r"ca_file .*nothing\.pem"):
        tls_context(verify=True, ca_file=str(nothing))
    nothing.write_text("no certificate")
    with pytest.raises(ValueError, match=r"client_cert .*nothing\.pem"):
        tls_context(verify=True, client_cert=str(nothing))
