"""ARC in the lab: zonal shifts and routing controls as botocore's own clients call them, and what they do."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.moto_api._internal.models import moto_api_backend

from fixtures.aws import Cloud
from fixtures.change import Call, Endpoint
from fixtures.lab.cloud import moto_routing
from fixtures.lab.cloud.addresses import Region, free_port
from fixtures.lab.cloud.balancing import Balancing
from fixtures.lab.cloud.deploy import client
from fixtures.lab.cloud.health_checks import HealthChecks, control_of
from fixtures.lab.cloud.notes import note
from fixtures.lab.cloud.routing_controls import RoutingControls
from fixtures.lab.cloud.routing_state import KEPT, REGIONS, Kept
from fixtures.lab.cloud.server import Server
from fixtures.lab.cloud.world import ACCOUNT
from fixtures.lab.cloud.zonal_shifts import OPTED_IN, ZonalShifts

REGION = "eu-west-1"


class Scene:
    """One Region with an API, a load balancer in zones a and b, and a clock of its own."""

    def __init__(self) -> None:
        self.now_s, self.wakes = 1_800_000_000.0, 0
        lock = threading.RLock()
        truth = SimpleNamespace(log=lambda *_: None)
        self.world: Any = SimpleNamespace(
            region=Region(1, REGION, (f"{REGION}a", f"{REGION}b")), truth=truth, lost=False, shifted={},
            ec2=ec2_backends[ACCOUNT][REGION], balancing=elbv2_backends[ACCOUNT][REGION],
        )  # fmt: skip
        worlds = cast("Any", {REGION: self.world})
        self.kept = Kept()
        self.shifts = ZonalShifts(worlds, lock, self._wake, now=lambda: self.now_s)
        controls = RoutingControls(worlds, lambda: self.server.address, self._wake, self.kept, lambda: self.now_s)
        self.server = Server(lock, self._wake, [self.shifts, controls])

    def _wake(self) -> None:
        self.wakes += 1

    def api(self, service: str, region: str = REGION) -> Any:
        return client(service, region, f"http://{self.server.address}")

    def deploy(self) -> None:
        ec2, elb = self.api("ec2"), self.api("elbv2")
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
            for number, zone in enumerate("ab", start=1)
        ]
        found = elb.create_load_balancer(Name="orders", Subnets=[one["Subnet"]["SubnetId"] for one in subnets])
        self.balancer = found["LoadBalancers"][0]["LoadBalancerArn"]
        listed = ec2.describe_availability_zones()["AvailabilityZones"]
        self.ids = {one["ZoneName"]: one["ZoneId"] for one in listed}

    def opt_in(self, value: str) -> None:
        attributes = [{"Key": OPTED_IN, "Value": value}]
        self.api("elbv2").modify_load_balancer_attributes(LoadBalancerArn=self.balancer, Attributes=attributes)

    def start(self, zone: str = f"{REGION}a", expires: str = "5m") -> dict[str, Any]:
        found: dict[str, Any] = self.api("arc-zonal-shift").start_zonal_shift(
            resourceIdentifier=self.balancer, awayFrom=self.ids.get(zone, zone), expiresIn=expires, comment="drill"
        )
        return found

    def away(self) -> frozenset[str]:
        self.shifts.observe()
        found: frozenset[str] = self.world.shifted.get(self.balancer, frozenset())
        return found


@pytest.fixture(scope="module")
def served() -> Iterator[Scene]:
    moto_api_backend.reset()
    scene = Scene()
    scene.server.start()
    scene.deploy()
    yield scene
    scene.server.stop()
    moto_api_backend.reset()


@pytest.fixture
def scene(served: Scene) -> Scene:
    served.opt_in("true")
    served.shifts._shifts[REGION].clear()
    served.kept.clear()
    served.world.lost, served.wakes = False, 0
    return served


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# --- zonal shifts ----------------------------------------------------------------------------------------------------


def test_a_shift_holds_until_it_expires(scene: Scene) -> None:
    shift = scene.start()
    assert shift["status"] == "ACTIVE"
    assert (shift["expiryTime"] - shift["startTime"]).total_seconds() == 300.0
    assert scene.wakes == 1
    assert scene.away() == {f"{REGION}a"}
    scene.now_s += 299.0
    assert scene.away() == {f"{REGION}a"}
    scene.now_s += 2.0
    assert scene.away() == frozenset()
    listed = scene.api("arc-zonal-shift").list_zonal_shifts(resourceIdentifier=scene.balancer)["items"]
    assert [one["status"] for one in listed] == ["EXPIRED"]


def test_a_shift_is_cancelled_once(scene: Scene) -> None:
    api, shift = scene.api("arc-zonal-shift"), scene.start()
    assert api.cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])["status"] == "CANCELED"
    assert scene.away() == frozenset()
    with pytest.raises(ClientError) as error:
        api.cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
    assert code(error) == "ConflictException"
    assert api.list_zonal_shifts(status="ACTIVE")["items"] == []


def test_a_managed_resource_tells_its_weights(scene: Scene) -> None:
    scene.start()
    found = scene.api("arc-zonal-shift").get_managed_resource(resourceIdentifier=scene.balancer)
    assert found["appliedWeights"] == {scene.ids[f"{REGION}a"]: 0.0, scene.ids[f"{REGION}b"]: 1.0}
    assert [one["appliedStatus"] for one in found["zonalShifts"]] == ["APPLIED"]


@pytest.mark.parametrize(
    ("out_of", "expires", "says"),
    [(f"{REGION}c", "5m", "not in"), (f"{REGION}a", "73h", "1m to 72h"), (f"{REGION}a", "5s", "1m to 72h")],
)
def test_what_aws_refuses_is_refused(scene: Scene, out_of: str, expires: str, says: str) -> None:
    with pytest.raises(ClientError, match=says) as error:
        scene.start(out_of, expires)
    assert code(error) == "ValidationException"
    assert scene.away() == frozenset()


def test_a_second_shift_is_refused(scene: Scene) -> None:
    scene.start()
    with pytest.raises(ClientError) as error:
        scene.start(f"{REGION}b")
    assert code(error) == "ConflictException"
    assert scene.away() == {f"{REGION}a"}


def test_a_load_balancer_has_to_be_opted_in(scene: Scene) -> None:
    scene.opt_in("false")
    with pytest.raises(ClientError) as error:
        scene.start()
    assert code(error) == "ResourceNotFoundException"


def test_a_shifted_zone_s_targets_get_nothing_while_another_is_healthy(scene: Scene, tmp_path: Any) -> None:
    balancing, asked = Balancing(scene.world, tmp_path), []
    scene.world.machines = {f"i-{zone}": SimpleNamespace(zone=f"{REGION}{zone}") for zone in "ab"}
    targets = (("i-a", 8080), ("i-b", 8080))
    scene.start()
    scene.shifts.observe()
    for seen in ({"i-a": "healthy", "i-b": "healthy"}, {"i-a": "healthy", "i-b": "unhealthy"}):
        balancing._seen = dict(seen)
        asked.append(balancing._away(scene.balancer, targets))
    assert asked == [{"i-a"}, frozenset()], "one that fails open is not shifted"


# --- routing controls ------------------------------------------------------------------------------------------------


def deployed(scene: Scene) -> tuple[str, str, list[str]]:
    cluster = scene.kept.create_cluster("orders")
    panel = scene.kept.create_panel(cluster, "orders").arn
    return cluster, panel, [scene.kept.create_control(cluster, panel, name).arn for name in ("home", "away")]


def endpoints(scene: Scene, cluster: str) -> list[Endpoint]:
    found = scene.api("route53-recovery-control-config", "us-west-2").describe_cluster(ClusterArn=cluster)["Cluster"]
    return [Endpoint(region=one["Region"], url=one["Endpoint"]) for one in found["ClusterEndpoints"]]


def update(control: str, state: str, at: list[Endpoint]) -> Call:
    entries = [{"RoutingControlArn": control, "RoutingControlState": state}]
    return Call(
        service="route53-recovery-cluster", region="", operation="UpdateRoutingControlStates",
        parameters={"UpdateRoutingControlStateEntries": entries}, endpoints=tuple(at),
    )  # fmt: skip


def test_the_control_plane_names_five_endpoints_and_the_panel_s_cluster(scene: Scene) -> None:
    cluster, panel, (home, away) = deployed(scene)
    assert [one.region for one in endpoints(scene, cluster)] == list(REGIONS)
    config = scene.api("route53-recovery-control-config", "us-west-2")
    assert config.describe_control_panel(ControlPanelArn=panel)["ControlPanel"]["ClusterArn"] == cluster
    listed = config.list_routing_controls(ControlPanelArn=panel)["RoutingControls"]
    assert [one["RoutingControlArn"] for one in listed] == [home, away]
    assert config.list_clusters()["Clusters"][0]["ClusterArn"] == cluster


def test_any_endpoint_will_do_where_others_do_not_answer(scene: Scene) -> None:
    cluster, _, (home, _) = deployed(scene)
    silent = [Endpoint(region=region, url=f"http://127.0.0.1:{free_port()}/v1") for region in REGIONS[:2]]
    scene.world.lost = True  # the third endpoint's Region is without power
    at = [*silent, *endpoints(scene, cluster)[2:]]
    with Cloud.for_lab(f"http://{scene.server.address}") as cloud:
        cloud.perform(update(home, "On", at), purpose="recover")
        assert scene.kept.is_on(home)
        assert scene.wakes == 1
        with pytest.raises(Exception, match="EndpointTemporarilyUnavailableException"):
            cloud.perform(update(home, "Off", at[:3]), purpose="recover")
        with pytest.raises(Exception, match=EndpointConnectionError.__name__):
            cloud.perform(update(home, "Off", at[:2]), purpose="recover")
        assert scene.kept.is_on(home)


def test_an_endpoint_takes_its_own_region_s_requests_only(scene: Scene) -> None:
    cluster, _, (home, _) = deployed(scene)
    elsewhere = [Endpoint(region="us-east-1", url=endpoints(scene, cluster)[1].url)]
    with Cloud.for_lab(f"http://{scene.server.address}") as cloud, pytest.raises(Exception, match="AccessDenied"):
        cloud.perform(update(home, "On", elsewhere))
    assert not scene.kept.is_on(home)


@pytest.mark.parametrize(("kind", "waits_ms"), [("AssertionRule", 0), ("GatingRule", 0), ("AssertionRule", 5000)])
def test_safety_rules_refuse_and_can_be_overridden(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: str, waits_ms: int
) -> None:
    cluster, panel, (home, away) = deployed(scene)
    monkeypatch.setattr(moto_routing, "KEPT", scene.kept)
    at = endpoints(scene, cluster)
    config = {"Type": "OR", "Threshold": 0, "Inverted": False}
    own = {"AssertionRule": {"AssertedControls": [home, away]}, "GatingRule": {"GatingControls": [home],
           "TargetControls": [away]}}[kind]  # fmt: skip
    made = {"ControlPanelArn": panel, "RuleConfig": config, kind: {**own, "WaitPeriodMs": waits_ms}}
    rule = moto_routing.SafetyRule.create_from_cloudformation_json("one-on", {"Properties": made})
    with Cloud.for_lab(f"http://{scene.server.address}") as cloud:
        if kind == "GatingRule":
            with pytest.raises(Exception, match="would violate safety rule one-on"):
                cloud.perform(update(away, "On", at))
            cloud.perform(update(home, "On", at))
        cloud.perform(update(away, "On", at))
        if waits_ms:
            with pytest.raises(Exception, match="wait period"):
                cloud.perform(update(home, "On", at))
            scene.now_s += 5.0
        if kind == "AssertionRule":
            with pytest.raises(Exception, match="would violate safety rule one-on"):
                cloud.perform(update(away, "Off", at))
            assert scene.kept.is_on(away)
            call = update(away, "Off", at)
            call.parameters["SafetyRulesToOverride"] = [rule.physical_resource_id]
            cloud.perform(call)
    assert scene.kept.is_on(away) is (kind == "GatingRule")


def test_templates_make_and_delete_them(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_routing, "KEPT", scene.kept)
    cluster = moto_routing.Cluster.create_from_cloudformation_json("orders", {"Properties": {}})
    of = {"ClusterArn": cluster.physical_resource_id}
    panel = moto_routing.ControlPanel.create_from_cloudformation_json("orders", {"Properties": of})
    of_panel = {**of, "ControlPanelArn": panel.physical_resource_id}
    control = moto_routing.RoutingControl.create_from_cloudformation_json("home", {"Properties": of_panel})
    assert control.get_cfn_attribute("RoutingControlArn").startswith(f"{panel.physical_resource_id}/routingcontrol/")
    assert moto_routing.RoutingControl.has_cfn_attr("RoutingControlArn")
    again = Kept()
    first = again.create_cluster("orders")
    assert again.create_control(first, again.create_panel(first, "orders").arn, "home").arn == (
        control.physical_resource_id
    ), "a workload file can name what its lab has yet to deploy"
    types = (moto_routing.Cluster, moto_routing.ControlPanel, moto_routing.RoutingControl, moto_routing.SafetyRule)
    assert set(types) <= set(CloudFormationModel.__subclasses__()), "moto takes direct heirs only for types"
    control.delete(ACCOUNT, REGION)
    assert not scene.kept.controls


def test_a_health_check_follows_its_control() -> None:
    assert not KEPT.controls
    check: Any = SimpleNamespace(
        id="h-1", fqdn=None, ip_address=None, port=80, disabled=False, inverted=False, type_="RECOVERY_CONTROL"
    )
    kept = Kept()
    control = kept.create_control(kept.create_cluster("orders"), "", "home").arn
    note(check, lab_control=control)
    assert control_of(check) == control
    logged: list[str] = []
    world: Any = SimpleNamespace(
        truth=SimpleNamespace(log=lambda *words: logged.append(words[0])),
        names=SimpleNamespace(health_checks={"h-1": check}),
    )  # fmt: skip
    checks = HealthChecks.__new__(HealthChecks)
    checks.__dict__.update(
        {"_world": world, "_is_on": kept.is_on, "_wanted": {}, "_reports": {}, "_told": {}, "_ordered": []}
    )
    checks.observe()
    assert not checks.is_healthy("h-1")
    kept.controls[control].state = "On"
    checks.observe()
    assert checks.is_healthy("h-1")
    check.inverted = True
    assert not checks.is_healthy("h-1")
    assert checks.routes() == []
    assert checks.missing() == "", "nothing waits for a control to be On"
    assert logged == ["health check unhealthy", "health check healthy"]
