"""Whole drills, judged where the data came back and is not what was written."""

import pytest

from probes.history import History
from tests.reports.test_verdict import finding, judged
from tests.truth.simulated import NS, UNDO, Stored, audit_of, drill, kept, with_operations, writes_of


def spoilt(stored: Stored, name: str = "at failover", at_ns: int = 19 * NS) -> History:
    """A drill whose one audit finds a write as `stored`, and all others as they were sent."""
    history = drill(audits=())
    writes = writes_of(history)
    hit = next(w.key for w in writes if w.outcome == "ok")
    keys = [w.key for w in writes if w.sent_ns < 19 * NS]
    return with_operations(history, audit_of(keys, name, at_ns, kept(writes) | {hit: stored}))


@pytest.mark.parametrize(
    ("stored", "name"), [(Stored(checksum="x"), "checksum"), (Stored(effects=2), "more than once")]
)
def test_corrupt_and_duplicated_data_fail(stored: Stored, name: str) -> None:
    verdict = judged(spoilt(stored))
    assert verdict.verdict == "fail"
    assert name in finding(verdict, "integrity").says
    assert finding(verdict, "integrity").verdict == "fail"


@pytest.mark.parametrize(
    ("name", "at_ns", "recovery"), [("at failover", 19 * NS, "inconclusive"), ("after heal", UNDO + 2 * NS, "pass")]
)
def test_service_that_is_good_beside_spoilt_data_is_no_recovery(name: str, at_ns: int, recovery: str) -> None:
    history = spoilt(Stored(checksum="x"), name, at_ns)
    verdict = judged(history)
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("fail", recovery)
    assert ("recovered data" in {f.check for f in verdict.findings}) == (recovery == "inconclusive")
    missed = judged(history, rto_s=2.0)
    assert missed.recovery_time.verdict == "fail"
