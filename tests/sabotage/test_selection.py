"""Which drills a run selects. Nothing is started for it."""

from pathlib import Path

from tests.sabotage.quick import ROOT
from tests.sabotage.test_bad_input import run_pytest

WARM_STANDBY = ROOT / "fixtures/workloads/orders-warm-standby.toml"


def test_a_release_gate_is_a_few_drills_and_one_zone_of_those(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "drills", f"--workload={WARM_STANDBY}", "-mgate", "--collect-only", "-q")
    assert code == 0
    assert [line.rpartition("::")[2] for line in output.splitlines() if "::" in line] == [
        "test_az_power_loss[eu-west-1a]",
        "test_endpoints_blocked[deny]",
        "test_on_premises_lost",  # and this or the next one does not apply
        "test_region_isolation",
        "test_table_corruption",
    ]


def test_what_needs_a_region_is_skipped_where_the_primary_site_is_in_none(tmp_path: Path) -> None:
    drills = [f"drills/test_{name}.py" for name in ("az_isolation", "region_isolation", "database_failover")]
    hybrid = WARM_STANDBY.with_name("orders-hybrid.toml")
    code, output = run_pytest(tmp_path, *drills, f"--workload={hybrid}", "-rs", "-q")
    assert code == 11, "a run in which nothing applied has shown nothing"
    assert ": the primary site is on premises, and has no zones" in output
    assert "the primary site of workload orders-hybrid is on premises; the drill is for one in a Region" in output
    assert "sets no objective for hardware" in output
