"""A restored table against the ledger: what had been written by that second has to be in it, and nothing newer."""

from typing import Any

import msgspec
import pytest

from probes.history import Operation
from reports.model import Finding
from reports.restored import restored_findings
from reports.steps import RestoredRow, RestoredRows, StepRecord
from tests.reports.test_trailing_audits import trailing
from tests.reports.two_regions import CENTRAL, WEST, change, history
from tests.truth.simulated import BASE, NS, declared_of
from tests.truth.two_sites import step

AT_S = 9.0
# Two keys of two versions each: one was changed before that second, one after it.
WRITTEN = (
    change(1, 1, WEST), change(2, 4, WEST, 1),
    change(1, 2, WEST, key="kj"), change(2, 9.5, WEST, 1, key="kj"),
)  # fmt: skip
ROWS = {"k": 2, "kj": 1}


def restored(rows: dict[str, int], *wrong: str) -> StepRecord:
    held = tuple(RestoredRow(key=key, version=version, right=key not in wrong) for key, version in rows.items())
    table = RestoredRows(at_utc_ns=BASE.utc_of(int(AT_S * NS)), rows=held)
    return msgspec.structs.replace(step("restore", 11.0, 13.0, kind="restore"), region=WEST, restored=table)


def judged(rows: dict[str, int], *wrong: str, operations: tuple[Operation, ...] = WRITTEN, **declared: Any) -> Finding:
    given = msgspec.structs.replace(declared_of(), **({"environment": "lab"} | declared))
    (finding,) = restored_findings(trailing(*operations), given, [restored(rows, *wrong)])
    return finding


def test_a_table_as_it_was_at_that_second() -> None:
    finding = judged(ROWS)
    assert finding.verdict == "pass"
    assert "Each of 2 keys" in finding.says
    assert "1 writes that were acknowledged by the time of the restore are not in it" in finding.says
    assert finding.operations == ("v1/orders/95",)


@pytest.mark.parametrize(
    ("rows", "wrong", "says"),
    [
        ({"kj": 1}, (), "k has nothing for version 2"),
        ({"k": 1, "kj": 1}, (), "k has version 1 for version 2"),
        ({"k": 2, "kj": 2}, (), "kj has version 2, which was not sent by then"),
        ({**ROWS, "stranger": 1}, (), "stranger has version 1, which was not sent by then"),
        (ROWS, ("kj",), "kj has another checksum than its content's"),
    ],
)
def test_a_table_that_is_not_as_it_was(rows: dict[str, int], wrong: tuple[str, ...], says: str) -> None:
    finding = judged(rows, *wrong)
    assert (finding.verdict, f": {says}." in finding.says) == ("fail", True)
    assert finding.says.startswith("1 keys were not restored as they had been at ")


def test_what_another_site_had_just_taken_may_be_missing() -> None:
    """A replica may trail by five seconds: of what central took at 5 s nothing is certain at 9 s, of 3 s it is."""
    assert judged(ROWS, operations=(*WRITTEN, change(1, 5, CENTRAL, key="kc"))).verdict == "pass"
    assert judged({**ROWS, "kc": 1}, operations=(*WRITTEN, change(1, 5, CENTRAL, key="kc"))).verdict == "pass"
    assert judged(ROWS, operations=(*WRITTEN, change(1, 3, CENTRAL, key="kc"))).verdict == "fail"
    assert judged(ROWS, operations=(*WRITTEN, change(1, 5, WEST, key="kc"))).verdict == "fail"


def test_on_aws_the_clocks_are_given_a_second() -> None:
    """There the time of that second is another clock's: what was done within a second of it is not judged."""
    assert judged({"k": 2, "kj": 2}, environment="aws").verdict == "pass"
    late = (*WRITTEN, change(1, 8.2, WEST, key="kc"))
    assert judged(ROWS, operations=late, environment="aws").verdict == "pass"
    assert judged(ROWS, operations=late).verdict == "fail"


def test_what_was_deleted_or_is_in_doubt_is_not_asked_for() -> None:
    more = (change(1, 3, WEST, key="kd"), change(1, 5, WEST, key="kd", kind="delete"))
    doubt = change(1, 3, WEST, key="ku", outcome="in-doubt")
    assert judged(ROWS, operations=(*WRITTEN, *more, doubt)).verdict == "pass"
    assert judged({**ROWS, "ku": 1}, operations=(*WRITTEN, doubt)).verdict == "pass"


def test_a_second_before_anything_was_written_shows_nothing() -> None:
    assert judged({}, operations=WRITTEN[3:]).verdict == "inconclusive"
    assert restored_findings(history(*WRITTEN), declared_of(), [step("restore", 11.0, 13.0)]) == []
