from pathlib import Path

import pytest

from bench.judging import Judging, counted, growth, timed
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


def test_judging_says_what_it_cost(tmp_path: Path) -> None:
    operations = write_drill(tmp_path, 1_000)
    said = timed(tmp_path)
    assert said["verdict"] == "pass"
    for cost in ("load_s", "judge_s"):
        value = said[cost]
        assert isinstance(value, float)
        assert value > 0
    memory_mib = counted(tmp_path)["memory_mib"]
    assert isinstance(memory_mib, float)
    assert memory_mib * 1024 * 1024 > 100 * operations, "an operation alone is more than that"


def test_growth_is_that_of_time_and_of_memory() -> None:
    small = Judging(operations=1000, load_s=0.1, judge_s=0.1, memory_mib=2.0, verdict="pass")
    large = Judging(operations=10_000, load_s=1.0, judge_s=1.0, memory_mib=200.0, verdict="pass")
    ((time, memory),) = growth([small, large])
    assert time == pytest.approx(1.0)
    assert memory == pytest.approx(2.0)
