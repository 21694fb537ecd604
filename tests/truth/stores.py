"""Stores on a fake clock: writes, updates and deletes with the moment at which each came into effect, known to the ns.

A primary takes changes until it is cut off; a replica has some of them; a failover, a rewind or a heal chooses which of
them the data holds when it is read back. A key has one operation at a time, so its operations have an order of their
own, and the data holds the last one of them that the store has. The truth of each change follows from that order
alone; nothing here knows how the harness judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from probes.clock import ClockBase
from probes.history import End, Header, History, Mark, MarkName, Operation, Outcome, Stream, VantageRecord
from probes.ledger import in_sample, whole_since_ns

NS = 1_000_000_000
MS = 1_000_000
BASE = ClockBase(mono_ns=0, utc_ns=1_740_830_400 * NS, boot="boot")
TIMEOUT = 150 * MS
REQUESTED, FAILOVER, UNDO, HEAL, END = 500 * MS, 1400 * MS, 1450 * MS, 1550 * MS, 1600 * MS

Mix = Literal["nothing", "tail", "holes", "old primary", "rewind", "rewind at undo"]
MIXES: tuple[Mix, ...] = ("nothing", "tail", "holes", "old primary", "rewind", "rewind at undo")
Kind = Literal["write", "update", "delete"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens. `damage`, `unread`: shares of the keys. `share` and `whole_s` as in an audit that samples."""

    mix: Mix
    mode: Literal["refuse", "swallow"]
    impact: int
    back: int
    # What the replica has: all up to here.
    point: int
    period: int
    kinds: tuple[Kind, ...]
    late: float = 0.0
    there: float = 0.0
    damage: float = 0.0
    unread: float = 0.0
    strangers: int = 0
    share: float = 1.0
    whole_s: float = 0.0


def plan_of(random: Random) -> Plan:
    """Any of them, alone and mixed."""
    mix = random.choice(MIXES)
    impact = 750 * MS + random.randrange(150 * MS)
    lag = random.choice([20, 80, 160]) * MS
    sampled = random.random() < 0.2
    return Plan(
        mix=mix,
        mode=random.choice(["refuse", "swallow"]),
        impact=impact,
        back=impact + random.randrange(180, 320) * MS,
        point=impact - int(lag * random.uniform(0.5, 1.5)),
        period=random.choice([25, 35]) * MS,
        kinds=random.choice([("write",), ("write", "update"), ("write", "delete"), ("write", "update", "delete")]),
        late=random.choice([0.0, 0.4]),
        there=random.choice([0.0, 0.4]),
        damage=random.choice([0.0, 0.0, 0.0, 0.02]),
        unread=random.choice([0.0, 0.0, 0.0, 0.02]),
        strangers=random.choice([0, 0, 0, 2]),
        share=random.choice([0.3, 0.6]) if sampled else 1.0,
        whole_s=random.choice([0.0, 0.2]) if sampled else 0.0,
    )


@dataclass(eq=False)
class Change:
    """One operation, and when it came into effect (None: never). `stored`: whether each audit's data has it."""

    operation: Operation
    at: int | None
    # Acknowledged by a primary that nobody else hears any more.
    cut_off: bool = False
    stored: tuple[bool, bool] = (True, True)


@dataclass
class Answer:
    """What an audit was told of a key: the change whose effect was there (None: nothing ever was), and damage."""

    operation: Operation
    shows: Change | None
    spoilt: bool = False
    twice: bool = False


@dataclass
class World:
    """A drill with its truth: all changes by key in their order, and both audits' answers (None: unread)."""

    plan: Plan
    history: History
    keys: dict[str, list[Change]]
    audits: tuple[dict[str, Answer | None], dict[str, Answer | None]]
    strangers: int = 0

    @property
    def changes(self) -> list[Change]:
        return [c for changes in self.keys.values() for c in changes]


@dataclass
class _Client:
    """Chooses keys as a client would: none that is in use, none of which it does not know how it stands."""

    random: Random
    keys: dict[str, list[Change]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def add(self, change: Change) -> None:
        key = change.operation.key
        if key not in self.keys:
            self.names.append(key)
        self.keys.setdefault(key, []).append(change)

    def choose(self, kind: Kind, name: str, sent: int) -> tuple[Kind, str, int]:
        if kind != "write":
            for key in self.random.sample(self.names, min(12, len(self.names))):
                if not self._ready(self.keys[key][-1].operation, sent):
                    continue
                version = self.keys[key][-1].operation.version
                return kind, key, version if kind == "delete" else version + 1
        return "write", name, 1

    def _ready(self, last: Operation, sent: int) -> bool:
        return last.outcome == "ok" and last.kind != "delete" and last.done_ns < sent - 150 * MS


def world(plan: Plan, random: Random) -> World:
    """Let it happen."""
    client = _Client(random)
    for due, number, seq in sorted(
        (number * plan.period // 4 + seq * plan.period, number, seq)
        for number in range(len(plan.kinds))
        for seq in range((END - plan.period) // plan.period)
    ):
        client.add(_sent(plan, client, (due, number, seq), random))
    for changes in client.keys.values():
        for change in changes:
            change.stored = _stored(plan, change, random)
    audits = (
        _audit(plan, client.keys, 0, FAILOVER, random),
        _audit(plan, client.keys, 1, HEAL, random),
    )
    strange = [_stranger(n) for n in range(plan.strangers)]
    return World(plan, _history(plan, client.keys, audits, strange), client.keys, audits, len(strange))


def _sent(plan: Plan, client: _Client, turn: tuple[int, int, int], random: Random) -> Change:
    due, number, seq = turn
    sent, took = due + random.randrange(2 * MS), 9 * MS if seq == 1 else random.randrange(2 * MS, 9 * MS)
    kind, key, version = client.choose(plan.kinds[number], f"k-{number}-{seq}", sent)
    outcome, done, at, cut_off = _met(plan, sent, took, number, random)
    if outcome == "fail" and (kind == "delete" or random.random() < 0.8):
        at = None  # what says that it refused and did it all the same is rare; of a delete nobody could tell
    operation = Operation(
        vantage="v1", probe="p", stream=plan.kinds[number], seq=seq, kind=kind, due_ns=due, sent_ns=sent, done_ns=done,
        outcome=outcome, key=key, version=version, checksum="" if kind == "delete" else f"c{version}",
    )  # fmt: skip
    return Change(operation, at, cut_off)


def _met(plan: Plan, sent: int, took: int, number: int, random: Random) -> tuple[Outcome, int, int | None, bool]:
    """Outcome, end, moment of effect, and whether only the old primary knows."""
    at, done = sent + int(took * random.uniform(0.05, 0.95)), sent + took
    if done < plan.impact or at >= plan.back:
        return "ok", done, at, False
    lost_answer = done if plan.mode == "refuse" else sent + TIMEOUT
    if at < plan.impact:
        return "in-doubt", lost_answer, at, False
    if plan.mix == "old primary" and number == 0 and at < plan.impact + 150 * MS and random.random() < 0.5:
        return "ok", done, at, True
    there = random.random() < plan.there
    if plan.mode == "refuse":
        return "fail", at, at if there else None, False
    return "in-doubt", sent + TIMEOUT, random.randint(at, sent + TIMEOUT) if there else None, False


def _stored(plan: Plan, change: Change, random: Random) -> tuple[bool, bool]:
    """Whether the data that each audit reads has the change, as far as it had come into effect by then."""
    if change.at is None:
        return False, False
    behind = change.at > plan.point
    old = change.at < plan.impact or change.cut_off
    rewound = behind and change.at < (plan.back + FAILOVER) // 2
    gone = {
        "nothing": False,
        "tail": behind and old,
        "holes": behind and old and random.random() < 0.4,
        "old primary": behind and old,
        "rewind": rewound,
    }.get(plan.mix, False)
    if plan.mix == "rewind at undo":
        return True, not (behind and change.at < UNDO)
    comes_back = plan.mix != "rewind" and random.random() < plan.late
    return not gone, not gone or comes_back


def _audit(
    plan: Plan, keys: Mapping[str, list[Change]], which: int, began: int, random: Random
) -> dict[str, Answer | None]:
    """Read back what was sent before; each answer is that of a moment between its sending and its end."""
    found: dict[str, Answer | None] = {}
    for seq, (key, changes) in enumerate(keys.items()):
        sent_before = [c for c in changes if c.operation.sent_ns < began]
        newest = max((c.operation.sent_ns for c in sent_before), default=0)
        if not sent_before or not (in_sample(key, plan.share) or newest >= whole_since_ns(began, plan.whole_s)):
            continue
        sent = began + seq * 10_000
        moment = sent + random.randrange(5_000)
        has = [c for c in changes if c.stored[which] and c.at is not None and c.at <= moment]
        answer = Answer(_asked(key, seq, which, (began, sent)), has[-1] if has else None)
        if answer.shows is not None and answer.shows.operation.kind != "delete" and random.random() < plan.damage:
            answer.spoilt, answer.twice = random.choice([(True, False), (False, True)])
        found[key] = None if random.random() < plan.unread else answer
    return found


def _asked(key: str, seq: int, which: int, at: tuple[int, int]) -> Operation:
    return Operation(
        vantage="v1", probe="p", stream=f"audit {which}", seq=seq, kind="audit", due_ns=at[0], sent_ns=at[1],
        done_ns=at[1] + 5_000, outcome="ok", key=key,
    )  # fmt: skip


def _stranger(number: int) -> Operation:
    return Operation(
        vantage="v1", probe="p", stream="audit 1", seq=10_000 + number, kind="audit", due_ns=HEAL, sent_ns=HEAL + MS,
        done_ns=HEAL + 2 * MS, outcome="ok", key=f"k-stranger-{number}", observed_version=1, observed_checksum="c1",
        effects=1,
    )  # fmt: skip


def _told(key: str, answer: Answer | None, which: int) -> Operation:
    """The audit's operation, as the history has it."""
    if answer is None:
        began = (FAILOVER, HEAL)[which]
        return Operation(
            vantage="v1", probe="p", stream=f"audit {which}", seq=0, kind="audit", due_ns=began, sent_ns=began,
            done_ns=began + MS, outcome="in-doubt", key=key, error="timeout",
        )  # fmt: skip
    asked, shown = answer.operation, answer.shows.operation if answer.shows else None
    there = shown is not None and shown.kind != "delete"
    return Operation(
        vantage="v1", probe="p", stream=asked.stream, seq=asked.seq, kind="audit", due_ns=asked.due_ns,
        sent_ns=asked.sent_ns, done_ns=asked.done_ns, outcome="ok", key=key,
        observed_version=shown.version if shown and there else None,
        observed_checksum=("spoilt" if answer.spoilt else shown.checksum) if shown and there else None,
        effects=(2 if answer.twice else 1) if there else None,
    )  # fmt: skip


def _history(
    plan: Plan,
    keys: Mapping[str, list[Change]],
    audits: tuple[dict[str, Answer | None], ...],
    strange: list[Operation],
) -> History:
    found = [c.operation for changes in keys.values() for c in changes]
    found += [_told(key, answer, which) for which, audit in enumerate(audits) for key, answer in audit.items()]
    found = sorted([*found, *strange], key=lambda o: o.sent_ns)
    streams = tuple(
        Stream(
            name=kind, probe="p", role="workload", kind=kind, connection="fresh", period_ns=plan.period,
            timeout_ns=TIMEOUT,
        )
        for kind in plan.kinds
    )  # fmt: skip
    header = Header(
        vantage="v1", base=BASE, streams=streams, run="r", drill="d", key_prefix="k-", audit_share=plan.share,
        audit_whole_s=plan.whole_s,
    )  # fmt: skip
    marks: list[tuple[MarkName, int]] = [("start", 0), ("requested", REQUESTED), ("undo", UNDO)]
    return History(
        base=BASE,
        vantages=(VantageRecord(header=header, end=End(operations=len(found), unsent=0, base=BASE)),),
        operations=tuple(found),
        marks=tuple(Mark(name=name, at_ns=at, source="runner") for name, at in marks),
    )
