"""Parts of the cloud that need no lab: settings, network ACLs, names, addresses, groups' arithmetic."""

import ipaddress
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.errors import LabError
from fixtures.lab import SETTINGS, compared_with_aws
from fixtures.lab.cloud import acl, names, scaling
from fixtures.lab.cloud.addresses import PORTS, Region, free_port
from fixtures.lab.cloud.server import _only_reads
from fixtures.lab.fabric.state import Name
from fixtures.lab.settings import resolve
from fixtures.lab.truth import Truth, keep_truth

VPC = ipaddress.IPv4Network("10.1.0.0/16")


def test_every_setting_says_what_it_is_and_what_aws_does() -> None:
    for setting in SETTINGS:
        assert setting.says, setting.name
        assert setting.aws, setting.name
        assert setting.source, setting.name
        assert setting.default >= 0


def test_settings_are_shown_beside_those_of_aws() -> None:
    rows = {says: (here, aws) for says, here, aws, _source in compared_with_aws(resolve({"lb_interval_s": 0.5}))}
    assert rows["time between two health checks of a target"] == ("0.5 s", "30 s")
    assert ("2", "2") in rows.values(), "a count has no unit"
    assert len(rows) == len(SETTINGS)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(LabError) as wrong:
        resolve({"lb_intervall_s": 1, "boot_delay_s": -1})
    assert "did you mean lb_interval_s?" in str(wrong.value)
    assert "boot_delay_s = -1" in str(wrong.value)


def entry(number: int, action: str, *, egress: bool = False, **more: Any) -> SimpleNamespace:
    given = {"cidr_block": "0.0.0.0/0", "protocol": "-1", "port_range_from": None, "port_range_to": None, **more}
    return SimpleNamespace(rule_number=number, rule_action=action, egress=egress, **given)


OUT = entry(100, "allow", egress=True)


@pytest.mark.parametrize(
    ("entries", "denied"),
    [
        ([], True),
        ([entry(100, "allow"), OUT], False),
        ([entry(100, "allow"), entry(99, "deny"), OUT], True),
        ([entry(100, "allow"), entry(101, "deny"), OUT], False),
        ([entry(100, "allow")], True),
        ([entry(100, "allow"), entry(1, "deny", egress=True), OUT], True),
        ([entry(100, "allow"), entry(1, "deny", protocol="17"), OUT], False),
        ([entry(100, "allow"), entry(1, "deny", protocol="6"), OUT], True),
        ([entry(100, "allow"), entry(1, "deny", cidr_block="10.1.0.0/16"), OUT], True),
        ([entry(100, "allow"), entry(1, "deny", cidr_block="10.1.3.0/24"), OUT], False),
        ([entry(100, "allow"), entry(1, "deny", protocol="6", port_range_from=22), OUT], False),
        ([entry(100, "allow"), entry(1, "deny", cidr_block=None), OUT], False),
    ],
)
def test_an_acl_denies_by_its_lowest_matching_rule(entries: list[SimpleNamespace], denied: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert acl.denies(cast("Any", SimpleNamespace(network_acl_entries=entries)), VPC) is denied


PART: dict[str, Any] = {"protocol": "6", "port_range_from": 443, "port_range_to": 443}
WHOLE = [entry(100, "allow"), OUT]


@pytest.mark.parametrize(
    ("entries", "blocked"),
    [
        (WHOLE, False),
        ([*WHOLE, entry(1, "deny", egress=True, **PART)], True),
        ([*WHOLE, entry(1, "deny", **PART)], True),
        ([*WHOLE, entry(101, "deny", egress=True, **PART)], False),
        ([*WHOLE, entry(1, "deny", egress=True, **{**PART, "protocol": "17"})], False),
        ([*WHOLE, entry(1, "deny", egress=True, **{**PART, "port_range_from": 1, "port_range_to": 442})], False),
        ([*WHOLE, entry(1, "deny", egress=True, **{**PART, "port_range_from": 1, "port_range_to": 65535})], True),
        ([*WHOLE, entry(2, "deny", egress=True, **PART), entry(1, "allow", egress=True, **PART)], False),
    ],
)
def test_an_acl_may_deny_one_port_and_pass_the_rest(entries: list[SimpleNamespace], blocked: bool) -> None:  # noqa: FBT001 - a parameter of the table
    of = cast("Any", SimpleNamespace(network_acl_entries=entries))
    assert acl.denies(of, VPC, acl.HTTPS) is blocked
    assert not acl.denies(of, VPC)


def record(name: str, kind: str, *values: str, ttl: int = 60, alias: str = "") -> SimpleNamespace:
    target = {"DNSName": alias} if alias else None
    routing = {"failover": None, "set_identifier": None, "health_check_id": None, "weight": None}
    return SimpleNamespace(name=name, type=kind, records=list(values), ttl=ttl, alias_target=target, **routing)


BALANCERS = {"lb": "10.1.0.10", "idle": "10.2.0.10"}


def answered(*records: SimpleNamespace) -> dict[str, Name]:
    zones = {"z": SimpleNamespace(rrsets=list(records))}
    world = SimpleNamespace(names=SimpleNamespace(zones=zones), settings={"lb_dns_ttl_s": 5.0})
    given = [Name(name=f"{n}.elb.amazonaws.com", addresses=[a], ttl=9) for n, a in BALANCERS.items()]
    health = names.Health(lambda check: check != "failing", lambda name: name != "idle.elb.amazonaws.com")
    return {n.name: n for n in names.with_records(cast("Any", world), given, health)}


def test_records_are_followed_to_their_addresses_with_the_smallest_ttl() -> None:
    found = answered(
        record("a.test.", "A", "10.1.1.1", "10.1.1.2", ttl=30),
        record("b.test.", "CNAME", "A.test.", ttl=40),
        record("c.test.", "CNAME", "b.test", ttl=20),
        record("d.test.", "A", alias="dualstack.LB.elb.amazonaws.com."),
        record("test.", "SOA", "whatever"),
    )
    assert found["a.test"].addresses == ["10.1.1.1", "10.1.1.2"]
    assert [found[n].ttl for n in ("a.test", "b.test", "c.test", "d.test")] == [30, 30, 20, 5]
    assert found["d.test"].addresses == ["10.1.0.10"]
    assert "test" not in found


def test_records_that_lead_nowhere_are_not_answered() -> None:
    found = answered(
        record("a.test.", "CNAME", "b.test"),
        record("b.test.", "CNAME", "a.test"),
        record("c.test.", "CNAME", "none.test"),
    )
    assert found.keys() == {f"{name}.elb.amazonaws.com" for name in BALANCERS}


def failover(role: str, target: str, *, check: str | None = None, evaluate: bool = False) -> SimpleNamespace:
    of = record("shop.test.", "A", alias=f"{target}.elb.amazonaws.com.")
    of.alias_target["EvaluateTargetHealth"] = evaluate
    return SimpleNamespace(**{**vars(of), "failover": role, "set_identifier": role, "health_check_id": check})


@pytest.mark.parametrize(
    ("primary", "secondary", "answer"),
    [
        ({"target": "lb"}, {"target": "idle"}, "lb"),
        ({"target": "lb", "check": "passing"}, {"target": "idle"}, "lb"),
        ({"target": "lb", "check": "failing"}, {"target": "idle"}, "idle"),
        ({"target": "lb", "check": "failing"}, {"target": "idle", "check": "failing"}, "lb"),
        ({"target": "idle", "evaluate": True}, {"target": "lb", "evaluate": True}, "lb"),
        ({"target": "idle", "evaluate": False}, {"target": "lb", "evaluate": True}, "idle"),
        ({"target": "lb", "check": "failing"}, {"target": "idle", "evaluate": True}, "lb"),
    ],
)
def test_a_failover_record_is_answered_by_health(primary: Any, secondary: Any, answer: str) -> None:
    records = [failover("SECONDARY", **secondary), failover("PRIMARY", **primary)]
    assert answered(*records)["shop.test"].addresses == [BALANCERS[answer]]


def test_a_record_of_another_routing_policy_is_not_answered() -> None:
    by_latency = SimpleNamespace(**{**vars(record("shop.test.", "A", "10.1.1.1")), "set_identifier": "near"})
    assert "shop.test" not in answered(by_latency)


def weighted(weight: int, target: str, *, check: str | None = None, evaluate: bool = False) -> SimpleNamespace:
    of = failover("", target, check=check, evaluate=evaluate)
    return SimpleNamespace(**{**vars(of), "failover": None, "set_identifier": target, "weight": weight})


@pytest.mark.parametrize(
    ("records", "shares"),
    [
        ([weighted(100, "lb"), weighted(0, "idle")], {}),
        ([weighted(3, "lb"), weighted(1, "idle")], {"10.1.0.10": 0.75, "10.2.0.10": 0.25}),
        ([weighted(0, "lb"), weighted(0, "idle")], {"10.1.0.10": 0.5, "10.2.0.10": 0.5}),
        ([weighted(3, "lb"), weighted(1, "idle", check="failing")], {}),
        ([weighted(3, "lb"), weighted(1, "idle", evaluate=True)], {}),
        ([weighted(0, "lb"), weighted(1, "idle", check="failing")], {}),
        ([weighted(0, "lb", check="failing"), weighted(1, "idle", check="failing")], {"idle": 1}),
    ],
)
def test_a_weighted_record_is_answered_by_weight_and_health(records: Any, shares: dict[str, float]) -> None:
    found = answered(*records)["shop.test"]
    if len(shares) == 2:
        assert {share.addresses[0]: share.weight for share in found.shares} == shares
    else:
        assert (found.addresses, found.shares) == ([BALANCERS["idle" if shares else "lb"]], [])


def test_a_weighted_record_may_lead_nowhere_in_part() -> None:
    nowhere = SimpleNamespace(
        **{**vars(record("shop.test.", "CNAME", "nowhere.invalid")), "set_identifier": "x", "weight": 1}
    )
    found = answered(weighted(1, "lb"), nowhere)["shop.test"]
    assert sorted(share.addresses for share in found.shares) == [[], ["10.1.0.10"]]
    assert "shop.test" not in answered(nowhere)


def test_a_regions_addresses() -> None:
    region = Region(2, "us-west-2", ("us-west-2a", "us-west-2b"))
    assert (region.endpoint, region.balancer, region.balancer_zone) == ("10.2.0.2", "10.2.0.10", "us-west-2-lb")
    assert region.database("us-west-2b", 1) == "10.2.2.201"


def test_a_free_port_is_free_and_no_outgoing_connections() -> None:
    port = free_port()
    assert port in PORTS
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))


def members(*zones: str) -> list[Any]:
    """Members in these zones, the oldest first."""
    return [
        SimpleNamespace(
            instance=SimpleNamespace(availability_zone=zone, launch_time=age),
            protected_from_scale_in=False,
            lifecycle_state="InService",
        )
        for age, zone in enumerate(zones)
    ]


def subnets(*zones: str) -> list[Any]:
    return [SimpleNamespace(availability_zone=zone) for zone in zones]


@pytest.mark.parametrize(
    ("have", "group", "out"),
    [
        ("abc", "abc", False),
        ("abb", "abc", True),
        ("bbb", "abc", True),
        ("aabb", "abc", True),
        ("abc", "ab", True),
        ("aab", "ab", False),
    ],
)
def test_when_a_group_is_out_of_balance(have: str, group: str, out: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert scaling._out_of_balance(members(*have), subnets(*group)) is out


def test_who_goes_first() -> None:
    def first(have: str, group: str) -> int:
        going = scaling._first_to_go(members(*have), subnets(*group))
        assert going is not None
        return int(cast("Any", going).instance.launch_time)

    assert first("abcc", "abc") == 2, "the older one of the fullest zone"
    assert first("aabc", "ab") == 3, "first of all the zone that the group has left"
    protected = members("a")
    protected[0].protected_from_scale_in = True
    assert scaling._first_to_go(protected, subnets("a")) is None


S3_SIGNED = "AWS4-HMAC-SHA256 Credential=lab/20261102/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("environ", "reads"),
    [
        ({"REQUEST_METHOD": "POST"}, False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.GetItem"}, True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.UpdateTable"}, False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.PutItem"}, True),
        ({"REQUEST_METHOD": "GET", "QUERY_STRING": "Action=StopInstances"}, False),
        ({"REQUEST_METHOD": "GET", "QUERY_STRING": "Action=DescribeInstances"}, True),
        ({"REQUEST_METHOD": "GET", "QUERY_STRING": ""}, True),
        ({"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/a/key", "HTTP_AUTHORIZATION": S3_SIGNED}, True),
        ({"REQUEST_METHOD": "DELETE", "PATH_INFO": "/bucket/key", "HTTP_AUTHORIZATION": S3_SIGNED}, True),
        ({"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/", "HTTP_AUTHORIZATION": S3_SIGNED}, False),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/a/path"}, False),
    ],
)
def test_which_requests_may_have_changed_something(environ: dict[str, Any], reads: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert _only_reads(environ) is reads


def test_the_truth_is_kept_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Truth(tmp_path)
    truth.log("instance lost power", "i-1", "eu-west-1a")
    truth.close()
    monkeypatch.delenv("DR_DRILLS_LAB_TRUTH", raising=False)
    keep_truth(tmp_path, "1")
    monkeypatch.setenv("DR_DRILLS_LAB_TRUTH", str(tmp_path / "kept"))
    keep_truth(tmp_path, "2")
    assert [f.name for f in (tmp_path / "kept").iterdir()] == ["2.jsonl"]
    event = json.loads((tmp_path / "kept/2.jsonl").read_text())
    assert (event["event"], event["subject"], event["detail"]) == ("instance lost power", "i-1", "eu-west-1a")
    assert event["mono_ns"] > 0 < event["utc_ns"]
