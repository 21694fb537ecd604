"""Spoilt answers are an outage; answers without what was lost are a loss, and not an outage that never ends."""

from collections.abc import Callable
from random import Random

import msgspec

from probes.history import History, Operation
from probes.probe import NOT_THERE
from reports.model import Verdict
from reports.service import is_served, lost_keys, served
from reports.verdict import Undoing, judge
from tests.truth.simulated import (  # fmt: skip
    IMPACT,
    MS,
    NS,
    Asked,
    Outage,
    Script,
    audit_of,
    declared_of,
    history_of,
    kept,
    with_operations,
    writes_of,
)

UNTIL = 8 * NS
REFUSED = (Outage(IMPACT, IMPACT + NS, "refuse"),)


def _read(o: Operation, key: str, observed: int | None, checksum: str) -> Operation:
    there = observed is not None
    return msgspec.structs.replace(
        o, key=key, version=1, checksum="c", observed_version=observed, observed_checksum=checksum if there else None,
        outcome="ok" if there else "fail", error="" if there else f"{NOT_THERE} (status 404)",
    )  # fmt: skip


def drilled(reads: Callable[[Operation, str], Operation], outages: tuple[Outage, ...] = ()) -> History:
    """A drill whose reads ask, one after the other, for the keys that were acknowledged before the fault."""
    streams = [
        Asked("orders write", outages), Asked("orders read", outages, kind="read", offset=10 * MS),
        Asked("witness a", [Outage(4 * NS + 200 * MS, 25 * NS, "swallow")], role="witness", kind="read", site="a"),
        Asked("witness b", role="witness", kind="read", site="b"), Asked("control", role="control", kind="read"),
    ]  # fmt: skip
    history = history_of(Script(streams), Random(7))
    keys = [w.key for w in writes_of(history) if w.good and w.done_ns < 3 * NS]
    return msgspec.structs.replace(
        history,
        operations=tuple(
            reads(o, keys[o.seq % len(keys)]) if o.stream == "orders read" and o.good and o.sent_ns > 3 * NS else o
            for o in history.operations
        ),
    )


def audited(history: History, lost: set[str]) -> History:
    writes = [w for w in writes_of(history) if w.sent_ns < 20 * NS]
    there = {key: row for key, row in kept(writes).items() if key not in lost}
    return with_operations(history, audit_of([w.key for w in writes], "at failover", 20 * NS, there))


def judged(history: History) -> Verdict:
    declared = declared_of(rto_s=10.0)
    objectives = msgspec.structs.replace(declared.objectives, rpo_s=30.0)
    return judge(history, msgspec.structs.replace(declared, objectives=objectives), Undoing("clean", ""), "1")


def test_spoilt_reads_are_an_outage_as_long_as_they_come() -> None:
    history = drilled(lambda o, key: _read(o, key, 1, "spoilt" if IMPACT <= o.sent_ns < UNTIL else "c"))
    found = judged(audited(history, set())).recovery_time
    assert found.lower_s is not None
    assert found.upper_s is not None
    assert found.lower_s <= (UNTIL - IMPACT) / NS <= found.upper_s
    assert found.upper_s - found.lower_s < 0.5


def test_reads_without_what_was_lost_do_not_lengthen_the_outage() -> None:
    quick = judged(audited(drilled(lambda o, key: _read(o, key, 1, "c"), REFUSED), set())).recovery_time
    lost = {w.key for w in writes_of(drilled(lambda o, _: o)) if w.sent_ns > 2 * NS and w.done_ns < 3 * NS}

    def read(o: Operation, key: str) -> Operation:
        return _read(o, key, None if key in lost and o.sent_ns > IMPACT else 1, "c")

    history = audited(drilled(read, REFUSED), lost)
    assert any(o.error.startswith(NOT_THERE) for o in history.operations)
    verdict = judged(history)
    assert (verdict.recovery_time.lower_s, verdict.recovery_time.upper_s) == (quick.lower_s, quick.upper_s)
    assert verdict.data_loss.lost == len(lost)


def test_keys_that_were_missing_only_for_a_while_were_not_served() -> None:
    def read(o: Operation, key: str) -> Operation:
        return _read(o, key, None if IMPACT <= o.sent_ns < UNTIL else 1, "c")

    history = audited(drilled(read), set())
    found = judged(history).recovery_time
    assert found.lower_s is not None
    assert found.lower_s <= (UNTIL - IMPACT) / NS <= (found.upper_s or 0.0)
    assert lost_keys(history) == frozenset()


def test_before_an_audit_a_key_that_is_not_there_is_taken_for_lost() -> None:
    history = drilled(lambda o, key: _read(o, key, None, ""))
    assert all(o.good for o in served(history, None).operations if o.stream == "orders read")
    assert not all(o.good for o in served(history, ()).operations if o.stream == "orders read")
    missing = next(o for o in history.operations if o.error.startswith(NOT_THERE))
    assert is_served(missing)
    assert is_served(missing, {(missing.vantage, missing.key)})
    assert not is_served(missing, frozenset()), "an audit found it: it was only missing"
    assert not is_served(_read(missing, missing.key, 1, "spoilt"))
    assert not is_served(msgspec.structs.replace(missing, error="refused"))


def test_nothing_is_copied_where_nothing_differs() -> None:
    history = drilled(lambda o, key: _read(o, key, 1, "c"))
    assert served(history, None) is history
