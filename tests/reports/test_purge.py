"""What the probes wrote is deleted, or its keys are named: nobody has to guess what a drill has left."""

import msgspec

from probes.history import History, Mark
from reports.purge import judge_purge
from reports.verdict import Undoing, judge
from tests.truth.simulated import declared_of, drill, writes_of


def purged(keys: int, left: int) -> History:
    history = drill()
    mark = Mark(name="purged", at_ns=history.marks[-1].at_ns, source="probe", data={"keys": keys, "left": left})
    return msgspec.structs.replace(history, marks=(*history.marks, mark))


def test_deleted_data_passes() -> None:
    found = judge_purge(purged(840, 0))
    assert (found.verdict, "All 840 keys" in found.says) == ("pass", True)


def test_what_is_left_is_counted_and_can_be_found() -> None:
    history = purged(840, 12)
    found = judge_purge(history)
    assert (found.verdict, "12 of 840 keys" in found.says) == ("not judged", True)
    assert history.vantages[0].header.key_prefix in found.says
    verdict = judge(history, declared_of(), Undoing("clean", "Put back."), "1")
    assert (found in verdict.findings, verdict.verdict) == (True, "pass")


def test_without_a_purge_all_that_was_sent_is_left() -> None:
    history = drill()
    assert f"{len(writes_of(history))} of {len(writes_of(history))} keys" in judge_purge(history).says
