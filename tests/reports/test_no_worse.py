"""No worse than the last release: a finding that fails only where it is proved, and is judged from the folder alone."""

from pathlib import Path

import msgspec
import pytest

from bench.freeze import thaw
from reports.counts import earlier, loss_span, recovery_span
from reports.folder import PLAN, judge, load
from reports.last_release import Earlier, LastRelease, Span
from reports.model import Finding, Judgement, Overall, Verdict
from reports.no_worse import CHECKS, compare, least
from tests.reports.made_up import verdict

DATA = Path(__file__).parents[1] / "data"


def beside(folder: Path, span: Span | None, **margins: float | None) -> Verdict:
    """The old run `folder`, held against a release with one run of that recovery time."""
    given: dict[str, float | None] = {"worse_recovery_s": 0.5, **margins}
    runs = (Earlier(run="before", recovery_s=span, loss_s=(0.0, 0.05)),)
    found = load(folder)
    plan = msgspec.structs.replace(
        found.declared,
        last_release=LastRelease(
            source="v1", runs=runs, worse_recovery_s=given["worse_recovery_s"], worse_loss_s=given.get("worse_loss_s")
        ),
    )
    (folder / PLAN).write_bytes(msgspec.json.encode(plan))
    return judge(folder)


def finding(found: Verdict, check: str = CHECKS["recovery time"]) -> Finding:
    (one,) = [f for f in found.findings if f.check == check]
    return one


@pytest.mark.parametrize(
    ("span", "judged", "overall"),
    [
        ((2.0, 2.2), "fail", "fail"),  # 2.94 is more than 0.5 above 2.2
        ((2.0, 2.5), "not judged", "pass"),  # 2.94 is not
        ((2.9, 3.0), "pass", "pass"),  # 3.08 is at most 0.5 above 2.9
        ((9.0, None), "pass", "pass"),
        (None, "not judged", "pass"),
    ],
)
def test_an_old_run_beside_a_release(tmp_path: Path, span: Span | None, judged: Judgement, overall: Overall) -> None:
    folder = thaw(DATA / "recovered-zone-a", tmp_path)
    was = judge(folder)
    found = beside(folder, span)
    assert (finding(found).verdict, found.verdict) == (judged, overall)
    # Nothing else of it changes.
    assert [f for f in found.findings if f.check != CHECKS["recovery time"]] == was.findings
    assert (found.recovery_time, found.data_loss) == (was.recovery_time, was.data_loss)


def test_the_sentence_has_both_numbers_the_margin_and_what_chance_does(tmp_path: Path) -> None:
    found = finding(beside(thaw(DATA / "recovered-zone-a", tmp_path), (2.0, 2.2)))
    assert found.says == (
        "The recovery time was 2.94..3.08 s and in v1 2.00..2.20 s: worse by at least 0.747 s, more than the 0.5 s "
        "that is allowed. Runs that are all alike come out in such an order in 50% of cases."
    )


@pytest.mark.parametrize("name", ["no-effect", "killed"])
def test_a_number_that_does_not_count_is_held_against_nothing(tmp_path: Path, name: str) -> None:
    folder = thaw(DATA / name, tmp_path)
    was = judge(folder)
    found = beside(folder, (0.0, 0.001))
    assert found.verdict == was.verdict
    assert finding(found).verdict == "not judged"
    assert "cannot be held against v1" in finding(found).says


def test_a_release_without_that_drill_is_told(tmp_path: Path) -> None:
    folder = thaw(DATA / "recovered-zone-a", tmp_path)
    plan = msgspec.structs.replace(
        load(folder).declared, last_release=LastRelease(source="v1", runs=(), worse_loss_s=0)
    )
    (folder / PLAN).write_bytes(msgspec.json.encode(plan))
    found = judge(folder)
    assert "v1 has no run of this drill" in finding(found, CHECKS["data loss"]).says
    assert not [f for f in found.findings if f.check == CHECKS["recovery time"]], "it was not asked"


def test_data_loss_has_a_margin_of_its_own(tmp_path: Path) -> None:
    found = beside(thaw(DATA / "recovered-zone-a", tmp_path), (2.9, 3.0), worse_loss_s=0.0)
    assert finding(found, CHECKS["data loss"]).verdict == "not judged"  # 0.00..0.12 s beside 0.00..0.05 s


def test_a_number_counts_unless_a_check_taints_it_or_spoils_the_drill() -> None:
    doubt = Finding(check="history complete", verdict="inconclusive", says="Torn.", taints=("recovery time",))
    spoilt = Finding(check="fault effective", verdict="invalid", says="No witness.", taints=())
    inside = Finding(check="recovery time", verdict="inconclusive", says="The RTO lies within.")
    assert recovery_span(verdict(1.0, 2.0, findings=(doubt,)))[0] is None
    assert loss_span(verdict(1.0, 2.0, findings=(doubt,)))[0] == (0.0, 0.1)
    assert recovery_span(verdict(1.0, 2.0, findings=(spoilt,))) == (None, "fault effective: No witness.")
    assert recovery_span(verdict(1.0, 2.0, overall="inconclusive", findings=(inside,)))[0] == (1.0, 2.0)
    assert recovery_span(verdict(1.0, 2.0, overall="aborted"))[0] is None
    assert earlier(verdict(60.0, None, overall="fail")).recovery_s == (60.0, None)


@pytest.mark.parametrize(("value_s", "said"), [(0.74799, "0.747 s"), (12.39, "12.3 s"), (0.00012345, "0.000123 s")])
def test_at_least_is_rounded_down(value_s: float, said: str) -> None:
    assert least(value_s) == said


def test_of_several_runs_the_least_difference_is_told() -> None:
    then: list[Span] = [(1.0, 1.2), (2.0, 2.2)]
    found = compare([(5.0, 5.5), (4.0, 4.5)], then, 0.0, "recovery time", "v1")
    assert found.verdict == "fail"
    assert found.says.startswith(
        "The recovery time was 4.0..5.5 s in 2 runs and in v1 1.0..2.2 s in 2 runs: worse by at"
    )
    assert "at least 1.79 s, and no margin is allowed" in found.says
