"""A restored table against the ledger: what had been written by that second has to be in it, and nothing newer."""

from typing import Any

import msgspec
import pytest

from probes.history import ClockReading, History, Operation
from reports.model import Finding
from reports.restored import restored_findings
from reports.steps import RestoredRow, RestoredRows, StepRecord
from reports.verdict import Undoing, judge
from tests.reports.test_trailing_audits import trailing
from tests.reports.two_regions import CENTRAL, WEST, change, history
from tests.truth.simulated import BASE, NS, declared_of, drill, writes_of
from tests.truth.two_sites import step

AT_S = 9.0
# Two keys of two versions each: one was changed before that second, one after it.
WRITTEN = (
    change(1, 1, WEST), change(2, 4, WEST, 1),
    change(1, 2, WEST, key="kj"), change(2, 9.5, WEST, 1, key="kj"),
)  # fmt: skip
ROWS = {"k": 2, "kj": 1}
# What a time daemon told of the runner's clock.
GOOD, FAIR, BAD, NONE = (
    "chrony: +0.000012 s, ±0.000712 s", "chrony: -1.500000 s, ±2.000000 s", "ntpd: +3.100000 s, ±3.200000 s", "unknown",
)  # fmt: skip


def restored(rows: dict[str, int], *wrong: str, at_s: float = AT_S) -> StepRecord:
    held = tuple(RestoredRow(key=key, version=version, right=key not in wrong) for key, version in rows.items())
    table = RestoredRows(at_utc_ns=BASE.utc_of(int(at_s * NS)), rows=held)
    return msgspec.structs.replace(step("restore", 11.0, 13.0, kind="restore"), region=WEST, restored=table)


def judged(rows: dict[str, int], *wrong: str, operations: tuple[Operation, ...] = WRITTEN, **declared: Any) -> Finding:
    given = msgspec.structs.replace(declared_of(), **({"environment": "lab"} | declared))
    (finding,) = restored_findings(trailing(*operations), given, [restored(rows, *wrong)])
    return finding


def test_a_table_as_it_was_at_that_second() -> None:
    finding = judged(ROWS, operations=(*WRITTEN, change(1, 14, WEST, key="k-after-the-restore")))
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


def clocked(given: History, offset: str, *, boot: str = BASE.boot, stepped_s: float = 0.0) -> History:
    """The history with what was told of its clocks. `stepped_s`: UTC moves by so much at 5 s."""
    (vantage,) = given.vantages
    readings = (5, 6) if stepped_s else ()
    clocks = tuple(
        ClockReading(at_ns=n * NS, utc_ns=BASE.utc_of(n * NS) + int((n - 5) * stepped_s * NS)) for n in readings
    )
    header = msgspec.structs.replace(
        vantage.header, base=msgspec.structs.replace(BASE, boot=boot, offset=NONE if boot != BASE.boot else offset)
    )
    record = msgspec.structs.replace(vantage, header=header, clocks=clocks)
    return msgspec.structs.replace(given, base=msgspec.structs.replace(BASE, offset=offset), vantages=(record,))


def on_aws(
    offset: str, *more: Operation, rows: dict[str, int] = ROWS, wrong: tuple[str, ...] = (), at_s: float = AT_S,
    environment: str = "aws", **clocks: Any,
) -> Finding:  # fmt: skip
    given = msgspec.structs.replace(declared_of(), environment=environment)
    history = clocked(trailing(*WRITTEN, *more), offset, **clocks)
    (finding,) = restored_findings(history, given, [restored(rows, *wrong, at_s=at_s)])
    return finding


# Two and a half seconds after that second and in it; as long before it and not in it.
TOO_NEW: dict[str, Any] = {"more": (change(1, 11.5, WEST, key="kn"),), "rows": {**ROWS, "kn": 1}}
MISSING: dict[str, Any] = {"more": (change(1, 6.4, WEST, key="kn"),), "rows": ROWS}


@pytest.mark.parametrize("given", [TOO_NEW, MISSING])
@pytest.mark.parametrize(
    ("offset", "found"), [(GOOD, "fail"), (FAIR, "pass"), (BAD, "inconclusive"), (NONE, "inconclusive")]
)
def test_on_aws_what_our_own_clock_may_explain_is_not_the_restores(given: Any, offset: str, found: str) -> None:
    finding = on_aws(offset, *given["more"], rows=given["rows"])
    assert finding.verdict == found
    assert on_aws(offset, *given["more"], rows=given["rows"], environment="lab").verdict == "fail"
    if found == "inconclusive":
        assert finding.says.startswith("1 keys may not have been restored as they had been at ")
        assert f"The clocks may explain it: our offset from UTC is {offset}, and UTC moved by 0.000 s" in finding.says
        assert "more than 301.0 s from that second" in finding.says
        assert finding.operations


def test_what_no_clock_explains_fails_by_any() -> None:
    """AWS takes no call that is signed by a clock five minutes off."""
    assert on_aws(NONE, rows={**ROWS, "stranger": 1}).verdict == "fail"
    assert on_aws(NONE, wrong=("kj",)).verdict == "fail"
    late = {"k": 2, "kj": 2}
    assert on_aws(NONE, change(1, 98, WEST, key="kn"), rows=late, at_s=400.0).verdict == "fail"
    assert on_aws(NONE, change(1, 100, WEST, key="kn"), rows=late, at_s=400.0).verdict == "inconclusive"
    proved = on_aws(NONE, change(1, 100, WEST, key="kn"), rows={**late, "stranger": 1}, at_s=400.0)
    assert "1 keys were not restored" in proved.says, "what is only open is not counted with it"


@pytest.mark.parametrize(("stepped_s", "found"), [(0.0, "fail"), (-2.5, "pass"), (3.5, "inconclusive"), (1.0, "fail")])
def test_on_aws_a_wall_clock_that_moved_in_the_drill_is_left_to_the_clocks(stepped_s: float, found: str) -> None:
    finding = on_aws(GOOD, *TOO_NEW["more"], rows=TOO_NEW["rows"], stepped_s=stepped_s)
    assert finding.verdict == found
    if found == "inconclusive":
        assert "UTC moved by 3.500 s in the drill. Only what lies more than 4.5 s from that second" in finding.says


def test_a_vantage_on_another_machine_has_a_clock_of_its_own() -> None:
    assert on_aws(GOOD, *TOO_NEW["more"], rows=TOO_NEW["rows"], boot="another").verdict == "inconclusive"
    known = trailing(*WRITTEN, *TOO_NEW["more"])
    (vantage,) = clocked(known, GOOD).vantages
    one = msgspec.structs.replace(known, vantages=(vantage,))  # the marks' own process was told nothing
    aws = msgspec.structs.replace(declared_of(), environment="aws")
    assert [f.verdict for f in restored_findings(one, aws, [restored(TOO_NEW["rows"])])] == ["fail"]


@pytest.mark.parametrize(
    ("environment", "offset", "found"), [("aws", NONE, "inconclusive"), ("aws", GOOD, "fail"), ("lab", NONE, "fail")]
)
def test_a_drill_is_no_better_than_what_may_be_wrong_with_its_restore(
    environment: str, offset: str, found: str
) -> None:
    asked = drill()
    history = clocked(asked, offset)
    given = msgspec.structs.replace(declared_of(), environment=environment)
    at_s = writes_of(asked)[-1].sent_ns / NS - 2.0
    rows = {o.key: o.version for o in writes_of(asked)}  # the last of them are newer than that second
    step = msgspec.structs.replace(restored(rows, at_s=at_s), region="")
    verdict = judge(history, given, Undoing("clean", "Put back."), "1", (step,))
    assert next(one.verdict for one in verdict.findings if one.check == "restored table") == found
    assert verdict.verdict == found


def test_what_was_deleted_or_is_in_doubt_is_not_asked_for() -> None:
    more = (change(1, 3, WEST, key="kd"), change(1, 5, WEST, key="kd", kind="delete"))
    doubt = change(1, 3, WEST, key="ku", outcome="in-doubt")
    assert judged(ROWS, operations=(*WRITTEN, *more, doubt)).verdict == "pass"
    assert judged({**ROWS, "ku": 1}, operations=(*WRITTEN, doubt)).verdict == "pass"


def test_a_second_before_anything_was_written_shows_nothing() -> None:
    assert judged({}, operations=WRITTEN[3:]).verdict == "inconclusive"
    assert restored_findings(history(*WRITTEN), declared_of(), [step("restore", 11.0, 13.0)]) == []
