"""What recovery will need, looked for before it is needed: copies, images, sizes, secrets, names, alarms, quotas."""

import pytest

from fixtures.drill import Drill


@pytest.mark.drill(disruption="region", expects="no fault")
def test_readiness(drill: Drill) -> None:
    """If the primary Region were lost now, the recovery Region would have all that the plan takes for granted."""
    drill.steady()
    drill.check_readiness()
    drill.audit("while ready")
    drill.judge()
