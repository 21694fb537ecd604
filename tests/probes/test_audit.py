import dataclasses
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from probes import audit
from probes.audit import Audit, AuditContext
from probes.deadline import Deadline
from probes.history import Kind, Operation, Outcome
from probes.ledger import Change, Entry, Ledger, in_sample
from probes.probe import Answer, Asked, Listed, Page

OK = Answer(outcome="ok", status=200)
DOWN = Answer(outcome="in-doubt", status=503, error="status 503")


@dataclass
class Workload:
    """A store behind a probe. `down` names what does not answer: "pages", "page 2", "reads", or a key."""

    rows: list[tuple[str, int, str]]
    bulk: bool = True
    says_effects: bool = True
    down: set[str] = field(default_factory=set)
    circles: bool = False
    read: list[str] = field(default_factory=list)
    on_page: Callable[[], None] = lambda: None

    def by_key(self, kind: Kind) -> bool:
        return kind in ("write", "audit")

    @property
    def lists(self) -> bool:
        return self.bulk

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        deadline.remaining_s()
        number = int(cursor or "1")
        if "pages" in self.down or f"page {number}" in self.down:
            return Page(answer=DOWN)
        self.on_page()
        rows = [row for row in self.rows if row[0].startswith(prefix)]
        chunk = rows[(number - 1) * 2 : number * 2]
        following = str(number + 1) if len(rows) > number * 2 else ""
        if self.circles:
            following = "1" if number > 1 else "2"
        effects = 1 if self.says_effects else None
        items = tuple(Listed(key=key, version=version, checksum=sum_, effects=effects) for key, version, sum_ in chunk)
        return Page(answer=OK, items=items, cursor=following)

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        deadline.remaining_s()
        self.read.append(asked.key)
        if "reads" in self.down or asked.key in self.down:
            return DOWN
        for key, version, checksum in self.rows:
            if key == asked.key:
                return Answer(outcome="ok", status=200, observed_version=version, observed_checksum=checksum, effects=1)
        return Answer(outcome="ok", status=404)

    def close(self) -> None:
        return


class Bench:
    """A ledger of five writes of every outcome, and the operations of the audit."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.operations: list[Operation] = []
        self.stop = threading.Event()
        outcomes: tuple[Outcome, ...] = ("ok", "ok", "in-doubt", "fail", "ok")
        for number, outcome in enumerate(outcomes):
            entry = Entry(probe="orders", key=f"t-{number}", version=1, checksum=f"c{number}")
            self.ledger.send(entry)
            self.ledger.done(entry, outcome, number)
        clock = itertools.count(100)
        self.context = AuditContext(
            vantage="v1", key_prefix="t-", ledger=self.ledger, record=self.operations.append,
            now_ns=lambda: next(clock), stop=self.stop,
        )  # fmt: skip

    def audit(self, workload: Workload, deadline_s: float = 20.0) -> tuple[int, int]:
        return Audit(self.context, "at failover", "orders", workload, Deadline(deadline_s)).run()

    def by_key(self) -> dict[str, Operation]:
        by_key = {operation.key: operation for operation in self.operations}
        assert len(by_key) == len(self.operations), "one operation for each key"
        return by_key


ROWS = [(f"t-{number}", 1, f"c{number}") for number in range(5)]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(audit, "PAUSE_S", 0.005)
    return Bench()


@pytest.mark.parametrize("bulk", [True, False])
def test_all_is_there(bench: Bench, bulk: bool) -> None:  # noqa: FBT001  a parameter
    workload = Workload(list(ROWS), bulk=bulk)
    assert bench.audit(workload) == (5, 0)
    for number, operation in enumerate(sorted(bench.operations, key=lambda operation: operation.key)):
        assert operation.stream == "audit at failover"
        assert (operation.kind, operation.outcome, operation.key) == ("audit", "ok", f"t-{number}")
        assert operation.checksum == operation.observed_checksum == f"c{number}"
        assert (operation.version, operation.observed_version, operation.effects) == (1, 1, 1)
        assert operation.due_ns == min(one.due_ns for one in bench.operations)  # when the audit began
        assert operation.due_ns < operation.sent_ns < operation.done_ns
    assert (workload.read == []) == bulk
    assert sorted(operation.seq for operation in bench.operations) == list(range(5))


@pytest.mark.parametrize("bulk", [True, False])
def test_missing(bench: Bench, bulk: bool) -> None:  # noqa: FBT001  a parameter
    assert bench.audit(Workload(ROWS[:4], bulk=bulk)) == (5, 0)
    missing = bench.by_key()["t-4"]
    assert (missing.outcome, missing.observed_version, missing.status) == ("ok", None, 404)
    assert missing.checksum == "c4"
    assert bench.by_key()["t-3"].observed_version == 1


@pytest.mark.parametrize("bulk", [True, False])
def test_corrupt_and_rolled_back(bench: Bench, bulk: bool) -> None:  # noqa: FBT001  a parameter
    bench.audit(Workload([("t-0", 1, "spoilt"), ("t-1", 0, "older"), *ROWS[2:]], bulk=bulk))
    assert bench.by_key()["t-0"].observed_checksum == "spoilt"
    assert bench.by_key()["t-1"].observed_version == 0


def test_a_spoilt_copy_is_not_hidden_by_a_sound_one(bench: Bench) -> None:
    bench.audit(Workload([*ROWS, ("t-0", 1, "spoilt")]))
    assert bench.by_key()["t-0"].observed_checksum == "spoilt"


def test_duplicates_of_a_listing_that_does_not_count(bench: Bench) -> None:
    bench.audit(Workload([*ROWS, ROWS[0], ("t-1", 0, "older")], says_effects=False))
    assert bench.by_key()["t-0"].effects == 2
    assert bench.by_key()["t-1"].effects == 1, "an older version is no second effect"


def test_keys_that_were_never_sent_are_recorded(bench: Bench) -> None:
    assert bench.audit(Workload([*ROWS, ("t-stranger", 3, "x")])) == (5, 0)
    stranger = bench.by_key()["t-stranger"]
    assert (stranger.version, stranger.checksum, stranger.observed_version) == (0, "", 3)


def test_a_write_sent_during_the_audit_is_neither_audited_nor_unexpected(bench: Bench) -> None:
    workload = Workload(list(ROWS))

    def write() -> None:
        bench.ledger.send(Entry(probe="orders", key="t-new", version=1, checksum="n"))
        if len(workload.rows) == 5:
            workload.rows.append(("t-new", 1, "n"))

    workload.on_page = write
    assert bench.audit(workload) == (5, 0)
    assert "t-new" not in bench.by_key()


def test_writes_in_flight_are_waited_for(bench: Bench) -> None:
    entry = Entry(probe="orders", key="t-5", version=1, checksum="c5")
    bench.ledger.send(entry)
    workload = Workload(list(ROWS))

    def commit() -> None:
        workload.rows.append(("t-5", 1, "c5"))
        bench.ledger.done(entry, "ok", 9)

    timer = threading.Timer(0.05, commit)
    timer.start()
    assert bench.audit(workload) == (6, 0)
    timer.join()
    assert bench.by_key()["t-5"].observed_version == 1


@pytest.mark.parametrize("workload", [Workload(ROWS[:4], down={"page 2"}), Workload(ROWS[:4], circles=True)])
def test_absence_is_not_believed_of_a_listing_that_is_incomplete(bench: Bench, workload: Workload) -> None:
    workload.read.clear()
    assert bench.audit(workload) == (5, 0)
    assert "t-4" in workload.read, "asked for by itself"
    assert bench.by_key()["t-4"].observed_version is None
    assert "t-0" not in workload.read, "what the first page said is taken"


def test_what_never_answers_is_unread_and_says_why(bench: Bench) -> None:
    assert bench.audit(Workload(list(ROWS), bulk=False, down={"t-3"}), deadline_s=0.2) == (5, 1)
    unread = bench.by_key()["t-3"]
    assert (unread.outcome, unread.status, unread.error) == ("in-doubt", 503, "status 503")
    assert unread.observed_version is None


def test_an_audit_of_a_dead_workload_ends_at_its_deadline(bench: Bench) -> None:
    for number in range(5, 40):
        entry = Entry(probe="orders", key=f"t-{number}", version=1, checksum="")
        bench.ledger.send(entry)
        bench.ledger.done(entry, "ok", number)
    assert bench.audit(Workload([], down={"pages", "reads"}), deadline_s=0.2) == (40, 40)
    assert len(bench.by_key()) == 40
    assert {operation.outcome for operation in bench.operations} <= {"fail", "in-doubt"}
    assert bench.by_key()["t-39"].error == "not read: the audit's time was up"


def test_a_read_is_tried_again_until_it_answers(bench: Bench) -> None:
    workload = Workload(list(ROWS), bulk=False, down={"t-2"})
    heal = threading.Timer(0.1, workload.down.clear)
    heal.start()
    assert bench.audit(workload) == (5, 0)
    heal.join()
    assert workload.read.count("t-2") > 1
    assert bench.by_key()["t-2"].outcome == "ok", "attempts without an answer leave nothing"


def test_an_audit_can_be_ended_early(bench: Bench) -> None:
    bench.stop.set()
    assert bench.audit(Workload(list(ROWS))) == (5, 5)


def test_a_ledger_without_writes(bench: Bench) -> None:
    assert Audit(bench.context, "n", "other", Workload([]), Deadline(5)).run() == (0, 0)


class Batches(Workload):
    """Reads by batches instead of pages; `down` keys are not answered, "batches" makes none answer."""

    batch_size = 2

    def batch(self, asked: Sequence[Asked], deadline: Deadline) -> list[Answer]:
        assert len(asked) <= self.batch_size
        if "batches" in self.down:
            return [DOWN for _ in asked]
        return [self.send(one, deadline) for one in asked]


def test_batches_are_asked_before_single_reads(bench: Bench) -> None:
    workload = Batches(ROWS[:4], bulk=False)
    assert bench.audit(workload) == (5, 0)
    assert sorted(workload.read) == [f"t-{number}" for number in range(5)], "once each"
    assert bench.by_key()["t-4"].observed_version is None
    assert bench.by_key()["t-0"].sent_ns < bench.by_key()["t-0"].done_ns


def test_what_a_batch_does_not_answer_is_read_by_itself(bench: Bench) -> None:
    workload = Batches(list(ROWS), bulk=False, down={"batches"})
    assert bench.audit(workload) == (5, 0)
    assert sorted(workload.read) == [f"t-{number}" for number in range(5)]
    dead = Batches(list(ROWS), bulk=False, down={"batches", "t-3"})
    assert bench.audit(dead, deadline_s=0.2) == (5, 1)


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_a_changed_key_is_asked_for_once_with_what_is_expected_of_it(bench: Bench, kind: Change) -> None:
    entry = bench.ledger.change("orders", kind, 100, lambda key, version: f"{key}/{version}")
    assert entry is not None
    assert entry.key == "t-0"
    bench.ledger.done(entry, "ok", 10)
    bench.audit(Workload([("t-0", 2, "t-0/2"), ("t-0", 2, "spoilt"), *ROWS[1:]]))
    found = bench.by_key()["t-0"]
    expected = (2, "t-0/2") if kind == "update" else (1, "")
    assert (found.version, found.checksum) == expected
    assert (found.observed_version, found.observed_checksum) == (2, "spoilt" if kind == "update" else "t-0/2")


def test_a_sampled_audit_reads_the_sample_alone_and_lists_nothing(bench: Bench) -> None:
    for row in bench.ledger.expected("orders", bench.ledger.keys("orders")):
        row.sent_ns = 1
    keys = [key for key in bench.ledger.keys("orders") if in_sample(key, 0.5)]
    assert 0 < len(keys) < 5
    bench.context = dataclasses.replace(bench.context, share=0.5)
    workload = Workload(list(ROWS))
    assert bench.audit(workload) == (len(keys), 0)
    assert sorted(workload.read) == sorted(keys)


def test_a_large_audit_costs_in_proportion() -> None:
    """Work, not time: looks at each key a bounded number of times, however many there are."""
    ledger, count = Ledger(), 20_000
    for number in range(count):
        row = Entry(probe="orders", key=f"t-{number:06d}", version=1, checksum="c", sent_ns=1)
        ledger.send(row)
        ledger.done(row, "ok", 1)
    found: list[Operation] = []
    clock = itertools.count(2)
    context = AuditContext(
        vantage="v1", key_prefix="t-", ledger=ledger, record=found.append, now_ns=lambda: next(clock),
        stop=threading.Event(),
    )  # fmt: skip
    lister = Listing([f"t-{number:06d}" for number in range(count)])
    assert Audit(context, "n", "orders", lister, Deadline(60)).run() == (count, 0)
    assert lister.pages == count // 1000
    assert len(found) == count
    assert next(clock) < 3 * count


class Listing(Workload):
    """Lists a thousand keys a page."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__([])
        self.keys = keys
        self.pages = 0

    def page(self, prefix: str, cursor: str, deadline: Deadline) -> Page:
        assert prefix
        assert deadline.remaining_s() > 0
        self.pages += 1
        start = int(cursor or "0")
        items = tuple(Listed(key=key, version=1, checksum="c", effects=1) for key in self.keys[start : start + 1000])
        following = start + 1000
        return Page(answer=OK, items=items, cursor=str(following) if following < len(self.keys) else "")


def test_a_spoilt_copy_of_a_version_in_doubt_is_not_hidden_by_a_sound_one(bench: Bench) -> None:
    entry = bench.ledger.change("orders", "update", 100, lambda key, version: f"{key}/{version}")
    assert entry is not None
    bench.ledger.done(entry, "in-doubt", 10)
    bench.audit(Workload([("t-0", 2, "t-0/2"), ("t-0", 2, "spoilt"), *ROWS[1:]]))
    assert (bench.by_key()["t-0"].version, bench.by_key()["t-0"].observed_checksum) == (1, "spoilt")
