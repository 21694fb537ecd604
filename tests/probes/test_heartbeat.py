import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from probes.deadline import Deadline
from probes.heartbeat import GIVE_UP_NS, Heartbeats
from probes.history import Kind, Operation, Outcome
from probes.ledger import Entry, Ledger
from probes.probe import Answer, Asked
from probes.spec import Resolver, VantageSpec
from tests.probes.conftest import stream

BEAT = stream("heartbeat west", role="heartbeat", kind="read", site="west", target="west.example")


@dataclass
class Site:
    """Another site: the versions that have arrived there, and whether it answers."""

    there: dict[str, int] = field(default_factory=dict)
    outcome: Outcome = "ok"
    asked: list[Asked] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def by_key(self, kind: Kind) -> bool:
        return kind == "read"

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        assert deadline.remaining_s() > 0
        self.asked.append(asked)
        self.meanwhile()
        return Answer(outcome=self.outcome, observed_version=self.there.get(asked.key))

    def close(self) -> None:
        return


class Bench:
    def __init__(self) -> None:
        self.now_ns = 0
        self.ledger = Ledger()
        self.site = Site()
        self.operations: list[Operation] = []
        self._seq = itertools.count()
        spec = VantageSpec(
            name="v1", run="r", drill="d", folder="", zone="client", key_prefix="t-", seed=1, resolver=Resolver(),
            dial_map=None, streams=(BEAT,), probes={},
        )  # fmt: skip
        self.heartbeats = Heartbeats(
            spec, {BEAT.name: self.site}, self.ledger, self.operations.append, lambda: self.now_ns
        )

    def write(self, key: str) -> None:
        entry = Entry(probe="orders", key=key, version=1, checksum="c")
        self.ledger.send(entry)
        self.now_ns += 1
        self.ledger.done(entry, "ok", self.now_ns)

    def beat(self) -> str:
        self.now_ns += 1
        self.heartbeats.send(BEAT, next(self._seq), self.now_ns)
        return self.site.asked[-1].key


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_before_anything_is_acknowledged_it_asks_for_what_is_never_written(bench: Bench) -> None:
    assert bench.beat() == "t-never-written"
    assert bench.operations[0].version == 0
    assert bench.site.asked[0].absent_is_right


def test_it_asks_for_one_write_until_the_site_has_it_and_then_for_the_newest(bench: Bench) -> None:
    bench.write("t-1")
    assert bench.beat() == "t-1"
    bench.write("t-2")
    bench.write("t-3")
    assert bench.beat() == "t-1"
    bench.site.there["t-1"] = 1
    assert [bench.beat(), bench.beat()] == ["t-1", "t-3"]
    last = bench.operations[2]
    assert (last.stream, last.site, last.kind, last.outcome) == ("heartbeat west", "west", "read", "ok")
    assert (last.key, last.version, last.observed_version) == ("t-1", 1, 1)


@pytest.mark.parametrize("outcome", ["fail", "in-doubt"])
def test_no_answer_proves_nothing(bench: Bench, outcome: Outcome) -> None:
    bench.write("t-1")
    bench.site.there["t-1"] = 1
    bench.site.outcome = outcome
    bench.beat()
    bench.write("t-2")
    assert bench.beat() == "t-1"


def test_an_older_version_is_not_the_write(bench: Bench) -> None:
    bench.write("t-1")
    entry = bench.ledger.change("orders", "update", 10, lambda key, version: f"{key}/{version}")
    assert entry is not None
    bench.ledger.done(entry, "ok", bench.now_ns)
    bench.site.there["t-1"] = 1
    assert [bench.beat(), bench.beat()] == ["t-1", "t-1"]
    assert bench.site.asked[-1].version == 2
    bench.site.there["t-1"] = 2
    bench.beat()
    bench.write("t-2")
    assert bench.beat() == "t-2"


def test_the_key_is_not_changed_while_it_is_followed(bench: Bench) -> None:
    bench.write("t-1")
    bench.beat()
    assert bench.ledger.change("orders", "update", 10, lambda *_: "c") is None
    bench.site.there["t-1"] = 1
    bench.beat()
    bench.write("t-2")
    bench.beat()
    changed = bench.ledger.change("orders", "update", 10, lambda *_: "c")
    assert changed is not None
    assert changed.key == "t-1"


def test_what_never_comes_is_given_up(bench: Bench) -> None:
    bench.write("t-1")
    bench.beat()
    bench.write("t-2")
    bench.now_ns += GIVE_UP_NS - 10
    assert bench.beat() == "t-1"
    bench.now_ns += 10
    assert bench.beat() == "t-2"


def test_a_write_is_not_let_go_while_somebody_still_asks_for_it(bench: Bench) -> None:
    bench.write("t-1")
    bench.site.there["t-1"] = 1
    asked: list[str] = []

    def again() -> None:
        bench.site.meanwhile = lambda: None
        bench.write("t-2")
        asked.extend([bench.beat(), bench.beat()])

    bench.site.meanwhile = again
    bench.beat()
    assert asked == ["t-1", "t-1"]
    assert bench.beat() == "t-2"
