"""A planned switchover: whatever the RPO, nothing may be lost by it, there or on the way home."""

from collections.abc import Collection

import msgspec
import pytest

from reports.model import Finding, Verdict
from reports.planned import CHECK
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, declared_of
from tests.truth.two_sites import HOME, acknowledged, journey, step

Keys = Collection[str]
DONE = step("promote", 5.5, 6.4)
PLAIN = journey(outages=(), undo=None)
THERE, HOMEWARD = acknowledged(PLAIN, 4 * NS, 5 * NS)[-3:], acknowledged(PLAIN, 22 * NS, HOME)[-2:]


def judged(*, fault: bool = False, lost: Keys = (), lost_at_home: Keys = ()) -> Verdict:
    history = journey(outages=(), undo=None, lost=lost, lost_at_home=lost_at_home)
    declared = declared_of(expects="none", fault=fault, rpo_s=30.0)
    return judge(history, declared, Undoing("clean", "Put back."), "1", (DONE,))


def finding(verdict: Verdict) -> Finding | None:
    return next((f for f in verdict.findings if f.check == CHECK), None)


def test_one_that_loses_nothing_passes() -> None:
    verdict, told = judged(), finding(judged())
    assert told is not None
    assert (verdict.verdict, told.verdict) == ("pass", "pass")
    assert told.says.startswith("Nothing was lost: ")


@pytest.mark.parametrize(
    ("there", "home", "says"),
    [
        (THERE, [], "3 acknowledged writes were lost by the switchover, and 0 on the way home"),
        ([], HOMEWARD, "0 acknowledged writes were lost by the switchover, and 2 on the way home"),
        (THERE, HOMEWARD, "3 acknowledged writes were lost by the switchover, and 2 on the way home"),
    ],
)
def test_what_is_lost_fails_it_though_the_rpo_is_kept(there: list[str], home: list[str], says: str) -> None:
    verdict = judged(lost=there, lost_at_home=home)
    told = finding(verdict)
    assert told is not None
    assert (verdict.data_loss.verdict, told.verdict, verdict.verdict) == ("pass", "fail", "fail")
    assert told.says.startswith(says)
    assert len(told.operations) == len([*there, *home])


def test_what_was_not_read_shows_nothing() -> None:
    history = journey(outages=(), undo=None)
    kept = [o for o in history.operations if o.kind != "audit" or o.key not in THERE]
    short = msgspec.structs.replace(history, operations=tuple(kept))
    told = finding(judge(short, declared_of(expects="none", fault=False), Undoing("clean", ""), "1", (DONE,)))
    assert told is not None
    assert (told.verdict, told.says) == (
        "not judged", "No acknowledged write was seen to be lost, and 3 were not read back: that shows nothing.",
    )  # fmt: skip


def test_a_disaster_is_held_against_its_rpo_alone() -> None:
    assert finding(judged(fault=True, lost=THERE)) is None


def test_where_nobody_looked_there_is_nothing_to_say() -> None:
    history = journey(outages=(), undo=None)
    unread = msgspec.structs.replace(history, operations=tuple(o for o in history.operations if o.kind != "audit"))
    assert finding(judge(unread, declared_of(expects="none", fault=False), Undoing("clean", ""), "1", (DONE,))) is None
