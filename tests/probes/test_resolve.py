import pytest

from probes import resolve
from probes.deadline import Deadline
from probes.resolve import NameResolver, ResolveError
from tests.probes.servers import Names


class Clock:
    """Stands in for the module `time`: TTLs pass when a test says so."""

    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(resolve, "time", clock)
    return clock


@pytest.fixture
def resolver(names: Names) -> NameResolver:
    names.addresses["orders.test"] = ["10.1.0.10"]
    return NameResolver(f"127.0.0.1:{names.port}")


def address(resolver: NameResolver, name: str = "orders.test", timeout_s: float = 5.0) -> str:
    return resolver.address(name, Deadline(timeout_s))


def test_an_answer_is_kept_for_its_ttl_and_not_longer(resolver: NameResolver, names: Names, clock: Clock) -> None:
    names.ttl = 5
    assert address(resolver) == "10.1.0.10"
    names.addresses["orders.test"] = ["10.2.0.10"]
    clock.now_s += 4.9
    assert address(resolver) == "10.1.0.10"
    assert len(names.asked) == 1
    clock.now_s += 0.2
    assert address(resolver) == "10.2.0.10"
    assert len(names.asked) == 2


def test_a_ttl_of_zero_is_never_kept(resolver: NameResolver, names: Names) -> None:
    names.ttl = 0
    address(resolver)
    address(resolver)
    assert len(names.asked) == 2


def test_several_addresses_take_turns(resolver: NameResolver, names: Names) -> None:
    names.addresses["orders.test"] = ["10.1.0.10", "10.1.0.11", "10.1.0.12"]
    asked = [address(resolver) for _ in range(6)]
    assert sorted(asked[:3]) == names.addresses["orders.test"]
    assert asked[3:] == asked[:3]


def test_failures_are_not_kept(resolver: NameResolver, names: Names) -> None:
    with pytest.raises(ResolveError, match=r"late\.test: no such name"):
        address(resolver, "late.test")
    names.addresses["late.test"] = ["10.1.0.11"]
    assert address(resolver, "late.test") == "10.1.0.11"


def test_a_silent_resolver_ends_at_the_deadline(resolver: NameResolver, names: Names) -> None:
    names.silent = True
    deadline = Deadline(0.3)
    with pytest.raises(ResolveError, match="no answer from the resolver"):
        resolver.address("orders.test", deadline)
    assert deadline.passed


def test_a_deadline_that_has_passed_asks_nobody(resolver: NameResolver, names: Names) -> None:
    with pytest.raises(ResolveError):
        address(resolver, timeout_s=0)
    assert names.asked == []


def test_an_answer_cut_short_is_asked_for_over_tcp(resolver: NameResolver, names: Names) -> None:
    names.cut = True
    assert address(resolver) == "10.1.0.10"
    assert [transport for _, transport in names.asked] == ["udp", "tcp"]


@pytest.mark.parametrize("literal", ["10.1.0.10", "::1"])
def test_an_address_is_asked_of_nobody(resolver: NameResolver, names: Names, literal: str) -> None:
    assert address(resolver, literal) == literal
    assert address(resolver, "localhost") == "127.0.0.1"
    assert names.asked == []


def test_a_name_without_addresses(resolver: NameResolver, names: Names) -> None:
    names.addresses["empty.test"] = []
    with pytest.raises(ResolveError, match="no address"):
        address(resolver, "empty.test")
