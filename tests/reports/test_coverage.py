"""What a sample says: the exact bound, and how a sampled drill is judged."""

import math
from itertools import combinations

import msgspec
import pytest

from probes.history import History, Operation
from probes.ledger import in_sample
from reports.coverage import MISS, most_in_population
from reports.ledger import ledger
from reports.loss import Loss, judge_loss, loss
from reports.loss_gates import loss_gates
from reports.phases import Phases
from tests.reports.test_loss import FAILOVER, NOTHING, THERE, history, write
from tests.truth.simulated import NS, audit_of


@pytest.mark.parametrize(("population", "sample"), [(6, 3), (8, 2), (9, 5)])
def test_the_bound_is_the_largest_number_that_the_sample_does_not_refute(population: int, sample: int) -> None:
    draws = list(combinations(range(population), sample))
    for seen in range(sample + 1):
        likely = []
        for marked in range(seen, population - sample + seen + 1):
            chance = sum(sum(one < marked for one in draw) <= seen for draw in draws) / len(draws)
            likely += [marked] * (chance > MISS)
        assert most_in_population(population, sample, seen) == max(likely)


def test_the_rule_of_three_and_the_ends() -> None:
    assert most_in_population(150_000, 12_000, 0) == pytest.approx(3 / 12_000 * 150_000, rel=0.1)
    assert most_in_population(1000, 1000, 0) == 0
    assert most_in_population(1000, 1000, 7) == 7
    assert most_in_population(1000, 0, 0) == 1000
    assert most_in_population(0, 0, 0) == 0
    assert math.isfinite(most_in_population(10**7, 10**5, 500))
    with pytest.raises(ValueError, match="part of its population"):
        most_in_population(5, 6, 0)


def sampled(writes: list[Operation], lost: set[str], whole_s: float = 0.0) -> History:
    keys = [w.key for w in writes if in_sample(w.key, 0.5) or w.sent_ns >= FAILOVER - whole_s * NS]
    plain = history(writes, audit_of(keys, "at failover", FAILOVER, {k: THERE for k in keys if k not in lost}))
    header = msgspec.structs.replace(plain.vantages[0].header, audit_share=0.5, audit_whole_s=whole_s)
    return msgspec.structs.replace(plain, vantages=(msgspec.structs.replace(plain.vantages[0], header=header),))


WRITES = [write(i / 10, key=f"k-{i}", took_s=0.05) for i in range(400)]
READ = {w.key for w in WRITES if in_sample(w.key, 0.5)}


def measured(drill: History) -> Loss:
    return loss(ledger(drill), NOTHING)


def test_what_the_sample_left_out_is_no_loss_and_not_unread() -> None:
    book = ledger(sampled(WRITES, set()))
    assert {f.write.key for f in book.fates if f.judged} == READ
    assert all(f.loss_class is None for f in book.fates)
    assert {f.at_failover for f in book.fates} == {"present", "not sampled"}


def test_a_key_of_the_sample_without_an_answer_is_unread() -> None:
    drill = sampled(WRITES, set())
    missing = next(o for o in drill.operations if o.kind == "audit")
    operations = tuple(o for o in drill.operations if o is not missing)
    book = ledger(msgspec.structs.replace(drill, operations=operations))
    assert [f.write.key for f in book.of_class("unread")] == [missing.key]


def test_a_sample_without_a_loss_passes_no_rpo_of_zero_and_bounds_the_count() -> None:
    drill = sampled(WRITES, set())
    book, found = ledger(drill), measured(drill)
    told = judge_loss(book, found, None, 0.0)
    assert (told.verdict, told.confidence, told.upper_s) == ("inconclusive", 0.95, None)
    assert told.coverage == len(READ) / 400
    gates = {g.finding.check: g for g in loss_gates(book, found, Phases(0, None, None), None, 0.0)}
    says = gates["audit coverage"].finding.says
    assert f"read {len(READ)} of 400 acknowledged keys" in says
    assert f"at most {most_in_population(400, len(READ), 0)} of these 400" in says
    assert gates["audit coverage"].finding.operations
    assert gates["audits complete"].finding.says.startswith("The whole sample")


def test_what_was_sent_late_is_read_whatever_the_sample() -> None:
    drill = sampled(WRITES, set(), whole_s=20.0)
    late = [f for f in ledger(drill).fates if f.write.sent_ns >= FAILOVER - 20 * NS]
    assert len(late) == 100
    assert {f.at_failover for f in late} == {"present"}


def test_a_loss_in_a_sample_fails_and_its_edges_are_widened_over_what_was_left_out() -> None:
    gone = {f"k-{i}" for i in range(300, 340)}
    drill = sampled(WRITES, gone)
    book, found = ledger(drill), measured(drill)
    full = loss(ledger(history(WRITES, audit_of([w.key for w in WRITES], "a", FAILOVER, {
        w.key: THERE for w in WRITES if w.key not in gone
    }))), NOTHING)  # fmt: skip
    assert found.upper_ns is not None
    assert full.upper_ns is not None
    assert found.lower_ns <= full.lower_ns
    assert found.upper_ns >= full.upper_ns
    assert judge_loss(book, found, None, 0.0).verdict == "fail"
    assert judge_loss(book, found, None, 3.0).verdict == "fail"
    assert judge_loss(book, found, None, 9.0).verdict == "pass"


def test_keys_that_are_read_one_and_all_are_no_part_of_the_sample() -> None:
    (found,) = measured(sampled(WRITES, set(), whole_s=20.0)).coverage
    early = {w.key for w in WRITES if w.sent_ns < FAILOVER - 20 * NS}
    assert (found.keys, found.population, found.sample) == (400, 300, len(early & READ))
    assert found.read == 100 + len(early & READ)


def test_writes_that_were_left_out_near_the_oldest_lost_one_may_be_lost_too() -> None:
    drill = sampled(WRITES, {f"k-{i}" for i in range(200, 300, 3)})
    found = measured(drill)
    (proof,) = found.proof
    kept = [f.write for f in ledger(drill).fates if f.kept]
    # Where two of three are kept, one kept write alone does not show that the loss had not begun yet.
    stepped_over = [o for o in kept if proof.sent_ns < o.sent_ns < found.lost[0].sent_ns]
    left_out = [w for w in WRITES if w.key not in READ and proof.sent_ns < w.sent_ns < stepped_over[-1].sent_ns]
    assert len(stepped_over) >= 2
    assert left_out
