import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.sealed import seal_run
from reports import recompute, rules
from reports.__main__ import main
from reports.manifest import write_manifest
from reports.recompute import differences
from reports.rules import NotAtHand, judge_by
from reports.verify import verify_run
from reports.version import harness_version


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_run(tmp_path_factory.mktemp("runs"), "run-1", ("no-effect",))


def _rewritten(sealed: Path, tmp_path: Path, **changes: object) -> Path:
    """The same run with another verdict, and all hashes made anew."""
    run = seal_run(tmp_path / "runs", "run-1", ("close-to-the-objective",))
    path = run / "close-to-the-objective" / "verdict.json"
    written = json.loads(path.read_bytes())
    for name, value in changes.items():
        into = written
        *way, last = name.split("__")
        for part in way:
            into = into[part]
        into[last] = value
    path.write_bytes(msgspec.json.encode(written))
    write_manifest(run)
    assert sealed != run
    return run


def test_a_run_as_it_was_left_holds(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(sealed)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("run-1: all holds")
    assert "UNSIGNED" in told
    assert main(["verify", "--all", str(sealed.parent)]) == 0
    assert "the chain holds" in capsys.readouterr().out


def test_a_run_that_must_be_signed_and_is_not_does_not_hold(sealed: Path) -> None:
    assert main(["verify", str(sealed), "--signed"]) == 1


def test_what_cannot_be_looked_at_is_an_error_of_its_own(tmp_path: Path) -> None:
    assert main(["verify"]) == 2
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert main(["verify", str(tmp_path), "--key", str(tmp_path / "nowhere")]) == 2


def test_a_number_that_the_operations_do_not_give_is_named(
    sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _rewritten(sealed, tmp_path, recovery_time__upper_s=1.5)
    assert main(["verify", str(run)]) == 1
    assert "close-to-the-objective/verdict.json: recovery_time.upper_s is 1.5, and the operations give" in (
        capsys.readouterr().out
    )


def test_losses_that_the_operations_do_not_give_are_named(sealed: Path, tmp_path: Path) -> None:
    run = _rewritten(sealed, tmp_path)
    with (run / "close-to-the-objective" / "losses.csv").open("a", encoding="utf-8") as file:
        file.write("more\r\n")
    write_manifest(run)
    assert verify_run(run).problems == [
        "close-to-the-objective/losses.csv: its rows are not those that the operations give"
    ]


def test_a_rule_that_changed_since_is_told_apart_from_a_number_that_was_changed(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = "0.0.1+0123456789ab"
    run = _rewritten(sealed, tmp_path, judged_by=old, recovery_time__upper_s=1.5)
    written: dict[str, Any] = json.loads((run / "close-to-the-objective" / "verdict.json").read_bytes())
    asked: list[tuple[str, str]] = []

    def by_its_own(version: str, folder: Path) -> dict[str, Any]:
        asked.append((version, folder.name))
        return written

    monkeypatch.setattr(recompute, "judge_by", by_its_own)
    found = verify_run(run)
    assert found.problems == []
    assert asked == [(old, "close-to-the-objective")]
    assert any(f"by the rules of {old}, which judged it, the numbers hold. The rules changed since" in n
               for n in found.notes)  # fmt: skip
    otherwise = {**written, "recovery_time": {**written["recovery_time"], "upper_s": 2.5}}
    monkeypatch.setattr(recompute, "judge_by", lambda *_: otherwise)
    (problem,) = verify_run(run).problems
    assert problem.startswith("close-to-the-objective/verdict.json: recovery_time.upper_s is 1.5, ")
    assert problem.endswith(f"and the operations give 2.5 by its own rules, those of {old}")
    monkeypatch.setattr(recompute, "judge_by", lambda *_: {**written, "more": 1})
    (problem,) = verify_run(run).problems
    assert "verdict.json: more is missing, and the operations give 1 by its own rules" in problem


def test_a_version_that_is_not_at_hand_proves_nothing(sealed: Path, tmp_path: Path) -> None:
    run = _rewritten(sealed, tmp_path, judged_by="0.0.1+0123456789ab", recovery_time__upper_s=1.5)
    (problem,) = verify_run(run).problems
    assert "its commit is not in this checkout: check out 0.0.1+0123456789ab" in problem or "not at hand" in problem


@pytest.mark.parametrize("version", ["", "0.1.0", "0.1.0+0123456789ab-dirty", "0.1.0+0123456789ab", "1+$(id)"])
def test_rules_that_cannot_be_had_are_not_at_hand(version: str, tmp_path: Path) -> None:
    with pytest.raises(NotAtHand):
        judge_by(version, tmp_path)


@pytest.mark.skipif(not (rules.ROOT / ".git").exists(), reason="no checkout of git")
def test_a_commit_judges_by_its_own_rules(sealed: Path) -> None:
    head = subprocess.run(
        ["git", "-C", str(rules.ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    judged = judge_by(f"0.1.0+v1-3-g{head[:12]}", sealed / "no-effect")
    assert (judged["verdict"], judged["drill"]) == ("invalid", judged["drill"])
    assert judged["judged_by"] != harness_version()


def test_differences_are_named_by_where_they_are() -> None:
    was = {"a": {"b": 1.0, "says": "x"}, "l": [1, 2], "f": [{"check": "c", "verdict": "pass"}], "judged_by": "1"}
    again = {
        "a": {"b": 1.0 + 1e-13, "says": "y"},
        "l": [1, 3],
        "f": [{"check": "d"}, {"check": "c", "verdict": "fail"}],
        "judged_by": "2",
        "new": 1,
    }
    assert differences(was, again, same=False) == [
        "l[1] is 2, and the operations give 3",
        "f[c].verdict is 'pass', and the operations give 'fail'",
    ]
    assert "a.says is 'x', and the operations give 'y'" in differences(was, again, same=True)
    assert differences({"a": None}, {"a": 0}, same=False) == ["a is None, and the operations give 0"]
    assert differences({"a": True}, {"a": 1}, same=False) == ["a is True, and the operations give 1"]
    assert differences({"a": [1]}, {}, same=False) == ["a is [1], and the operations give nothing"]
    assert differences({"l": [1]}, {"l": []}, same=False) == ["l has 1 entries, and the operations give 0"]


def _cut(run: Path, **changes: object) -> list[str]:
    """Problems of the run once its verdict lost a finding and two keys, all hashes made anew."""
    path = run / "close-to-the-objective" / "verdict.json"
    written = json.loads(path.read_bytes()) | changes
    written["findings"] = [one for one in written["findings"] if one["check"] != "putting back"]
    del written["conflicts"], written["data_loss"]["lost"]
    path.write_bytes(msgspec.json.encode(written))
    write_manifest(run)
    return verify_run(run).problems


def test_what_was_cut_out_of_a_verdict_is_missed_where_this_version_gave_it(sealed: Path, tmp_path: Path) -> None:
    run = _rewritten(sealed, tmp_path)
    assert verify_run(run).problems == [], "fields that have their defaults are written, too"
    of = "close-to-the-objective/verdict.json: "
    lost, finding, conflicts = _cut(run)
    assert lost.startswith(f"{of}data_loss.lost is missing, and the operations give ")
    assert finding.startswith(f"{of}findings[putting back] is missing, and the operations give {{'check': ")
    assert conflicts == f"{of}conflicts is missing, and the operations give []"


def test_what_only_a_newer_version_gives_is_no_difference(sealed: Path, tmp_path: Path) -> None:
    assert _cut(_rewritten(sealed, tmp_path), judged_by="0.0.1+0123456789ab") == []


def test_findings_of_one_check_are_held_against_each_other_in_their_order() -> None:
    """Each site has a finding of its own on the replication to it."""
    lags = [{"check": "replication lag", "verdict": verdict} for verdict in ("pass", "inconclusive")]
    was = {"findings": [*lags, {"check": "purge", "verdict": "pass"}]}
    assert differences(was, was, same=True) == []
    assert differences(was, was, same=False) == []
    swapped = {"findings": [was["findings"][2], *reversed(lags)]}
    assert differences(was, swapped, same=False) == [
        "findings[replication lag].verdict is 'pass', and the operations give 'inconclusive'",
        "findings[replication lag #2].verdict is 'inconclusive', and the operations give 'pass'",
    ]
    cut = {"findings": [lags[0], was["findings"][2]]}
    assert differences(cut, was, same=False) == []
    (missing,) = differences(cut, was, same=True)
    assert missing.startswith("findings[replication lag #2] is missing, and the operations give {")
    (more,) = differences(was, cut, same=False)
    assert more.endswith("'verdict': 'inconclusive'}, and the operations give nothing")


def test_a_finding_that_is_none_is_a_difference_and_no_error() -> None:
    given = {"findings": [{"check": "purge"}, 7, {"says": "x"}]}
    assert len(differences(given, {"findings": [{"check": "purge"}]}, same=True)) == 2
