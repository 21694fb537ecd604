import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import RecoveryTime
from reports.words import interval, loss_words, recovery_words, seconds, utc_text, verdict_sentence, worst, zones_named
from tests.reports.synthetic import UTC_NS, make


@pytest.mark.parametrize(
    ("lower", "upper", "objective", "shown"),
    [
        (4.1, 4.3, 30.0, "4.10..4.30 s"),
        (4.116, 4.311, 30.0, "4.11..4.32 s"),
        (37.04, None, 30.0, "at least 37.0 s"),
        (30.04, None, 30.0, "at least 30.04 s"),
        (28.0, 29.96, 30.0, "28.0..30.0 s"),
        (4.0, 4.22, 4.25, "4.00..4.22 s"),
        (None, None, 30.0, "not measured"),
        (0.0, 0.0, None, "0.0 s"),
        (1234.5, 1300.25, None, "1234.5..1300.3 s"),
    ],
)
def test_an_interval_is_rounded_outwards(
    lower: float | None, upper: float | None, objective: float | None, shown: str
) -> None:
    assert interval(lower, upper, objective) == shown


@given(
    st.floats(0, 5000, allow_nan=False),
    st.floats(0, 500, allow_nan=False),
    st.one_of(st.none(), st.integers(1, 5000).map(float)),
)
def test_what_is_shown_holds_what_was_measured_and_stays_on_its_side_of_the_objective(
    lower: float, width: float, objective: float | None
) -> None:
    upper = lower + width
    shown = interval(lower, upper, objective).removesuffix(" s")
    low, _, high = shown.partition("..")
    low_s, high_s = float(low), float(high or low)
    assert low_s <= lower
    assert high_s >= upper
    if objective is not None and abs(lower - objective) > 1e-6 and abs(upper - objective) > 1e-6:
        assert (low_s > objective) == (lower > objective)
        assert (high_s > objective) == (upper > objective)


def test_each_zone_in_a_text_gets_its_id_once() -> None:
    ids = {"eu-west-1a": "euw1-az3", "eu-west-1b": "euw1-az1"}
    said = "eu-west-1a, eu-west-1b (euw1-az1); eu-west-1ab and my-eu-west-1a-x stay, so does eu-west-1c."
    shown = "eu-west-1a (euw1-az3), eu-west-1b (euw1-az1); eu-west-1ab and my-eu-west-1a-x stay, so does eu-west-1c."
    assert zones_named(said, ids) == shown == zones_named(shown, ids)
    assert zones_named(said, {}) == said


def test_seconds_and_utc() -> None:
    assert [seconds(30.0), seconds(0.5), seconds(3600.0)] == ["30 s", "0.5 s", "3600 s"]
    assert utc_text(UTC_NS + 5_123_999_999) == "2025-03-01T12:00:05.123Z"


def test_the_sentence_has_the_verdict_and_its_numbers() -> None:
    assert verdict_sentence(make("pass", 400, lost=17).verdict).startswith("PASS: recovery time 4.10..4.38 s of 30 s;")
    assert "not recovered, at least 37.0 s of 30 s" in verdict_sentence(make("fail", 400).verdict)
    assert "not measured (RTO 30 s)" in verdict_sentence(make("invalid", 400).verdict)
    assert "17 of" in verdict_sentence(make("pass", 400, lost=17).verdict)


def test_the_worst_verdict_is_the_runs() -> None:
    assert worst(["pass", "inconclusive", "fail", "invalid"]) == "fail"
    assert worst(["pass", "inconclusive", "invalid"]) == "invalid"
    assert worst(["pass"]) == "pass"
    assert worst([]) == "invalid"


@pytest.mark.parametrize(
    ("confidence", "seen_s", "shown"),
    [
        (1.0, [], "3.93..4.22 s of 20 s"),
        (0.95, [], "3.93..4.22 s (95% sure) of 20 s"),
        (0.95, [3.937, 4.048], "3.93..4.22 s (95% sure; seen 3.93..4.05 s) of 20 s"),
    ],
)
def test_what_was_seen_stands_beside_what_may_have_been(confidence: float, seen_s: list[float], shown: str) -> None:
    found = RecoveryTime(
        objective_s=20.0, lower_s=3.937, upper_s=4.219, confidence=confidence, clock="total", verdict="pass",
        seen_s=seen_s,
    )  # fmt: skip
    assert recovery_words(found) == shown


def test_a_loss_says_how_sure_it_is_and_is_no_zero_where_nothing_was_read_back() -> None:
    loss = make("fail", 400, lost=3).verdict.data_loss
    sampled = msgspec.structs.replace(loss, confidence=0.95)
    assert "0.80..0.90 s (objective: 5 s)" in loss_words(loss)
    assert "0.80..0.90 s (95% sure) (objective: 5 s)" in loss_words(sampled)
    blind = msgspec.structs.replace(loss, lower_s=None, upper_s=None, lost=0, late=0)
    assert loss_words(blind) == "not measured (objective: 5 s)"
