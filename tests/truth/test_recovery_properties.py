"""What must be so of every outage, whatever it looks like. Examples are derived from the tests themselves: no luck."""

from random import Random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.history import History, Mark, Operation
from reports.recovery import Recovery, recovery
from reports.steady import baseline
from tests.truth.simulated import MS, NS, Asked, Mode, Outage, Script, declared_of, history_of

quick = settings(
    max_examples=60, derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
SINCE, HOLD_S = 200 * MS, 0.3
modes: st.SearchStrategy[Mode] = st.sampled_from(["refuse", "swallow", "503", "slow"])


@st.composite
def scripts(draw: st.DrawFn, shares: st.SearchStrategy[float]) -> Script:
    """One or two outages that every stream meets, less than a hold apart, and long enough that each is met."""
    period = draw(st.sampled_from([5, 10, 20])) * MS
    at, outages = SINCE + draw(st.integers(5, 300)) * MS, []
    for _ in range(draw(st.integers(1, 2))):
        lasted = 2 * period + 20 * MS + draw(st.integers(0, 300)) * MS
        outages.append(Outage(at, at + lasted, draw(modes), draw(shares)))
        at += lasted + draw(st.integers(1, 250)) * MS
    count = draw(st.integers(1, 3))
    streams = [
        Asked(f"s{i}", outages, period=period, offset=period * i // count, timeout=200 * MS) for i in range(count)
    ]  # fmt: skip
    undo = outages[-1].end + NS
    return Script(streams, requested=SINCE, undo=undo, end=undo + 50 * MS, hold_s=HOLD_S)


def found_in(history: History) -> Recovery:
    return recovery(history, declared_of(hold_s=HOLD_S), baseline(history, until_ns=SINCE))


@quick
@given(scripts(st.just(1.0)), st.integers(0, 2**32))
def test_a_full_outage_lies_within_its_interval(script: Script, seed: int) -> None:
    found = found_in(history_of(script, Random(seed)))
    outages = script.streams[0].outages
    truth = outages[-1].end - outages[0].begin
    assert found.lower_ns <= truth
    assert found.upper_ns is not None
    assert truth <= found.upper_ns
    assert found.recovered
    # Everybody met the same: what the operations saw holds the truth too, in no more room.
    assert found.seen_upper_ns is not None
    assert found.lower_ns <= found.seen_lower_ns <= truth <= found.seen_upper_ns <= found.upper_ns


@quick
@given(scripts(st.floats(0.05, 1.0)), st.integers(0, 2**32))
def test_what_errs_less_often_is_never_narrower(script: Script, seed: int) -> None:
    found = found_in(history_of(script, Random(seed)))
    if found.cautious is not None:
        assert found.cautious.lower_ns <= found.lower_ns
        assert found.cautious.upper_ns is None or (
            found.upper_ns is not None and found.upper_ns <= found.cautious.upper_ns
        )  # fmt: skip
    assert found.upper_ns is None or found.lower_ns <= found.upper_ns


@quick
@given(scripts(st.floats(0.05, 1.0)), st.integers(0, 2**32), st.floats(0, 1))
def test_one_more_bad_operation_never_shortens_what_is_known(script: Script, seed: int, where: float) -> None:
    history = history_of(script, Random(seed))
    good = [i for i, o in enumerate(history.operations) if o.good and o.sent_ns > SINCE]
    hit = good[round(where * (len(good) - 1))]
    worse = tuple(
        msgspec.structs.replace(o, outcome="in-doubt") if i == hit else o for i, o in enumerate(history.operations)
    )
    before, after = found_in(history), found_in(msgspec.structs.replace(history, operations=worse))
    assert after.lower_ns >= before.lower_ns


@quick
@given(scripts(st.floats(0.05, 1.0)), st.integers(0, 2**32), st.integers(-(10**12), 10**12))
def test_only_times_between_moments_count(script: Script, seed: int, shift: int) -> None:
    history = history_of(script, Random(seed))
    before = found_in(history)

    def moved(o: Operation) -> Operation:
        return msgspec.structs.replace(o, due_ns=o.due_ns + shift, sent_ns=o.sent_ns + shift, done_ns=o.done_ns + shift)

    marks: tuple[Mark, ...] = tuple(msgspec.structs.replace(m, at_ns=m.at_ns + shift) for m in history.marks)
    later = msgspec.structs.replace(history, operations=tuple(map(moved, history.operations)), marks=marks)
    after = recovery(later, declared_of(hold_s=HOLD_S), baseline(later))
    assert (after.lower_ns, after.upper_ns, after.certain) == (before.lower_ns, before.upper_ns, before.certain)
