"""The steps of a plan in the picture."""

import dataclasses
import re
from itertools import combinations

import msgspec

from reports.model import StepRow
from reports.plan_lane import plan_lane
from reports.scene import LEFT, RIGHT, WIDTH, Scale
from reports.svg import width_of
from reports.timeline import timeline_svg
from tests.reports.synthetic import make

SCALE = Scale(0.0, 60.0)


def row(name: str, began_s: float, ended_s: float, outcome: str = "done", plan: str = "recovery") -> StepRow:
    return StepRow(
        plan=plan, name=name, kind="promote", says="", region="eu-central-1", began_s=began_s, ended_s=ended_s,
        outcome=outcome,
    )  # fmt: skip


def drawn(
    *steps: StepRow, scale: Scale = SCALE
) -> tuple[list[tuple[float, float, float]], list[tuple[str, float, float]]]:
    """The bars as (x, y, width), the texts as (text, x, y)."""
    parts: list[str] = []
    plan_lane(steps, scale, 100.0, parts)
    svg = "".join(parts)
    bars = re.findall(r'<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)"', svg)
    texts = re.findall(r'<text x="([\d.-]+)" y="([\d.-]+)"[^>]*>([^<]*)', svg)
    return [(float(x), float(y), float(w)) for x, y, w in bars], [(t, float(x), float(y)) for x, y, t in texts]


def test_a_bar_is_as_long_as_its_step() -> None:
    bars, texts = drawn(row("fence", 15, 21))
    px = (RIGHT - LEFT) / 60
    assert bars[0][0] == round(LEFT + 15 * px, 1) or abs(bars[0][0] - (LEFT + 15 * px)) < 0.1
    assert abs(bars[0][2] - 6 * px) < 0.2
    assert [t for t, _, _ in texts] == ["plan", "fence 6.0 s"]


def test_side_by_side_they_take_a_row_each_and_one_after_the_other_share_one() -> None:
    bars, _ = drawn(row("fence", 5, 20), row("promote", 6, 21), row("route", 40, 41))
    fence, promote, route = (y for _, y, _ in sorted(bars))
    assert (fence != promote, fence == route) == (True, True)


def test_no_two_names_cover_each_other_and_none_runs_out() -> None:
    steps = [row(f"step-with-a-long-name-{i}", 50 + i * 0.7, 51 + i * 0.7, "failed") for i in range(12)]
    _, texts = drawn(*steps, row("whole", 0, 60))
    boxes = [(t, x, x + width_of(t, 12), y) for t, x, y in texts[1:]]
    assert len(boxes) == 13
    for one, other in combinations(boxes, 2):
        assert one[3] != other[3] or one[2] <= other[1] or other[2] <= one[1], (one, other)
    assert all(left >= LEFT and right <= WIDTH for _, left, right, _ in boxes)


def test_a_failed_step_says_so_in_words() -> None:
    _, texts = drawn(row("promote", 5, 7.1, "failed"), row("route", 7.1, 7.1, "not reached"))
    assert [t for t, _, _ in texts] == ["plan", "promote FAILED after 2.1 s"]


def test_what_the_axis_does_not_show_is_left_out() -> None:
    assert drawn(row("home", 50, 55), scale=Scale(0.0, 40.0)) == ([], [])
    assert drawn() == ([], [])


def test_the_picture_shows_and_tells_the_steps() -> None:
    made = make("pass", 600)
    verdict = msgspec.structs.replace(made.verdict, steps=[row("promote", 16, 18.1)])
    svg = timeline_svg(made.history, dataclasses.replace(made, verdict=verdict).verdict, made.declared)
    assert "promote 2.1 s" in svg
    assert "Steps of the plan: promote done +16.0 s to +18.1 s." in svg
    assert "plan</text>" not in timeline_svg(made.history, made.verdict, made.declared)
