import pytest

from probes.history import Kind, Role, Stream
from reports.objectives import Objectives
from reports.resolution import Resolution, margin, resolution, resolution_words, undecided

MS = 1_000_000


def stream(period_ms: float, kind: Kind = "write", role: Role = "workload") -> Stream:
    return Stream(
        name=f"{kind} {period_ms}", probe="p", role=role, kind=kind, connection="fresh",
        period_ns=round(period_ms * MS), timeout_ns=1000 * MS,
    )  # fmt: skip


def objectives(rto_s: float | None, rpo_s: float | None) -> Objectives:
    return Objectives(rto_s=rto_s, rpo_s=rpo_s)


def of(period_s: float, gap_s: float | None = None, longest_s: float | None = None) -> Resolution:
    return Resolution(period_s=period_s, write_gap_s=gap_s, longest_s=longest_s)


def test_the_slowest_stream_that_is_judged_counts() -> None:
    asked = [stream(50), stream(100), stream(200, "read"), stream(900, "read", "witness"), stream(800, role="control")]
    shows = resolution(asked)
    assert shows == of(0.2, 0.1)
    assert resolution([stream(50, "read")]) == of(0.05, None)
    assert resolution([stream(50, "read"), stream(400, "delete")]) == of(0.4, 0.4)
    assert resolution([stream(50, role="control")]) is None


def test_the_margins_are_half_of_the_widths_that_are_proved() -> None:
    assert of(0.05, 0.05).recovery_s == pytest.approx(0.05)
    assert of(0.05, 0.05, 0.02).recovery_s == pytest.approx(0.07)  # (2 T + 2 l) / 2
    assert of(0.05, 0.15, 0.02).loss_s == pytest.approx(0.12)  # (T + G + 2 l) / 2
    assert of(0.05, 0.05, 0.1).recovery_s == pytest.approx(0.2)  # operations overlap: (2 T + 3 l) / 2
    assert of(0.05, None, 0.02).loss_s is None


def test_what_a_rate_can_show_is_said_beside_the_objectives() -> None:
    assert resolution_words(of(0.05, 0.05), objectives(20, 0)) == (
        "recovery time to ±0.05 s (RTO 20 s), data loss by count (RPO 0 s); "
        "each ± grows by the longest normal answer"
    )  # fmt: skip
    assert resolution_words(of(0.05, 0.1, 0.0231), objectives(20, 5)) == (
        "recovery time to ±0.074 s (RTO 20 s), data loss to ±0.099 s (RPO 5 s); the longest normal answer took 24 ms"
    )
    assert resolution_words(of(0.05, None, 0.02), objectives(20, None)).startswith(
        "recovery time to ±0.07 s (RTO 20 s);"
    )
    assert "nothing" in resolution_words(of(0.05), objectives(None, None))


@pytest.mark.parametrize(
    ("shows", "rto_s", "rpo_s", "why"),
    [
        (of(0.05, 0.05, 0.02), 20, 0, ""),
        (of(0.05, 0.05, 0.02), 0.15, 0, ""),
        (of(0.05, 0.05, 0.02), 0.14, 0, "Recovery time would be known to ±0.07 s only, and the RTO is 0.14 s"),
        (of(0.02), 0.04, None, "Recovery time would be known to ±0.02 s only"),
        (of(0.05, 0.05, 0.5), 20, 1, "Data loss would be known to ±0.8 s only, and the RPO is 1 s"),
        (of(0.05, 0.05, 0.5), 20, 0, ""),  # judged by count
        (of(5, 5, 5), None, None, ""),
    ],
)
def test_an_interval_as_wide_as_its_objective_decides_nothing(
    shows: Resolution, rto_s: float | None, rpo_s: float | None, why: str
) -> None:
    said = undecided(shows, objectives(rto_s, rpo_s))
    assert said.startswith(why)
    assert bool(said) == bool(why)


@pytest.mark.parametrize(
    ("value", "says"),
    [(0.05, "0.05"), (0.0501, "0.051"), (0.0999, "0.1"), (0.1, "0.1"),
     (1.51, "1.6"), (12.3, "13"), (120.0, "120"), (0, "0")],
)  # fmt: skip
def test_a_margin_is_rounded_up_to_what_counts(value: float, says: str) -> None:
    assert margin(value) == says
