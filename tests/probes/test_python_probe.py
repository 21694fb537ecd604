"""A user's own transaction: what it returns and raises, how it overruns, and how it can be wrong."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from probes.deadline import Deadline
from probes.dial import DialMap
from probes.history import Kind
from probes.ledger import checksum_of
from probes.network import Network
from probes.probe import Answer, Asked, Lister
from probes.python import MOST_CALLS, NotDone, PythonSender, build, find
from probes.resolve import NameResolver
from probes.spec import PythonProbe
from probes.workers import NoRoom, Workers

ROOT = Path(__file__).parents[2]
KEY, PAYLOAD = "t-1", "abc"
SUM = checksum_of(KEY, 1, PAYLOAD)
NETWORK = Network(NameResolver("127.0.0.1:9"), DialMap(None, "client"))

COUNTER = iter(range(1_000_000))
SHOP = '''
"""A shop's transaction, as a team writes it: it imports nothing of the harness."""

import socket
import threading

class Unpaid(Exception):
    not_done = True

class Shop:
    def __init__(self, token="", mode="ok"):
        self.token, self.mode = token, mode
        self.rows = {}
        self.seen = []
        self.release = threading.Event()
        self.closed = False

    def _behave(self):
        if self.mode == "hang":
            self.release.wait(20)
        raised = {
            "unpaid": Unpaid("no money"), "refused": ConnectionRefusedError(111, "Connection refused"),
            "name": socket.gaierror(-2, "no such name"), "timeout": TimeoutError("slow"),
            "leak": RuntimeError(f"bad token {self.token}\\nand more"), "exit": SystemExit(3),
        }.get(self.mode)
        if raised:
            raise raised

    def write(self, key, version, checksum, payload, deadline_s):
        self.seen.append(deadline_s)
        self._behave()
        self.rows[key] = {"version": version, "checksum": checksum, "payload": payload, "zone": "eu-west-1a"}
        return {"instance": "i-7"}

    def read(self, key, deadline_s):
        self._behave()
        return {"odd": 1} if self.mode == "odd" else self.rows.get(key)

    def list(self, prefix, cursor, deadline_s):
        self._behave()
        if self.mode == "odd":
            return 5
        keys = sorted(k for k in self.rows if k.startswith(prefix) and k > cursor)
        return [{"key": k, **self.rows[k]} for k in keys[:2]], keys[1] if len(keys) > 2 else None

    def close(self):
        self.closed = True
'''


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], str]:
    """Write a module under a name of its own, for a module is imported once."""

    def write(text: str) -> str:
        name = f"transaction_{next(COUNTER)}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return name

    return write


@pytest.fixture
def shop(module: Callable[[str], str], tmp_path: Path) -> Callable[..., PythonProbe]:
    def settings(text: str = SHOP, name: str = "Shop", **options: str) -> PythonProbe:
        return PythonProbe(transaction=f"{module(text)}:{name}", path=str(tmp_path), options=options)

    return settings


@contextmanager
def made(settings: PythonProbe) -> Iterator[PythonSender]:
    with closing(build(settings, NETWORK)) as sender:
        try:
            yield sender
        finally:
            sender._transaction.release.set()


def asked(kind: Kind, key: str = KEY, *, absent_is_right: bool = False) -> Asked:
    return Asked(
        kind=kind, connection="pooled", key=key, version=1, checksum=SUM, payload=PAYLOAD,
        absent_is_right=absent_is_right,
    )  # fmt: skip


def send(sender: PythonSender, kind: Kind, timeout_s: float = 10.0) -> Answer:
    return sender.send(asked(kind), Deadline(timeout_s))


def test_what_it_returns_is_read(shop: Callable[..., PythonProbe]) -> None:
    with made(shop()) as sender:
        assert send(sender, "read").outcome == "fail"
        assert send(sender, "read").error == "an acknowledged key is not there"
        assert sender.send(asked("read", absent_is_right=True), Deadline(10)).outcome == "ok"
        answer = send(sender, "write")
        assert answer.outcome == "ok"
        assert answer.served_by is not None
        assert answer.served_by.instance == "i-7"
        for kind in ("read", "audit"):
            answer = send(sender, kind)
            assert (answer.outcome, answer.observed_version, answer.observed_checksum) == ("ok", 1, SUM)
            assert answer.error == ""
        assert 9 < sender._transaction.seen[0] <= 10, "it is told how many s are left"
        sender._transaction.rows[KEY]["payload"] = "spoilt"
        assert "checksum" in send(sender, "audit").error
        del sender._transaction.rows[KEY]
        answer = send(sender, "audit")
        assert (answer.outcome, answer.observed_version) == ("ok", None)


@pytest.mark.parametrize(
    ("mode", "outcome", "says"),
    [
        ("unpaid", "fail", "Unpaid: no money"),
        ("refused", "fail", "ConnectionRefusedError"),
        ("name", "fail", "no such name"),
        ("timeout", "in-doubt", "TimeoutError: slow"),
        ("exit", "in-doubt", "SystemExit: 3"),
    ],
)
def test_what_it_raises_decides_what_is_known(
    shop: Callable[..., PythonProbe], mode: str, outcome: str, says: str
) -> None:
    with made(shop(mode=mode)) as sender:
        answer = send(sender, "write")
    assert answer.outcome == outcome
    assert says in answer.error


def test_the_harness_has_an_exception_of_the_kind() -> None:
    assert NotDone("x").not_done


@pytest.mark.parametrize("kind", ["read", "audit"])
def test_what_cannot_be_understood_is_not_ok(shop: Callable[..., PythonProbe], kind: Kind) -> None:
    with made(shop(mode="odd")) as sender:
        answer = send(sender, kind)
        assert answer.outcome == "in-doubt"
        assert "not understood" in answer.error
        assert sender.page("t", "", Deadline(10)).answer.outcome == "in-doubt"


def test_secrets_are_read_from_the_environment_and_hidden(
    shop: Callable[..., PythonProbe], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = shop(mode="leak", token="env:SHOP_TOKEN")  # noqa: S106  a name
    with pytest.raises(ValueError, match=r"options: token .* SHOP_TOKEN, which is not set"):
        build(settings, NETWORK)
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-word")
    with made(settings) as sender:
        assert sender._transaction.token == "s3cr3t-word"  # noqa: S105  made up
        assert send(sender, "write").error == "RuntimeError: bad token (hidden)"


def test_a_listing(shop: Callable[..., PythonProbe]) -> None:
    with made(shop()) as sender:
        assert isinstance(sender, Lister)
        assert sender.lists
        for number in range(3):
            sender.send(asked("write", f"t-{number}"), Deadline(10))
        first = sender.page("t-", "", Deadline(10))
        second = sender.page("t-", first.cursor, Deadline(10))
    assert [item.key for item in (*first.items, *second.items)] == ["t-0", "t-1", "t-2"]
    assert second.cursor == ""


# Overrun


def test_a_call_that_overruns_is_in_doubt_at_its_deadline(shop: Callable[..., PythonProbe]) -> None:
    with made(shop(mode="hang")) as sender:
        began_s = time.monotonic()
        answer = send(sender, "write", 0.3)
        took_s = time.monotonic() - began_s
        assert (answer.outcome, answer.error) == ("in-doubt", "not returned within 0.3 s")
        assert 0.3 <= took_s < 5, "the call itself takes 20 s"
        # Others are not held up by it.
        sender._transaction.mode = "ok"
        assert send(sender, "write").outcome == "ok"


def test_calls_that_hang_are_bounded_and_the_next_one_is_provably_not_done(
    shop: Callable[..., PythonProbe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.python.MOST_CALLS", 3)
    with made(shop(mode="hang")) as sender:
        assert [send(sender, "write", 0.05).outcome for _ in range(4)] == ["in-doubt"] * 3 + ["fail"]
        assert "3 calls are still running" in send(sender, "write", 0.05).error
    assert MOST_CALLS >= 100


def test_a_worker_is_used_again_and_ends_when_told() -> None:
    workers = Workers(2, "reused")
    idents = {workers.submit(threading.get_ident).result(10) for _ in range(1)}
    deadline_s = time.monotonic() + 10
    while not workers._idle:
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    assert workers.submit(threading.get_ident).result(10) in idents
    workers.close()
    while any(thread.name == "reused" for thread in threading.enumerate()):
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    with pytest.raises(NoRoom):
        workers.submit(threading.get_ident)


def test_a_hanging_call_does_not_keep_the_process(shop: Callable[..., PythonProbe]) -> None:
    settings = shop(mode="hang")
    script = (
        "import sys, msgspec\nfrom probes.python import build\nfrom probes.spec import PythonProbe\n"
        "from probes.probe import Asked\nfrom probes.deadline import Deadline\n"
        "probe = build(msgspec.json.decode(sys.stdin.buffer.read(), type=PythonProbe), None)\n"
        "print(probe.send(Asked(kind='write', connection='pooled', key='k'), Deadline(0.05)).outcome)\n"
    )
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], input=msgspec.json.encode(settings), capture_output=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == b"in-doubt"
    assert time.monotonic() - began_s < 15, "the call itself takes 20 s"


# Wrong ones


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def broken(:\n    pass\n", r"SyntaxError.*\.py:1\)"),
        ("x = 1\nimport no_such_module_anywhere\n", r"no_such_module_anywhere.*\.py:2\)"),
        ("x = 1\n\nx.y\n", r"AttributeError.*\.py:3\)"),
        ("import sys\nsys.exit(3)\n", r"SystemExit.*\.py:2\)"),
        ("class Shp:\n    pass\n", r"has no Shop\. Its classes: Shp"),
        ("Shop = 5\n", "is a int, not a class"),
    ],
)
def test_an_import_that_fails_says_where(shop: Callable[..., PythonProbe], text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        find(shop(text))


def test_a_module_that_is_not_there_says_where_it_is_looked_for(tmp_path: Path) -> None:
    settings = PythonProbe(transaction="not_there_at_all:Shop", path=str(tmp_path))
    with pytest.raises(ValueError, match=r"No module named 'not_there_at_all'.*the workload file's folder"):
        find(settings)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def read(self, key", "def lookup(self, key", r"no method read\(self, key, deadline_s"),
        ("def write(self, key, version, checksum, payload, deadline_s)", "def write(self, key)", r"should be write\("),
        ('token=""', 'tokn=""', r"does not take the options that are given \(token\)"),
        ("self.rows = {}", "raise RuntimeError('no shop')", "RuntimeError: no shop"),
    ],
)
def test_a_class_that_does_not_fit_says_what_is_missing(
    shop: Callable[..., PythonProbe], old: str, new: str, says: str
) -> None:
    assert old in SHOP
    with pytest.raises(ValueError, match=says):
        build(shop(SHOP.replace(old, new), token="x"), NETWORK)  # noqa: S106  no secret


def test_a_kind_that_it_has_no_method_for_is_refused(shop: Callable[..., PythonProbe]) -> None:
    with made(shop()) as sender:
        assert sender.by_key("audit"), "read does for it"
        with pytest.raises(ValueError, match="Shop has no method delete"):
            sender.by_key("delete")
