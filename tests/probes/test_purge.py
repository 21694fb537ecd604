"""What a vantage wrote is deleted in the end, that and nothing else; what stays is counted."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from probes.client import Purged, VantageProcess
from probes.deadline import Deadline
from probes.history import Kind
from probes.ledger import Entry, Ledger
from probes.load import load_history
from probes.probe import NOT_THERE, Answer, Asked
from probes.purge import GIVES_UP_AFTER, Purge, purging
from probes.spec import HttpProbe, HttpRequest, VantageSpec
from tests.probes.conftest import probe_settings, stream
from tests.probes.servers import Store
from tests.probes.test_vantage import operations, until

MakeSpec = Callable[..., VantageSpec]


@dataclass
class Workload:
    """A store behind a probe, with what it answers to the deletion of some keys."""

    rows: set[str]
    answers: dict[str, Answer] = field(default_factory=dict)
    deletes: bool = True
    asked: list[str] = field(default_factory=list)

    def by_key(self, kind: Kind) -> bool:
        if kind == "delete" and not self.deletes:
            raise ValueError("this probe has no request for delete")
        return True

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        deadline.remaining_s()
        self.asked.append(asked.key)
        if asked.key in self.answers:
            return self.answers[asked.key]
        self.rows.discard(asked.key)
        return Answer(outcome="ok")

    def close(self) -> None:
        """Nothing is open."""


def ledger(*keys: str) -> Ledger:
    found = Ledger()
    for key in keys:
        entry = Entry("orders", key, 1, "c")
        found.send(entry)
        found.done(entry, "ok", 1)
    return found


def purged(workload: Workload, book: Ledger, timeout_s: float = 10.0) -> tuple[int, int]:
    return Purge(workload, Deadline(timeout_s), threading.Event()).run(book, "orders")


def test_exactly_its_own_keys_are_deleted() -> None:
    workload = Workload({"a", "b", "a-customers"})
    assert purged(workload, ledger("a", "b")) == (2, 0)
    assert workload.rows == {"a-customers"}


def test_a_key_that_is_not_there_is_gone_and_one_that_may_be_there_is_left() -> None:
    answers = {
        "gone": Answer(outcome="fail", error=f"{NOT_THERE} (status 404)"),
        "newer": Answer(outcome="fail", error=f"{NOT_THERE}, or is newer"),
        "down": Answer(outcome="in-doubt", error="status 503"),
    }
    assert purged(Workload({"newer", "down"}, answers), ledger("gone", "newer", "down", "a")) == (4, 2)


def test_where_nothing_says_how_to_delete_all_is_left_and_nothing_asked() -> None:
    workload = Workload({"a"}, deletes=False)
    assert purged(workload, ledger("a", "b")) == (2, 2)
    assert workload.asked == []


def test_it_gives_up_where_nothing_can_be_deleted() -> None:
    keys = [f"k{n}" for n in range(1000)]
    workload = Workload(set(keys), dict.fromkeys(keys, Answer(outcome="in-doubt", error="status 503")))
    assert purged(workload, ledger(*keys)) == (1000, 1000)
    assert len(workload.asked) < 2 * GIVES_UP_AFTER


def test_a_vantage_deletes_what_it_wrote_and_sends_nothing_after_that(
    make_spec: MakeSpec, store: Store, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{store.port}/orders/{{key}}"
    settings = msgspec.structs.replace(probe_settings(store.port), purge=HttpRequest(method="DELETE", url=url))
    spec = make_spec({"orders": settings}, stream("write"), stream("read", kind="read"))
    store.rows.append({"key": "customers", "version": 1, "checksum": "x", "payload": ""})
    with VantageProcess(spec, tmp_path / "log") as vantage:
        until(tmp_path, operations(30))
        vantage.audit("at failover", 10)
        found = vantage.purge(10)
        sent = len(store.requests)
        vantage.stop()
    assert (found.left, found.keys > 10) == (0, True)
    assert [row["key"] for row in store.rows] == ["customers"]
    assert len(store.requests) == sent, "nothing is asked any more"
    assert load_history(tmp_path).vantages[0].end is not None
    assert not any(o.kind == "delete" for o in load_history(tmp_path).operations), "it is no transaction of the drill"
    assert found == Purged(keys=found.keys, left=0)


def test_a_request_of_its_own_goes_before_the_one_that_streams_delete_with() -> None:
    delete = HttpRequest(method="DELETE", url="http://x/orders/{key}")
    purge = HttpRequest(method="POST", url="http://x/purge/{key}")
    settings = msgspec.structs.replace(probe_settings(1), delete=delete)
    assert purging(settings) == settings
    found = purging(msgspec.structs.replace(settings, purge=purge))
    assert isinstance(found, HttpProbe)
    assert found.delete == purge
