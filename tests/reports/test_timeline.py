import re
from itertools import combinations
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports.model import Episode
from reports.scene import LEFT, WIDTH, counted_episode, origin_of
from reports.svg import width_of
from reports.timeline import timeline_svg
from tests.reports.synthetic import Case, Synthetic, make

SVG = "{http://www.w3.org/2000/svg}"
CASES: list[Case] = ["pass", "fail", "inconclusive", "invalid", "aborted"]


def _draw(made: Synthetic) -> str:
    return timeline_svg(made.history, made.verdict, made.declared, made.losses)


def _texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314  we made it


def _boxes(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Each text with left, top, right, bottom, by a modest guess of its width."""
    found = []
    for text in ET.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314  we made it
        size, x, y = (float(text.get(name, "0")) for name in ("font-size", "x", "y"))
        width = width_of(text.text or "", size) * 0.8
        left = {"middle": x - width / 2, "end": x - width}.get(text.get("text-anchor", ""), x)
        found.append((text.text or "", left, y - size * 0.7, left + width, y))
    return found


@pytest.mark.parametrize("case", CASES)
def test_it_says_the_verdict_in_words_and_numbers(case: Case) -> None:
    svg = _draw(make(case, 600))
    assert any(case.upper() in text for text in _texts(svg))
    assert "RTO 30 s" in " ".join(_texts(svg)) or case == "invalid"


@pytest.mark.parametrize("case", CASES)
def test_no_two_texts_cover_each_other(case: Case) -> None:
    for one, other in combinations(_boxes(_draw(make(case, 600, lost=9))), 2):
        apart = one[3] <= other[1] or other[3] <= one[1] or one[4] <= other[2] or other[4] <= one[2]
        assert apart, (one, other)


@pytest.mark.parametrize("case", CASES)
def test_no_text_runs_out_of_the_picture(case: Case) -> None:
    for text, left, _, right, _ in _boxes(_draw(make(case, 600, lost=9))):
        assert left >= 0, text
        assert right <= WIDTH + 10, text


def test_a_hundred_thousand_operations_make_a_small_file() -> None:
    assert len(_draw(make("aborted", 100_000, lost=40))) < 200_000


def test_it_holds_no_script_and_asks_for_nothing() -> None:
    svg = _draw(make("fail", 600))
    assert "<script" not in svg
    assert set(re.findall(r"https?://[^\"' )]+", svg)) == {"http://www.w3.org/2000/svg"}


def test_what_comes_from_outside_is_escaped() -> None:
    made = make("pass", 400)
    hostile = msgspec.structs.replace(made.verdict, workload='<script>&"\x00\x1b[31m', parameters={"a": "<b>"})
    svg = timeline_svg(made.history, hostile, made.declared)
    assert any("<script>" in text for text in _texts(svg))
    assert "<script>" not in svg
    assert "\x00" not in svg


def test_it_is_described_for_who_cannot_see_it() -> None:
    made = make("pass", 2000, lost=17)
    root = ET.fromstring(_draw(made))  # noqa: S314  we made it
    assert root.get("role") == "img"
    described = root.findtext(f"{SVG}desc") or ""
    assert "recovery time 4.10..4.38 s of 30 s" in described
    assert "17 acknowledged and lost" in described
    assert "impact +15.0 s" in described


def test_a_metric_is_no_moment_of_the_drill() -> None:
    made = make("pass", 600)
    metric = msgspec.structs.replace(made.verdict.marks[0], name="metric", at_s=7.0)
    told = msgspec.structs.replace(made.verdict, marks=[*made.verdict.marks, metric])
    assert timeline_svg(made.history, told, made.declared, made.losses) == _draw(made)


def test_lost_writes_are_marked_and_counted() -> None:
    assert "17 acknowledged, lost" in _texts(_draw(make("pass", 2000, lost=17)))
    assert not any("lost" in text and text.startswith("17") for text in _texts(_draw(make("pass", 2000))))


def test_a_short_recovery_is_shown_once_more_with_its_edges() -> None:
    close = _texts(_draw(make("pass", 2000)))
    assert "Around the recovery" in close
    assert "impact +14.92..15.04 s" in close
    assert "stable +19.14..19.30 s" in close
    assert "Around the recovery" not in _texts(_draw(make("fail", 2000)))


def test_an_empty_history_still_gives_a_picture() -> None:
    made = make("invalid", 400)
    bare = msgspec.structs.replace(made.history, operations=(), marks=(), vantages=())
    verdict = msgspec.structs.replace(made.verdict, marks=[])
    declared = msgspec.structs.replace(made.declared, fault=None)
    assert "No operation was recorded." in _texts(timeline_svg(bare, verdict, declared))


def test_the_recovery_bar_is_as_long_as_the_recovery() -> None:
    root = ET.fromstring(_draw(make("fail", 2000)))  # noqa: S314  we made it
    solid = [r for r in root.iter(f"{SVG}rect") if r.get("fill") == "#cf222e" and r.get("height") == "14"]
    px_per_s = (965 - LEFT) / 60
    assert len(solid) == 1
    assert float(solid[0].get("x", "0")) == pytest.approx(LEFT + 15.04 * px_per_s, abs=0.2)
    assert float(solid[0].get("width", "0")) == pytest.approx((52 - 15.04) * px_per_s, abs=0.2)


def test_the_axis_starts_where_the_verdicts_marks_say() -> None:
    made = make("pass", 400)
    later = [msgspec.structs.replace(row, at_s=row.at_s - 2.0) for row in made.verdict.marks]
    assert origin_of(made.history, made.verdict) == 0
    assert origin_of(made.history, msgspec.structs.replace(made.verdict, marks=later)) == 2_000_000_000


def _episode(stream: str, impact: float, stable: float | None) -> Episode:
    return Episode(
        stream=stream, impact_lower_s=impact, impact_upper_s=impact + 0.1, stable_lower_s=stable or impact + 1,
        stable_upper_s=stable, bad_s=1.0, flaps=0, share=1.0, operations=5,
    )  # fmt: skip


def test_the_episode_that_counts_is_the_longest_between_fault_and_undo() -> None:
    verdict = make("pass", 400).verdict
    before, short, long = _episode("all", 2, 9), _episode("all", 15, 17), _episode("all", 20, 25)
    one_stream, while_undoing = _episode("write fresh", 15, 40), _episode("all", 54, 70)
    found = msgspec.structs.replace(verdict, episodes=[before, short, one_stream, long, while_undoing])
    assert counted_episode(found) == long
    endless = _episode("all", 30, None)
    assert counted_episode(msgspec.structs.replace(found, episodes=[*found.episodes, endless])) == endless
    assert counted_episode(msgspec.structs.replace(found, episodes=[before, while_undoing])) is None
