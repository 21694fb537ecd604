"""The rules of a load balancer's health checks, as AWS states them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.lab.machines.health import SLOTS, BalancerSettings, TargetHealth, fill_slots, in_service


def after(checks: str, fails: int = 2, passes: int = 3) -> list[str]:
    """The states after each check; + is one that passed."""
    health = TargetHealth(BalancerSettings(fails=fails, passes=passes))
    states: list[str] = []
    for check in checks:
        before = health.state
        assert health.observe(passed=check == "+") == (health.state != before)
        states.append(health.state)
    return states


def test_a_new_target_needs_one_passed_check() -> None:
    assert after("-+") == ["initial", "healthy"]


def test_a_new_target_that_fails_needs_as_many_passes_as_any() -> None:
    assert after("--++-+++") == ["initial", *["unhealthy"] * 6, "healthy"]


def test_failures_count_in_a_row_only() -> None:
    assert after("+-+-+-") == ["healthy"] * 6
    assert after("+--") == ["healthy", "healthy", "unhealthy"]


@settings(derandomize=True)
@given(st.text("+-", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_the_state_follows_from_the_last_run_of_equal_checks(checks: str, fails: int, passes: int) -> None:
    state = after(checks, fails, passes)[-1] if checks else "initial"
    if checks.endswith("+" * passes):
        assert state == "healthy"
    if checks.endswith("-" * fails):
        assert state == "unhealthy"
    assert (state == "initial") == ("+" not in checks and "-" * fails not in checks)


def test_only_healthy_targets_are_in_service() -> None:
    assert in_service({"a": "healthy", "b": "unhealthy", "c": "initial", "d": "healthy"}) == ["a", "d"]


def test_it_fails_open() -> None:
    assert in_service({"a": "unhealthy", "b": "unhealthy", "c": "initial"}) == ["a", "b"]


def test_new_targets_alone_get_nothing() -> None:
    assert in_service({"a": "initial"}) == []
    assert in_service({}) == []


@pytest.mark.parametrize("count", range(1, 7))
def test_up_to_six_targets_share_equally(count: int) -> None:
    targets = [f"t{n}" for n in range(count)]
    slots = fill_slots(targets)
    assert {slots.count(target) for target in targets} == {SLOTS // count}


def test_limits() -> None:
    assert fill_slots([]) == []
    with pytest.raises(ValueError, match="at most 60"):
        fill_slots([f"t{n}" for n in range(SLOTS + 1)])


@pytest.mark.parametrize(
    "wrong", [{"uri": "health"}, {"interval_s": 0.0}, {"timeout_s": float("nan")}, {"fails": 0}, {"passes": 0}]
)
def test_settings_that_cannot_work(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        BalancerSettings(**wrong)  # type: ignore[arg-type]  # any one field, wrong on purpose
