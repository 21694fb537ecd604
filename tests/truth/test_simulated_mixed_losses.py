"""Writes, updates and deletes mixed, over all ways to lose them: what is judged agrees with what is true."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.ledger import ledger, loss_rows
from reports.loss import loss
from reports.recovery import Recovery, recovery
from reports.steady import baseline
from tests.truth.losses_truth import class_of, judged, lost_changes, true_loss
from tests.truth.simulated import declared_of
from tests.truth.stores import MIXES, MS, Plan, World, world


def test_no_case_contradicts_its_truth() -> None:
    found = [judged(seed) for seed in range(250)]
    assert [(one.seed, one.problems) for one in found if one.problems] == []
    # A miss of what is said with 95% is allowed in 5%; three times that would be no chance any more.
    said = sum(one.said for one in found)
    assert sum(len(one.sampled_misses) for one in found) <= 0.15 * said
    assert said >= 40


def test_the_cases_are_worth_it() -> None:
    """Every mix, every verdict and losses of every kind are among them: a check that never bites is none."""
    found = [judged(seed) for seed in range(120)]
    assert {one.mix for one in found} == set(MIXES)
    assert {one.verdict for one in found} == {"pass", "fail", "inconclusive"}
    classes = set()
    for seed in range(40):
        case = _world(seed, damage=0.05, unread=0.02, there=0.4, late=0.4)
        classes |= {class_of(case, change) for change in case.changes}
    assert classes == {
        None, "lost", "late", "rolled back", "corrupt", "duplicated", "in-doubt recovered", "in-doubt vanished",
        "phantom", "resurrected", "unread",
    }  # fmt: skip


def _world(seed: int, damage: float = 0.0, unread: float = 0.0, there: float = 0.0, late: float = 0.0) -> World:
    random = Random(seed)
    plan = Plan(
        mix=MIXES[seed % len(MIXES)], mode=random.choice(["refuse", "swallow"]), impact=800 * MS, back=1000 * MS,
        point=700 * MS, period=25 * MS, kinds=("write", "update", "delete"), damage=damage, unread=unread,
        there=there, late=late,
    )  # fmt: skip
    return world(plan, random)


@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    mix=st.sampled_from(MIXES),
    impact=st.integers(700, 900),
    lag=st.integers(1, 300),
    outage=st.integers(80, 350),
    late=st.sampled_from([0.0, 0.5, 1.0]),
    there=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_interval_of_any_full_audit_holds_the_true_loss(  # noqa: PLR0917  given by name
    seed: int, mix: str, impact: int, lag: int, outage: int, late: float, there: float
) -> None:
    random = Random(seed)
    plan = Plan(
        mix=mix, mode=random.choice(["refuse", "swallow"]), impact=impact * MS, back=(impact + outage) * MS,  # type: ignore[arg-type]  # a literal
        point=(impact - lag) * MS, period=25 * MS, kinds=("write", "update", "delete"), late=late, there=there,
    )  # fmt: skip
    case = world(plan, random)
    measured = loss(ledger(case.history), _recovered(case))
    truth = true_loss(case, lost_changes(case, vanished=False))
    assert measured.lower_ns <= truth
    assert measured.upper_ns is None or truth <= measured.upper_ns


def _recovered(case: World) -> Recovery:
    declared = declared_of(hold_s=0.2)
    return recovery(case.history, declared, baseline(case.history))


def test_every_row_of_the_file_belongs_to_a_change_that_is_not_simply_there() -> None:
    case = _world(1, late=0.5)
    rows = loss_rows(ledger(case.history), case.history)
    expected = {(c.operation.key, c.operation.seq): class_of(case, c) for c in case.changes if class_of(case, c)}
    assert {(r.key, r.seq): r.loss_class for r in rows} == expected
    assert {r.loss_class for r in rows} >= {"lost", "late"}


def test_a_truth_that_is_moved_is_noticed() -> None:
    """The checks above do check: had the failover's data held one of the lost changes, its class would be another."""
    case = _world(1)
    change = next(c for c in case.changes if class_of(case, c) == "lost")
    answers = [audit[change.operation.key] for audit in case.audits]
    for answer in answers:
        assert answer is not None
        answer.shows = change
    (fate,) = [f for f in ledger(case.history).fates if f.write is change.operation]
    assert (fate.loss_class, class_of(case, change)) == ("lost", None)
