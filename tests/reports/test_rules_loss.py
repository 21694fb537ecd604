"""Rules of the interval of the loss, of its verdict and of the gates on its evidence, one test each."""

import msgspec
import pytest

from probes.history import Operation
from probes.ledger import in_sample
from reports.bounds import Edge
from reports.gates import Gate
from reports.group import Group
from reports.ledger import Ledger, ledger
from reports.loss import judge_loss, loss, near_impact
from reports.loss_gates import loss_gates
from reports.model import DataLoss
from reports.phases import Phases
from reports.plain import StreamEpisode
from reports.recovery import Recovery
from reports.series import series_of
from tests.reports.test_loss import FAILOVER, HEAL, NOTHING, THERE, history, two_audits, write
from tests.reports.test_rules_ledger import SHARE, sampled
from tests.truth.simulated import NS, Stored, audit_of


def s(*moments: float) -> tuple[int, ...]:
    """Seconds as ns."""
    return tuple(round(m * NS) for m in moments)


def hit(lower_s: float, upper_s: float) -> Recovery:
    """An impact that clients saw, known to lie between these, s."""
    (series,) = series_of(history([write(1)]), "workload")
    episode = StreamEpisode(
        series=series, impact=Edge(*s(lower_s, upper_s)), stable_lower_ns=30 * NS, stable_upper_ns=31 * NS,
        certain=True, bad=(), sends=1, good_inside=0, flaps=0, bad_spans=(),
    )  # fmt: skip
    return Recovery(Phases(0, 5 * NS, None), (Group((episode,), 31 * NS),), 0, 0)


def writes_at(*sent_s: float) -> list[Operation]:
    """A write under a key of its own at each of these, s; each takes 0.1 s."""
    return [write(at, key=f"k-{at:g}") for at in sent_s]


def read_back(writes: list[Operation], *absent: tuple[float, ...]) -> Ledger:
    """Audits (at the failover, then after healing) of all writes; each misses those that were sent at `absent`, s."""
    keys = list(dict.fromkeys(w.key for w in writes))
    audits = [
        audit_of(keys, name, began, {k: THERE for k in keys if k not in {f"k-{at:g}" for at in gone}})
        for name, began, gone in zip(("at failover", "after heal"), (FAILOVER, HEAL), absent, strict=False)
    ]
    return ledger(history(writes, *audits))


def told(found: Ledger, rpo_s: float | None, recovered: Recovery = NOTHING) -> DataLoss:
    return judge_loss(found, loss(found, recovered), recovered.impact, rpo_s)


def test_the_verdict_rests_on_an_impact_that_errs_in_one_drill_of_a_million() -> None:
    """The interval shown errs in 5% of drills; both pass and fail ask for more."""
    found, shown, sure = read_back(writes_at(1, 2, 9, 12), ()), hit(10, 11), hit(5, 14)
    recovered = msgspec.structs.replace(shown, cautious=sure)
    measured = loss(found, recovered)
    for rpo_s, alone, verdict in ((3.0, "pass", "inconclusive"), (13.0, "pass", "pass")):
        assert told(found, rpo_s, shown).verdict == alone
        judged = judge_loss(found, measured, shown.impact, rpo_s)
        assert (judged.verdict, judged.confidence, judged.upper_s) == (verdict, 0.95, 2.0)
        assert ("million drills it is" in judged.says) == (verdict != alone)
    same = told(found, 3.0, msgspec.structs.replace(shown, cautious=shown))
    assert (same.verdict, same.confidence) == ("pass", 1.0)
    lost = read_back(writes_at(1, 2, 4, 4.5), (2, 4, 4.5))
    assert told(lost, 7.0, shown).verdict == "fail"
    assert told(lost, 7.0, recovered).verdict == "inconclusive"


def test_what_no_audit_was_told_is_not_counted() -> None:
    """Content is compared only by a checksum, and double effects are seen only where the store counts them."""
    whole = read_back(writes_at(1, 2), ())
    assert (told(whole, 5.0).corrupt, told(whole, 5.0).duplicated) == (0, 0)
    audit = whole.audits.at_failover
    assert audit is not None
    for field, counts in (("observed_checksum", (None, 0)), ("effects", (0, None))):
        bare = {key: msgspec.structs.replace(answer, **{field: None}) for key, answer in audit.answers.items()}
        blind = msgspec.structs.replace(whole.audits, at_failover=msgspec.structs.replace(audit, answers=bare))
        judged = told(msgspec.structs.replace(whole, audits=blind), 5.0)
        assert (judged.corrupt, judged.duplicated) == counts


def gate(check: str, found: Ledger, rpo_s: float | None, recovered: Recovery = NOTHING) -> Gate:
    gates = loss_gates(found, loss(found, recovered), recovered.phases, recovered.impact, rpo_s)
    (one,) = (g for g in gates if g.finding.check == check)
    return one


# --- the interval ---


def test_the_loss_runs_to_the_impact_that_came_after_the_newest_lost_write() -> None:
    measured = loss(read_back(writes_at(1, 2, 3), (2, 3)), hit(10, 11))
    # The recovery point lies in [1.0, 2.1], the impact in [10, 11]: each edge counts where it makes the interval wider.
    assert (measured.lower_ns, measured.upper_ns) == s(10 - 2.1, 11 - 1)


def test_an_impact_before_the_newest_lost_write_does_not_shorten_the_loss() -> None:
    measured = loss(read_back(writes_at(1, 2, 20), (2, 20)), hit(10, 11))
    assert (measured.lower_ns, measured.upper_ns) == s(20 - 2.1, 20.1 - 1)


def test_a_loss_that_may_be_shorter_than_a_write_takes_is_not_below_nothing() -> None:
    measured = loss(read_back(writes_at(1, 2), (2,)), NOTHING)
    assert (measured.lower_ns, measured.upper_ns) == s(0, 1.1)


def test_of_two_audits_with_a_recovery_point_each_the_earlier_counts() -> None:
    measured = loss(read_back(writes_at(1, 2, 3, 4, 5), (5,), (3, 5)), NOTHING)
    assert measured.upper_ns == s(5.1 - 2)[0]
    assert [o.key for o in measured.proof] == ["k-2"]


@pytest.mark.parametrize("absent", [((5,), (1, 5)), ((1, 5), (5,))])
def test_an_audit_that_holds_nothing_older_than_what_it_misses_leaves_no_upper_bound(
    absent: tuple[tuple[float, ...], ...],
) -> None:
    found = read_back(writes_at(1, 2, 3, 5), *absent)
    measured = loss(found, NOTHING)
    assert (measured.upper_ns, measured.proof) == (None, ())


def test_lost_writes_are_split_at_the_late_edge_of_the_impact() -> None:
    measured = loss(read_back(writes_at(1, 2, 10.5, 10.95, 12), (2, 10.5, 10.95, 12)), hit(10, 11))
    assert (measured.before_impact, measured.after_impact) == (2, 2)


def test_a_write_in_doubt_that_is_there_is_no_proof_of_the_recovery_point() -> None:
    kept, in_doubt, gone = write(1, key="k-1"), write(2, key="k-2", outcome="in-doubt"), write(3, key="k-3")
    measured = loss(read_back([kept, in_doubt, gone], (3,)), NOTHING)
    assert measured.proof == (kept,)
    assert measured.upper_ns == s(3.1 - 1)[0]


def test_where_nothing_was_lost_only_a_write_that_was_over_before_the_impact_bounds_it() -> None:
    measured = loss(read_back(writes_at(8, 9, 9.95, 12), ()), hit(10, 11))
    assert measured.upper_ns == s(11 - 9)[0]
    assert [o.key for o in measured.proof] == ["k-9"]


def test_where_nothing_was_lost_and_no_impact_seen_the_longest_time_without_a_write_bounds_it() -> None:
    measured = loss(read_back(writes_at(1, 2, 5, 6), ()), NOTHING)
    assert measured.upper_ns == s(5.1 - 2)[0]


# --- the objective ---


@pytest.mark.parametrize(("rpo_s", "verdict"), [(2.5, "fail"), (3.5, "inconclusive"), (5.0, "pass")])
def test_a_loss_that_may_exceed_the_rpo_is_neither_a_pass_nor_a_fail(rpo_s: float, verdict: str) -> None:
    found = told(read_back(writes_at(1, 2, 5), (2, 5)), rpo_s)
    assert (found.lower_s, found.upper_s) == (2.9, 4.1)
    assert found.verdict == verdict


@pytest.mark.parametrize(("rpo_s", "verdict"), [(0.5, "fail"), (1000.0, "inconclusive")])
def test_a_loss_without_an_upper_bound_passes_no_rpo(rpo_s: float, verdict: str) -> None:
    found = told(read_back(writes_at(1, 2), (1, 2)), rpo_s)
    assert (found.upper_s, found.verdict) == (None, verdict)


def test_without_an_audit_every_write_is_unread_and_nothing_passes() -> None:
    found = read_back(writes_at(1, 2, 3))
    for rpo_s in (0.0, 1000.0):
        judged = told(found, rpo_s, hit(10, 11))
        assert (judged.unread, judged.lower_s, judged.upper_s, judged.verdict) == (3, None, None, "inconclusive")


# --- whether the audits are complete ---


def test_a_drill_without_an_audit_says_so() -> None:
    complete = gate("audits complete", read_back(writes_at(1, 2)), 0.0)
    assert (complete.finding.verdict, complete.finding.says) == ("inconclusive", "No audit read the data back.")
    assert complete.finding.taints == ("data loss",)


def test_an_audit_without_an_answer_for_a_write_is_incomplete_and_taints_the_data_loss_alone() -> None:
    writes = writes_at(1, 2)
    drill = history(writes, audit_of(["k-1", "k-2"], "at failover", FAILOVER, {"k-1": THERE}, unread=["k-2"]))
    complete = gate("audits complete", ledger(drill), 5.0)
    assert complete.finding.verdict == "inconclusive"
    assert complete.finding.operations == ("v1/w/20",)
    assert complete.applied("data loss", "pass") == "inconclusive"
    assert complete.applied("recovery time", "pass") == "pass"


def test_an_audit_of_everything_that_was_answered_is_complete() -> None:
    assert gate("audits complete", read_back(writes_at(1, 2), ()), 5.0).finding.verdict == "pass"


def half_read(*absent: str) -> Ledger:
    """Ten keys, of which the audit was to read half and did."""
    writes = writes_at(*range(1, 11))
    keys = [w.key for w in writes if in_sample(w.key, SHARE)]
    audit = audit_of(keys, "at failover", FAILOVER, {k: THERE for k in keys if k not in absent})
    return ledger(sampled(history(writes, audit), 0.0))


@pytest.mark.parametrize(("rpo_s", "verdict"), [(0.0, "inconclusive"), (5.0, "pass"), (None, "pass")])
def test_only_reading_all_shows_an_rpo_of_zero(rpo_s: float | None, verdict: str) -> None:
    found = gate("audit coverage", half_read(), rpo_s)
    assert found.finding.verdict == verdict
    assert found.applied("data loss", "pass") == verdict
    assert found.applied("data loss", "fail") == "fail"


def test_a_key_of_the_sample_with_a_loss_is_counted() -> None:
    for absent in ((), ("k-1",), ("k-1", "k-4")):
        (covered,) = loss(half_read(*absent), NOTHING).coverage
        assert covered.missing == len(absent)


# --- whether a loss would have shown ---


def test_only_writes_acknowledged_in_the_second_before_the_impact_are_near_it() -> None:
    found = read_back(writes_at(3, 8.85, 8.95, 9.5, 10.5, 12), (9.5, 10.5, 12))
    _, fresh = near_impact(found, Edge(*s(10, 11)))
    assert [o.key for o in fresh] == ["k-8.95", "k-9.5", "k-10.5"]


@pytest.mark.parametrize(("newest_s", "verdict"), [(8.5, "inconclusive"), (9.5, "pass")])
def test_without_a_write_just_before_the_impact_a_loss_would_not_have_shown(newest_s: float, verdict: str) -> None:
    near = gate("writes near the impact", read_back(writes_at(3, newest_s, 12), ()), 5.0, hit(10, 11))
    assert near.finding.verdict == verdict
    assert near.applied("data loss", "pass") == verdict
    assert near.applied("data loss", "fail") == "fail"


def every(from_s: float, to_s: float) -> list[float]:
    """Twice a second."""
    return [from_s + i / 2 for i in range(round((to_s - from_s) * 2))]


@pytest.mark.parametrize(("until_s", "verdict"), [(30.0, "pass"), (28.0, "inconclusive")])
def test_the_time_from_the_last_write_to_the_impact_is_a_gap(until_s: float, verdict: str) -> None:
    """With an RPO of 10 s there must be a write every second."""
    gap = gate("write gap", read_back(writes_at(*every(0, until_s)), ()), 10.0, hit(30, 30))
    assert gap.finding.verdict == verdict


def test_a_gap_that_came_long_before_the_impact_is_none() -> None:
    """With an RPO of 5 s the last 10 s count."""
    late, early = (writes_at(0, *every(begin, 30)) for begin in (18, 22))
    assert gate("write gap", read_back(late, ()), 5.0, hit(30, 30)).finding.verdict == "pass"
    early.insert(1, write(20.5, key="k-20.5"))
    assert gate("write gap", read_back(early, ()), 5.0, hit(30, 30)).finding.verdict == "inconclusive"


def test_writes_that_were_overwritten_fill_no_gap() -> None:
    updates = [write(at, key="k-0", kind="update", version=i + 2) for i, at in enumerate([28, 28.5, 29, 29.5, 40])]
    writes = [*writes_at(*every(0, 28)), *updates]
    stored = {w.key: THERE for w in writes} | {"k-0": Stored(version=6)}
    found = ledger(history(writes, audit_of(list(stored), "at failover", FAILOVER, stored)))
    gap = gate("write gap", found, 10.0, hit(30, 30))
    assert gap.finding.verdict == "inconclusive"
    assert gap.finding.says.startswith("Before the impact up to 2.500 s passed without a write")


def test_a_write_gap_hides_no_proven_loss_and_taints_no_recovery_time() -> None:
    gap = gate("write gap", read_back(writes_at(*every(0, 28)), ()), 10.0, hit(30, 30))
    assert gap.applied("data loss", "pass") == "inconclusive"
    assert gap.applied("data loss", "fail") == "fail"
    assert gap.applied("recovery time", "pass") == "pass"


# --- what is told and judges nothing ---


def test_an_anomaly_is_told_and_judges_nothing() -> None:
    phantom = ledger(two_audits([write(1, outcome="fail")], THERE, THERE))
    back = ledger(two_audits([write(1), write(2, kind="delete")], THERE, THERE))
    for found, name in ((phantom, "phantom"), (back, "resurrected")):
        finding = gate(f"anomaly: {name}", found, 5.0).finding
        assert (finding.verdict, finding.taints) == ("not judged", ())
        assert len(finding.operations) == 1


def test_keys_that_nobody_sent_are_told_and_named() -> None:
    audit = audit_of(["k-1", "k-9"], "at failover", FAILOVER, {"k-1": THERE, "k-9": THERE})
    finding = gate("anomaly: unexpected", ledger(history([write(1)], audit)), 0.0).finding
    assert (finding.verdict, finding.taints) == ("not judged", ())
    assert finding.operations == ("v1/audit at failover/1",)


def test_what_was_sent_is_not_unexpected() -> None:
    found = read_back(writes_at(1), ())
    checks = {g.finding.check for g in loss_gates(found, loss(found, NOTHING), NOTHING.phases, None, 0.0)}
    assert "anomaly: unexpected" not in checks
