"""What is said of a sequence, and kept of it."""

from pathlib import Path

import pytest

from reports.chaos import ChaosFault, ChaosReplay, ChaosSequence, chaos_lines, overall, read_chaos, write_chaos
from reports.folder import write_verdict
from reports.markdown import run_markdown
from reports.model import Overall
from reports.page import page_html
from tests.reports.made_up import verdict


def fault(place: int, outcome: str = "pass", folder: str = "") -> ChaosFault:
    return ChaosFault(
        place=place, fault=f"stop_zone-{place}", disruption="az", pause_s=1.0, took_s=20.0, outcome=outcome,
        undo="clean", folder=folder,
    )  # fmt: skip


def sequence(*faults: ChaosFault, failed: int = 0, shortest: tuple[int, ...] = (), **more: object) -> ChaosSequence:
    made = ChaosSequence(
        seed=7, minutes=3.0, drill="random_faults", faults=list(faults), ended="place 3 failed",
        verdict=overall(faults), undo="clean", failed=list(range(1, failed + 1)), shortest=list(shortest),
    )  # fmt: skip
    for name, value in more.items():
        assert hasattr(made, name)
        made = ChaosSequence(**{f: getattr(made, f) for f in made.__struct_fields__} | {name: value})
    return made


@pytest.mark.parametrize(
    ("outcomes", "verdict_of_all"),
    [
        (("pass", "pass"), "pass"),
        (("pass", "fail", "invalid"), "fail"),
        (("pass", "refused"), "pass"),
        (("refused",), "invalid"),
        ((), "invalid"),
        (("pass", "not steady"), "inconclusive"),
        (("pass", "error"), "inconclusive"),
        (("pass", "refused before it began"), "inconclusive"),
        (("pass", "invalid"), "invalid"),
    ],
)
def test_the_worst_is_the_verdict_of_all(outcomes: tuple[str, ...], verdict_of_all: Overall) -> None:
    assert overall(fault(n, outcome) for n, outcome in enumerate(outcomes, start=1)) == verdict_of_all


def test_each_fault_is_told_with_what_its_drill_measured(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    write_verdict(tmp_path / "one", verdict(1.0, 2.0))
    lines = chaos_lines(sequence(fault(1, folder="one"), fault(2, "refused", folder="two")), tmp_path)
    assert lines[0] == "✓ random_faults, seed 7, 2 faults: pass, undo clean"
    assert lines[1].startswith("  1. stop_zone-1: pass; recovery time 1.0")
    assert lines[2] == "  2. stop_zone-2: refused; recovery time not measured; data loss not measured; undo clean"


def test_a_failure_names_its_shortest_part_what_was_run_again_and_how_to_run_it(tmp_path: Path) -> None:
    replays = [
        ChaosReplay(places=[3], faults=[fault(3)], failed_at=None, whole=True),
        ChaosReplay(places=[2, 3], faults=[fault(2, "invalid"), fault(3)], failed_at=None, whole=True),
        ChaosReplay(places=[1, 3], faults=[fault(1), fault(3, "fail")], failed_at=2, whole=True),
        ChaosReplay(places=[2, 3], faults=[fault(2)], failed_at=None, whole=False),
    ]
    told = sequence(
        fault(1), fault(2), fault(3, "fail"), failed=3, shortest=(1, 3), replays=replays, shrunk="5 s were left"
    )
    both = "2. stop_zone-2, then 3. stop_zone-3"
    lines = [line.strip() for line in chaos_lines(told, tmp_path)][4:]
    assert lines == [
        "ended: place 3 failed",
        "shortest failing sequence found (seen when run again): 1. stop_zone-1, then 3. stop_zone-3",
        "part 1 (3. stop_zone-3), in a fresh lab: did not fail, seen once (3 pass)",
        f"part 2 ({both}), in a fresh lab: did not fail, and did not pass: it says nothing (2 invalid, 3 pass)",
        "part 3 (1. stop_zone-1, then 3. stop_zone-3), in a fresh lab: failed again (1 pass, 3 fail)",
        f"part 4 ({both}), in a fresh lab: was not run to its end, so it says nothing (2 pass)",
        "shrinking ended: 5 s were left",
        "the same sequence again: --chaos-seed 7 --chaos-minutes 3, on the same workload file",
    ]


def test_what_was_never_run_again_is_said_as_it_was_run(tmp_path: Path) -> None:
    told = sequence(fault(1), fault(2, "fail"), failed=2, shortest=(1, 2), fresh=False)
    assert "shortest failing sequence found (as it was run): 1. stop_zone-1, then 2. stop_zone-2" in "\n".join(
        chaos_lines(told, tmp_path)
    )


def test_the_page_and_the_jobs_page_show_it(tmp_path: Path) -> None:
    drill = tmp_path / "one"
    drill.mkdir()
    write_verdict(drill, verdict(1.0, 2.0, overall="fail"))
    assert "Random faults" not in page_html(tmp_path)
    write_chaos(tmp_path, [sequence(fault(1, "fail", folder="one"), failed=1, shortest=(1,))])
    assert read_chaos(tmp_path)[0].seed == 7
    for told in (page_html(tmp_path), run_markdown(tmp_path).replace("\\", "")):
        assert "random_faults, seed 7, 1 fault" in told
        assert "shortest failing sequence found (as it was run): 1. stop_zone-1" in told
