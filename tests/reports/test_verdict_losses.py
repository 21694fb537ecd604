"""Whole drills, judged for their losses: what the objective counts, and which operations each finding names."""

import msgspec

from reports.verdict import judge
from tests.reports.test_verdict import CLEAN, judged
from tests.truth.simulated import declared_of, drill


def test_vanished_writes_count_only_where_the_objective_says_so() -> None:
    declared = declared_of()
    counting = msgspec.structs.replace(
        declared, objectives=msgspec.structs.replace(declared.objectives, vanished_counts=True)
    )
    assert judge(drill(), declared, CLEAN, "1").data_loss.verdict == "pass"
    assert judge(drill(), counting, CLEAN, "1").data_loss.verdict == "fail"  # 160 timed out and are not there


def test_every_finding_that_rests_on_operations_names_them() -> None:
    silent = {"history complete", "wall clock steady", "putting back", "objective exists", "fault injected"}
    named = {f.check for f in judged(drill(), rpo_s=5.0).findings if f.operations}
    assert named >= {"recovery time", "data loss", "audits complete", "writes near the impact", "write gap"}
    assert not named & silent
