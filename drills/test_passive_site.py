"""The recovery site while nothing is wrong: asked by its own name, and looked at for clients that end there."""

import pytest

from fixtures.drill import Drill


@pytest.mark.drill(disruption="region", expects="no fault")
def test_passive_site(drill: Drill) -> None:
    """If nothing is wrong, a warm standby answers, a pilot light refuses, and no client ends at either of them."""
    drill.steady()
    drill.watch_passive_sites()
    drill.audit("while passive")
    drill.judge()
