"""The scorecard's cells: what counts in them as proved, what only makes them worse, and how old it is."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reports.declared import Declared
from reports.many import kept_below
from reports.model import Disruption, Expects, Finding, Verdict
from reports.scorecard import Cell, cells, scorecard_text
from reports.scorecard_chart import scorecard_svg
from tests.reports.made_up import keep, verdict
from tests.reports.synthetic import make

AMISS = Finding(check="copies", verdict="fail", says="There is no copy in the other Region.")


def drill(name: str, expects: Expects = "impact", *, run: str = "run-1", upper_s: float = 8.0, **more: Any) -> Verdict:
    """One of a Region, without parameters."""
    made = verdict(upper_s - 0.5, upper_s, run=run, overall=more.pop("overall", "pass"))
    made = msgspec.structs.replace(made, drill=name, parameters={}, disruption="region", expects=expects)
    return msgspec.structs.replace(made, **more)


def cell_of(folder: Path, disruption: Disruption = "region") -> Cell:
    return next(cell for cell in cells(kept_below([folder])) if cell.disruption == disruption)


def promise(folder: Path, *disruptions: str) -> None:
    """As the workload file of every run has it."""
    text = json.dumps({"objectives": {name: {} for name in disruptions}})
    for path in folder.glob("*/*/verdict.json"):
        (path.parent / "workload.json").write_text(text, encoding="utf-8")


def plan(folder: Path, declared: Declared) -> None:
    """What the only drill has declared."""
    (path,) = folder.glob("*/*/verdict.json")
    (path.parent / "plan.json").write_bytes(msgspec.json.encode(declared))


# --- what was broken -------------------------------------------------------------------------------------------------


def test_to_look_whether_all_is_ready_is_not_to_try_it(tmp_path: Path) -> None:
    keep(tmp_path, drill("readiness", "no fault", upper_s=0.6), drill("passive_site", "no fault", run="run-2"))
    promise(tmp_path, "region")
    assert cell_of(tmp_path) == Cell("orders (lab)", "region", "no drill", "", "", 0, "", "promised, and never tried")
    assert "INCONCLUSIVE" in scorecard_text(cells(kept_below([tmp_path])))


def test_what_is_looked_at_each_night_makes_no_old_proof_new_nor_better(tmp_path: Path) -> None:
    keep(tmp_path, drill("region_isolation", run="run-1"), drill("site_lost", run="run-3", upper_s=6.0))
    keep(tmp_path, drill("readiness", "no fault", run="run-9", upper_s=99.0))
    found = cell_of(tmp_path)
    assert (found.state, found.recovery_time, found.drills) == ("pass", "7.5..8.0 s of 30 s", 2)
    assert found.oldest_utc == "2026-01-01"
    assert "oldest, UTC" in scorecard_text([found])


def test_a_drill_that_is_run_again_is_as_old_as_its_newest_run(tmp_path: Path) -> None:
    keep(tmp_path, drill("region_isolation", run="run-1"), drill("region_isolation", run="run-3"))
    assert cell_of(tmp_path).oldest_utc == "2026-01-03"


def test_what_looking_has_found_amiss_makes_the_cell_worse_and_is_said(tmp_path: Path) -> None:
    keep(tmp_path, drill("region_isolation"))
    keep(tmp_path, drill("readiness", "no fault", run="run-2", overall="fail", findings=[AMISS]))
    promise(tmp_path, "region")
    found = cell_of(tmp_path)
    assert (found.state, found.drills, found.recovery_time) == ("fail", 1, "7.5..8.0 s of 30 s")
    assert found.why == "readiness: copies: There is no copy in the other Region."


def test_what_is_amiss_is_said_beside_what_failed_of_itself(tmp_path: Path) -> None:
    slow = Finding(check="recovery time", verdict="fail", says="It took too long.")
    keep(tmp_path, drill("region_isolation", overall="fail", findings=[slow]))
    unsure = msgspec.structs.replace(AMISS, verdict="inconclusive")
    keep(tmp_path, drill("readiness", "no fault", run="run-2", overall="inconclusive", findings=[unsure]))
    found = cell_of(tmp_path)
    assert found.state == "fail"
    assert "readiness: copies: There is no copy" in found.why
    assert found.why.endswith(". region_isolation: recovery time: It took too long.")


def test_what_is_amiss_with_what_was_never_tried_is_said_of_both(tmp_path: Path) -> None:
    keep(tmp_path, drill("readiness", "no fault", overall="fail", findings=[AMISS]))
    promise(tmp_path, "region")
    found = cell_of(tmp_path)
    assert (found.state, found.drills, found.recovery_time, found.oldest_utc) == ("fail", 0, "", "")
    assert found.why == "readiness: copies: There is no copy in the other Region. promised, and never tried"
    assert ">readiness: copies: There is</text>" in scorecard_svg([found])


@pytest.mark.parametrize("expects", ["impact", "no fault"])
def test_what_is_not_put_back_is_said_whatever_the_drill(tmp_path: Path, expects: Expects) -> None:
    keep(tmp_path, drill("x", expects, undo="dirty"))
    found = cell_of(tmp_path)
    assert found.dirty
    assert found.why.startswith("NOT PUT BACK: x")


@pytest.mark.parametrize("expects", ["any", "none", "no failover"])
def test_a_fault_is_one_whatever_clients_were_to_see_of_it(tmp_path: Path, expects: Expects) -> None:
    keep(tmp_path, drill("x", expects))
    plan(tmp_path, make().declared)
    assert (cell_of(tmp_path).state, cell_of(tmp_path).drills) == ("pass", 1)


def test_a_planned_switchover_breaks_nothing(tmp_path: Path) -> None:
    keep(tmp_path, drill("planned_switchover", "none"))
    plan(tmp_path, msgspec.structs.replace(make().declared, fault=None))
    assert cell_of(tmp_path).state == "no drill"


# --- random faults ---------------------------------------------------------------------------------------------------


def random_fault(seed: int, place: str, fault: str = "isolate", **more: Any) -> Verdict:
    parameters = {"seed": str(seed), "place": place, "fault": fault}
    return msgspec.structs.replace(drill("random_faults", **more), parameters=parameters)


def test_a_random_fault_that_failed_stands_until_it_was_broken_again_by_any_seed(tmp_path: Path) -> None:
    keep(tmp_path, random_fault(7, "2", run="run-1", overall="fail"))
    keep(tmp_path, random_fault(8, "1", fault="block", run="run-2"))
    assert (cell_of(tmp_path).state, cell_of(tmp_path).drills) == ("fail", 2), "another fault was survived since"
    keep(tmp_path, random_fault(9, "4", run="run-3"))
    found = cell_of(tmp_path)
    assert (found.state, found.drills, found.oldest_utc) == ("pass", 2, "2026-01-02")


def test_each_time_that_the_newest_sequence_broke_the_same_counts(tmp_path: Path) -> None:
    keep(tmp_path, random_fault(7, "1", run="run-1", upper_s=20.0), random_fault(7, "3", run="run-2", overall="fail"))
    keep(tmp_path, random_fault(7, "5", run="run-2", upper_s=9.0), random_fault(7, "6", fault="block", run="run-2"))
    found = cell_of(tmp_path)
    assert (found.state, found.drills, found.recovery_time) == ("fail", 3, "8.5..9.0 s of 30 s")
    assert found.why.startswith("random_faults[7-3-isolate]")


def test_what_was_run_again_to_shrink_a_sequence_proves_nothing(tmp_path: Path) -> None:
    keep(tmp_path, random_fault(7, "1", run="run-1", overall="fail"))
    keep(tmp_path, random_fault(7, "again1.1", run="run-1"), random_fault(7, "again2.1", run="run-2"))
    found = cell_of(tmp_path)
    assert (found.state, found.drills, found.dirty) == ("fail", 1, False)
    keep(tmp_path, random_fault(7, "again3.1", run="run-1", undo="dirty"))
    assert cell_of(tmp_path).why.startswith("NOT PUT BACK: random_faults[7-again3.1-isolate]")
