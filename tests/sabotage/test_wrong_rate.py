"""A rate that is none, or that could decide nothing: one message with what to do, and nothing is started."""

from pathlib import Path

import pytest

from tests.sabotage.test_bad_input import USAGE, left_behind, run_pytest


@pytest.mark.parametrize("rate", ["abc"])  # the others: tests/fixtures/test_run_settings.py
def test_what_is_no_rate_is_a_usage_error(tmp_path: Path, rate: str) -> None:
    code, output = run_pytest(tmp_path, "drills", f"--probe-rate={rate}")
    assert code == USAGE, output
    assert f'ERROR: --probe-rate (command line): found "{rate}". Allowed: operations a second' in output
    assert "Traceback" not in output
    assert left_behind(tmp_path) == []


def test_a_rate_that_could_decide_nothing_names_file_key_option_and_what_is_allowed(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "drills", DR_DRILLS_PROBE_RATE="0.5")
    assert code == USAGE, output
    assert "orders-warm-standby.toml:" in output
    assert "probes[0].rate: asks every 2s. Allowed: 1 or more, for an RTO of 20s" in output
    assert "--probe-rate = 0.5 (environment DR_DRILLS_PROBE_RATE) stands in place of every probes[].rate." in output
    assert left_behind(tmp_path) == []


def test_the_header_says_the_rate_its_source_and_what_it_can_show(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "drills", "--collect-only", "--probe-rate=8", DR_DRILLS_PROBE_RATE="9")
    assert code == 0, output
    assert "--probe-rate = 8 (command line)" in output
    assert "objectives.az: can show recovery time to ±0.13 s (RTO 20 s), data loss by count (RPO 0 s)" in output
