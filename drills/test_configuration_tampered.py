"""The primary site's configuration is tampered with, and all that runs there is sound: only what it needs is gone.

The database's secret is emptied, or its security groups let nobody in. Somebody has to find out which it was, and puts
it back: what the plan has for that is measured, and where it has nothing but the other site, that has to serve.
"""

import pytest

from fixtures.drill import Drill
from fixtures.faults.empty_secret import EmptySecret
from fixtures.faults.revoke_security_group_rule import RevokeSecurityGroupRule


@pytest.mark.drill(disruption="software", expects="impact", needs="secret")
@pytest.mark.parametrize("what", [pytest.param("secret", marks=pytest.mark.scorecard), "security-group"])
def test_configuration_tampered(drill: Drill, what: str) -> None:
    """If the configuration is tampered with, orders are taken again within the RTO, and none that was taken is lost."""
    fault, *_ = (EmptySecret if what == "secret" else RevokeSecurityGroupRule).variants(drill.workload.selection())
    drill.steady()
    with drill.inject(fault):
        drill.recover()
        drill.audit("at failover")  # before it is put back: what would be gone if nobody found out
    drill.settle()
    drill.fail_back()
    drill.audit("after failback")
    drill.compare("after failback")
    drill.judge()
