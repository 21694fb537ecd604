import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from reports.context import Context, Tolerances, write_context
from reports.evidence import LabSetting, RunInfo, write_run
from reports.losses import LossRow, read_losses, write_losses
from reports.manifest import read_manifest, write_manifest
from reports.page import breakable, brief, page_html, unbroken, write_page
from reports.timeline import timeline_svg
from reports.verify import file_problems
from tests.reports.synthetic import HOSTILE, Case, make, write_folder


class _Reader(HTMLParser):
    """What a browser would make of the page: its elements, its ids and links, its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "img", "br", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " " if tag in ("td", "th", "p", "li", "h1", "h2", "h3", "dd", "dt", "span") else ""

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def _run(out: Path, *cases: Case, lost: int = 0) -> Path:
    run = out / "run-1"
    run.mkdir()
    write_run(
        run,
        RunInfo(
            run="run-1", harness="dr-drills 0.1.0", commit="abc123", environment="lab", workload="orders",
            started_utc="2025-03-01T12:00:00.000Z", operator="Game-day lead", seeds={"vantage": 7},
            lab_beside_aws=(LabSetting("time between two health checks", "0.5 s", "30 s", "[ELB: health checks]"),),
        ),
    )  # fmt: skip
    for case in cases:
        made = make(case, 400, lost=lost)
        svg = timeline_svg(made.history, made.verdict, made.declared, made.losses)
        write_folder(run / f"az_power_loss-orders-{case}", made, svg)
    return run


def _read(page: Path) -> _Reader:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    reader.text = re.sub(r"\s+", " ", reader.text)
    return reader


def test_it_runs_no_script_and_asks_for_nothing(tmp_path: Path) -> None:
    page = _read(write_page(_run(tmp_path, "pass", "fail", lost=5)))
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:image/svg+xml;base64,") for value in page.values("src"))
    assert all(value.startswith("#") for value in page.values("href"))
    assert any("default-src 'none'" in value for value in page.values("content"))
    assert "url(" not in (tmp_path / "run-1" / "index.html").read_text(encoding="utf-8")


def test_every_link_leads_somewhere_and_every_picture_has_words(tmp_path: Path) -> None:
    page = _read(write_page(_run(tmp_path, "pass", "fail")))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in page.values("href")} <= set(ids)
    assert len([alt for alt in page.values("alt") if alt.startswith(("Timeline. PASS:", "Timeline. FAIL:"))]) == 2


def test_headings_are_in_order_and_tables_have_names(tmp_path: Path) -> None:
    page = _read(write_page(_run(tmp_path, "pass", "fail", lost=5)))
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    regions = [name for _, key, name in page.attributes if key == "aria-label"]
    assert all(regions)
    assert "th" in page.tags


def test_a_long_name_breaks_after_its_own_signs_only() -> None:
    assert breakable("az_power_loss[eu-west-1a]") == "az_<wbr>power_<wbr>loss[<wbr>eu-<wbr>west-<wbr>1a]"
    assert breakable(HOSTILE).startswith("&lt;script&gt;")
    assert breakable("drill") == "drill"


def test_a_long_call_is_cut_and_the_file_that_has_it_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    journal = run / "az_power_loss-orders-pass" / "journal.jsonl"
    rows = "row " * 3000
    written = journal.read_text(encoding="utf-8").replace('"InstanceIds":["i-1"]', f'"Rows":"{rows}"')
    journal.write_text(written, encoding="utf-8")
    text = _read(write_page(run)).text
    whole = r"\(12,0\d\d characters; the whole is in az_power_loss-orders-pass/journal.jsonl\)"
    assert len(re.findall(whole, text)) == 2
    assert text.count("row ") < 400
    assert brief("x" * 600, "f") == "x" * 600
    assert brief("x" * 601, "f").startswith("x" * 600 + " … (601")


def test_on_a_phone_nothing_is_wider_than_the_screen_but_what_scrolls(tmp_path: Path) -> None:
    text = page_html(_run(tmp_path, "pass"))
    # A bare 1fr is never narrower than the longest word in it, and a hash is one word of 64 signs.
    columns = re.findall(r"grid-template-columns:([^;}]+)", text)
    assert len(columns) == 2
    assert [one for one in columns if re.search(r"(?<![,\d])1fr", one)] == []
    assert len(re.findall("<table", text)) == len(re.findall('<div class="scroll"', text)) + 1  # that one is stacked
    assert '<table class="stack">' in text


def test_a_number_and_its_unit_stay_in_one_line(tmp_path: Path) -> None:
    assert unbroken("4.1..4.3 s of 30 s, 20 ms, 0 of 7 so far") == "4.1..4.3\xa0s of 30\xa0s, 20\xa0ms, 0 of 7 so far"
    text = page_html(_run(tmp_path, "pass"))
    assert re.search(r"[0-9]\xa0s of 30\xa0s</td>", text)
    assert re.search(r"<td>[0-9.]+\xa0s</td>", text)  # what was measured, in its own narrow column


def test_a_manager_reads_what_was_tested_whether_it_held_and_who_does_what(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass", "fail")
    (run / "az_power_loss-orders-fail" / "workload.json").write_text('{"owner": "orders team"}', encoding="utf-8")
    text = _read(write_page(run)).text
    face = text[: text.index("Objectives and what was measured")]
    assert "It did not hold: 1 of 2 drills missed an objective" in face
    assert "Findings to correct 1 high. The first is due on 2025-04-30." in face
    assert "DRAFT: not final, because" in face
    assert "It discharges no period." in face
    assert "F1 high recovery time" in text
    assert "(objective missed) orders team 2025-04-30" in text


def test_a_finding_that_is_nobodys_says_so(tmp_path: Path) -> None:
    text = _read(write_page(_run(tmp_path, "fail"))).text
    assert "1 without an owner or a due date." in text
    assert "(objective missed) \N{EN DASH} MISSING 2025-04-30" in text


def test_the_context_is_shown_and_its_tolerances_are_scored(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    tolerances = Tolerances(mtd_s=4.0, detection_s=60.0)
    write_context(
        run, Context(source="c.toml", sha256="ab" * 32, objectives=tolerances, links={"plan": "https://example.com/p"})
    )
    page = _read(write_page(run))
    assert "longest tolerable outage (MTD) 4 s exceeded ✕ FAIL" in page.text
    assert "objective for detection 60 s not measured NOT SCORED" in page.text
    assert "F1 critical longest tolerable outage" in page.text
    assert "https://example.com/p" in page.text
    assert "https://example.com/p" not in page.values("href")
    assert "c.toml, SHA-256 " + "ab" * 32 in page.text


def test_a_context_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    (run / "context.json").write_text("{", encoding="utf-8")
    assert "context.json cannot be read" in _read(write_page(run)).text


def test_made_again_it_names_the_run_before_and_none_after(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    write_manifest(run)
    later = tmp_path / "run-2"
    later.mkdir()
    write_manifest(later)
    text = page_html(run)
    assert "none: this is the first of its folder" in text
    assert "run-2" not in text
    assert "number 1 of its folder" in text
    assert "UNSIGNED" in text
    (run / "attestation.json").write_text("{}", encoding="utf-8")
    assert "UNSIGNED" not in page_html(run)


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    page = _read(write_page(_run(tmp_path, "fail", lost=5)))
    assert "script" not in page.tags
    assert HOSTILE.replace("\x00", "")[:25] in page.text


def test_the_summary_comes_first_and_the_worst_verdict_is_the_runs(tmp_path: Path) -> None:
    text = _read(write_page(_run(tmp_path, "pass", "fail"))).text
    assert "✕ FAIL 2 drills of orders (lab)" in text
    assert text.index("What to do next") < text.index("Objectives and what was measured")
    assert "Tested: If an Availability Zone loses power, orders keep being taken." in text
    assert "UNSIGNED" in text


@pytest.mark.parametrize(
    ("case", "counts"), [("pass", True), ("fail", True), ("inconclusive", False), ("invalid", False)]
)
def test_a_run_that_decides_nothing_says_that_it_does_not_count(tmp_path: Path, case: Case, counts: bool) -> None:  # noqa: FBT001
    text = _read(write_page(_run(tmp_path, case))).text
    assert ("does not count as a test" in text) is not counts


def test_each_part_of_a_drill_is_there(tmp_path: Path) -> None:
    text = _read(write_page(_run(tmp_path, "pass", lost=5))).text
    for part in (
        "4.10..4.38 s", "Head of Operations, 2025-01-15", "first success", "PUT BACK", "04.000Z verified",
        "An emulated AWS", "ec2 StartInstances", "rolled back", "baseline good", "i-0123456789abcdef0",
        "This zone holds the database writer.", "time between two health checks", "30 s", "Game-day lead",
        "Seed of vantage",
    ):  # fmt: skip
        assert part in text, part


def test_only_the_first_lost_keys_are_listed_and_the_rest_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass", lost=300)
    page = _read(write_page(run))
    listed = len(re.findall(r"-(\d+) 1 (?:lost|late) write fresh", page.text))
    assert listed == 200
    assert "300, of which the first 200 are listed here" in page.text
    assert "az_power_loss-orders-pass/losses.csv" in page.text
    assert len(read_losses(run / "az_power_loss-orders-pass" / "losses.csv")) == 300


def test_writes_in_doubt_are_counted_and_left_to_the_file(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass", lost=2)
    doubt = [LossRow(key=f"doubt-{i}", version=1, loss_class="in-doubt vanished") for i in range(7)]
    path = run / "az_power_loss-orders-pass" / "losses.csv"
    write_losses(path, [*doubt, *read_losses(path)])
    text = _read(write_page(run)).text
    assert "did not simply survive: 2." in text
    assert "7 writes in doubt" in text
    assert "doubt-1" not in text


def test_missing_fields_are_named_as_missing(tmp_path: Path) -> None:
    text = _read(write_page(_run(tmp_path, "pass"))).text
    missing = text[text.index("Fields that an audit asks for") : text.index("The record, field by field")]
    assert "change ticket" in missing
    assert "account" in missing
    assert "people facilitator, observers" in missing  # and no operator before or between them
    fields = text[text.index("The record, field by field") :]
    assert "people operator Game-day lead run.json" in fields
    assert "MISSING context file" in fields[fields.index("authority change ticket") :][:60]


def test_a_drill_that_was_killed_is_shown_without_a_verdict_and_is_no_pass(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    (run / "killed").mkdir()
    (run / "killed" / "marks.jsonl").write_text("{}\n", encoding="utf-8")
    (run / "killed" / "verdict.json").write_text("{", encoding="utf-8")
    text = _read(write_page(run)).text
    assert "⊘ INVALID 2 drills" in text
    assert "NO VERDICT killed" in text
    assert "verdict.json cannot be read" in text
    assert "plan.json is missing." in text


def test_a_run_without_drills_proves_nothing(tmp_path: Path) -> None:
    assert "A run without a drill proves nothing." in _read(write_page(_run(tmp_path))).text


def test_a_change_that_was_not_put_back_is_not_called_put_back(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    journal = run / "az_power_loss-orders-pass" / "journal.jsonl"
    journal.write_text(journal.read_text(encoding="utf-8").replace('"verified"', '"left"'), encoding="utf-8")
    text = _read(write_page(run)).text
    assert "NOT PROVED" in text
    assert "PUT BACK" not in text


def test_its_hashes_are_those_of_the_manifest(tmp_path: Path) -> None:
    run = _run(tmp_path, "pass")
    text = _read(write_page(run)).text
    files = msgspec.json.decode(write_manifest(run).read_bytes())["files"]
    manifest = read_manifest(run)
    assert manifest is not None
    assert file_problems(run, manifest) == []
    for name, file in files.items():
        assert name == "index.html" or file["sha256"] in text


def test_what_is_not_put_back_is_said_in_the_headings_and_is_the_first_thing_to_do(tmp_path: Path) -> None:
    run = _run(tmp_path, "fail", "pass")
    path = run / "az_power_loss-orders-pass" / "verdict.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"undo":"clean"', '"undo":"dirty"'), encoding="utf-8")
    text = _read(write_page(run)).text
    assert "✕ FAIL ✕ UNDO DIRTY 2 drills" in text
    assert text.count("UNDO DIRTY") == 3  # its row, and the heading of its own part
    to_do = text[text.index("What to do next") :]
    assert to_do.index("Put the rest back now") < to_do.index("The RTO of")
    path.write_text(path.read_text(encoding="utf-8").replace('"undo":"dirty"', '"undo":"clean"'), encoding="utf-8")
    assert "UNDO DIRTY" not in _read(write_page(run)).text
