"""A sample of what the bench does: of each kind the first, the last and one between, on two small runs."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from bench.tampering import Case, cases, play, seal
from reports.evidence_commands import problems_of


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("tampering") / "sealed"
    seal(runs, signed=("run-3",), chosen=("run-1", "run-3"))
    return runs


def _sample(found: list[Case]) -> Iterator[Case]:
    found = [case for case in found if "run-2" not in (*case.names, case.what.partition(":")[0])]
    for _, of_kind in groupby(sorted(found, key=lambda case: case.kind), key=lambda case: case.kind):
        group = list(of_kind)
        yield from {case.what: case for case in (group[0], group[len(group) // 2], group[-1])}.values()


def test_what_was_not_touched_has_no_problem(sealed: Path) -> None:
    assert problems_of(sealed) == []


def test_what_was_done_is_named(sealed: Path, tmp_path: Path) -> None:
    sample = list(_sample(list(cases(sealed))))
    assert {case.kind for case in sample} >= {"byte", "file removed", "chain line", "run removed", "forged"}
    missed = [done for case in sample if not (done := play(case, sealed, tmp_path)).named]
    assert missed == []


def test_an_empty_file_is_changed_too(tmp_path: Path) -> None:
    (tmp_path / "run-1").mkdir()
    path = tmp_path / "run-1" / "vantage.log"
    path.touch()
    (byte,) = (case for case in cases(tmp_path) if case.kind == "byte")
    byte.do(tmp_path)
    assert path.read_bytes() == b"\n"
