"""Faults of names in a lab: where DNS leads clients then, what they get there, and that nothing else is hit."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.aws import Cloud
from fixtures.fault import Fault
from fixtures.faults.break_dns_record import BreakDnsRecord
from fixtures.faults.break_health_check import BreakHealthCheck
from fixtures.faults.isolate_region import IsolateRegion
from fixtures.journal import Journal
from fixtures.lab import LabSpec, down, up
from fixtures.undo import undo_all
from tests.fixtures.fake_cloud import header
from tests.fixtures.moto_world import Selected
from tests.lab.test_two_regions import APP, AWAY, HOME, NUMBER, User, eventually, of, record, templates

TAGS = {"dr-drills:workload": "two"}
HEALTH_CHECKED, WEIGHTED, PLAIN = "shop.example", "weighted.shop.example", "plain.shop.example"
THERE = {region: f"10.{number}.0.10" for region, number in NUMBER.items()}
WORKLOAD = Selected(
    name="two", tags=TAGS, region=HOME, zones=(f"{HOME}a",), clusters=(), names=(HEALTH_CHECKED, WEIGHTED),
    others=(Selected(name="two", tags=TAGS, region=AWAY, zones=(f"{AWAY}a",), clusters=(), site="recovery"),),
)  # fmt: skip


def with_weights(folder: Path) -> dict[str, Path]:
    """The templates of two Regions, with a name beside the other that is led by weight, and one that is alone."""
    found = templates(folder)
    for region, file in found.items():
        given: dict[str, Any] = json.loads(file.read_text())
        # Its load balancer's health would turn the name too, whatever the check says.
        given["Resources"]["Record"]["Properties"]["AliasTarget"]["EvaluateTargetHealth"] = False
        where = {"HostedZoneId": {"Ref": "Zone"}} if region == HOME else {"HostedZoneName": "shop.example."}
        made = record(**where, SetIdentifier=region, Weight="100" if region == HOME else "0")
        made["Properties"] |= {"Name": f"{WEIGHTED}."}
        given["Resources"]["Weighted"] = made
        if region == HOME:
            alone = {"Name": f"{PLAIN}.", "Type": "A", "TTL": "1", "ResourceRecords": [THERE[HOME]]}
            given["Resources"]["Plain"] = of("Route53::RecordSet", HostedZoneId={"Ref": "Zone"}, **alone)
        file.write_text(json.dumps(given))
    return found


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    spec = LabSpec(
        workload="two",
        regions={region: (f"{region}a",) for region in NUMBER},
        templates=with_weights(tmp_path_factory.mktemp("names")),
        command=("{python}", "-c", APP),
        tags=TAGS,
        settings={
            "boot_delay_s": 0, "lb_dns_ttl_s": 1, "asg_check_s": 0.3, "lb_interval_s": 0.1, "r53_interval_s": 0.1,
            "r53_timeout_s": 1,
        },
        databases={},
        calls={"SHOP_URL": f"{HEALTH_CHECKED}:80"},
    )  # fmt: skip
    lab = up(spec, owner=os.getpid())
    found = User(lab)
    found.served_from(HOME)
    yield found
    broken = lab.directory / "broken.txt"
    said = broken.read_text() if broken.exists() else ""
    down(lab)
    assert said == ""


@pytest.fixture
def cloud(user: User) -> Iterator[Cloud]:
    with Cloud.for_lab(user.lab.endpoint_url) as cloud:
        yield cloud


@contextmanager
def broken(fault: Fault, cloud: Cloud, folder: Path) -> Iterator[None]:
    """The fault, in effect in the block and proved to be undone after it."""
    fault.plan(cloud, WORKLOAD)
    with Journal.open(folder, header()) as journal:
        fault.inject(journal, cloud)
        assert fault.in_effect(cloud)
        try:
            yield
        finally:
            assert undo_all(journal, cloud, say=lambda _: None).clean
            assert journal.close()


def led_to(user: User, name: str) -> str:
    """Where the name leads, "" for nowhere."""
    return next(iter(user.addresses(name)), "")


def as_deployed(user: User) -> bool:
    sites = {region: user.asked(f"client {address}:80") for region, address in THERE.items()}
    return sites == {region: region for region in THERE} and {
        led_to(user, name) for name in (HEALTH_CHECKED, WEIGHTED, PLAIN)
    } == {THERE[HOME]}


def test_a_name_that_is_pointed_away_leads_into_silence_and_no_other(user: User, cloud: Cloud, tmp_path: Path) -> None:
    with broken(BreakDnsRecord(HEALTH_CHECKED), cloud, tmp_path):
        eventually("the name leads nowhere", lambda: led_to(user, HEALTH_CHECKED) == "192.0.2.1")
        eventually("clients have a way into silence", lambda: "client 192.0.2.1:80" in user.ways())
        assert user.asked("client 192.0.2.1:80") == ""
        assert (led_to(user, WEIGHTED), led_to(user, PLAIN)) == (THERE[HOME], THERE[HOME])
        assert {region: user.asked(f"client {address}:80") for region, address in THERE.items()} == {
            HOME: HOME, AWAY: AWAY,
        }  # fmt: skip
    eventually("all is as it was", lambda: as_deployed(user))


def test_weight_that_is_shifted_moves_that_name(user: User, cloud: Cloud, tmp_path: Path) -> None:
    with broken(BreakDnsRecord(WEIGHTED, "shift weight"), cloud, tmp_path):
        eventually("the other site is led to", lambda: led_to(user, WEIGHTED) == THERE[AWAY])
        assert set(Counter(led_to(user, WEIGHTED) for _ in range(20))) == {THERE[AWAY]}
        assert (led_to(user, HEALTH_CHECKED), led_to(user, PLAIN)) == (THERE[HOME], THERE[HOME])
    eventually("all is as it was", lambda: as_deployed(user))


def test_a_false_alarm_fails_over_though_all_is_well(user: User, cloud: Cloud, tmp_path: Path) -> None:
    with broken(BreakHealthCheck(HEALTH_CHECKED), cloud, tmp_path):
        user.served_from(AWAY)
        assert user.asked(f"client {THERE[HOME]}:80") == HOME, "the site itself is well"
        assert all(seen.startswith("Success") for seen in observed(user)), "and its checkers say so"
        assert led_to(user, WEIGHTED) == THERE[HOME]
    eventually("all is as it was", lambda: as_deployed(user))


def test_a_name_that_instances_call_is_turned_for_them_too_and_cut_with_their_region(
    user: User, cloud: Cloud, tmp_path: Path
) -> None:
    here, there = (f"{region}a {HEALTH_CHECKED}:80" for region in (HOME, AWAY))
    # A while later: each zone has a cache of its own, and the record that led into silence could be kept for 5 s.
    eventually("both are led home", lambda: user.asked(here) == user.asked(there) == HOME)
    with broken(IsolateRegion(HOME), cloud, tmp_path):
        eventually("those of the other Region are led to it", lambda: user.asked(there) == AWAY)
        assert user.asked(here) == ""
    eventually("all is as it was", lambda: as_deployed(user) and user.asked(there) == user.asked(here) == HOME)


def test_a_disabled_check_hides_a_failure(user: User, cloud: Cloud, tmp_path: Path) -> None:
    with broken(IsolateRegion(HOME), cloud, tmp_path / "control"):
        user.served_from(AWAY)  # the control: with the check, the name fails over
    eventually("all is as it was", lambda: as_deployed(user))
    assert observed(user)
    with broken(BreakHealthCheck(HEALTH_CHECKED, "disable", hides=IsolateRegion(HOME)), cloud, tmp_path / "hidden"):
        eventually("home is silent", lambda: user.asked(f"client {THERE[HOME]}:80") == "")
        assert observed(user) == [], "nobody looks any more"
        for _ in range(2):  # longer than it took the name to turn above: nobody answers for 2 s each time
            assert user.asked(f"client {THERE[HOME]}:80") == ""
        assert led_to(user, HEALTH_CHECKED) == THERE[HOME]
    eventually("all is as it was", lambda: as_deployed(user) and observed(user) != [])


def observed(user: User) -> list[str]:
    """What the check's checkers saw last."""
    seen = user.route53.get_health_check_status(HealthCheckId=user.check)["HealthCheckObservations"]
    return [one["StatusReport"]["Status"] for one in seen]


def test_a_check_that_was_changed_meanwhile_is_not_overwritten(user: User) -> None:
    version = user.route53.get_health_check(HealthCheckId=user.check)["HealthCheck"]["HealthCheckVersion"]
    with pytest.raises(user.route53.exceptions.HealthCheckVersionMismatch):
        user.route53.update_health_check(HealthCheckId=user.check, HealthCheckVersion=version - 1, Inverted=True)
    assert led_to(user, HEALTH_CHECKED) == THERE[HOME]


def test_without_a_fault_nothing_of_it_is_seen(user: User, cloud: Cloud) -> None:
    """The control: what proves each fault above goes red where it was not injected."""
    names = (BreakDnsRecord(HEALTH_CHECKED), BreakDnsRecord(WEIGHTED, "shift weight"))
    for fault in (*names, BreakHealthCheck(HEALTH_CHECKED)):
        fault.plan(cloud, WORKLOAD)
        assert not fault.in_effect(cloud)
    assert as_deployed(user)
