"""The primary site is on premises, and is lost at once. AWS knows nothing of it, so a command has to do that.

The workload file has that command as `commands.lose-site`, with what undoes it and what looks whether it is in effect.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.run_command import RunCommand


@pytest.mark.gate
@pytest.mark.scorecard
@pytest.mark.drill(disruption="region", expects="impact", primary="on-premises", needs="instances")
def test_on_premises_lost(drill: Drill) -> None:
    """If the site on premises is lost, the Region takes orders within the RTO, and what is lost keeps to the RPO."""
    drill.steady()
    with drill.inject(RunCommand("lose-site")):
        drill.recover()
        drill.audit("at failover")  # before the site is back: what would be gone if it never came back
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
