"""Rules of the verdict, one test each: what outranks what, and what an objective hands on to the judging."""

import msgspec
import pytest

from probes.history import History
from reports.gates import Gate, Objective, broken
from reports.verdict import judge
from tests.reports.test_verdict import CLEAN, finding, judged
from tests.truth.simulated import MS, declared_of, drill


def gated(monkeypatch: pytest.MonkeyPatch, *taints: Objective) -> None:
    """One more gate, which is invalid and taints what is named only; today's taint both objectives."""
    gate = broken("one more", "It does not hold.", verdict="invalid", taints=taints)

    def gates(_: History) -> list[Gate]:
        return [gate]

    monkeypatch.setattr("reports.verdict.read_gates", gates)


def test_an_objective_that_there_is_not_is_not_judged_whatever_the_gates_say() -> None:
    history = drill()
    torn = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(history.vantages[0], torn=1),))
    verdict = judged(torn, rpo_s=None)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("inconclusive", "not judged")
    verdict = judged(torn, rto_s=None)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("not judged", "inconclusive")


def test_a_gate_that_is_invalid_makes_the_drill_so_though_no_objective_rests_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gated(monkeypatch, "data loss")
    verdict = judged(drill(), rpo_s=None)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("pass", "not judged")
    assert verdict.verdict == "invalid"
    assert judged(drill(), rto_s=2.0, rpo_s=None).verdict == "fail", "a proven miss stands above it"


def test_invalid_outranks_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    gated(monkeypatch, "data loss")
    verdict = judged(drill(), rto_s=4.02)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("inconclusive", "invalid")
    assert verdict.verdict == "invalid"


def test_a_drill_of_which_nothing_is_judged_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_gates(*_: object, **_named: object) -> list[Gate]:
        return []

    # Without the gate that would say so first.
    monkeypatch.setattr("reports.verdict.declared_gates", no_gates)
    verdict = judged(drill(), rto_s=None, rpo_s=None)
    assert (verdict.recovery_time.verdict, verdict.data_loss.verdict) == ("not judged", "not judged")
    assert "invalid" not in {f.verdict for f in verdict.findings}
    assert verdict.verdict == "invalid"


@pytest.mark.parametrize(("tolerance", "found"), [(0.0, "invalid"), (0.4, "pass")])
def test_the_objectives_tolerance_counts_in_the_baseline(tolerance: float, found: str) -> None:
    verdict = judge(drill(background=0.15), declared_of(tolerance=tolerance), CLEAN, "1")
    assert finding(verdict, "baseline good").verdict == found


@pytest.mark.parametrize(("p99_s", "found"), [(0.005, "invalid"), (0.02, "pass")])
def test_the_objectives_p99_limit_counts_in_the_baseline(p99_s: float, found: str) -> None:
    verdict = judge(drill(), declared_of(p99_s=p99_s), CLEAN, "1")
    assert finding(verdict, "baseline good").verdict == found


def test_what_the_reads_say_is_told() -> None:
    history = drill()
    write = next(o for o in history.operations if o.kind == "write" and o.good)
    read = next(o for o in history.operations if o.kind == "read" and o.good and o.sent_ns > write.done_ns + 100 * MS)
    for observed, found in ((write.version, "pass"), (None, "not judged")):
        said = msgspec.structs.replace(
            read, key=write.key, observed_version=observed, outcome="ok" if observed else "fail",
            error="" if observed else "an acknowledged key is not there",
        )  # fmt: skip
        operations = tuple(said if o is read else o for o in history.operations)
        verdict = judged(msgspec.structs.replace(history, operations=operations))
        told = finding(verdict, "read your writes")
        assert told.verdict == found
        assert (f"{read.vantage}/{read.stream}/{read.seq}" in told.operations) == (observed is None)


def test_what_a_drill_and_its_fault_do_not_show_is_told() -> None:
    declared = declared_of()
    assert declared.fault is not None
    fault = msgspec.structs.replace(declared.fault, does_not_show=("The real zone.",))
    said = msgspec.structs.replace(declared, does_not_show=("The real load.",), fault=fault)
    assert judge(drill(), said, CLEAN, "1").does_not_show == ["The real load.", "The real zone."]
