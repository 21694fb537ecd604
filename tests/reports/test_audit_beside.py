"""What the record says beside the drill's own numbers: it is taken from where it lies, or it is missing."""

import statistics
from pathlib import Path

import msgspec
import pytest

from bench.freeze import DATA, thaw
from reports.audit_fields import filled
from reports.baseline_figures import baseline_figures
from reports.facts import Facts, drill_facts, run_facts
from reports.folder import judge
from reports.model import CallRow, Finding, MarkRow, StepRow, Verdict
from reports.record import read_record
from tests.reports.synthetic import make
from tests.reports.test_audit import changed, facts_of, values

READY = (
    Finding(check="ready: copies (recovery)", verdict="pass", says="There is one."),
    Finding(check="ready: quotas (recovery)", verdict="inconclusive", says="Could not be told: refused"),
    Finding(check="ready: images (recovery)", verdict="not judged", says="No image is used."),
)


def readiness(facts: Facts, *, workload: str = "orders") -> None:
    """A drill of the same run that looked whether all is ready."""
    folder = facts.record.folder.parent / f"readiness-{workload}"
    folder.mkdir()
    verdict = msgspec.structs.replace(make("pass", 400).verdict, workload=workload, findings=list(READY))
    (folder / "verdict.json").write_bytes(msgspec.json.encode(verdict))


def sign(source: str, says: str) -> MarkRow:
    return MarkRow(name="sign", at_s=1.0, utc="2025-03-01T12:00:01.000Z", source=source, uncertainty_s=1.0, says=says)


def verdict_of(facts: Facts) -> Verdict:
    assert facts.record.verdict is not None
    return facts.record.verdict


def test_readiness_is_what_a_drill_of_the_same_run_found_of_the_same_workload(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    assert values(facts)["preconditions: readiness checks"] is None
    assert values(facts)["capacity: quota headroom"] is None
    readiness(facts, workload="ledger")
    assert values(facts)["preconditions: readiness checks"] is None
    readiness(facts)
    assert values(facts)["preconditions: readiness checks"] == "1 of 2 hold; quotas (recovery): inconclusive"
    assert values(facts)["capacity: quota headroom"] == "inconclusive: Could not be told: refused"


def test_a_readiness_drill_that_cannot_be_read_is_not_counted(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    readiness(facts)
    (facts.record.folder.parent / "readiness-orders" / "verdict.json").write_text("{", encoding="utf-8")
    assert values(facts)["preconditions: readiness checks"] is None


def test_the_figures_of_capacity_are_told_without_an_objective_for_it(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    name = "capacity: rate at recovery beside the baseline"
    assert values(facts)[name] is None
    told = Finding(check="capacity", verdict="not judged", says="Recovered at reduced capacity.")
    assert values(changed(facts, findings=[told]))[name] == "not judged: Recovered at reduced capacity."


def test_alarms_are_named_once_each_and_none_is_said_only_where_aws_was_asked(tmp_path: Path) -> None:
    facts, name = facts_of(tmp_path), "communication: alarms that went off"
    assert values(facts)[name] is None
    asked = [sign("RDS event, eu-west-1", "Started failover")]
    assert values(changed(facts, marks=asked))[name] == "none"
    alarm = sign("CloudWatch alarm, eu-west-1", "unhealthy is ALARM: 2 of 2 datapoints")
    back = sign("CloudWatch alarm, eu-west-1", "unhealthy is OK: 2 of 2 datapoints")
    told = values(changed(facts, marks=[*asked, alarm, alarm, back]))[name]
    assert told == "unhealthy (eu-west-1), 2025-03-01T12:00:01.000Z"


def test_whether_it_counts_for_the_period_is_a_field(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    assert (values(facts)["verdict: counts for the period"] or "").startswith("No: it took place in the lab")
    on_aws = changed(facts, environment="aws")
    assert values(on_aws)["verdict: counts for the period"] == "Yes, as a test that was carried out and decided."


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"payload":"","signatures":[{"keyid":"SHA256:ab","sig":""}]}', "attestation.json, key SHA256:ab"),
        (b'{"signatures":[]}', "attestation.json, key not named"),
        (b"{", "attestation.json, which cannot be read"),
    ],
)
def test_the_key_that_signed_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    facts = facts_of(tmp_path)
    run = facts.record.folder.parent
    (run / "attestation.json").write_bytes(content)
    signed = drill_facts(run_facts(run), read_record(facts.record.folder))
    assert values(signed)["integrity: signature and key id"] == says


def test_whose_clock_vouches_is_named(tmp_path: Path) -> None:
    facts, name = facts_of(tmp_path), "integrity: timestamp of another's"
    assert values(facts)[name] is None
    folder = facts.record.folder.parent / "timestamp"
    folder.mkdir()
    (folder / "manifest.tsr").write_bytes(b"reply")
    assert values(facts)[name] == "timestamp/manifest.tsr; who was asked cannot be read"
    (folder / "asked.json").write_text('{"url":"https://tsa.example/","sha256":"","nonce":"1"}', encoding="utf-8")
    assert values(facts)[name] == "timestamp/manifest.tsr, of https://tsa.example/"


def test_a_step_tells_where_it_went_and_over_which_plane(tmp_path: Path) -> None:
    calls = [
        CallRow(service="rds", operation="X", region="eu-central-1", plane=plane, answer="", at_s=1.0)
        for plane in ("control", "data", "control")
    ]
    step = StepRow(
        plan="recovery", name="promote", kind="promote", says="", region="eu-central-1", began_s=1.0, ended_s=3.5,
        outcome="done", calls=calls,
    )  # fmt: skip
    told = values(changed(facts_of(tmp_path), steps=[step]))["steps: planned and actual steps"]
    assert told == "recovery promote: done in 2.5 s (eu-central-1; control, data plane)"


def test_accepted_risks_are_asked_for_where_there_is_a_finding(tmp_path: Path) -> None:
    (clean, missed) = (tmp_path / "clean", tmp_path / "missed")
    for folder in (clean, missed):
        folder.mkdir()
    assert values(facts_of(clean))["findings: risks accepted, and until when"] == "none needed: there is no finding"
    assert values(facts_of(missed, "fail"))["findings: risks accepted, and until when"] is None
    assert len(filled(facts_of_again(missed))) == len(filled(facts_of_again(clean)))


def facts_of_again(out: Path) -> Facts:
    (folder,) = (out / "run-1").glob("drill-*")
    return drill_facts(run_facts(out / "run-1"), read_record(folder))


def test_the_baseline_says_how_it_was_asked_and_answered() -> None:
    history = make("pass", 2000).history
    requested = next(mark.at_ns for mark in history.marks if mark.name == "requested")
    names = ("write fresh", "read fresh")
    # Each was over, with its whole timeout of 2 s or its answer, before the fault was asked for.
    before = [o for o in history.operations if o.stream in names and (o.done_ns or 0) < requested and o.good]
    took_ms = [(o.done_ns - o.sent_ns) / 1e6 for o in before]
    told = baseline_figures(history)
    assert told.startswith("Asked for 14.5 s, 26.7 times a second; the good answers took p50 ")
    assert told.endswith(
        f"p50 {statistics.median_low(took_ms):.0f} ms, p99 {sorted(took_ms)[int(len(took_ms) * 0.99)]:.0f} ms."
    )


def test_a_verdict_tells_the_baseline_in_figures(tmp_path: Path) -> None:
    verdict = judge(thaw(DATA / "recovered-zone-a", tmp_path))
    (found,) = (one for one in verdict.findings if one.check == "baseline good")
    assert "Asked for 5." in found.says
    assert "the good answers took p50 " in found.says
