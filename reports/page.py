"""The auditor's report: one HTML file without scripts or requests, `index.html`, made from a run's folder alone."""

import re
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup, escape

from reports import words
from reports.advice import open_findings
from reports.asked import seen_first
from reports.attestation import openssl_line
from reports.chaos import ChaosRow, ChaosSequence, read_chaos, rows, title, told
from reports.controls import CAUTION
from reports.facts import RunFacts, run_facts
from reports.manifest import FileHash, hashes_of
from reports.marks_table import mark_lines
from reports.model import Overall
from reports.page_face import face
from reports.page_together import Together, together_of
from reports.page_view import ROWS, DrillView, view_of
from reports.plan_steps import is_plan
from reports.record import drill_folders, read_record
from reports.templates import templates

PAGE = "index.html"
ALLURE = "allure-results/"
# Characters of one call in the page: one that changes rows names each of them, and would fill thirty screens.
_BRIEF = 600
_UNITS = re.compile(r"(?<=\d) (?=(?:ms|s)\b)")
# After these a long name may go on in the next line.
_BREAKS = re.compile(r"([_\-\[\]/.:,=]+)")


def write_page(run_folder: Path, drills: Sequence[Path] | None = None, *, signed: bool = False) -> Path:
    """Write the run's `index.html`; `drills` are the folders to show, in order (all of the run's by default).

    `signed`: its signature follows. Call it before the manifest is written, so that the page is in the manifest too.
    Raises `OSError`.
    """
    path = run_folder / PAGE
    path.write_text(page_html(run_folder, drills, signed=signed), encoding="utf-8")
    return path


def page_html(run_folder: Path, drills: Sequence[Path] | None = None, *, signed: bool = False) -> str:
    """The page's text; writes nothing. Raises `OSError`."""
    of_run = run_facts(run_folder)
    # The manifest has Allure's results, too; they say nothing more.
    hashes = {name: file for name, file in hashes_of(run_folder).items() if not name.startswith(ALLURE)}
    hashes.pop(PAGE, None)
    folders = drill_folders(run_folder) if drills is None else drills
    views = [view_of(run_folder, read_record(folder), of_run, hashes) for folder in folders]
    chaos = [(one, rows(one, run_folder)) for one in read_chaos(run_folder)]
    return _render(of_run, views, hashes, together_of(run_folder), chaos, signed=signed or of_run.attested)


def breakable(text: str) -> Markup:
    """A name that may be broken after its own signs, and nowhere else: in a narrow column it stays readable."""
    return Markup("<wbr>").join(escape(part) for part in _parts(text))


def unbroken(text: str) -> str:
    """The same words, but no line ends between a number and its unit."""
    return _UNITS.sub("\N{NO-BREAK SPACE}", text)


def brief(text: str, file: str) -> str:
    """A long text's beginning, with how long it is and the file that has the whole; a short one as it is."""
    if len(text) <= _BRIEF:
        return text
    return f"{text[:_BRIEF]} … ({len(text):,} characters; the whole is in {file})"


def _parts(text: str) -> list[str]:
    pieces = _BREAKS.split(text)
    signs = [*pieces[1::2], ""]
    return [part + sign for part, sign in zip(pieces[::2], signs, strict=True) if part + sign]


def _render(
    of_run: RunFacts,
    views: list[DrillView],
    hashes: dict[str, FileHash],
    together: Together,
    chaos: list[tuple[ChaosSequence, list[ChaosRow]]],
    *,
    signed: bool,
) -> str:
    environment = templates()
    environment.globals.update(
        words=words,
        open_findings=open_findings,
        breakable=breakable,
        unbroken=unbroken,
        brief=brief,
        mark_lines=mark_lines,
        title=title,
        told=told,
    )
    overall = _overall(views, together)
    return environment.get_template("page.html.j2").render(
        run_name=of_run.name,
        run=of_run.run,
        context=of_run.context,
        integrity=of_run,
        problems=[*of_run.problems, *together.problems],
        together=together.drills,
        drills=views,
        chaos=chaos,
        overall=overall,
        face=face(overall, views, [one.name for one in together.drills if one.verdict == "fail"]),
        cautions=CAUTION,
        tested=list(dict.fromkeys(view.record.declared.says for view in views if view.record.declared)),
        hashes=hashes,
        signed=signed,
        openssl=openssl_line(),
        rows=ROWS,
        first=[(view, f) for view in views if view.verdict for f in seen_first(view.verdict)],
        causes=[(view, f) for view in views if view.verdict for f in open_findings(view.verdict) if is_plan(f)],
        steps=[(view, step) for view in _dirty_first(views) for step in view.next_steps],
    )


def _dirty_first(views: list[DrillView]) -> list[DrillView]:
    """What is still broken is put right before anything else is done."""
    return sorted(views, key=lambda view: view.verdict is None or view.verdict.undo != "dirty")


def _overall(views: list[DrillView], together: Together) -> Overall:
    """The worst verdict of the run. A drill without a verdict proves nothing, so its run is no pass."""
    single: list[Overall] = [view.verdict.verdict if view.verdict else "invalid" for view in views]
    return words.worst([*single, *(one.verdict for one in together.drills)])
