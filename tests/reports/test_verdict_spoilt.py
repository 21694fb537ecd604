"""Whole drills, judged where the data came back and is not what was written."""

import pytest

from tests.reports.test_verdict import finding, judged
from tests.truth.simulated import NS, UNDO, Stored, audit_of, drill, kept, with_operations, writes_of


@pytest.mark.parametrize(
    ("stored", "name"), [(Stored(checksum="x"), "checksum"), (Stored(effects=2), "more than once")]
)
def test_corrupt_and_duplicated_data_fail(stored: Stored, name: str) -> None:
    history = drill(audits=())
    writes = writes_of(history)
    hit = next(w.key for w in writes if w.outcome == "ok")
    keys = [w.key for w in writes if w.sent_ns < 19 * NS]
    audit = audit_of(keys, "at failover", 19 * NS, kept(writes) | {hit: stored})
    verdict = judged(with_operations(history, audit))
    assert verdict.verdict == "fail"
    assert name in finding(verdict, "integrity").says
    assert finding(verdict, "integrity").verdict == "fail"


@pytest.mark.parametrize(
    ("name", "at_ns", "recovery"), [("at failover", 19 * NS, "inconclusive"), ("after heal", UNDO + 2 * NS, "pass")]
)
def test_service_that_is_good_beside_spoilt_data_is_no_recovery(name: str, at_ns: int, recovery: str) -> None:
    history = drill(audits=())
    writes = writes_of(history)
    hit = next(w.key for w in writes if w.outcome == "ok")
    keys = [w.key for w in writes if w.sent_ns < 19 * NS]
    audit = audit_of(keys, name, at_ns, kept(writes) | {hit: Stored(checksum="x")})
    verdict = judged(with_operations(history, audit))
    assert (verdict.verdict, verdict.recovery_time.verdict) == ("fail", recovery)
    assert ("recovered data" in {f.check for f in verdict.findings}) == (recovery == "inconclusive")
    missed = judged(with_operations(history, audit), rto_s=2.0)
    assert missed.recovery_time.verdict == "fail"
