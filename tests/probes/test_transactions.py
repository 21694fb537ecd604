"""What is sent in a turn: writes, reads, updates and deletes, on a clock that the test moves."""

from dataclasses import dataclass, field

import pytest

from probes.deadline import Deadline
from probes.history import Kind, Operation, Outcome, Stream
from probes.ledger import Ledger, checksum_of, payload_of
from probes.probe import Answer, Asked
from probes.spec import AnyProbe, HttpProbe, Resolver, VantageSpec
from probes.transactions import CHANGE_AFTER_NS, Transactions
from tests.probes.conftest import stream

NS = 1_000_000_000


@dataclass
class Store:
    """A probe that does what it is asked, unless `outcome` says otherwise."""

    kinds: tuple[Kind, ...] = ("write", "update", "delete", "read")
    keyed: bool = True
    outcome: Outcome = "ok"
    rows: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def by_key(self, kind: Kind) -> bool:
        if kind not in self.kinds:
            raise ValueError(f"this probe has no request for {kind}")
        return self.keyed

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        assert deadline.remaining_s() > 0
        self.asked.append(asked)
        if asked.kind == "read":
            return Answer(outcome="ok", observed_version=self.rows.get(asked.key))
        if self.outcome == "ok":
            self.rows[asked.key] = asked.version
        if self.outcome == "ok" and asked.kind == "delete":
            del self.rows[asked.key]
        return Answer(outcome=self.outcome)

    def close(self) -> None:
        return


class Rig:
    def __init__(
        self, *kinds: Kind, store: Store | None = None, read_back: bool = False, read_after_s: float | None = None
    ) -> None:
        self.now_ns = NS
        self.store = store or Store()
        self.ledger = Ledger()
        self.operations: list[Operation] = []
        streams: tuple[Stream, ...] = tuple(stream(kind, kind=kind) for kind in kinds)
        settings: dict[str, AnyProbe] = {"orders": HttpProbe(read_after_s=read_after_s)} if read_after_s else {}
        spec = VantageSpec(
            name="v1", run="r", drill="d", folder="", zone="", key_prefix="t-", seed=7, resolver=Resolver(),
            dial_map=None, streams=streams, probes=settings, read_back=read_back,
        )  # fmt: skip
        self.transactions = Transactions(
            spec, {"orders": self.store}, self.ledger, self.operations.append, lambda: self.now_ns
        )

    def send(self, index: int, seq: int) -> Operation:
        self.transactions.send(index, seq, self.now_ns)
        return self.operations[-1]

    def wait(self) -> None:
        self.now_ns += CHANGE_AFTER_NS


def test_an_update_writes_the_next_version_of_the_oldest_key() -> None:
    rig = Rig("write", "update")
    first = rig.send(0, 0)
    rig.wait()
    rig.send(0, 1)
    update = rig.send(1, 0)
    assert (update.kind, update.key, update.version, update.outcome) == ("update", first.key, 2, "ok")
    payload = payload_of(7, first.key, 2)
    assert rig.store.asked[-1].payload == payload
    assert update.checksum == rig.store.asked[-1].checksum == checksum_of(first.key, 2, payload)
    assert rig.store.rows == {first.key: 2, "t-00-00000001": 1}
    rig.wait()
    rig.wait()
    assert [rig.send(1, seq).version for seq in (1, 2)] == [2, 3]


def test_a_delete_names_the_version_that_it_deletes_and_the_key_is_never_used_again() -> None:
    rig = Rig("write", "delete", "update", "read")
    first = rig.send(0, 0)
    rig.wait()
    delete = rig.send(1, 0)
    assert (delete.kind, delete.key, delete.version, delete.checksum) == ("delete", first.key, 1, "")
    assert rig.store.asked[-1].payload == ""
    assert rig.store.rows == {}
    rig.wait()
    assert rig.send(3, 0).key == "t-never-written"
    assert rig.store.asked[-1].absent_is_right
    assert rig.send(2, 0).key != first.key


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_where_no_key_is_ready_a_write_is_sent_and_recorded_as_one(kind: Kind) -> None:
    rig = Rig(kind)
    found = rig.send(0, 5)
    assert (found.kind, found.stream, found.key, found.version) == ("write", kind, "t-00-00000005", 1)
    assert rig.store.rows == {found.key: 1}
    rig.wait()
    changed = rig.send(0, 6)
    assert (changed.kind, changed.key) == (kind, found.key)


@pytest.mark.parametrize("outcome", ["in-doubt", "fail"])
def test_a_key_is_left_alone_after_a_change_that_was_not_acknowledged(outcome: Outcome) -> None:
    rig = Rig("write", "update")
    rig.send(0, 0)
    rig.wait()
    rig.store.outcome = outcome
    assert rig.send(1, 0).kind == "update"
    rig.store.outcome = "ok"
    rig.wait()
    assert rig.send(1, 1).kind == "write"


def test_a_read_asks_for_the_newest_version() -> None:
    rig = Rig("write", "update", "read")
    first = rig.send(0, 0)
    rig.wait()
    rig.send(1, 0)
    rig.wait()
    found = rig.send(2, 0)
    assert (found.key, found.version, found.observed_version) == (first.key, 2, 2)


@pytest.mark.parametrize(("read_after_s", "newest"), [(None, 1), (0.5, 1), (1.5, 0), (3.0, None)])
def test_a_read_asks_for_nothing_younger_than_its_probe_may_trail(
    read_after_s: float | None, newest: int | None
) -> None:
    rig = Rig("write", "read", read_after_s=read_after_s)
    keys: dict[int | None, str] = {None: "t-never-written"}
    for seq in (0, 1):
        keys[seq] = rig.send(0, seq).key
        rig.wait()
    assert rig.send(1, 0).key == keys[newest]


def test_every_second_read_asks_for_any_key_where_older_data_is_to_be_read() -> None:
    def asked(*, read_back: bool) -> list[str]:
        rig = Rig("write", "read", read_back=read_back)
        for seq in range(20):
            rig.send(0, seq)
        rig.wait()
        return [rig.send(1, seq).key for seq in range(60)]

    newest = "t-00-00000019"
    assert set(asked(read_back=False)) == {newest}
    found = asked(read_back=True)
    assert set(found[::2]) == {newest}
    assert len(set(found[1::2])) > 10
    assert asked(read_back=True) == found


def test_a_read_of_an_older_key_is_of_what_it_holds_now_and_keeps_it_from_being_changed() -> None:
    rig = Rig("write", "delete", "update", "read", read_back=True)
    for seq in range(3):
        rig.send(0, seq)
    rig.wait()
    rig.send(1, 0)  # the first key is deleted, the second updated
    rig.send(2, 0)
    rig.wait()
    found = {(o.key, o.version) for o in (rig.send(3, seq) for seq in range(1, 80, 2))}
    assert found == {("t-00-00000001", 2), ("t-00-00000002", 1)}


def test_without_an_acknowledged_key_an_older_one_cannot_be_read_either() -> None:
    rig = Rig("read", read_back=True)
    assert rig.send(0, 1).key == "t-never-written"


def test_the_same_seed_and_answers_send_the_same() -> None:
    def asked() -> list[Asked]:
        rig = Rig("write", "update", "delete", "read")
        for seq in range(40):
            for index in range(4):
                rig.now_ns += 40_000_000
                rig.send(index, seq)
        return rig.store.asked

    assert asked() == asked()
    assert {one.kind for one in asked()} == {"write", "update", "delete", "read"}


@pytest.mark.parametrize("kind", ["update", "delete"])
@pytest.mark.parametrize("store", [Store(kinds=("update", "delete", "read")), Store(keyed=False), Store(kinds=())])
def test_a_change_needs_a_key_and_a_write_that_makes_one(kind: Kind, store: Store) -> None:
    with pytest.raises(ValueError, match=f"stream '{kind}'"):
        Rig(kind, store=store)


def test_a_key_is_not_changed_before_it_is_old_enough() -> None:
    rig = Rig("write", "update")
    rig.send(0, 0)
    rig.now_ns += CHANGE_AFTER_NS - 1
    assert rig.send(1, 0).kind == "write"
    rig.now_ns += 1
    assert rig.send(1, 1).kind == "update"


def test_a_key_can_be_changed_again_once_its_read_is_over() -> None:
    rig = Rig("write", "read", "update")
    first = rig.send(0, 0)
    rig.wait()
    assert rig.send(1, 0).key == first.key
    assert rig.send(2, 0).key == first.key
