"""Each fault and each plan step, struck at some points of its way; all of them are `make bench`'s."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from bench.matrix import Case, Worlds, all_cases, dead_man_cases, struck
from bench.points import DEATHS, FAILURES, Died, Points, Strike
from bench.subjects import Subject, faults, steps
from fixtures.journal_files import JournalFile
from fixtures.undo import UndoReport
from fixtures.undo_program import empty

SEED, SAMPLE = 20, 1


def sampled(subjects: list[Subject]) -> Iterator[tuple[Subject, Case]]:
    chance = random.Random(SEED)  # a choice of cases, nothing secret
    for subject in subjects:
        for case in chance.sample(all_cases(subject), SAMPLE):
            yield subject, case


@pytest.mark.parametrize("group", [faults, steps])
def test_whatever_is_struck_is_put_back(group: Worlds) -> None:
    with group() as found:
        for subject, case in sampled(found):
            became = struck(subject, case)
            assert (became.clean, became.wrong) == (True, ""), f"{subject.name}: {case} ({became.struck}), seed {SEED}"


@pytest.mark.parametrize("group", [faults, steps])
def test_whatever_was_changed_is_put_back_by_the_dead_man_alone(group: Worlds) -> None:
    """All of it took effect, and nobody began to undo it; moto's interpreter of Step Functions runs its program."""
    case = Case("undoing", 0, "dies before", "dead man")
    refused = []
    with group() as found:
        for subject in found:
            became = struck(subject, case)
            assert (became.clean, became.wrong) == (True, ""), f"{subject.name}: {case} ({became.struck})"
            if became.refused:
                refused.append(subject.name)
    assert refused == (["RunCommand"] if group is faults else [])


def test_a_dead_man_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: its program is emptied."""
    monkeypatch.setattr("bench.dead_men._definition", lambda *_given: empty(""))
    with faults() as found:
        subject = next(one for one in found if one.name == "CorruptTable")
        last_call = max(case.at for case in dead_man_cases(subject) if case.phase == "doing")
        became = struck(subject, Case("doing", last_call, "dies before", "dead man"))
    assert "not as before: rows" in became.wrong


def test_an_undo_that_only_says_so_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a check that cannot fail would pass here, too."""
    monkeypatch.setattr("bench.matrix.undo_all", lambda *_args, **_given: UndoReport(entries=()))
    with faults() as found:
        subject = next(one for one in found if one.name == "CorruptTable")
        became = struck(subject, Case("doing", 10**6, "dies before", "file"))
    assert became.wrong == "undo said clean, but not as before: rows"


@pytest.mark.parametrize("strike", [*DEATHS, *FAILURES])
def test_a_strike_is_what_it_is_called(strike: Strike, tmp_path: Path) -> None:
    done: list[int] = []
    points = Points(1, strike)

    def call(number: int) -> None:
        points._pass(f"call {number}", lambda: done.append(number), fails="Op")

    call(0)
    with pytest.raises((Died, ClientError, ReadTimeoutError)):
        call(1)
    assert done == ([0, 1] if strike in ("dies after", "no answer") else [0])
    assert points.struck == "call 1"
    if strike in DEATHS:
        with pytest.raises(Died):
            call(2)
    else:
        call(2)
    file = JournalFile.create(tmp_path, "x", b"")
    with Points(0, strike).counted():
        if strike in DEATHS:
            with pytest.raises(Died):
                file.append(b"line\n")
        else:
            file.append(b"line\n")  # a disk neither throttles nor denies
    assert file.content == (b"" if strike == "dies before" else b"line\n")
    file.remove()
