"""One drill whose truth is known, read from files as the soak reads it; then each thing in it made wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import compare as module
from bench.compare import NotComparable, asked_of, compare
from bench.synthetic import MS, NS, write_drill
from bench.truth import Measured
from fixtures.journal_records import JournalHeader
from probes.history import Kind, Operation
from probes.load import load_history
from reports import folder as evidence
from reports.bounds import Edge

ZONE = "a"
# `write_drill` of this size lasts so long; its outage is from 26% to 40% of it.
SIZE = 1770
END = SIZE * NS // 177
BOOT = "bench"


def log(at_ns: int, event: str, subject: str, detail: str = "") -> dict[str, Any]:
    return {"mono_ns": at_ns, "utc_ns": at_ns, "event": event, "subject": subject, "detail": detail}


def true_log() -> list[dict[str, Any]]:
    impact, stable = round(0.26 * END), round(0.4 * END)
    return [
        log(impact - MS, "instance loses power", "i-1", ZONE),
        log(impact - MS, "database writer lost", "db-1", "failover"),
        log(impact, "instance lost power", "i-1", ZONE),
        log(impact, "database server killed", "orders"),
        log(impact + 300 * MS, "group terminates", "i-1", "unhealthy"),
        log(stable - 100 * MS, "database writer serves", "db-2", "b"),
    ]


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a soak's drill."""
    monkeypatch.setattr(module, "boot_id", lambda: BOOT)
    folder = tmp_path / "runs" / "run" / "drill"
    folder.mkdir(parents=True)
    write_drill(folder, SIZE)
    evidence.write_verdict(folder, evidence.judge(folder))
    header = JournalHeader(run="run", drill="drill", workload="orders", environment="lab", lab="ab12")
    (folder / "journal.jsonl").write_bytes(msgspec.json.encode(header) + b"\n")
    (folder.parent / "run.json").write_text(json.dumps({"lab": {"db_dns_ttl_s": 1.0}}))
    (tmp_path / "truth").mkdir()
    keep(tmp_path, true_log())
    return tmp_path


def keep(drill: Path, entries: list[dict[str, Any]]) -> None:
    (drill / "truth" / "ab12.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def rewrite(drill: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = drill / "runs/run/drill/verdict.json"
    verdict = json.loads(path.read_text())
    change(verdict)
    path.write_text(json.dumps(verdict))


def compared(drill: Path, zone: str = ZONE) -> module.Compared:
    return compare(drill / "runs" / "run" / "drill", drill / "truth", zone)


def test_a_true_drill_agrees(drill: Path) -> None:
    found = compared(drill)
    assert found.disagreements == ()
    assert 0 < found.width_s <= found.allowed_s < 0.2
    assert found.confidence == 1.0


def test_a_recovery_time_that_is_too_short_is_caught(drill: Path) -> None:
    entries = [e | {"mono_ns": e["mono_ns"] + 2 * NS} if "serves" in e["event"] else e for e in true_log()]
    keep(drill, entries)
    assert [said.split(" ")[0] for said in compared(drill).disagreements] == ["recovery", "recovery"]


def test_an_impact_before_anything_broke_is_caught(drill: Path) -> None:
    keep(drill, [e | {"mono_ns": e["mono_ns"] + 200 * MS} if "serves" not in e["event"] else e for e in true_log()])
    (said,) = compared(drill).disagreements
    assert said.startswith("impact ")


def test_an_interval_that_is_too_wide_is_caught(drill: Path) -> None:
    def widen(verdict: dict[str, Any]) -> None:
        verdict["recovery_time"]["upper_s"] += 0.2

    rewrite(drill, widen)
    (said,) = compared(drill).disagreements
    assert "s wide" in said


def test_a_lab_that_broke_by_itself_is_caught(drill: Path) -> None:
    keep(drill, [*true_log(), log(NS, "process died", "i-2", "b")])
    assert compared(drill).disagreements == ("the lab: process died: i-2 b",)


def test_a_loss_is_caught(drill: Path) -> None:
    rewrite(drill, lambda verdict: verdict["data_loss"].update(lost=1))
    (said,) = compared(drill).disagreements
    assert said.startswith("1 writes lost")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truth/ab12.jsonl", "No such file"),
        ("runs/run/run.json", "No such file"),
        ("runs/run/drill/journal.jsonl", "No such file"),
        ("runs/run/drill/marks.jsonl", r"marks\.jsonl is missing"),
        ("runs/run/drill/verdict.json", "verdict"),
    ],
)
def test_what_is_missing_is_named(drill: Path, name: str, says: str) -> None:
    (drill / name).unlink()
    with pytest.raises(NotComparable, match=says):
        compared(drill)


def test_another_zone_is_no_truth(drill: Path) -> None:
    keep(drill, [entry for entry in true_log() if "database" not in entry["event"]])
    with pytest.raises(NotComparable, match="nothing in b lost its power"):
        compared(drill, zone="b")


def test_another_boot_is_another_clock(drill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "boot_id", lambda: "another")
    with pytest.raises(NotComparable, match="another boot"):
        compared(drill)


def test_how_it_was_asked_and_what_failed_is_read_from_the_history(drill: Path) -> None:
    history = load_history(drill / "runs/run/drill")
    fresh, _pooled, reads = history.streams("workload")[:3]

    def asked(stream: str, kind: Kind, sent_ms: int, took_ms: int, *, good: bool) -> Operation:
        return Operation(
            vantage="client", probe="orders", stream=stream, seq=sent_ms, kind=kind, due_ns=sent_ms * MS,
            sent_ns=sent_ms * MS, done_ns=(sent_ms + took_ms) * MS, outcome="ok" if good else "fail",
        )  # fmt: skip

    operations = (
        asked(fresh.name, "write", 1000, 5, good=True),
        asked(fresh.name, "write", 1050, 5, good=False),
        asked(fresh.name, "write", 1053, 5, good=True),  # the first bad one was not over
        asked(fresh.name, "write", 1100, 5, good=True),
        asked(fresh.name, "write", 1198, 5, good=True),  # not over when the last bad one was sent
        asked(fresh.name, "write", 1200, 5, good=False),
        asked(reads.name, "read", 1100, 5, good=True),
        asked(fresh.name, "write", 1270, 7, good=True),
        asked(fresh.name, "write", 3000, 5, good=True),
    )
    found = Measured(
        impact=Edge(1000 * MS, 1055 * MS), stable=Edge(1200 * MS, 1277 * MS), recovery=Edge(145 * MS, 277 * MS),
        episodes=1, lost=0, loss_lower_s=0.0, confidence=0.95,
    )  # fmt: skip
    said = asked_of(msgspec.structs.replace(history, operations=operations), found)
    assert said.met == ((1, 2),), "of the writes one between two bad ones; of the reads none was bad"
    assert (said.period_ns, said.gap_ns) == (50 * MS, 1730 * MS), "the pause begins within the recovery's edges"
    assert said.back_ns == 7 * MS, "of those that ended the outage"
    assert said.longest_ns == NS, "the timeout of those that had no success in the baseline"
