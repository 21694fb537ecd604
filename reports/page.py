"""The auditor's report: one HTML file without scripts or requests, `index.html`, made from a run's folder alone."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports import words
from reports.advice import next_steps, open_findings
from reports.asked import seen_first
from reports.audit_fields import missing_fields
from reports.evidence import FileHash, RunInfo, hashes_of, read_run
from reports.losses import NEITHER, LossRow, by_weight
from reports.model import DataLoss, Overall, Verdict
from reports.plan_steps import is_plan
from reports.record import LOSSES, DrillRecord, drill_folders, read_record

PAGE = "index.html"
ROWS = 200  # lost keys that are listed in the page; the file has them all


@dataclass(frozen=True)
class DrillView:
    """One drill as the template shows it."""

    record: DrillRecord
    anchor: str
    name: str
    image: str
    alt: str
    next_steps: list[str]
    missing: dict[str, list[str]]
    classes: list[tuple[str, int, str]]
    first_losses: list[LossRow]
    listed: int
    losses_hash: FileHash | None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, None if there is none."""
        return self.record.verdict


def write_page(run_folder: Path, drills: Sequence[Path] | None = None) -> Path:
    """Write the run's `index.html`; `drills` are the folders to show, in order (all of the run's by default).

    Call it before the manifest is written, so that the page is in the manifest too. Raises `OSError`.
    """
    run = read_run(run_folder)
    hashes = hashes_of(run_folder)
    hashes.pop(PAGE, None)
    folders = drill_folders(run_folder) if drills is None else drills
    views = [_view(run_folder, read_record(folder), run, hashes) for folder in folders]
    path = run_folder / PAGE
    path.write_text(_render(run_folder, run, views, hashes), encoding="utf-8")
    return path


def _render(run_folder: Path, run: RunInfo | None, views: list[DrillView], hashes: dict[str, FileHash]) -> str:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["words"] = words
    environment.globals["open_findings"] = open_findings
    return environment.get_template("page.html.j2").render(
        run_name=run_folder.name,
        run=run,
        drills=views,
        overall=_overall(views),
        tested=list(dict.fromkeys(view.record.declared.says for view in views if view.record.declared)),
        hashes=hashes,
        rows=ROWS,
        first=[(view, f) for view in views if view.verdict for f in seen_first(view.verdict)],
        causes=[(view, f) for view in views if view.verdict for f in open_findings(view.verdict) if is_plan(f)],
        steps=[(view, step) for view in views for step in view.next_steps],
    )


def _overall(views: list[DrillView]) -> Overall:
    """The worst verdict of the run. A drill without a verdict proves nothing, so its run is no pass."""
    return words.worst(view.verdict.verdict if view.verdict else "invalid" for view in views)


def _view(run_folder: Path, record: DrillRecord, run: RunInfo | None, hashes: dict[str, FileHash]) -> DrillView:
    verdict = record.verdict
    losses = record.folder / LOSSES
    listed = [row for row in by_weight(record.losses) if row.loss_class not in NEITHER]
    return DrillView(
        record=record,
        anchor=f"drill-{record.folder.name}",
        name=record.folder.name if verdict is None else words.drill_name(verdict.drill, verdict.parameters),
        image="" if record.svg is None else f"data:image/svg+xml;base64,{b64encode(record.svg.encode()).decode()}",
        alt="" if verdict is None else f"Timeline. {words.verdict_sentence(verdict)}",
        next_steps=_steps(verdict),
        missing=missing_fields(run, verdict, record.declared),
        classes=[] if verdict is None else loss_classes(verdict.data_loss),
        first_losses=listed[:ROWS],
        listed=len(listed),
        losses_hash=hashes.get(losses.relative_to(run_folder).as_posix())
        if losses.is_relative_to(run_folder)
        else None,
    )


def _steps(verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return [
            "This drill has no verdict: it was ended from outside or the harness failed. See its log, and run it again."
        ]
    return next_steps(verdict)


def loss_classes(loss: DataLoss) -> list[tuple[str, int, str]]:
    """What became of the writes: class, how many, and what the class counts as."""
    return [
        ("acknowledged", loss.acknowledged, "all writes that the workload said were done"),
        ("lost", loss.lost, "acknowledged, and absent in the audits: data loss"),
        ("late", loss.late, "absent at the failover, present after the heal: lost at the failover, not for ever"),
        ("rolled back", loss.rolled_back, "acknowledged, and only an older version is there: data loss"),
        ("lost for good", loss.lost_for_good, "still gone after the heal"),
        ("corrupt", loss.corrupt, "there, with a wrong checksum: an integrity failure"),
        ("duplicated", loss.duplicated, "sent once, done more than once: an integrity failure"),
        ("in doubt", loss.in_doubt, "sent, and nothing proves either way: neither lost nor kept"),
        ("in doubt, recovered", loss.in_doubt_recovered, "in doubt, and found by the audit"),
        ("phantom", loss.phantom, "refused, and there all the same: an anomaly"),
        ("unexpected", loss.unexpected, "never sent, and there: an anomaly"),
        ("unread", loss.unread, "never successfully read back: unknown"),
        ("in flight at the impact", loss.in_flight_at_impact, "few of these make weak evidence of no loss"),
    ]
