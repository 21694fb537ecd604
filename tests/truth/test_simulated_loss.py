"""Known losses on a fake clock: the interval holds the truth, and every class of the ledger is counted as scripted."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import msgspec
import pytest

from probes.history import History, Operation
from reports.ledger import ledger
from reports.loss import judge_loss, loss
from reports.recovery import recovery
from reports.steady import baseline
from tests.truth.simulated import (
    MS,
    NS,
    VANTAGE,
    Asked,
    Outage,
    Script,
    Stored,
    audit_of,
    declared_of,
    history_of,
    kept,
    with_operations,
    writes_of,
)  # fmt: skip

Shape = Literal["tail", "isolated", "holes", "nothing", "rolled back"]
SHAPES: tuple[Shape, ...] = ("tail", "isolated", "holes", "nothing", "rolled back")
AT_FAILOVER, UNDO, AFTER_HEAL, END = int(5.8 * NS), 6 * NS, int(6.3 * NS), int(6.5 * NS)


@dataclass
class Scripted:
    """A drill with the truth of its loss in ns, and what the audits must count."""

    seed: int
    history: History
    truth: int
    counts: Counter[str] = field(default_factory=Counter)


def scripted(shape: Shape, seed: int) -> Scripted:
    """Asynchronous replication with a lag, and a failover: what the replica did not have yet is lost."""
    random = Random(seed)
    period = random.choice([20, 50]) * MS
    impact = int(3.5 * NS) + random.randrange(300 * MS)
    # Updates of the same keys after the failover would hide what was lost before.
    back = END if shape == "rolled back" else impact + NS
    outage = Outage(impact, back, random.choice(["refuse", "swallow", "503"]))
    streams = [Asked(f"w{i}", [outage], period=period, offset=period * i // 2) for i in range(random.choice([1, 2]))]
    history = history_of(Script(streams, requested=3 * NS, undo=UNDO, end=END), random)
    if shape == "isolated":
        history = _isolated(history, impact, period, random)
    if shape == "rolled back":
        history = _versions(history, keys=7)
    done = [w for w in writes_of(history) if w.outcome == "ok"]
    commits = {id(w): random.randint(w.sent_ns, w.done_ns) for w in done}
    lost, point = _lost(shape, done, commits, impact, random)
    truth = max([impact, *(commits[id(w)] for w in lost)]) - point
    history, late = _read_back(history, lost, random)
    counts = Counter({"acknowledged": sum(w.sent_ns < AFTER_HEAL for w in done), "late": late})
    counts["rolled back" if shape == "rolled back" else "lost"] = len(lost) - late
    return Scripted(seed, history, truth, counts)


def _lost(
    shape: Shape, done: list[Operation], commits: dict[int, int], impact: int, random: Random
) -> tuple[list[Operation], int]:
    """What is lost, and the true recovery point."""
    if shape == "nothing":
        newest = max(commits[id(w)] for w in done if w.done_ns <= impact)
        return [], random.randint(newest, impact)
    point = impact - int(random.choice([0.05, 0.3, 1.2]) * NS * random.uniform(0.5, 1.5))
    until = impact + NS if shape == "isolated" else impact + 100 * MS
    lost = [w for w in done if point < commits[id(w)] and w.sent_ns < until]
    if shape == "holes":
        lost = [w for w in lost if random.random() < 0.4] or lost[:1]
        point = min((commits[id(w)] for w in lost), default=point)
    return lost, point


def _isolated(history: History, impact: int, period: int, random: Random) -> History:
    """The old primary goes on acknowledging writes for a while: to one stream that can still reach it."""
    still = [
        Operation(
            vantage=VANTAGE, probe="orders", stream="w0", seq=100_000 + i, kind="write", due_ns=at, sent_ns=at,
            done_ns=at + random.randrange(2, 9) * MS, outcome="ok", key=f"k-old-{i}", version=1, checksum="c",
        )
        for i, at in enumerate(range(impact + MS, impact + NS // 2, period))
    ]  # fmt: skip
    return with_operations(history, still)


def _versions(history: History, keys: int) -> History:
    """The same writes as updates of a few keys, each with its next version."""
    seen: Counter[str] = Counter()
    found = []
    for operation in history.operations:
        key = f"k-{operation.seq % keys}-{operation.stream}"
        seen[key] += 1
        found.append(msgspec.structs.replace(operation, kind="update", key=key, version=seen[key]))
    return msgspec.structs.replace(history, operations=tuple(found))


def _read_back(history: History, lost: list[Operation], random: Random) -> tuple[History, int]:
    """Both audits. Of what is lost, some may come back after healing."""
    writes = writes_of(history)
    gone = {(w.key, w.version) for w in lost}
    there = _newest([w for w in writes if w.outcome == "ok" and (w.key, w.version) not in gone], AT_FAILOVER)
    back = [w for w in lost if random.random() < 0.3] if lost and lost[0].kind == "write" else []
    healed = _newest([w for w in writes if w.outcome == "ok" and (w.key, w.version) not in gone], AFTER_HEAL)
    healed |= kept(back)
    keys = list(dict.fromkeys(w.key for w in writes if w.sent_ns < AT_FAILOVER))
    later = list(dict.fromkeys(w.key for w in writes if w.sent_ns < AFTER_HEAL))
    extra = audit_of(keys, "at failover", AT_FAILOVER, there) + audit_of(later, "after heal", AFTER_HEAL, healed)
    return with_operations(history, extra), len(back)


def _newest(writes: list[Operation], before: int) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for write in writes:
        if write.sent_ns < before and write.version >= found.get(write.key, Stored(version=0)).version:
            found[write.key] = Stored(version=write.version)
    return found


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "rolled back"])
def test_the_interval_always_holds_the_true_loss(shape: Shape) -> None:
    for seed in range(60):
        case = scripted(shape, seed)
        declared = declared_of()
        found = recovery(case.history, declared, baseline(case.history))
        book = ledger(case.history)
        measured = loss(book, found)
        assert measured.upper_ns is not None, f"{shape}({seed})"
        assert measured.lower_ns <= case.truth <= measured.upper_ns, f"{shape}({seed})"
        told = judge_loss(book, measured, found.impact, 0.0)
        assert told.acknowledged == case.counts["acknowledged"], f"{shape}({seed})"
        assert (told.lost, told.late) == (case.counts["lost"], case.counts["late"]), f"{shape}({seed})"
        assert told.verdict == ("fail" if case.counts["lost"] + case.counts["late"] else "pass"), f"{shape}({seed})"


def test_an_objective_near_the_truth_gives_no_false_pass_or_fail() -> None:
    for seed in range(60):
        case = scripted("tail", seed)
        found = recovery(case.history, declared_of(), baseline(case.history))
        book = ledger(case.history)
        for off in (-NS // 20, -MS, MS, NS // 20):
            rpo_s = (case.truth + off) / NS
            if rpo_s > 0:
                verdict = judge_loss(book, loss(book, found), found.impact, rpo_s).verdict
                assert verdict != ("fail" if off > 0 else "pass"), f"tail({seed}) at {off} ns"


def test_a_rewind_is_counted_as_rolled_back_and_bounded() -> None:
    for seed in range(60):
        case = scripted("rolled back", seed)
        book = ledger(case.history)
        measured = loss(book, recovery(case.history, declared_of(), baseline(case.history)))
        assert measured.upper_ns is not None, f"rolled back({seed})"
        assert measured.lower_ns <= case.truth <= measured.upper_ns, f"rolled back({seed})"
        assert all(f.loss_class == "rolled back" for f in book.fates if f.gone), f"rolled back({seed})"
        assert len(book.of_class("rolled back")) == case.counts["rolled back"], f"rolled back({seed})"


def test_the_simulation_can_fail() -> None:
    """One write less in the audits changes the count: the checks above do check."""
    case = scripted("nothing", 1)
    last = max((o for o in writes_of(case.history) if o.outcome == "ok"), key=lambda o: o.done_ns < AT_FAILOVER)
    operations = tuple(
        msgspec.structs.replace(o, observed_version=None) if o.kind == "audit" and o.key == last.key else o
        for o in case.history.operations
    )
    book = ledger(msgspec.structs.replace(case.history, operations=operations))
    assert len(book.of_class("lost")) == 1
