"""Old runs are judged on every change, and must be judged as they were: `tests/data/README.md` says how they came."""

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from bench.freeze import BOOT, freeze, thaw
from probes.load import load_history
from reports.__main__ import main
from reports.folder import judge, read_verdict, write_verdict
from reports.model import Finding
from tests.reports.test_folder import write_folder

DATA = Path(__file__).parents[1] / "data"
OLD = sorted(path for path in DATA.iterdir() if path.is_dir())
MOST_BYTES = 300_000


def test_there_are_old_runs_of_each_verdict() -> None:
    verdicts = {json.loads(gzip.decompress((run / "verdict.json.gz").read_bytes()))["verdict"] for run in OLD}
    assert verdicts >= {"pass", "fail", "inconclusive", "invalid"}


@pytest.mark.parametrize("run", OLD, ids=lambda run: run.name)
def test_an_old_run_is_judged_as_it_was(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = thaw(run, tmp_path)
    same = main(["rejudge", str(folder)])
    assert same == 0, (
        f"{capsys.readouterr().out}\nIf a rule was changed on purpose, an ADR says so: python -m bench.freeze again"
    )


@pytest.mark.parametrize("run", OLD, ids=lambda run: run.name)
def test_an_old_run_is_small_and_names_no_machine(run: Path, tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in run.iterdir()) <= MOST_BYTES
    history = load_history(thaw(run, tmp_path))
    assert history.base.boot == BOOT
    for record in history.vantages:
        assert record.header.host == ""
        assert record.header.base.boot == BOOT
        assert record.end is None or record.end.base.boot == BOOT


def test_a_verdict_that_differs_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = thaw(OLD[0], tmp_path)
    was = read_verdict(folder)
    lower_s = (was.recovery_time.lower_s or 0.0) + 0.001
    write_verdict(
        folder,
        msgspec.structs.replace(was, recovery_time=msgspec.structs.replace(was.recovery_time, lower_s=lower_s)),
    )
    assert main(["rejudge", str(folder)]) == 1
    assert "judged otherwise" in capsys.readouterr().out


def test_a_newer_version_may_check_more_but_not_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = thaw(OLD[0], tmp_path)
    was = read_verdict(folder)
    write_verdict(folder, msgspec.structs.replace(was, findings=was.findings[1:]))
    assert main(["rejudge", str(folder)]) == 0
    more = [*was.findings, Finding(check="weather", verdict="pass", says="It was fine.")]
    write_verdict(folder, msgspec.structs.replace(was, findings=more))
    assert main(["rejudge", str(folder)]) == 1
    assert "judged otherwise" in capsys.readouterr().out


def test_freezing_keeps_all_that_judging_reads_and_nothing_of_the_machine(tmp_path: Path) -> None:
    drill = write_folder(tmp_path / "drill")
    frozen = freeze(drill, "frozen", tmp_path / "data")
    again = judge(thaw(frozen, tmp_path))
    assert again == judge(drill)
    assert read_verdict(thaw(frozen, tmp_path)) == again
    with pytest.raises(FileExistsError):
        freeze(drill, "frozen", tmp_path / "data")
