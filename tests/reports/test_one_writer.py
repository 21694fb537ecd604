"""One Region takes all writes: that it did before the fault, that others sent theirs on, and when another one did."""

import msgspec
import pytest

from probes.history import Operation, ServedBy
from reports.declared import Declared
from reports.one_writer import judge_writers
from reports.several_sites import site_gates
from reports.verdict import Undoing, judge
from tests.reports.two_regions import CENTRAL, WEST, change, history, read
from tests.truth.simulated import declared_of, drill

READS = (read(1, WEST, corrupt=False), read(1.5, CENTRAL, corrupt=False))
# Both by the same Region, the second one by way of the other.
WRITES = (change(1, 1, WEST, probe="orders-west"), change(1, 2, WEST, probe="orders-central", key="j"))


def declared(writes: str = "global") -> Declared:
    homes = {"orders-west": WEST, "orders-central": CENTRAL}
    writer = WEST if writes == "global" else ""
    return msgspec.structs.replace(declared_of(), strategy="active-active", homes=homes, writes=writes, writer=writer)


def gates(*operations: Operation) -> dict[str, tuple[str, str]]:
    found = [gate.finding for gate in site_gates(history(*operations), declared())]
    return {finding.check: (finding.verdict, finding.says) for finding in found}


def writers(*operations: Operation, writes: str = "global") -> str:
    found = judge_writers(history(*operations), declared(writes))
    assert found is None or found.verdict == "not judged"
    return found.says if found is not None else ""


def test_all_is_right_where_one_region_commits_and_both_read() -> None:
    found = gates(*READS, *WRITES)
    assert [(check, verdict) for check, (verdict, _) in found.items()] == [
        ("all sites serve", "pass"), ("one write Region", "pass"),
    ]  # fmt: skip
    assert found["all sites serve"][1].endswith(f"reads answered: {CENTRAL} 1, {WEST} 1.")
    assert found["one write Region"][1] == (
        f"Each of 2 writes before the fault was committed in {WEST}, also the 1 that clients of other Regions sent."
    )


def test_a_region_that_commits_itself_what_its_clients_send_is_no_such_workload() -> None:
    verdict, says = gates(*READS, *WRITES, change(1, 3, CENTRAL, probe="orders-central", key="i"))["one write Region"]
    assert verdict == "invalid"
    assert f"1 of 3 writes before the fault were not committed in {WEST}" in says
    assert says.endswith(f"the first is i, in {CENTRAL}.")


def test_what_happens_after_the_fault_is_no_matter_of_the_gates() -> None:
    late = change(1, 12, CENTRAL, probe="orders-central", key="i"), read(13, CENTRAL, corrupt=False)
    assert gates(*READS, *WRITES, *late)["one write Region"][0] == "pass"
    found = gates(READS[0], *WRITES, *late)["all sites serve"]
    assert found == (
        "invalid",
        f"{CENTRAL} answered no read before the fault ({CENTRAL} 0, {WEST} 1): not all sites served.",
    )


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (change(1, 3, "", probe="orders-central", key="i"), "the first is i, in no Region."),
        (change(1, 3, WEST, probe="orders-central", key="i", outcome="in-doubt"), "nothing was sent on to it."),
    ],
)
def test_what_nobody_says_or_nobody_sent_proves_nothing(operation: Operation, says: str) -> None:
    verdict, told = gates(*READS, WRITES[0], operation)["one write Region"]
    assert (verdict, told.endswith(says)) == ("invalid", True)


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "pass"), (1, "invalid")])
def test_one_write_elsewhere_before_the_fault_makes_a_good_drill_invalid(wrong: int, verdict: str) -> None:
    """All clients of it are of the other Region."""

    def one(operation: Operation) -> Operation:
        region = WEST if operation.kind == "write" and operation.seq >= wrong else CENTRAL
        mine = operation.stream.startswith("orders")
        return msgspec.structs.replace(operation, served_by=ServedBy(region=region)) if mine else operation

    given = drill()
    given = msgspec.structs.replace(given, operations=tuple(map(one, given.operations)))
    clients = {operation.probe: CENTRAL for operation in given.operations}
    found = judge(given, msgspec.structs.replace(declared(), homes=clients), Undoing("clean", "Put back."), "1")
    assert (found.verdict, found.recovery_time.verdict, found.data_loss.verdict) == (verdict, verdict, verdict)
    assert "write Regions" in {finding.check for finding in found.findings}


def test_each_turn_is_told_with_what_lay_between() -> None:
    assert writers(*WRITES) == f"Each of 2 writes of the drill was committed in {WEST}."
    turned = (change(1, 15, CENTRAL, key="l"), change(1, 16, CENTRAL, key="m"), change(1, 24, WEST, key="n"))
    says = writers(*WRITES, change(1, 10.5, WEST, key="i"), *turned)
    assert f"{WEST} until 0.6 s after the fault was asked for, {CENTRAL} from 5.1 s; " in says
    assert f"{CENTRAL} until 6.1 s after the fault was asked for, {WEST} from 14.1 s. " in says
    assert says.endswith("lay 4.4 s or more.")
    assert f"{WEST} until 7.9 s before the fault was asked for, {CENTRAL} from 5.1 s. " in writers(*WRITES, turned[0])


def test_writes_of_two_regions_at_the_same_time_are_not_passed_over() -> None:
    says = writers(*WRITES, change(1, 12, WEST, key="l"), change(1, 12.05, CENTRAL, key="m"))
    assert says.endswith("Writes of two Regions were under way at the same time: both may have written at once.")
    many = [change(1, 11 + at, (WEST, CENTRAL)[at % 2], key=f"k{at}") for at in range(8)]
    assert "; and 1 more." in writers(*WRITES, *many)


def test_where_each_region_may_write_nothing_is_told() -> None:
    assert writers(*WRITES, writes="local") == ""
    assert writers(*READS) == ""
