"""Several runs of one drill together: the worst, the 95th percentile, and the bound."""

from pathlib import Path

import pytest

from reports.last_release import Earlier, LastRelease
from reports.model import Finding
from reports.repeats import failing_at_most, read_repeats, repeats_lines, repeats_of, write_repeats
from tests.reports.made_up import verdict

BAD = Finding(check="vantage alive", verdict="invalid", says="It was not.", taints=("recovery time", "data loss"))


@pytest.mark.parametrize(("runs", "bound"), [(1, 0.95), (5, 0.45), (10, 0.26), (59, 0.05)])
def test_clean_runs_bound_the_next_one(runs: int, bound: float) -> None:
    assert round(failing_at_most(0, runs), 2) == bound


def test_misses_raise_the_bound_as_clopper_and_pearson_say() -> None:
    assert failing_at_most(1, 10) == pytest.approx(0.3942, abs=1e-4)
    assert failing_at_most(10, 10) == 1.0
    with pytest.raises(ValueError, match="no run"):
        failing_at_most(0, 0)


def test_the_worst_and_the_percentile_of_twenty_runs() -> None:
    found = repeats_of([verdict(1.0 + i, 1.5 + i) for i in range(20)])
    assert found.recovery_time.worst_s == (20.0, 20.5)
    assert found.recovery_time.p95_s == (19.0, 19.5)
    assert (found.verdict, found.passed, found.surer) == ("pass", 20, 1 - 0.95**20)


def test_edges_are_ranked_each_for_itself() -> None:
    """The worst run's true value lies between the highest lower edge and the highest upper one."""
    found = repeats_of([verdict(1.0, 9.0), verdict(2.0, 3.0), verdict(0.5, None)])
    assert found.recovery_time.worst_s == (2.0, None)


def test_one_miss_fails_them_all_and_one_undecided_leaves_it_open() -> None:
    missed = verdict(31.0, 32.0, overall="fail")
    undecided = verdict(1.0, 2.0, overall="invalid", findings=(BAD,))
    assert repeats_of([verdict(1.0, 2.0), missed, undecided]).verdict == "fail"
    found = repeats_of([verdict(1.0, 2.0), undecided])
    assert (found.verdict, found.recovery_time.counted, found.undecided) == ("inconclusive", 1, 1)
    assert repeats_of([undecided]).miss_at_most is None


def test_together_they_may_be_proved_worse_where_each_alone_is_not() -> None:
    then = tuple(Earlier(run=f"{i}", recovery_s=(1 + i, 1.1 + i), loss_s=None) for i in range(6))
    last = LastRelease(source="v1", runs=then, worse_recovery_s=0.0)
    now = [verdict(lower, lower + 0.1) for lower in (4.5, 5.5, 7, 8, 9, 10)]
    assert repeats_of(now, last).verdict == "fail"
    assert repeats_of(now[:1], last).verdict == "pass"
    assert "beside the last release" in "\n".join(repeats_lines(repeats_of(now, last)))


def test_it_is_kept_and_read_back(tmp_path: Path) -> None:
    found = repeats_of([verdict(1.0, 2.0), verdict(60.0, None, overall="fail")])
    write_repeats(tmp_path, [found])
    assert read_repeats(tmp_path) == [found]
    assert read_repeats(tmp_path / "none") == []
    lines = repeats_lines(found)
    assert lines[0] == "2 runs: 1 passed, 1 missed an objective, 0 undecided"
    assert "worst at least 60.0 s" in lines[1]
