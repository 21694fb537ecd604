import msgspec
import pytest

from fixtures.lab.fabric.state import Closed, FabricState, Host, Link, LinkState, Name, Path, Route, Topology

A, B = "10.1.1.10", "10.1.2.10"


def _path(state: FabricState, source: str = "client", address: str = A, port: int = 80) -> Path:
    return Topology(state).path(source, address, port)


def _state(*links: Link, up: bool = True, isolated: tuple[str, ...] = ()) -> FabricState:
    hosts = [
        Host(address=A, zone="a", ports={80: "127.0.0.1:4000"}, up=up),
        Host(address=B, zone="b", ports={80: "127.0.0.1:4001"}),
    ]
    return FabricState(hosts=hosts, links=list(links), isolated=list(isolated))


def test_without_links_everything_passes_at_once() -> None:
    path = _path(_state())
    assert path == Path(mode="pass", link="pass", present=True, real=("127.0.0.1", 4000))


def test_delays_are_taken_from_each_direction_s_own_link() -> None:
    links = Link(source="client", destination="a", delay_ms=30), Link(source="a", destination="client", delay_ms=5)
    path = _path(_state(*links))
    assert (path.forward_s, path.back_s) == (0.03, 0.005)


@pytest.mark.parametrize("ends", [("client", "a"), ("a", "client")])
@pytest.mark.parametrize("state", ["swallow", "refuse"])
def test_one_direction_is_enough_to_stop_connections(ends: tuple[str, str], state: LinkState) -> None:
    cut = _state(Link(source=ends[0], destination=ends[1], state=state))
    assert _path(cut).mode == state
    assert _path(cut, address=B).mode == "pass"


def test_swallow_is_stronger_than_refuse() -> None:
    # A refusal would have to come back over a link that loses it.
    links = (
        Link(source="client", destination="a", state="refuse"),
        Link(source="a", destination="client", state="swallow"),
    )
    assert _path(_state(*links)).mode == "swallow"


def test_a_host_without_power_swallows_and_is_not_present() -> None:
    path = _path(_state(up=False))
    assert (path.mode, path.link, path.present) == ("swallow", "swallow", False)


def test_an_address_that_no_host_has_swallows() -> None:
    path = _path(_state(), address="10.1.3.99")
    assert (path.mode, path.present) == ("swallow", False)


def test_an_unserved_port_refuses_new_connections_and_leaves_open_ones() -> None:
    path = _path(_state(), port=81)
    assert (path.mode, path.link, path.real) == ("refuse", "pass", None)


@pytest.mark.parametrize(
    ("source", "address", "mode"),
    [("client", A, "swallow"), ("a", B, "swallow"), ("a", A, "pass"), ("client", B, "pass"), ("b", B, "pass")],
)
def test_a_network_acl_fences_a_zone_and_not_its_inside(source: str, address: str, mode: LinkState) -> None:
    assert _path(_state(isolated=("a",)), source, address).mode == mode


def test_a_wrong_state_gets_all_its_errors_at_once() -> None:
    state = FabricState(
        hosts=[
            Host(address=A, zone="a", ports={80: "10.0.0.1:80", 0: "127.0.0.1:1"}),
            Host(address=A, zone="b", ports={}),
            Host(address="nowhere", zone="b", ports={}),
        ],
        names=[Name(name="x.lab", addresses=["::1"], ttl=-1), Name(name="X.lab.", addresses=[], ttl=1)],
        routes=[Route(source="client", destination="x.lab")],
        links=[Link(source="a", destination="b", delay_ms=-1), Link(source="a", destination="b")],
    )
    with pytest.raises(ValueError, match="given 2 times") as caught:
        Topology(state)
    told = str(caught.value)
    for part in (
        f"host {A} is given 2 times",
        "name x.lab is given 2 times",
        "link a -> b is given 2 times",
        "'10.0.0.1:80' is not on 127.0.0.1",
        f"'{A}:0' is not host:port",
        "'nowhere': not an IPv4 address",
        "'::1' is not an IPv4 address",
        "ttl -1 is negative",
        "delay_ms -1 is not a time",
        "route from client: 'x.lab' is not host:port",
    ):
        assert part in told


def test_a_state_survives_the_wire() -> None:
    state = _state(Link(source="a", destination="b", delay_ms=1.5, state="swallow"), isolated=("b",))
    assert msgspec.json.decode(msgspec.json.encode(state), type=FabricState) == state


@pytest.mark.parametrize(("open_too", "link"), [(False, "pass"), (True, "swallow")])
def test_a_closed_port_swallows_what_is_new_and_perhaps_what_is_open(open_too: bool, link: str) -> None:  # noqa: FBT001
    closed = Closed(source="a", address="10.0.0.1", port=80, open_too=open_too)
    host = Host(address="10.0.0.1", zone="b", ports={80: "127.0.0.1:1", 81: "127.0.0.1:2"})
    topology = Topology(FabricState(hosts=[host], closed=[closed]))
    path = topology.path("a", "10.0.0.1", 80)
    assert (path.mode, path.link, path.present) == ("swallow", link, True)
    for source, port in (("a", 81), ("c", 80)):
        assert topology.path(source, "10.0.0.1", port).mode == "pass"


def test_a_closed_port_does_not_tell_whether_anything_listens() -> None:
    closed = Closed(source="a", address="10.0.0.1", port=80)
    topology = Topology(FabricState(hosts=[Host(address="10.0.0.1", zone="b", ports={})], closed=[closed]))
    assert topology.path("a", "10.0.0.1", 80).mode == "swallow"
    assert topology.path("c", "10.0.0.1", 80).mode == "refuse"


def test_a_port_is_not_closed_twice() -> None:
    closed = Closed(source="a", address="10.0.0.1", port=80)
    with pytest.raises(ValueError, match=r"closed port a -> 10\.0\.0\.1:80 is given 2 times"):
        Topology(FabricState(closed=[closed, closed]))
