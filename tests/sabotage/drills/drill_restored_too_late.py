"""The restore takes a second at which the corruption was there already. For `bench.sabotage`."""

import pytest

from fixtures.drill import Drill
from fixtures.faults.corrupt_table import CorruptTable
from fixtures.recovery import restore


@pytest.mark.drill(disruption="data", expects="impact")
def test_restored_too_late(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a restore brings the corruption back too, the drill says so."""
    monkeypatch.setattr(restore, "_OLDER_S", -3.0)
    drill.steady()
    with drill.inject(CorruptTable(drill.workload.stores[0].name)):
        drill.recover()
        drill.audit("at failover")
    drill.settle()
    drill.fail_back()
    drill.judge()
