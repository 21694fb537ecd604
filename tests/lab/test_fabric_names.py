import random
from collections import Counter

import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

from fixtures.lab.fabric.dns import answer
from fixtures.lab.fabric.names import Lookup, Records
from fixtures.lab.fabric.state import FabricState, Name, Share, Topology


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _records(*addresses: str, ttl: int = 5) -> Records:
    records = Records()
    records.replace([Name(name="db.lab", addresses=list(addresses), ttl=ttl)])
    return records


def _ask(records: Records, name: str, kind: str = "A") -> dns.message.Message:
    wire = answer(dns.message.make_query(name, kind).to_wire(), records)
    assert wire is not None
    return dns.message.from_wire(wire)


def test_an_answer_is_remembered_for_its_ttl_from_its_first_use() -> None:
    clock, records = Clock(), _records("10.1.1.1")
    lookup = Lookup(records, "db.lab", clock)
    assert lookup.use() == "10.1.1.1"
    records.replace([Name(name="db.lab", addresses=["10.1.2.1"], ttl=5)])
    clock.now_s += 3
    assert lookup.use() == "10.1.1.1"  # and using it does not make it last longer
    clock.now_s += 1.999
    assert lookup.use() == "10.1.1.1"
    clock.now_s += 0.001
    assert lookup.use() == "10.1.2.1"
    assert lookup.expires_s == clock.now_s + 5


def test_peeking_remembers_nothing() -> None:
    clock, records = Clock(), _records("10.1.1.1")
    lookup = Lookup(records, "DB.lab.", clock)
    assert lookup.peek() == "10.1.1.1"
    records.replace([Name(name="db.lab", addresses=["10.1.2.1"], ttl=5)])
    assert lookup.peek() == "10.1.2.1"
    assert lookup.expires_s is None


def test_a_name_that_vanished_is_gone_once_it_is_forgotten() -> None:
    clock, records = Clock(), _records("10.1.1.1")
    lookup = Lookup(records, "db.lab", clock)
    lookup.use()
    records.replace([])
    assert lookup.use() == "10.1.1.1"
    clock.now_s += 5
    assert lookup.use() is None


def test_a_ttl_of_zero_is_never_remembered() -> None:
    records = _records("10.1.1.1", ttl=0)
    lookup = Lookup(records, "db.lab", Clock())
    lookup.use()
    records.replace([Name(name="db.lab", addresses=["10.1.2.1"], ttl=0)])
    assert lookup.use() == "10.1.2.1"


def test_an_address_is_its_own_name() -> None:
    lookup = Lookup(Records(), "10.1.1.1", Clock())
    assert (lookup.use(), lookup.expires_s) == ("10.1.1.1", None)


def test_dns_answers_every_address_in_order_with_the_ttl_as_given() -> None:
    reply = _ask(_records("10.1.2.1", "10.1.1.1", ttl=7), "DB.lab.")
    (rrset,) = reply.answer
    assert (reply.rcode(), rrset.ttl, [r.to_text() for r in rrset]) == (0, 7, ["10.1.2.1", "10.1.1.1"])


def test_dns_knows_no_other_name() -> None:
    reply = _ask(_records("10.1.1.1"), "other.lab")
    assert (reply.rcode(), reply.answer) == (dns.rcode.NXDOMAIN, [])


@pytest.mark.parametrize(("addresses", "kind"), [(["10.1.1.1"], "AAAA"), ([], "A")])
def test_dns_says_that_a_name_exists_without_such_an_address(addresses: list[str], kind: str) -> None:
    reply = _ask(_records(*addresses), "db.lab", kind)
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_dns_refuses_what_is_not_a_query_for_a_name() -> None:
    update = dns.message.make_query("db.lab", "A")
    update.set_opcode(dns.opcode.STATUS)
    wire = answer(update.to_wire(), _records("10.1.1.1"))
    assert wire is not None
    assert dns.message.from_wire(wire).rcode() == dns.rcode.NOTIMP


def test_dns_does_not_answer_noise_nor_answers() -> None:
    records = _records("10.1.1.1")
    reply = dns.message.make_response(dns.message.make_query("db.lab", dns.rdatatype.A))
    assert answer(b"noise", records) is None
    assert answer(reply.to_wire(), records) is None


def test_each_answer_of_a_weighted_name_is_drawn_anew() -> None:
    shares = [Share(weight=w, addresses=[f"10.{w}.0.10"], ttl=w) for w in (1, 3)]
    records = Records(random.Random(1))
    records.replace([Name(name="shop.test", addresses=["10.3.0.10"], ttl=3, shares=shares)])
    replies = [_ask(records, "shop.test").answer[0] for _ in range(400)]
    seen = Counter((str(reply[0]), reply.ttl) for reply in replies)
    assert seen.keys() == {("10.1.0.10", 1), ("10.3.0.10", 3)}
    assert 60 < seen["10.1.0.10", 1] < 140, "a quarter of them, within 4.6 standard deviations"


def test_a_share_that_is_none_is_refused() -> None:
    wrong = [Share(weight=0, addresses=["ten"], ttl=-1)]
    with pytest.raises(ValueError, match=r"'ten' is not an IPv4 address.*ttl -1 is negative.*weight 0 is not above 0"):
        Topology(FabricState(names=[Name(name="a", addresses=[], ttl=0, shares=wrong)]))
