"""All runs of a drill as a picture, on the page and in letters: what is drawn is what was measured."""

import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports.markdown import run_markdown
from reports.model import Verdict
from reports.page import page_html
from reports.repeats import Repeats, read_repeats, repeats_of, write_repeats
from reports.repeats_chart import CELLS, repeats_svg, shown, strip
from reports.scene import BAD, GOOD
from tests.reports.made_up import keep, verdict

SVG = "{http://www.w3.org/2000/svg}"
OPEN = "#6e40c9"
WIDTH_OF_AXIS = 480.0


def runs(*edges: tuple[float, float | None], **more: float) -> Repeats:
    return repeats_of([verdict(lower, upper, loss_s=more.get("loss_s", 0.0)) for lower, upper in edges])


def bars(found: Repeats) -> list[tuple[float, float, str]]:
    """Of each bar of the picture: where it begins and ends, in s of an axis that ends at `top`, and its ink."""
    spread = found.recovery_time
    edges = [e for span in spread.runs_s for e in span if e] + [spread.objective_s or 0.0]
    per_s = WIDTH_OF_AXIS / (max(edges) * 1.05)
    drawn = ET.fromstring(repeats_svg(found)).iter(f"{SVG}rect")  # noqa: S314 -- our own
    found_bars = [one for one in drawn if one.get("fill") in (GOOD, BAD, OPEN)]
    return [
        ((x := float(one.get("x", "")) - 16) / per_s, (x + float(one.get("width", ""))) / per_s, one.get("fill", ""))
        for one in found_bars
    ]


def test_each_run_is_a_bar_from_edge_to_edge_the_shortest_first() -> None:
    drawn = bars(runs((20.0, 22.0), (4.0, 6.0), (12.0, 15.0)))
    assert [(round(begin, 1), round(end, 1)) for begin, end, _ in drawn] == [(4.0, 6.0), (12.0, 15.0), (20.0, 22.0)]


def test_its_ink_says_on_which_side_of_the_objective_it_lies() -> None:
    drawn = bars(runs((4.0, 6.0), (29.0, 31.0), (30.1, 33.0), (20.0, None)))
    assert [ink for *_, ink in drawn] == [GOOD, OPEN, BAD, OPEN]
    assert repeats_svg(runs((4.0, None))).count("→") == 1
    assert "→" not in repeats_svg(runs((4.0, 5.0)))


def test_the_picture_says_the_objective_the_percentile_and_how_many() -> None:
    text = repeats_svg(runs(*[(1.0 + i, 1.5 + i) for i in range(20)]))
    assert "recovery time, s: 20 runs, shortest first" in text
    assert "RTO 30 s" in text
    assert "p95" in text
    assert "p95" not in repeats_svg(runs((1.0, 2.0), (3.0, 4.0))), (
        "below 20 runs it is the worst, which is the last bar"
    )


def test_many_runs_stay_in_the_same_room() -> None:
    few, many = (ET.fromstring(repeats_svg(runs(*[(1.0, 2.0)] * count))) for count in (3, 60))  # noqa: S314 -- our own
    assert float(few.get("height", "")) < 130
    assert float(many.get("height", "")) < 300


def test_what_no_run_of_which_counts_is_not_drawn() -> None:
    undecided = repeats_of([verdict(None, None, overall="aborted", loss_s=0.0)])
    assert [name for name, _ in shown(undecided)] == []
    assert repeats_svg(undecided) == ""


def test_a_number_without_an_objective_is_drawn_in_plain_ink() -> None:
    found = repeats_of([verdict(1.0, 2.0, rto_s=None, loss_s=0.0)])
    assert "RTO" not in repeats_svg(found)
    assert bars(found) == []
    assert "RTO" not in strip("recovery time", found.recovery_time)


def test_the_strip_in_letters_has_the_same_axis() -> None:
    spread = runs((4.0, 4.5), (4.1, 4.6), (15.0, 15.2)).recovery_time
    title, cells, below = strip("recovery time", spread).split("\n")
    assert title == "recovery time"
    row, marks = cells.removeprefix("0 s "), below.removeprefix("    ")
    top = 30 * 1.05
    assert row[int(4.2 / top * CELLS)] == "█"
    assert row[int(15.1 / top * CELLS)] not in " █"
    assert row[: int(4.0 / top * CELLS)].strip() == ""
    assert marks.index("W") == int(15.2 / top * CELLS)
    assert marks.index("|") == int(30.0 / top * CELLS)
    assert row[CELLS:] == " 31 s"


def test_a_run_that_did_not_recover_goes_on_to_the_end() -> None:
    spread = runs((20.0, None), (4.0, 5.0)).recovery_time
    _, cells, below = strip("recovery time", spread).split("\n")
    row = cells.removeprefix("0 s ")
    assert " " not in row[int(20 / 31.5 * CELLS) : CELLS]
    assert below.removeprefix("    ")[CELLS - 1] == "W"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    verdicts: list[Verdict] = [verdict(1.0 + i, 1.5 + i) for i in range(3)]
    keep(tmp_path, verdicts[0])
    write_repeats(tmp_path / "run-1", [repeats_of(verdicts)])
    return tmp_path / "run-1"


def test_the_page_shows_them_with_bound_and_picture(run: Path) -> None:
    text = page_html(run)
    assert "All runs of az_<wbr>power_<wbr>loss[a] together" in text or "together</h3>" in text
    for words in (
        "3 runs: 3 passed",
        "recovery time: worst 3.0..3.5 s, p95 3.0..3.5 s of 30 s (3 runs)",
        "at most 63.2%",
    ):
        assert words in text
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)" alt="All runs\. ([^"]+)"', text)
    ((image, alt),) = images
    assert b"shortest first" in b64decode(image)
    assert "the chance that the next one misses" in alt


def test_what_all_runs_together_fail_is_the_runs_verdict(run: Path) -> None:
    """Each met its objectives; what is worse than the last release is proved by all of them."""
    found = msgspec.structs.replace(read_repeats(run)[0], verdict="fail")
    assert "<title>PASS" in page_html(run)
    assert run_markdown(run).startswith("## ✓ PASS")
    write_repeats(run, [found])
    text = page_html(run)
    assert "<title>FAIL" in text
    assert "Every objective was met, but all runs together are proved to be worse than the last release: az" in text
    assert "What all runs of a drill say together, above, has to be looked into." in text
    assert run_markdown(run).startswith("## ✕ FAIL")


def test_a_run_without_them_has_no_such_part(run: Path) -> None:
    (run / "repeats.json").unlink()
    assert "together</h3>" not in page_html(run)


def test_what_cannot_be_read_is_said_on_the_page(run: Path) -> None:
    (run / "repeats.json").write_text("{", encoding="utf-8")
    text = page_html(run)
    assert "repeats.json cannot be read: what the runs say together is not shown." in text
    assert "together</h3>" not in text


def test_a_file_of_an_older_version_has_sentences_and_no_picture(run: Path) -> None:
    content = msgspec.json.decode((run / "repeats.json").read_bytes())
    for number in ("recovery_time", "data_loss"):
        assert content["drills"][0][number].pop("runs_s")
    (run / "repeats.json").write_bytes(msgspec.json.encode(content))
    assert read_repeats(run)[0].recovery_time.runs_s == []
    assert "3 runs: 3 passed" in page_html(run)
    assert 'alt="All runs' not in page_html(run)
    assert "```" not in run_markdown(run)


def test_the_markdown_has_it_in_letters(run: Path) -> None:
    text = run_markdown(run)
    block = text.split("```text\n")[1].split("\n```")[0]
    found = read_repeats(run)[0]
    assert block == "\n".join(strip(name, spread) for name, spread in shown(found))
    assert "W worst, 9 p95, | RTO" in block
