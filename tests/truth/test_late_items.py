"""A site of two that both serve is lost and comes back: what the drill says, key by key, against the replicas' own log.

The lab's replication, the store of *orders*, the ledger, the transactions and the audits are the real ones; the clock
is not, and neither is the network: an operation that a lost site should answer gets no answer.
"""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from fixtures.workloads.orders.aws import AwsRefusedError
from fixtures.workloads.orders.store import Order
from fixtures.workloads.orders.table import TableStore
from probes.audit import Audit, AuditContext
from probes.deadline import Deadline
from probes.history import End, Header, History, Kind, Mark, MarkName, Operation, ServedBy, Stream, VantageRecord
from probes.ledger import Ledger
from probes.probe import NOT_THERE, Answer, Asked
from probes.spec import HttpProbe, Resolver, VantageSpec
from probes.transactions import Transactions
from reports.conflicts import conflicts
from reports.ledger import ledger, loss_rows
from reports.model import Verdict
from reports.verdict import Undoing, judge
from tests.lab.dynamodb_lab import AWAY, HOME, Lab, bridged
from tests.lab.dynamodb_lab import create as create_table
from tests.truth.simulated import BASE, NS, declared_of
from tests.truth.two_sites import compared

TABLE = "orders"
# s since the start: the fault, clients are led to the other site, the audit, the undo, the way back, the second audit,
# the last thing that is sent, and the audits of each site, once nothing has been sent for long enough to compare them.
LOST, TURNED, AUDITED, BACK, RETURNED, AGAIN, END, COMPARED = 4.0, 5.5, 11.0, 12.0, 13.0, 15.0, 16.0, 22.0
PERIOD = 0.2
# When the drill starts on the lab's clock, s: the replica is there by then.
START = 10.0
CLIENTS = {"west": HOME, "central": AWAY}
KINDS: tuple[Kind, ...] = ("write", "update", "read")
STREAMS = tuple(
    Stream(
        name=f"{name} {kind}", probe=name, role="workload", kind=kind, connection="pooled",
        period_ns=int(PERIOD * NS), timeout_ns=NS,
    )
    for name in CLIENTS
    for kind in KINDS
)  # fmt: skip
SPEC = VantageSpec(
    name="v1", run="run", drill="drill", folder="", zone="client", key_prefix="k-", seed=7, resolver=Resolver(),
    dial_map=None, streams=STREAMS, probes=dict.fromkeys(CLIENTS, HttpProbe()),
)  # fmt: skip


@dataclass
class Direct:
    """In place of the calls of *orders*: the same operations, of the lab in this process."""

    client: Any

    async def call(self, _service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
        try:
            answer: dict[str, Any] = getattr(self.client, name)(**parameters)
        except ClientError as error:
            raise AwsRefusedError(str(error), error.response["Error"]["Code"]) from error
        return answer


@dataclass
class World:
    """The lab, who is led where, and everything that was asked."""

    lab: Lab
    found: list[Operation] = field(default_factory=list)
    turned: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.stores: dict[str, Any] = {
            region: TableStore(Direct(self.lab.client(region)), TABLE)  # type: ignore[arg-type]  # in its place
            for region in (HOME, AWAY)
        }

    def now_ns(self) -> int:
        return round((self.lab.at_s - START) * NS)


@dataclass
class Clients:
    """The clients of one site, as the pacer's probe: what they ask is answered by whoever they are led to."""

    world: World
    home: str
    stays: bool = False

    def by_key(self, _kind: Kind) -> bool:
        return True

    def close(self) -> None:
        """Nothing."""

    def send(self, asked: Asked, _deadline: Deadline) -> Answer:
        region = AWAY if self.world.turned and not self.stays else self.home
        with self.world.lock:
            self.world.lab.look(self.world.lab.at_s + 0.004)
            if self.world.lab.sites[region].lost:
                return Answer(outcome="in-doubt", error="no complete answer within 1 s")
            answer = asyncio.run(self._answer(self.world.stores[region], asked))
            self.world.lab.look(self.world.lab.at_s + 0.004)
            return _by(answer, ServedBy(region=region))

    async def _answer(self, store: TableStore, asked: Asked) -> Answer:
        order = Order(key=asked.key, version=asked.version, checksum=asked.checksum, payload=asked.payload)
        if asked.kind == "write":
            await store.add(order)
            return Answer(outcome="ok")
        if asked.kind == "update":
            changed = await store.update(order)
            if changed is None:
                return Answer(outcome="fail", error=f"{NOT_THERE} (status 404)")
            return Answer(outcome="ok", replaced_version=changed.replaced)
        there = await store.newest(asked.key)
        if there is None:
            right = asked.kind == "audit" or asked.absent_is_right
            return Answer(outcome="ok") if right else Answer(outcome="fail", error=f"{NOT_THERE} (status 404)")
        return Answer(outcome="ok", observed_version=there.version, observed_checksum=there.checksum)


def _by(answer: Answer, by: ServedBy) -> Answer:
    return Answer(**{**vars(answer), "served_by": by})


@dataclass(frozen=True)
class Told:
    """A drill's verdict, and its evidence."""

    history: History
    verdict: Verdict


def drill(world: World, shift_s: float) -> Told:
    """The whole drill; the fault comes `shift_s` later than usual."""
    known = Ledger()
    probes = {name: Clients(world, region) for name, region in CLIENTS.items()}
    sender = Transactions(SPEC, probes, known, world.found.append, world.now_ns)
    moments = {"requested": LOST + shift_s, "undo": BACK + shift_s}
    turns = {TURNED: True, RETURNED: False}
    audits = {AUDITED: "at failover", AGAIN: "after heal"}
    for seq in range(round((END + shift_s) / PERIOD)):
        at_s = seq * PERIOD
        world.lab.look(max(world.lab.at_s, START + at_s))
        world.lab.sites[HOME].lost = moments["requested"] <= at_s < moments["undo"]
        world.lab.look(world.lab.at_s)
        for moment, turned in turns.items():
            world.turned = turned if at_s >= moment + shift_s else world.turned
        for moment in [moment for moment in audits if at_s >= moment + shift_s]:
            audit(world, known, probes, audits.pop(moment))
        for index in range(len(STREAMS)):
            sender.send(index, seq, round(at_s * NS))
    world.lab.look(START + COMPARED + shift_s)
    for site, region in CLIENTS.items():
        audit(world, known, {name: Clients(world, region, stays=True) for name in CLIENTS}, "compared", site)
    marks = [mark("start", 0.0), *(mark(name, at_s) for name, at_s in moments.items())]
    header = Header(vantage="v1", base=BASE, streams=STREAMS, run="run", drill="drill", key_prefix="k-")
    end = End(operations=len(world.found), unsent=0, base=BASE)
    history = History(
        base=BASE,
        vantages=(VantageRecord(header=header, end=end),),
        operations=tuple(sorted(world.found, key=lambda o: o.sent_ns)),
        marks=tuple(marks),
    )
    declared = msgspec.structs.replace(
        declared_of(rpo_s=5.0, fault=False), strategy="active-active", homes=CLIENTS, writes="partitioned"
    )
    return Told(history, judge(history, declared, Undoing("clean", ""), "1"))


def audit(world: World, known: Ledger, probes: dict[str, Clients], name: str, site: str = "") -> None:
    for probe_name, probe in probes.items():
        context = AuditContext(
            vantage="v1", key_prefix="k-", ledger=known, record=world.found.append, now_ns=world.now_ns,
            stop=threading.Event(), site=site,
        )  # fmt: skip
        Audit(context, name, probe_name, probe, Deadline(60)).run()


def mark(name: str, at_s: float) -> Mark:
    return Mark(name=msgspec.convert(name, MarkName), at_ns=round(at_s * NS), source="runner")


@pytest.fixture
def world() -> Iterator[World]:
    with bridged() as lab:
        create_table(lab.client(HOME), TABLE)
        lab.client(HOME).update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])
        lab.look(START)
        yield World(lab)


def truth(world: World) -> dict[str, bool]:
    """By key of what had not left the lost site: whether the last of it arrived late, by the replicas' own log."""
    found: dict[str, bool] = {}
    for event, subject in world.lab.sites[HOME].events:
        key = subject.partition(" ")[2]
        if event == "write not replicated":
            found[key] = False
        elif key in found:
            found[key] = event == "late write replicated"
    return found


@pytest.mark.parametrize("shift_s", [0.0, 0.37])
def test_each_key_that_had_not_left_the_site_is_late_or_in_a_conflict(world: World, shift_s: float) -> None:
    told = drill(world, shift_s)
    gone = {
        row.key: row.loss_class for row in loss_rows(ledger(told.history), told.history) if row.loss_class == "late"
    }
    clashes = {row.key: row for row in conflicts(told.history)}
    true = truth(world)
    assert true
    assert clashes
    assert gone.keys() | clashes.keys() == true.keys()
    assert {key for key, late in true.items() if late} == gone.keys() - clashes.keys()
    assert {key for key, late in true.items() if not late} == clashes.keys()
    assert {row.stands == row.later for row in clashes.values()} == {True}
    assert told.verdict.data_loss.late == len(gone)
    assert told.verdict.data_loss.lost_for_good == 0
    assert _versions(world, HOME) == _versions(world, AWAY)
    assert told.verdict.convergence is not None
    assert (told.verdict.convergence.verdict, told.verdict.convergence.differing) == ("pass", 0)


def test_replication_that_drops_items_is_red_by_their_keys(world: World) -> None:
    assert world.lab.tables is not None
    world.lab.tables._drops = 20
    told = drill(world, 0.0)
    held = {region: _versions(world, region) for region in (HOME, AWAY)}
    apart = {key for key in {*held[HOME], *held[AWAY]} if held[HOME].get(key) != held[AWAY].get(key)}
    assert apart
    found = compared(told.history)
    assert found is not None
    assert found.differing.keys() == apart
    assert told.verdict.verdict == "fail"
    assert next(f for f in told.verdict.findings if f.check == "convergence").verdict == "fail"


def _versions(world: World, region: str) -> dict[str, str]:
    world.lab.look(world.lab.at_s + 5)
    items = world.lab.client(region).scan(TableName=TABLE, ConsistentRead=True)["Items"]
    return {item["key"]["S"]: item["version"]["N"] for item in items}
