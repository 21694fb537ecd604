from pathlib import Path

import msgspec
import pytest

from reports.advice import next_steps
from reports.junit import junit_properties
from reports.model import Finding
from reports.summary import live_line, share_words, summary_lines
from tests.reports.synthetic import make

FOLDER = Path("reports/out/run-1/az_power_loss-orders")


def test_a_pass_says_its_numbers_and_where_the_evidence_is() -> None:
    assert summary_lines(make("pass", 2000, lost=17).verdict, FOLDER) == [
        "✓ PASS  az_power_loss[eu-west-1a]  (orders, lab)",
        "  recovery time  4.10..4.38 s of 30 s",
        "  data loss      17 of 938 acknowledged, 0.80..0.90 s (objective: 5 s)",
        "  undo           clean: everything is proved to be put back",
        f"  evidence       {FOLDER}",
    ]


def test_no_objective_for_loss_is_said() -> None:
    verdict = make("pass", 400).verdict
    loss = msgspec.structs.replace(verdict.data_loss, objective_s=None, acknowledged=812)
    lines = summary_lines(msgspec.structs.replace(verdict, data_loss=loss), FOLDER)
    assert "  data loss      0 of 812 acknowledged (objective: none)" in lines


def test_what_was_not_recovered_says_at_least() -> None:
    lines = summary_lines(make("fail", 400).verdict, FOLDER)
    assert "  recovery time  at least 37.0 s of 30 s" in lines


@pytest.mark.parametrize("case", ["fail", "inconclusive", "invalid", "aborted"])
def test_everything_that_is_no_pass_says_what_to_do_next(case: str) -> None:
    lines = summary_lines(make(case, 400).verdict, FOLDER)  # type: ignore[arg-type]  # one of the cases
    assert any(line.startswith("  next ") for line in lines)
    assert any("The service was" in line for line in lines)


def test_a_dirty_undo_comes_first() -> None:
    verdict = msgspec.structs.replace(make("fail", 400).verdict, undo="dirty")
    assert "python -m fixtures.journal undo" in next_steps(verdict)[0]
    assert any("DIRTY" in line for line in summary_lines(verdict, FOLDER))


def test_a_pass_that_is_put_back_leaves_nothing_to_do() -> None:
    assert next_steps(make("pass", 400).verdict) == []


@pytest.mark.parametrize("width", [50, 60, 80, 200])
def test_lines_fit_and_carry_no_control_characters(width: int) -> None:
    lines = summary_lines(make("fail", 400).verdict, Path("out"), width=width)
    assert all(len(line) <= width for line in lines[1:])
    assert all(line.isprintable() for line in lines)


def test_an_interval_beside_the_rto_is_not_called_inside_it() -> None:
    verdict = make("inconclusive", 400).verdict
    below = msgspec.structs.replace(verdict.recovery_time, lower_s=4.0, upper_s=5.0)
    assert any("lies inside" in step for step in next_steps(verdict))
    assert not any(
        "lies inside" in step for step in next_steps(msgspec.structs.replace(verdict, recovery_time=below))
    )  # fmt: skip


def test_the_live_line_can_be_grepped() -> None:
    bad = live_line(
        "region_isolation", 48.04, "recover", ok=0.0, acknowledged=412, p99_s=None, impact_s=12.34, rto_s=60.0
    )
    assert bad == "[region_isolation +48.0s] recover  ok 0%  acknowledged 412  p99 -  since impact 12.3s  rto 60s"
    back = live_line("x", 9, "recover", ok=1, acknowledged=4, p99_s=0.012, impact_s=7, back_s=3.21, rto_s=20)
    assert back == "[x +9.0s] recover  ok 100%  acknowledged 4  p99 12 ms  good again after 3.2s  rto 20s"
    assert live_line("x", 0, "steady", ok=None, acknowledged=0, p99_s=None).endswith("ok -  acknowledged 0  p99 -")


@pytest.mark.parametrize(
    ("share", "says"), [(None, "-"), (0, "0%"), (0.001, "1%"), (0.5, "50%"), (0.9999, "99%"), (1, "100%")]
)
def test_only_all_is_a_hundred_per_cent_and_only_none_is_nought(share: float | None, says: str) -> None:
    assert share_words(share) == says


def test_junit_says_nothing_where_nothing_was_measured() -> None:
    found = dict(junit_properties(make("fail", 400).verdict))
    assert found["drill.recovery_time.lower_s"] == "37.0"
    assert found["drill.recovery_time.upper_s"] == ""
    assert found["drill.data_loss.lost"] == "0"
    assert found["drill.verdict"] == "fail"


def test_what_a_drill_was_run_for_is_told_where_it_holds_too() -> None:
    verdict = make("pass", 400).verdict
    asked = Finding(check="convergence", verdict="pass", says="All 920 keys are the same.")
    usual = Finding(check="control", verdict="pass", says="The control answered.")
    more = msgspec.structs.replace(verdict, findings=[asked, usual])
    assert [line for line in summary_lines(more, FOLDER) if "answered" in line or "920" in line] == [
        "  holds          convergence: All 920 keys are the same."
    ]
    failed = msgspec.structs.replace(more, findings=[msgspec.structs.replace(asked, verdict="fail")])
    assert "  fail           convergence: All 920 keys are the same." in summary_lines(failed, FOLDER)
