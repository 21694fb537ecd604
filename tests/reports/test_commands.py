"""`python -m reports`: what it makes of one run, and of many. Made-up verdicts, and old runs."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench.freeze import thaw
from reports import commands
from reports.__main__ import main
from reports.allure_html import NoAllure, clean, command, generate
from reports.manifest import write_manifest
from reports.many import kept_below
from reports.markdown import MOST_BYTES, capped, run_markdown
from reports.model import Finding
from reports.repeats import repeats_of, write_repeats
from reports.scorecard import cells, overall
from reports.scorecard_chart import scorecard_svg
from reports.tables import markdown
from reports.trend import lines_of
from reports.trend_chart import trend_svg
from reports.verify import verify_run
from tests.reports.made_up import keep, verdict
from tests.reports.synthetic import HOSTILE

DATA = Path(__file__).parents[1] / "data"
BAD = Finding(check="recovery time", verdict="fail", says=f"It took too long. {HOSTILE}")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main([str(one) for one in arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


# --- compare ---------------------------------------------------------------------------------------------------------


def test_a_difference_is_told_where_the_intervals_prove_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = keep(tmp_path / "a", verdict(1.0, 1.2), verdict(1.0, 2.0, zone="b"), verdict(5.0, 6.0, zone="c"))
    other = keep(tmp_path / "b", verdict(3.0, 3.2), verdict(1.5, 3.0, zone="b"), verdict(1.0, 2.0, zone="d"))
    code, text = said(capsys, "compare", one, other)
    assert code == 1
    rows = {(line.split()[0], line.split()[4]): line for line in text.splitlines()[1:] if line}
    assert "worse" in rows["az_power_loss[a]", "recovery"]
    assert "by 1.8..2.2 s" in rows["az_power_loss[a]", "recovery"]
    assert "the intervals overlap" in rows["az_power_loss[b]", "recovery"]
    assert "no number that counts in B" in rows["az_power_loss[c]", "recovery"]
    assert "no number that counts in A" in rows["az_power_loss[d]", "recovery"]
    code, text = said(capsys, "compare", other, one)
    assert code == 0
    assert "better" in text


def test_what_else_was_not_the_same_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = keep(tmp_path / "a", verdict(1.0, 1.2), lab={"boot_delay_s": 1.0})
    other = keep(tmp_path / "b", verdict(1.0, 1.2, rto_s=20.0), lab={"boot_delay_s": 4.0})
    _, text = said(capsys, "compare", one, other)
    assert "not the same: the lab's settings: boot_delay_s 1 -> boot_delay_s 4" in text
    assert "RTO 30 s, RPO 0 s -> az_power_loss[a] RTO 20 s" in text


def test_a_folder_without_drills_is_no_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "compare", tmp_path, tmp_path)
    assert code == 2
    assert "no judged drill in it" in text


def test_a_verdict_that_cannot_be_read_is_not_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep(tmp_path / "a", verdict(1.0, 1.2), verdict(1.0, 1.2, run="run-2"))
    next(folder.glob("run-2/*/verdict.json")).write_text("{", encoding="utf-8")
    code, text = said(capsys, "trend", folder)
    assert code == 2
    assert "verdict.json" in text


# --- trend and scorecard ---------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Three runs of one drill, the last of which missed; one that was lost track of; another workload."""
    keep(tmp_path, verdict(1.0, 1.2, run="run-1"), verdict(2.0, 2.2, run="run-2"))
    keep(tmp_path, verdict(60.0, None, run="run-3", overall="fail", findings=(BAD,)))
    keep(tmp_path, verdict(None, None, run="run-4", overall="invalid", zone="b"))
    return keep(tmp_path, verdict(1.0, 1.2, run="run-5", workload="ledger"))


def test_a_trend_says_what_so_many_runs_bound(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "trend", many, "--workload", "orders")
    assert code == 0
    assert "3 runs: 2 passed, 1 missed an objective, 0 undecided" in text
    assert "after 3 runs the chance that the next one misses is at most 86.5% (at 95%)" in text
    runs = [line.split()[-1] for line in text.splitlines() if line.startswith("2026-")]
    assert runs == ["run-1", "run-2", "run-3", "run-4"]
    assert "ledger" not in text
    assert said(capsys, "trend", many, "--workload", "nobody")[0] == 2


@pytest.mark.parametrize("name", ["trend", "scorecard"])
def test_pictures_are_whole_and_say_the_same_without_colour(name: str, many: Path, tmp_path: Path) -> None:
    for form in ("svg", "html", "markdown", "text"):
        assert main([name, str(many), "--format", form, "--out", str(tmp_path / f"x.{form}")]) == 0
    picture = ET.parse(tmp_path / "x.svg").getroot()  # noqa: S314 - it is our own
    words = " ".join(element.text or "" for element in picture.iter())
    assert "✕" in words
    assert "orders (lab)" in words or "(lab)" in words
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_what_was_not_seen_to_end_is_drawn_to_the_top(many: Path) -> None:
    assert "↑" in trend_svg(lines_of(kept_below([many])))


def test_a_scorecard_has_the_newest_run_of_each_drill_and_its_gaps(
    many: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promised: dict[str, object] = {"objectives": {"az": {}, "region": {}, "data": None}}
    (next(many.glob("run-4/*/verdict.json")).parent / "workload.json").write_text(
        json.dumps(promised), encoding="utf-8"
    )
    (az, region, data, *_) = [cell for cell in cells(kept_below([many])) if cell.workload == "orders (lab)"]
    assert (az.state, az.drills, az.recovery_time) == ("fail", 2, "at least 60.0 s of 30 s")
    assert az.why.startswith("az_power_loss[a]: recovery time: It took too long.")
    assert (region.state, region.why) == ("no drill", "promised, and never tried")
    assert (data.state, data.why) == ("no objective", "the workload file promises nothing for it")
    assert overall([region, data]) == "inconclusive", "what is promised and never tried proves nothing"
    assert said(capsys, "scorecard", many)[1].startswith("✕ FAIL")


def test_the_scorecards_picture_says_what_is_not_put_back_and_cuts_no_number(many: Path) -> None:
    before = scorecard_svg(cells(kept_below([many])))
    assert "put back" not in before.lower()
    path = next(many.glob("run-5/*/verdict.json"))
    told = json.loads(path.read_bytes())
    recovery = told["recovery_time"] | {
        "lower_s": 14.304,
        "upper_s": 14.607,
        "confidence": 0.95,
        "seen": [14.4, 14.5],
    }
    path.write_text(json.dumps(told | {"undo": "dirty", "recovery_time": recovery}), encoding="utf-8")
    after = scorecard_svg(cells(kept_below([many])))
    assert ">\u2715 not put back</text>" in after
    assert ">Scorecard: \u2715 fail, but NOT PUT BACK</text>" in after
    assert ">14.30..14.61 s (95%) of 30 s</text>" in after
    assert "\u2026" not in after


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_a_page_of_a_job_has_the_worst_first_and_nothing_of_it_is_markup(many: Path) -> None:
    text = run_markdown(many / "run-3")
    assert text.startswith("## ✕ FAIL: 1 drill of orders (lab)\n")
    assert "| ✕ FAIL | az\\_power\\_loss\\[a\\] | at least 60.0 s of 30 s |" in text
    assert "It took too long." in text
    assert "<script" not in text
    assert HOSTILE not in text


def test_undo_that_is_dirty_goes_before_all_else(tmp_path: Path) -> None:
    keep(tmp_path, msgspec.structs.replace(verdict(1.0, 2.0), undo="dirty"))
    lines = run_markdown(tmp_path / "run-1").splitlines()
    assert lines[2] == "**Something is not proved to be put back.** This goes before everything else."


def test_a_drill_that_was_killed_is_no_pass(tmp_path: Path) -> None:
    keep(tmp_path, verdict(1.0, 2.0))
    (tmp_path / "run-1/killed").mkdir()
    (tmp_path / "run-1/killed/marks.jsonl").write_text("{}\n", encoding="utf-8")
    text = run_markdown(tmp_path / "run-1")
    assert text.startswith("## ⊘ INVALID: 2 drills")
    assert "NO VERDICT | killed" in text


def test_runs_that_were_judged_together_are_told(tmp_path: Path) -> None:
    keep(tmp_path, verdict(1.0, 2.0))
    write_repeats(tmp_path / "run-1", [repeats_of([verdict(1.0, 2.0), verdict(1.5, 2.5)])])
    assert "- 2 runs: 2 passed, 0 missed an objective, 0 undecided" in run_markdown(tmp_path / "run-1")


def test_a_page_is_never_larger_than_what_is_shown() -> None:
    text = capped("ä line that is long\n" * 100_000)
    assert len(text.encode()) <= MOST_BYTES
    assert text.endswith("the whole is in the run's `index.html`.\n")


@pytest.mark.parametrize("text", ["<b>", "a|b", "@team", "`x`", "[a](b)", "line\nbreak", "*x*", "#1", "&amp;"])
def test_a_cell_says_what_it_says(text: str) -> None:
    made = markdown(text)
    assert not {"<", ">", "@", "\n"} & set(made)
    assert not [i for i, c in enumerate(made) if c in "|`*[]#" and made[i - 1] not in "\\&"]


def test_markdown_takes_a_folder_of_runs(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "markdown", many)
    assert (code, text.count("\n## ") + text.startswith("## ")) == (0, 5)


# --- judged by other objectives --------------------------------------------------------------------------------------


def test_another_rto_changes_what_rests_on_it_and_nothing_on_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = thaw(DATA / "recovered-zone-a", tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, own = said(capsys, "rejudge", folder)
    code, text = said(capsys, "rejudge", folder, "--rto-s", "2")
    assert code == 0
    assert text.startswith("WITH OTHER OBJECTIVES (RTO 2 s in place of 20 s); nothing is kept of this:\n")
    assert "FAIL: recovery time 2.94..3.08 s of 2 s; data loss 0 of 714 acknowledged" in text
    assert "by its own objectives: PASS: recovery time 2.94..3.08 s of 20 s" in text
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    changed = [line for line in text.splitlines()[2:-1] if line not in own.splitlines()]
    assert len(changed) == 1, changed
    assert changed[0].startswith("  fail         recovery time:")


def test_another_rpo_changes_the_loss_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = thaw(DATA / "recovered-zone-a", tmp_path)
    _, own = said(capsys, "rejudge", folder)
    _, text = said(capsys, "rejudge", folder, "--rpo-s", "5")
    changed = [line for line in text.splitlines()[2:-1] if line not in own.splitlines()]
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in changed] == ["data loss", "write gap"]


def test_a_workload_file_gives_the_objectives_of_the_drills_disruption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = thaw(DATA / "recovered-zone-a", tmp_path), tmp_path / "w.toml"
    file.write_text('[objectives.az]\nrto = "1s"\nrpo = "0s"\nclock = "first_success"\n', encoding="utf-8")
    _, text = said(capsys, "rejudge", folder, "--workload", file)
    assert text.startswith("WITH OTHER OBJECTIVES (RTO 1 s in place of 20 s, clock first_success in place of total)")
    file.write_text('[objectives.region]\nrto = "1s"\n', encoding="utf-8")
    code, text = said(capsys, "rejudge", folder, "--workload", file)
    assert code == 2
    assert "sets no objective for az" in text
    file.write_text("[objectives.az]\nrto = 3\n", encoding="utf-8")
    assert "objectives.az: a duration in quotes" in said(capsys, "rejudge", folder, "--workload", file)[1]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x"])
def test_what_is_no_rto_is_refused(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rejudge", str(tmp_path), "--rto-s", value])
    assert ended.value.code == 2
    assert "--rto-s" in capsys.readouterr().err


# --- the page, and Allure --------------------------------------------------------------------------------------------


def test_a_page_is_made_again_but_never_under_a_manifest(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = many / "run-3"
    code, text = said(capsys, "page", run)
    assert (code, text) == (0, f"{run / 'index.html'}\n")
    assert "It took too long." in (run / "index.html").read_text(encoding="utf-8")
    (run / "index.html").write_text("an older version's page", encoding="utf-8")
    write_manifest(run)
    code, text = said(capsys, "page", run)
    assert code == 2
    assert "--out FILE" in text
    assert verify_run(run, numbers=False).problems == []
    assert said(capsys, "page", run, "--out", many / "new.html")[0] == 0
    assert "It took too long." in (many / "new.html").read_text(encoding="utf-8")


PAGE = """<html><body><script>
  window.allure = {};
</script>
<script   src="app-1.js"></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>
<script>
  window.dataLayer = [];
  function gtag(){dataLayer.push(arguments);}
  gtag('js', new Date());
</script>
<script async>window.allureReportDataReady = true;</script></body></html>
"""


def test_trackers_are_taken_out_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(PAGE, encoding="utf-8")
    assert clean(page)
    text = page.read_text(encoding="utf-8")
    assert "google" not in text
    assert "gtag" not in text
    assert text.count("<script") == 3
    assert not clean(page)


def test_a_phone_is_told_how_wide_the_page_is_once(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<html><head><title>x</title></head></html>", encoding="utf-8")
    assert not clean(page)  # that is no tracker
    text = page.read_text(encoding="utf-8")
    assert text.startswith('<html><head><meta name="viewport" content="width=device-width')
    assert not clean(page)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_that_would_still_load_something_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text('<script src="//stats.example.com/a.js"></script>', encoding="utf-8")
    with pytest.raises(NoAllure, match=r"stats\.example\.com"):
        clean(page)


def test_without_allure_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command({"allure": "/bin/allure"}.get) == ["allure"]
    assert command({"npx": "/bin/npx"}.get) == ["npx", "--yes", "allure@3"]
    monkeypatch.setattr(commands, "command", lambda: command(lambda _: None))
    code, text = said(capsys, "allure", tmp_path)
    assert code == 2
    assert "Install Node 22" in text


def test_allure_is_run_on_results_only_and_its_failure_told(tmp_path: Path) -> None:
    with pytest.raises(NoAllure, match="no result of Allure's"):
        generate(tmp_path, tmp_path / "out", ["allure"])
    (tmp_path / "a-result.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NoAllure, match=r"false failed with 1"):
        generate(tmp_path, tmp_path / "out", ["false"])
    with pytest.raises(NoAllure, match="Install Node"):
        generate(tmp_path, tmp_path / "out", [str(tmp_path / "nowhere")])
