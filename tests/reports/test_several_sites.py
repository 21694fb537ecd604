"""A workload that serves at several sites at once: that it does, who writes where, where corrupt data was served."""

import msgspec

from probes.history import Operation
from reports.declared import Declared, ProvedBy
from reports.several_sites import judge_corrupt_sites, site_gates
from tests.reports.two_regions import CENTRAL, WEST, change, history, read
from tests.truth.simulated import declared_of


def declared(writes: str = "", *, proved_by: str = "witnesses", strategy: str = "active-active") -> Declared:
    given = declared_of()
    assert given.fault is not None
    fault = msgspec.structs.replace(given.fault, proved_by=msgspec.convert(proved_by, ProvedBy))
    homes = {"orders-west": WEST, "orders-central": CENTRAL}
    return msgspec.structs.replace(given, strategy=strategy, homes=homes, writes=writes, fault=fault)


BOTH = (change(1, 1, WEST, probe="orders-west"), change(1, 2, CENTRAL, probe="orders-central", key="j"))


def gates(*operations: Operation, writes: str = "", strategy: str = "active-active") -> list[tuple[str, str]]:
    told = declared(writes, strategy=strategy)
    found = [gate.finding for gate in site_gates(history(*operations), told)]
    return [(finding.check, finding.verdict) for finding in found]


def test_every_site_has_to_serve_before_the_fault() -> None:
    assert gates(*BOTH) == [("all sites serve", "pass")]
    assert gates(BOTH[0], change(1, 12, CENTRAL, probe="orders-central")) == [("all sites serve", "invalid")]
    assert gates(*BOTH, strategy="warm-standby") == []


def test_a_partitioned_key_is_written_at_home_until_the_fault() -> None:
    assert gates(*BOTH, writes="partitioned")[1:] == [("home Regions", "pass")]
    late = change(2, 12, CENTRAL, 1, probe="orders-west")
    assert gates(*BOTH, late, writes="partitioned")[1:] == [("home Regions", "pass")]
    early = change(2, 5, CENTRAL, 1, probe="orders-west")
    assert gates(*BOTH, early, writes="partitioned")[1:] == [("home Regions", "invalid")]
    assert gates(*BOTH, early, writes="local") == [("all sites serve", "pass")]


def test_where_corrupt_data_was_served_is_told() -> None:
    spoilt = (read(11, WEST, corrupt=True), read(13, CENTRAL, corrupt=True))
    told = judge_corrupt_sites(history(*BOTH, *spoilt), declared(proved_by="corrupt reads"))
    assert told is not None
    assert told.says.startswith("Every site served corrupt data")
    assert f"{WEST}: 1 reads, the first 1.1 s after" in told.says
    assert told.operations == ("v1/reads/130", "v1/reads/110")
    half = judge_corrupt_sites(history(*BOTH, spoilt[0]), declared(proved_by="corrupt reads"))
    assert half is not None
    assert f"{CENTRAL}: none of its reads" in half.says
    assert judge_corrupt_sites(history(*BOTH, *spoilt), declared()) is None
