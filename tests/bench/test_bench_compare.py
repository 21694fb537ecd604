"""One drill whose truth is known, read from files as the soak reads it; then each thing in it made wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import compare as module
from bench.compare import NotComparable, compare
from bench.synthetic import MS, NS, write_drill
from fixtures.journal_records import JournalHeader
from reports import folder as evidence

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
    return compare(drill / "runs", drill / "truth", zone)


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
        ("runs/run/drill/verdict.json", "0 drills came to a verdict"),
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
