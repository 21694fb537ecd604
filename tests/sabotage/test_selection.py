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
