"""What somebody else changes in the middle of a drill is never overwritten: for each change of each fault and step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.matrix import Worlds
from bench.subjects import Subject, faults, steps
from fixtures.aws import Cloud, Purpose, Seen
from fixtures.change import Call, Change, Read
from fixtures.journal import Journal
from fixtures.undo import UndoReport, undo_all
from tests.fixtures.fake_cloud import FakeTime, header

FOREIGN = "what somebody else made of it"
# Of one subject: what comes after is more of the same, for one more subnet or role.
MOST = 3


@contextmanager
def changed_by_another(change: Change) -> Iterator[list[Call]]:
    """Let AWS say of what this change changed that it is neither as before nor as we made it; gives our calls."""
    look, perform, made = Cloud.look, Cloud.perform, []

    def looked(self: Cloud, read: Read, bound: Mapping[str, Any] | None = None, purpose: Purpose = "watch") -> Seen:
        return Seen(FOREIGN, moving=False) if read == change.read else look(self, read, bound, purpose)

    def performed(
        self: Cloud, call: Call, bound: Mapping[str, Any] | None = None, purpose: Purpose = "fault"
    ) -> dict[str, Any]:
        made.append(call)
        return perform(self, call, bound, purpose)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(Cloud, "look", looked)
        patches.setattr(Cloud, "perform", performed)
        yield made


def undone(journal: Journal, subject: Subject, time: FakeTime) -> UndoReport:
    return undo_all(journal, subject.cloud, clock=time.clock, sleep=time.sleep, say=lambda _: None)


def left_alone(subject: Subject, number: int, folder: Path) -> bool:
    """Whether the subject has a change of that number; if so, somebody else's change of it was left alone."""
    time = FakeTime()
    make, before = subject.ready(time), subject.state()
    with Journal.open(folder, header(), stamp=time.stamp) as journal:
        make(journal)
        subject.settled()
        changes = [item.change for item in journal.tracked]
        if number < len(changes):
            change = changes[number]
            with changed_by_another(change) as made:
                report = undone(journal, subject, time)
            left = [one for one in report.dirty if one.outcome == "left"]
            assert [one.change.id for one in left] == [change.id]
            assert FOREIGN in left[0].says
            # What hangs on it may not be put back either, and says so: a cluster stays while it has an instance.
            assert all(one.outcome == "failed" for one in report.dirty if one is not left[0])
            assert not [call for call in made if call in change.undo], "its undo was called all the same"
            assert not journal.close()
        assert undone(journal, subject, time).clean  # he has put it back: now ours can be
        journal.close()
    assert subject.state() == before
    return number < len(changes)


@pytest.mark.parametrize("group", [faults, steps])
def test_it_is_left_alone_and_told(group: Worlds, tmp_path: Path) -> None:
    with group() as subjects:
        for subject in subjects:
            number = 0
            while number < MOST and left_alone(subject, number, tmp_path / subject.name / str(number)):
                number += 1
            assert number, f"{subject.name} changes nothing"
