"""Two Regions in one lab: names that fail over by health checks, a Region cut off or without power, and back."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
import pytest

from fixtures.lab import Lab, LabSpec, down, up
from fixtures.lab.cloud.deploy import client
from fixtures.lab.table import table

HOME, AWAY = "eu-west-1", "eu-central-1"
NUMBER = {HOME: 1, AWAY: 2}
# Only how long a broken lab may take to be found broken.
DEADLINE_S = 60.0
ANY: dict[str, Any] = {"CidrBlock": "0.0.0.0/0", "RuleNumber": 1, "RuleAction": "deny"}
EVERYTHING = {"Protocol": "-1"}
HTTPS = {"Protocol": "6", "PortRange": {"From": 443, "To": 443}}
# Says where it is.
APP = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["AWS_REGION"].encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def of(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def site(region: str) -> dict[str, Any]:
    """A subnet with an ACL of its own, one instance in a group, a load balancer before it, and a role."""
    number, vpc = NUMBER[region], {"Ref": "Vpc"}
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    passes = {"NetworkAclId": {"Ref": "Acl"}, **ANY, "RuleNumber": 100, "RuleAction": "allow", "Protocol": -1}
    forward = [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}]
    version = {"Fn::GetAtt": ["Launch", "LatestVersionNumber"]}
    group = of(
        "AutoScaling::AutoScalingGroup", MinSize="1", DesiredCapacity="1", MaxSize="2", HealthCheckType="EC2",
        VPCZoneIdentifier=[{"Ref": "Subnet"}], TargetGroupARNs=[{"Ref": "Targets"}],
        LaunchTemplate={"LaunchTemplateId": {"Ref": "Launch"}, "Version": version},
    )  # fmt: skip
    return {
        "Vpc": of("EC2::VPC", CidrBlock=f"10.{number}.0.0/16"),
        "Subnet": of("EC2::Subnet", VpcId=vpc, CidrBlock=f"10.{number}.1.0/24", AvailabilityZone=f"{region}a"),
        "Acl": of("EC2::NetworkAcl", VpcId=vpc),
        "In": of("EC2::NetworkAclEntry", **passes, Egress=False),
        "Out": of("EC2::NetworkAclEntry", **passes, Egress=True),
        "OfSubnet": of("EC2::SubnetNetworkAclAssociation", SubnetId={"Ref": "Subnet"}, NetworkAclId={"Ref": "Acl"}),
        "Launch": of("EC2::LaunchTemplate", LaunchTemplateData={"ImageId": "ami-0abcdef1234567890"}),
        "Balancer": of("ElasticLoadBalancingV2::LoadBalancer", Name=f"two-{number}", Subnets=[{"Ref": "Subnet"}]),
        "Targets": of("ElasticLoadBalancingV2::TargetGroup", Name="two", Protocol="HTTP", Port=8080, VpcId=vpc),
        "Listener": of(
            "ElasticLoadBalancingV2::Listener",
            LoadBalancerArn={"Ref": "Balancer"}, Protocol="HTTP", Port=80, DefaultActions=forward,
        ),
        "Group": group | {"DependsOn": ["Listener"]},
        "Role": of("IAM::Role", RoleName=f"two-{region}", AssumeRolePolicyDocument={"Statement": [trust]}),
    }  # fmt: skip


def record(**more: Any) -> dict[str, Any]:
    alias = {"DNSName": {"Fn::GetAtt": ["Balancer", "DNSName"]}, "EvaluateTargetHealth": True}
    alias["HostedZoneId"] = {"Fn::GetAtt": ["Balancer", "CanonicalHostedZoneID"]}
    return of("Route53::RecordSet", Name="shop.example.", Type="A", AliasTarget=alias, **more)


def templates(folder: Path) -> dict[str, Path]:
    checked = {"Type": "HTTP", "FullyQualifiedDomainName": {"Fn::GetAtt": ["Balancer", "DNSName"]}, "Port": 80}
    home = site(HOME) | {
        "Zone": of("Route53::HostedZone", Name="shop.example."),
        "Check": of("Route53::HealthCheck", HealthCheckConfig=checked | {"ResourcePath": "/", "FailureThreshold": 2}),
        "Record": record(
            HostedZoneId={"Ref": "Zone"}, SetIdentifier="home", Failover="PRIMARY", HealthCheckId={"Ref": "Check"}
        ),
    }
    away = site(AWAY) | {"Record": record(HostedZoneName="shop.example.", SetIdentifier="away", Failover="SECONDARY")}
    found = {HOME: folder / "home.json", AWAY: folder / "away.json"}
    for file, resources in zip(found.values(), (home, away), strict=True):
        file.write_text(json.dumps({"Resources": resources}))
    return found


class User:
    """Somebody outside: the name, what answers there, and the API of both Regions."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.route53 = client("route53", AWAY, lab.endpoint_url)
        self.ec2 = client("ec2", HOME, lab.endpoint_url)
        self.fis = client("fis", AWAY, lab.endpoint_url)
        self.check = str(self.route53.list_health_checks()["HealthChecks"][0]["Id"])
        found = self.ec2.describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["10.1.1.0/24"]}])["Subnets"]
        of_subnet = [{"Name": "association.subnet-id", "Values": [found[0]["SubnetId"]]}]
        (acl,) = self.ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]
        self.acl = str(acl["NetworkAclId"])

    def asked(self, where: str) -> str:
        """What answers at a virtual address, dialled as from its source zone; "" if nothing does."""
        real = self.ways()[where]
        try:
            with urllib.request.urlopen(f"http://{real}/", timeout=2) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return f"status {error.code}"
        except OSError:
            return ""

    def ways(self) -> dict[str, str]:
        """The dial map."""
        found: dict[str, str] = json.loads(self.lab.dial_map.read_text())
        return found

    def addresses(self, name: str) -> list[str]:
        """What DNS answers."""
        host, port = self.lab.resolver.split(":")
        asked = dns.message.make_query(name, "A")
        answer = dns.query.udp(asked, host, port=int(port), timeout=DEADLINE_S).answer
        return [str(one) for one in answer[0]] if answer else []

    def address(self) -> str:
        return self.addresses("shop.example")[0]

    def served_from(self, region: str) -> None:
        """Wait until the name leads there, and whoever follows it is answered there."""
        address = f"10.{NUMBER[region]}.0.10"
        eventually(
            f"{region} serves", lambda: self.address() == address and self.asked(f"client {address}:80") == region
        )

    def deny(self, what: dict[str, Any], *, egress: bool) -> None:
        self.ec2.create_network_acl_entry(NetworkAclId=self.acl, Egress=egress, **ANY, **what)

    def allow(self, *, egress: bool) -> None:
        self.ec2.delete_network_acl_entry(NetworkAclId=self.acl, Egress=egress, RuleNumber=ANY["RuleNumber"])

    def start(self, action: str, **parameters: str) -> str:
        """Start an experiment in the Region that is not lost."""
        actions = {"one": {"actionId": action, "parameters": parameters}}
        asked = {"clientToken": action, "description": "x", "roleArn": "arn:aws:iam::123456789012:role/x"}
        stops = [{"source": "none"}]
        made = self.fis.create_experiment_template(actions=actions, stopConditions=stops, **asked)
        template = made["experimentTemplate"]["id"]
        return str(self.fis.start_experiment(experimentTemplateId=template)["experiment"]["id"])

    def state(self, experiment: str) -> str:
        return str(self.fis.get_experiment(id=experiment)["experiment"]["state"]["status"])


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    spec = LabSpec(
        workload="two",
        regions={region: (f"{region}a",) for region in NUMBER},
        templates=templates(tmp_path_factory.mktemp("two")),
        command=("{python}", "-c", APP),
        tags={"dr-drills:workload": "two"},
        settings={
            "boot_delay_s": 0, "lb_dns_ttl_s": 1, "asg_check_s": 0.3, "lb_interval_s": 0.1, "r53_interval_s": 0.1,
            "r53_timeout_s": 1,
        },
        databases={},
    )  # fmt: skip
    lab = up(spec, owner=os.getpid())
    yield User(lab)
    broken = lab.directory / "broken.txt"
    said = broken.read_text() if broken.exists() else ""
    down(lab)
    assert said == ""


def test_each_site_is_there_with_its_tags(user: User) -> None:
    user.served_from(HOME)
    for region, number in NUMBER.items():
        assert user.asked(f"client 10.{number}.0.10:80") == region
        tags = client("iam", region, user.lab.endpoint_url).list_role_tags(RoleName=f"two-{region}")["Tags"]
        assert tags == [{"Key": "dr-drills:workload", "Value": "two"}]
    dials = json.loads(user.lab.dial_map.read_text())
    shown = table(user.lab).splitlines()
    for number in NUMBER.values():
        reached = next(line for line in shown if line.startswith(f"  two-{number} "))
        assert reached.endswith(f"http://{dials[f'client 10.{number}.0.10:80']}/")
    assert shown.count("Names") == 1


def test_a_check_that_is_forced_turns_the_name(user: User) -> None:
    user.route53.update_health_check(HealthCheckId=user.check, Disabled=True, Inverted=True)
    user.served_from(AWAY)
    assert user.asked("client 10.1.0.10:80") == HOME, "the site itself is well"
    user.route53.update_health_check(HealthCheckId=user.check, Disabled=False, Inverted=False)
    user.served_from(HOME)


def test_an_isolated_region_fails_its_check(user: User) -> None:
    user.deny(EVERYTHING, egress=False)
    user.served_from(AWAY)
    assert user.asked("client 10.1.0.10:80") == ""
    seen = user.route53.get_health_check_status(HealthCheckId=user.check)["HealthCheckObservations"]
    assert all(o["StatusReport"]["Status"].startswith("Failure") for o in seen)
    states = [i["State"]["Name"] for r in user.ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert states == ["running"], "its power is on, and the API answers"
    user.allow(egress=False)
    user.served_from(HOME)
    seen = user.route53.get_health_check_status(HealthCheckId=user.check)["HealthCheckObservations"]
    assert all(o["StatusReport"]["Status"].startswith("Success") for o in seen)


def test_a_denied_port_leaves_the_rest_alone(user: User) -> None:
    endpoint = f"{HOME}a 10.1.0.2:443"
    assert user.asked(endpoint) != ""
    user.deny(HTTPS, egress=True)
    eventually("the endpoints are silent", lambda: user.asked(endpoint) == "")
    assert user.asked(f"{AWAY}a 10.2.0.2:443") != ""
    user.served_from(HOME)
    user.allow(egress=True)
    eventually("the endpoints answer", lambda: user.asked(endpoint) != "")


def test_a_lost_site_comes_back_when_the_experiment_is_stopped(user: User) -> None:
    lost = user.start("lab:lose-site", region=HOME)
    user.served_from(AWAY)
    assert user.state(lost) == "running"
    assert [user.asked(where) for where in ("client 10.1.0.10:80", f"{HOME}a 10.1.0.2:443")] == ["", ""]
    user.fis.stop_experiment(id=lost)
    eventually("it has stopped", lambda: user.state(lost) == "stopped")
    user.served_from(HOME)
    unknown = user.start("aws:nope")
    eventually("what the lab cannot do fails", lambda: user.state(unknown) == "failed")
    assert "has no action aws:nope" in user.fis.get_experiment(id=unknown)["experiment"]["state"]["reason"]
    user.served_from(HOME)
