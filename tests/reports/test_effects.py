"""Effects that no witness sees, and witnesses that alone can see: what proves them, and what does not."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import pytest

from probes.history import History, Mark, Operation, Outcome, Stream
from probes.probe import NOT_THERE
from reports.declared import Declared, DeclaredFault, DeclaredTarget
from reports.effects import (
    FAILED_IN_A_ROW,
    corrupt_reads,
    failed_launches,
    failed_reads,
    missing_reads,
    stuck_heartbeats,
)
from reports.verdict import judge
from reports.witness import CAPACITY, DATA, EffectSeen, effect_seen
from tests.reports.test_verdict import CLEAN, finding
from tests.truth.simulated import MS, NS, UNDO, VANTAGE, Outage, declared_of, drill, with_operations

REQUESTED = 4 * NS
Proof = Literal["witnesses", "corrupt reads", "missing reads", "failed reads", "heartbeats", "names", "failed launches"]


def declared(proved_by: Proof, **fields: object) -> Declared:
    """A drill whose fault is proved in that way."""
    found = declared_of(bites=(), spares=())
    assert found.fault is not None
    fault = msgspec.structs.replace(found.fault, proved_by=proved_by, **fields)
    return msgspec.structs.replace(found, fault=fault)


def read(
    at: int, seq: int, stream: str = "read", *, kind: Literal["read", "audit"] = "read", **fields: object
) -> Operation:
    """A read of an order that was written as version 1, with checksum c; all is well with it unless `fields` say."""
    right = Operation(
        vantage=VANTAGE, probe="orders", stream=stream, seq=seq, kind=kind, due_ns=at, sent_ns=at, done_ns=at + 10 * MS,
        outcome="ok", key="k-1", version=1, checksum="c", observed_version=1, observed_checksum="c",
    )  # fmt: skip
    return msgspec.structs.replace(right, **fields)


def reading(*reads: Operation, streams: Sequence[Stream] = ()) -> History:
    """A quiet drill with a read stream (and others), and what these sent."""
    history = drill(())
    (record,) = history.vantages
    (write, *_) = (s for s in record.header.streams if s.role == "workload")
    asked = msgspec.structs.replace(write, name="read", kind="read")
    header = msgspec.structs.replace(record.header, streams=(*record.header.streams, asked, *streams))
    history = msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))
    return with_operations(history, reads)


# --- the data ---


def test_corruption_is_proved_by_the_first_read_that_gets_what_was_never_written() -> None:
    wrong = read(REQUESTED + 300 * MS, 1, observed_checksum="d")
    history = reading(read(REQUESTED + 100 * MS, 0), wrong, read(REQUESTED + 500 * MS, 2, observed_checksum="d"))
    seen = effect_seen(history, declared("corrupt reads"))
    effect = seen.bites[DATA]
    assert effect is not None
    assert effect.proof[0] == wrong
    assert (effect.edge.lower_ns, effect.edge.upper_ns) == (REQUESTED, wrong.done_ns)
    assert seen.complete
    assert seen.effective == effect.edge


def test_what_proves_no_corruption() -> None:
    quiet = [
        read(REQUESTED - 100 * MS, 0, observed_checksum="d"),  # before it was asked for
        read(UNDO + 100 * MS, 1, observed_checksum="d"),  # after it was undone
        read(REQUESTED + 100 * MS, 2, observed_checksum=None),  # does not say
        read(REQUESTED + 200 * MS, 3, observed_version=2, observed_checksum="d"),  # another version
        read(REQUESTED + 300 * MS, 4, outcome="in-doubt", observed_checksum="d"),
        read(REQUESTED + 400 * MS, 5, outcome="fail", error=NOT_THERE, observed_version=None, observed_checksum=None),
        read(REQUESTED + 500 * MS, 6, "audit at failover at b", kind="audit", observed_checksum="d", site="b"),
        read(REQUESTED + 600 * MS, 7, "witness a", observed_checksum="d"),
    ]
    assert corrupt_reads(reading(*quiet), REQUESTED, UNDO) == ()
    seen = effect_seen(reading(*quiet), declared("corrupt reads"))
    assert (seen.bites, seen.complete, seen.effective) == ({DATA: None}, False, None)


def test_an_audit_proves_it_too() -> None:
    audited = read(REQUESTED + NS, 0, "audit at failover", kind="audit", observed_checksum="d")
    assert corrupt_reads(reading(audited), REQUESTED, UNDO) == (audited,)


def test_deletion_is_proved_by_a_read_of_an_acknowledged_key_that_is_not_there() -> None:
    gone = read(REQUESTED + NS, 1, outcome="fail", error=f"{NOT_THERE} (status 404)", observed_version=None)
    history = reading(gone, read(REQUESTED + NS, 2, outcome="fail", error="refused", observed_version=None))
    assert missing_reads(history, REQUESTED, UNDO) == (gone,)
    assert effect_seen(history, declared("missing reads")).complete
    assert not effect_seen(history, declared("corrupt reads")).complete


def test_the_verdict_says_how_the_data_showed_it_and_without_it_is_invalid() -> None:
    wrong = read(REQUESTED + 300 * MS, 1, observed_checksum="d")
    shown = finding(judge(reading(wrong), declared("corrupt reads"), CLEAN, "1"), "fault effective")
    assert (shown.verdict, shown.operations) == ("pass", ("v1/read/1",))
    assert "the data was read and was not what had been written" in shown.says
    silent = finding(judge(reading(), declared("corrupt reads"), CLEAN, "1"), "fault effective")
    assert (silent.verdict, silent.says) == ("invalid", "No read saw the fault in the data.")


def failing(count: int, begin: int = REQUESTED) -> list[Operation]:
    """So many reads of one stream, one every 100 ms, that are answered with 503."""
    at = [(begin + seq * 100 * MS, seq) for seq in range(count)]
    return [read(when, seq, outcome="fail", status=503, observed_version=None) for when, seq in at]


def test_what_leads_to_the_data_is_proved_by_reads_that_fail_in_a_row() -> None:
    bad = failing(FAILED_IN_A_ROW)
    seen = effect_seen(reading(*bad), declared("failed reads"))
    effect = seen.bites[DATA]
    assert effect is not None
    assert effect.proof == tuple(bad)
    assert (effect.edge.lower_ns, effect.edge.upper_ns) == (REQUESTED, bad[0].done_ns)
    assert seen.complete
    shown = finding(judge(reading(*bad), declared("failed reads"), CLEAN, "1"), "fault effective")
    assert shown.verdict == "pass"
    assert "the data could not be read, again and again," in shown.says


def test_what_proves_no_failed_reads() -> None:
    lone = failing(FAILED_IN_A_ROW - 1)
    good = read(REQUESTED + (FAILED_IN_A_ROW - 1) * 100 * MS, FAILED_IN_A_ROW - 1)
    another = read(good.sent_ns + 100 * MS, FAILED_IN_A_ROW, outcome="fail", status=503)
    written = [read(o.sent_ns, o.seq, kind="audit", outcome="fail") for o in failing(FAILED_IN_A_ROW)]
    for reads in (
        lone,
        [*lone, good, another],  # a good one ends the row
        failing(FAILED_IN_A_ROW, REQUESTED - 100 * MS),  # the first was sent before
        failing(FAILED_IN_A_ROW, UNDO - 100 * MS),  # the others were sent after the undo
        written,
        [read(o.sent_ns, o.seq, "witness a", outcome="fail") for o in failing(FAILED_IN_A_ROW)],
    ):
        assert failed_reads(reading(*reads), REQUESTED, UNDO) == ()
        assert not effect_seen(reading(*reads), declared("failed reads")).complete


# --- replication ---

AWAY = Stream(
    name="heartbeat away", probe="orders", role="heartbeat", kind="read", connection="pooled", period_ns=100 * MS,
    timeout_ns=NS, site="away", target="away.example",
)  # fmt: skip


def beats(*waits_ns: int, begin: int = NS, lost: bool = False, outcome: Outcome = "ok") -> list[Operation]:
    """One heartbeat every 100 ms: each key in turn is missing for so long; the last for ever, if `lost`."""
    found: list[Operation] = []
    at = begin
    for number, wait_ns in enumerate(waits_ns):
        for passed in range(0, wait_ns + 1, 100 * MS):
            here = passed >= wait_ns and not (lost and number == len(waits_ns) - 1)
            found.append(
                read(
                    at, len(found), AWAY.name, key=f"k-{begin}-{number}", observed_version=1 if here else None,
                    observed_checksum="c" if here else None, outcome=outcome,
                )
            )  # fmt: skip
            at += 100 * MS
    return found


def test_a_pause_is_proved_by_a_write_that_stays_away_much_longer_than_any_before() -> None:
    usual = beats(500 * MS, 700 * MS, 400 * MS)
    stuck = beats(3 * NS, begin=REQUESTED, lost=True)
    history = reading(*usual, *stuck, streams=[AWAY])
    (first, *_) = stuck_heartbeats(history, "away", REQUESTED, UNDO)
    assert first.sent_ns == REQUESTED + 2200 * MS  # longer than 3 * 0.7 s, the longest that one took
    seen = effect_seen(history, declared("heartbeats", bites=("away",)))
    assert seen.complete
    assert seen.unwatched == ()


def test_what_proves_no_pause() -> None:
    slow = beats(1600 * MS, begin=REQUESTED, lost=True)
    silent = beats(3 * NS, begin=REQUESTED, lost=True, outcome="in-doubt")
    for heartbeats in (beats(700 * MS) + slow, beats(700 * MS) + silent, beats(3 * NS, begin=REQUESTED, lost=True)):
        assert stuck_heartbeats(reading(*heartbeats, streams=[AWAY]), "away", REQUESTED, UNDO) == ()
    elsewhere = reading(*beats(700 * MS), *beats(3 * NS, begin=REQUESTED, lost=True), streams=[AWAY])
    seen = effect_seen(elsewhere, declared("heartbeats", bites=("another",)))
    assert (seen.complete, seen.unwatched) == (False, ("another",))


# --- witnesses by name ---

BITTEN = Outage(REQUESTED + 200 * MS, UNDO, "swallow")


def named(history: History) -> History:
    """The witnesses as a workload file names them: `alone` at site a, `other` at site b."""
    (record,) = history.vantages
    names = {"witness a": "witness alone", "witness b": "witness other"}
    streams = tuple(msgspec.structs.replace(s, probe=names.get(s.name, s.probe)) for s in record.header.streams)
    header = msgspec.structs.replace(record.header, streams=streams)
    return msgspec.structs.replace(history, vantages=(msgspec.structs.replace(record, header=header),))


def only(witness: str) -> Declared:
    found = declared_of()
    assert isinstance(found.fault, DeclaredFault)
    return msgspec.structs.replace(found, fault=msgspec.structs.replace(found.fault, witnesses=(witness,)))


def test_only_the_witnesses_that_a_fault_names_prove_that_it_bites() -> None:
    history = named(drill(bitten=(BITTEN,)))
    assert effect_seen(history, only("alone")).complete
    seen = effect_seen(history, only("another"))
    assert (seen.bites, seen.unwatched) == ({"a": None}, ("a",))


def test_every_witness_proves_that_a_fault_spills() -> None:
    history = named(drill(bitten=(BITTEN,), spared=(BITTEN,)))
    assert set(effect_seen(history, only("alone")).spilled) == {"witness b"}


# --- a name ---

NAME = "orders.shop.test"
NO_NAME = f"resolve {NAME}: no such name"


def misled(*operations: Operation, before: str = "10.1.0.10") -> EffectSeen:
    first = read(REQUESTED - 100 * MS, 0, resolved_ip=before)
    return effect_seen(reading(first, *operations), declared("names", bites=(NAME,)))


@pytest.mark.parametrize(
    "fields",
    [
        {"resolved_ip": "192.0.2.1", "outcome": "fail"},
        {"resolved_ip": "192.0.2.1"},  # a wrong address may answer
        {"error": NO_NAME, "outcome": "fail"},
        {"error": f"resolve {NAME}: no address", "outcome": "fail"},
    ],
)
def test_a_name_is_proved_by_the_first_client_that_it_leads_elsewhere(fields: dict[str, Any]) -> None:
    stays = read(REQUESTED + 100 * MS, 1, resolved_ip="10.1.0.10")
    wrong = read(REQUESTED + 300 * MS, 2, **fields)
    effect = misled(stays, wrong, read(REQUESTED + 500 * MS, 3, **fields)).bites[NAME]
    assert effect is not None
    assert effect.proof[0] == wrong
    assert (effect.edge.lower_ns, effect.edge.upper_ns) == (REQUESTED, wrong.done_ns)


def test_what_proves_nothing_of_a_name() -> None:
    away: dict[str, Any] = {"resolved_ip": "192.0.2.1", "outcome": "fail"}
    quiet = [
        read(UNDO + 100 * MS, 1, **away),  # after it was undone
        read(REQUESTED + 100 * MS, 2, "witness a", **away),
        read(REQUESTED + 200 * MS, 3, error=f"resolve {NAME}: no answer from the resolver", outcome="fail"),
        read(REQUESTED + 300 * MS, 4, error="resolve other.shop.test: no such name", outcome="fail"),
        read(REQUESTED + 400 * MS, 5, outcome="in-doubt"),
    ]
    assert misled(*quiet).bites == {NAME: None}
    assert misled(read(REQUESTED + 100 * MS, 1, **away), before="192.0.2.1").bites == {NAME: None}, (
        "it led there before"
    )
    assert misled(read(REQUESTED + 100 * MS, 1, **away), before="").bites == {NAME: None}, "nobody knows where it led"
    assert misled().unwatched == ()


def test_a_name_that_nobody_was_led_by_makes_the_drill_invalid() -> None:
    history = reading(read(REQUESTED - 100 * MS, 0, resolved_ip="10.1.0.10"))
    found = finding(judge(history, declared("names", bites=(NAME,)), CLEAN, "1"), "fault effective")
    assert (found.verdict, found.says) == ("invalid", f"No client saw the fault in {NAME}.")


# --- launches ---

REGION = "eu-west-1"
LACKING = (
    "Launching a new EC2 instance.  Status Reason: We currently do not have sufficient t3.micro capacity: Failed "
    "(We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (eu-west-1a).)"
)


def told(at: int, says: str = LACKING, *, region: str = REGION, source: str = "Auto Scaling activity") -> Mark:
    """A sign of what Auto Scaling says, whose moment is known to the second."""
    return Mark(name="sign", at_ns=at, source=f"{source}, {region}", says=says, uncertainty_ns=NS)


def signed(*marks: Mark) -> History:
    history = drill(())
    return msgspec.structs.replace(history, marks=tuple(sorted((*history.marks, *marks), key=lambda m: m.at_ns)))


def denied() -> Declared:
    target = DeclaredTarget(kind="Auto Scaling group", id="orders", site=REGION)
    return declared("failed launches", targets=(target,))


def test_a_want_of_capacity_is_proved_by_a_launch_that_failed_for_it() -> None:
    first = told(REQUESTED + 2 * NS)
    seen = effect_seen(signed(told(REQUESTED + NS // 2), first, told(REQUESTED + 5 * NS)), denied())
    effect = seen.bites[CAPACITY]
    assert effect is not None
    assert (effect.edge.lower_ns, effect.edge.upper_ns) == (REQUESTED, first.at_ns + NS)
    assert seen.complete
    shown = finding(judge(signed(first), denied(), CLEAN, "1"), "fault effective")
    assert (shown.verdict, shown.operations) == ("pass", ())
    assert "as Auto Scaling says of a launch that failed" in shown.says


def test_what_proves_no_want_of_capacity() -> None:
    """The control: without the fault launches succeed, and then the drill is invalid."""
    launched = "Launching a new EC2 instance: i-1: Successful"
    quiet = (
        told(REQUESTED + NS // 2),  # perhaps before it was asked for
        told(UNDO - NS // 2),  # perhaps after it was undone
        told(REQUESTED + 2 * NS, launched),
        told(REQUESTED + 2 * NS, "Launching a new EC2 instance: i-1: Failed (The image does not exist.)"),
        told(REQUESTED + 2 * NS, region="eu-central-1"),
        told(REQUESTED + 2 * NS, source="Fault Injection Service"),  # the injector's own word
    )
    seen = effect_seen(signed(*quiet), denied())
    assert (seen.bites, seen.complete) == ({CAPACITY: None}, False)
    found = finding(judge(signed(told(REQUESTED + 2 * NS, launched)), denied(), CLEAN, "1"), "fault effective")
    assert (found.verdict, found.says) == ("invalid", "No failed launch saw the fault in capacity.")


def test_capacity_that_was_short_before_proves_nothing_of_the_fault() -> None:
    short = signed(told(REQUESTED - 2 * NS), told(REQUESTED + 2 * NS))
    assert failed_launches(short, {REGION}, REQUESTED, UNDO) == ()
    assert len(failed_launches(signed(told(REQUESTED + 2 * NS)), {REGION}, REQUESTED, None)) == 1
