"""Two Regions change one key without knowing of each other: both versions are told, and which one stands."""

import pytest

from probes.history import Operation
from reports.conflicts import conflicts, judge_conflicts
from reports.model import Conflict
from tests.reports.two_regions import CENTRAL, WEST, audit, change, history

UNSEEN = (change(1, 1, WEST), change(2, 9, WEST, 1))


def test_the_dropped_and_the_kept_version_are_told() -> None:
    found = history(*UNSEEN, change(3, 15, CENTRAL, 1), audit(3))
    assert conflicts(found) == [
        Conflict(key="k", earlier=2, earlier_region=WEST, later=3, later_region=CENTRAL, replaced=1, stands=3)
    ]
    finding = judge_conflicts(found)
    assert finding is not None
    assert (finding.verdict, finding.operations) == ("not judged", ("v1/orders/90", "v1/orders/150"))
    assert (
        f"k: version 2 in {WEST} and version 3 in {CENTRAL}, each over an older one; version 3 stands" in finding.says
    )


def test_the_earlier_one_may_stand_and_a_later_update_says_so_before_any_audit() -> None:
    assert conflicts(history(*UNSEEN, change(3, 15, CENTRAL, 1), audit(2)))[0].stands == 2
    after = change(4, 25, WEST, 3)
    assert conflicts(history(*UNSEEN, change(3, 15, CENTRAL, 1), after, audit(4)))[0].stands == 3


@pytest.mark.parametrize("answers", [(), (audit(None),), (audit(7),), (audit(3, at_s=14),)])
def test_what_stands_is_not_guessed(answers: tuple[Operation, ...]) -> None:
    assert conflicts(history(*UNSEEN, change(3, 15, CENTRAL, 1), *answers))[0].stands is None


@pytest.mark.parametrize(
    "later",
    [
        change(3, 15, CENTRAL, 2),  # it had arrived
        change(3, 15, CENTRAL, None),  # the answer does not say
        change(3, 15, WEST, 1),  # the same Region took version 2 back: a loss there, and no conflict
        change(3, 9.05, CENTRAL, 1),  # nobody had been told of version 2 yet
        change(3, 15, CENTRAL, 1, outcome="in-doubt"),
        change(3, 15, "", 1),
    ],
)
def test_what_is_no_conflict(later: Operation) -> None:
    assert conflicts(history(*UNSEEN, later, audit(3))) == []


def test_none_is_said_too_and_nothing_where_no_answer_tells() -> None:
    finding = judge_conflicts(history(*UNSEEN))
    assert finding is not None
    assert (finding.verdict, finding.says.split()[0]) == ("not judged", "No")
    assert judge_conflicts(history(change(1, 1, WEST))) is None
