import hashlib

from probes.ledger import Entry, Ledger, checksum_of, payload_of


def entry(key: str, probe: str = "orders") -> Entry:
    return Entry(probe=probe, key=key, version=1, checksum="")


def test_the_newest_acknowledged_key_that_is_old_enough() -> None:
    ledger = Ledger()
    assert ledger.newest("orders", 10**9) is None
    for at_ns, outcome in ((10, "ok"), (20, "in-doubt"), (30, "ok"), (40, "fail"), (50, "ok")):
        row = entry(str(at_ns))
        ledger.send(row)
        ledger.done(row, outcome, at_ns)  # type: ignore[arg-type]  # a literal
    found = [ledger.newest("orders", before_ns) for before_ns in (9, 10, 29, 30, 45, 60)]
    assert [row.key if row else None for row in found] == [None, "10", "10", "30", "30", "50"]
    assert ledger.newest("other", 60) is None


def test_waiting_for_what_is_in_flight() -> None:
    ledger = Ledger()
    row = entry("a")
    ledger.send(row)
    assert not ledger.wait_done(ledger.entries("orders"), 0.01)
    ledger.done(row, "in-doubt", 1)
    assert ledger.wait_done(ledger.entries("orders"), 0.01)


def test_who_wrote_what() -> None:
    ledger = Ledger()
    ledger.send(entry("a"))
    ledger.send(entry("b", "other"))
    assert ledger.probes() == ["orders", "other"]
    assert ledger.unknown("orders", ["a", "b", "c"]) == ["b", "c"]


def test_checksums_and_payloads_can_be_computed_by_anybody() -> None:
    payload = payload_of(7, "k")
    assert payload == hashlib.sha256(b"7|k").hexdigest()[:24]
    assert checksum_of("k", 2, payload) == hashlib.sha256(f"k|2|{payload}".encode()).hexdigest()[:16]
    assert payload_of(8, "k") != payload
