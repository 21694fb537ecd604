from pathlib import Path

import pytest

from bench.judging import Judging, growth, measure
from bench.synthetic import write_drill
from reports import folder


@pytest.mark.parametrize("size", [1_000, 4_000])
def test_a_synthetic_drill_is_one_that_passes(tmp_path: Path, size: int) -> None:
    operations = write_drill(tmp_path, size)
    assert operations == pytest.approx(size, rel=0.1)
    assert len(folder.load(tmp_path).history.operations) == operations
    verdict = folder.judge(tmp_path)
    assert verdict.verdict == "pass"
    assert verdict.data_loss.lost == 0
    assert verdict.data_loss.acknowledged > operations / 8
    assert verdict.recovery_time.lower_s is not None
    truth_s = 0.14 * size / 177
    assert verdict.recovery_time.upper_s is not None
    assert verdict.recovery_time.lower_s <= truth_s <= verdict.recovery_time.upper_s


def test_judging_says_what_it_cost() -> None:
    (said,) = measure([1_000])
    assert said.verdict == "pass"
    assert said.load_s > 0
    assert said.judge_s > 0
    assert 10 < said.memory_mib < 200, "a Python process with the harness in it, and 1,000 operations"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="macOS takes its peak along")
def test_a_large_parent_does_not_count() -> None:
    large = bytearray(300 * 1024 * 1024)
    large[::4096] = bytes(len(large) // 4096)
    (said,) = measure([1_000])
    assert said.memory_mib < 200


def test_memory_grows_by_less_than_450_bytes_an_operation() -> None:
    """A million within 500 MB, by two sizes whose difference is the operations alone."""
    small, large = measure([10_000, 60_000])
    assert (large.memory_mib - small.memory_mib) * 1024 * 1024 / (large.operations - small.operations) < 450


def test_growth_is_that_of_time_and_of_memory() -> None:
    small = Judging(operations=1000, load_s=0.1, judge_s=0.1, memory_mib=2.0, cpu_s=0.2, verdict="pass")
    large = Judging(operations=10_000, load_s=1.0, judge_s=1.0, memory_mib=200.0, cpu_s=2.0, verdict="pass")
    ((time, memory),) = growth([small, large])
    assert time == pytest.approx(1.0)
    assert memory == pytest.approx(2.0)
