"""Where several sites take writes, what one read back may trail what another took: too new is not the same as lost."""

from typing import Any

import msgspec
import pytest

from probes.history import History
from reports.ledger import ledger
from tests.reports.two_regions import CENTRAL, audit, change, history

TRAIL_S = 5.0


def trailing(*operations: Any, trail_s: float = TRAIL_S) -> History:
    given = history(*operations)
    (vantage,) = given.vantages
    header = msgspec.structs.replace(vantage.header, audit_trail_s=trail_s)
    return msgspec.structs.replace(given, vantages=(msgspec.structs.replace(vantage, header=header),))


def class_of(given: History) -> str | None:
    found = [fate.loss_class for fate in ledger(given).fates if fate.loss_class is not None]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(("trail_s", "says"), [(TRAIL_S, None), (0.0, "lost")])
def test_a_write_that_another_site_has_just_taken_is_not_lost(trail_s: float, says: str | None) -> None:
    """Sent at 26 s, done at 26.1 s, and looked for at 30 s. With one site that takes writes it would be lost."""
    assert class_of(trailing(change(1, 26, CENTRAL), audit(None), trail_s=trail_s)) == says


def test_an_update_that_is_not_everywhere_yet_is_not_rolled_back() -> None:
    assert class_of(trailing(change(1, 12, CENTRAL), change(2, 26, CENTRAL, 1), audit(1))) is None
    assert class_of(trailing(change(1, 12, CENTRAL), change(2, 24, CENTRAL, 1), audit(1))) == "rolled back"


def test_what_no_site_has_after_that_time_is_lost() -> None:
    assert class_of(trailing(change(1, 24, CENTRAL), audit(None))) == "lost"


def test_what_was_written_before_the_fault_is_never_too_new() -> None:
    """It is just what a lost site had not passed on: found late after healing, and a loss at the failover."""
    early = change(1, 9.8, CENTRAL)
    at_failover = change(9, 13, CENTRAL, kind="audit", stream="audit at failover")
    assert class_of(trailing(early, at_failover, audit(1))) == "late"
    assert class_of(trailing(early, at_failover)) == "lost"
    inside = change(1, 10.1, CENTRAL)
    assert class_of(trailing(inside, at_failover, audit(1))) is None


def test_what_is_there_counts_however_new_it_is() -> None:
    (fate,) = ledger(trailing(change(1, 29, CENTRAL), audit(1))).fates
    assert fate.judged
    assert fate.after_heal == "present"
    (other,) = ledger(trailing(change(1, 29, CENTRAL), audit(None))).fates
    assert not other.judged
