"""One drill as the page shows it."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from reports import words
from reports.actions import Action, actions, tolerable
from reports.advice import next_steps
from reports.audit_fields import Filled, filled, missing_fields
from reports.completeness import Condition, Discharge, conditions, discharge, not_measured, unscored_tolerances
from reports.controls import CONTROLS, SUPPORTED, Control
from reports.facts import Facts, RunFacts, drill_facts
from reports.losses import NEITHER, LossRow, by_weight
from reports.manifest import FileHash
from reports.model import DataLoss, Verdict
from reports.record import LOSSES, DrillRecord

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
    fields: list[Filled]
    missing: dict[str, list[str]]
    controls: list[tuple[Control, list[str]]]
    actions: list[Action]
    conditions: list[Condition]
    discharge: Discharge
    tolerances: list[tuple[str, str, str, str]]
    not_measured: dict[str, str]
    overrides: list[str] | None
    classes: list[tuple[str, int | None, str]]
    first_losses: list[LossRow]
    listed: int
    losses_hash: FileHash | None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, None if there is none."""
        return self.record.verdict


def view_of(run_folder: Path, record: DrillRecord, of_run: RunFacts, hashes: dict[str, FileHash]) -> DrillView:
    """What the template needs of one drill."""
    verdict, facts = record.verdict, drill_facts(of_run, record)
    listed = [row for row in by_weight(record.losses) if row.loss_class not in NEITHER]
    losses = record.folder / LOSSES
    inside = losses.is_relative_to(run_folder)
    return DrillView(
        record=record,
        anchor=f"drill-{record.folder.name}",
        name=record.folder.name if verdict is None else words.drill_name(verdict.drill, verdict.parameters),
        image="" if record.svg is None else f"data:image/svg+xml;base64,{b64encode(record.svg.encode()).decode()}",
        alt="Timeline." if verdict is None else f"Timeline. {words.verdict_sentence(verdict)}",
        next_steps=_steps(verdict),
        fields=filled(facts),
        missing=missing_fields(facts),
        controls=_controls(facts),
        actions=actions(facts),
        conditions=conditions(facts),
        discharge=discharge(verdict),
        tolerances=_tolerances(facts),
        not_measured={} if verdict is None else not_measured(verdict),
        overrides=None if facts.kept is None else [f"{key}: {value}" for key, value in facts.kept.overridden.items()],
        classes=[] if verdict is None else loss_classes(verdict.data_loss),
        first_losses=listed[:ROWS],
        listed=len(listed),
        losses_hash=hashes.get(losses.relative_to(run_folder).as_posix()) if inside else None,
    )


def _controls(facts: Facts) -> list[tuple[Control, list[str]]]:
    """Each control with the groups of fields that support it, of which this drill has something."""
    has = {field.group for field, value in filled(facts) if value is not None}
    found: dict[str, list[str]] = {}
    for group, refs in SUPPORTED.items():
        for ref in refs if group in has else ():
            found.setdefault(ref, []).append(group)
    return [(CONTROLS[ref], found[ref]) for ref in CONTROLS if ref in found]


def _tolerances(facts: Facts) -> list[tuple[str, str, str, str]]:
    """The objectives of the context file: name, what it is set to, how it came out, a remark."""
    told, verdict = facts.of_run.context.objectives, facts.record.verdict
    rows: list[tuple[str, str, str, str]] = []
    if told.mtd_s is not None and verdict is not None:
        judged = {True: "kept", False: "exceeded", None: "not decided"}[tolerable(verdict, told.mtd_s)]
        remark = "by the clock total, from the first bad operation until service was stable"
        rows.append(("longest tolerable outage (MTD)", words.seconds(told.mtd_s), judged, remark))
    targets = {
        "work recovery time (WRT)": told.wrt_s,
        "objective for detection": told.detection_s,
        "data integrity": told.data_integrity,
    }
    for name, reason in unscored_tolerances(facts).items():
        target = targets[name]
        rows.append((name, words.seconds(target) if isinstance(target, float) else str(target), "not measured", reason))
    return rows


def _steps(verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return [
            "This drill has no verdict: it was ended from outside or the harness failed. See its log, and run it again."
        ]
    return next_steps(verdict)


def loss_classes(loss: DataLoss) -> list[tuple[str, int | None, str]]:
    """What became of the writes: class, how many (None: not known), and what the class counts as."""
    return [
        ("acknowledged", loss.acknowledged, "all writes that the workload said were done"),
        ("lost", loss.lost, "acknowledged, and absent in the audits: data loss"),
        ("late", loss.late, "absent at the failover, present after the heal: lost at the failover, not for ever"),
        ("rolled back", loss.rolled_back, "acknowledged, and only an older version is there: data loss"),
        ("resurrected", loss.resurrected, "acknowledged deletes that were undone: data loss"),
        ("lost for good", loss.lost_for_good, "of all these, still gone when last read back, after the heal"),
        ("corrupt", loss.corrupt, "there, with a wrong checksum: an integrity failure"),
        ("duplicated", loss.duplicated, "sent once, done more than once: an integrity failure"),
        ("in doubt", loss.in_doubt, "sent, and nothing proves either way: neither lost nor kept"),
        ("in doubt, recovered", loss.in_doubt_recovered, "in doubt, and found by the audit"),
        ("in doubt, vanished", loss.in_doubt_vanished, "in doubt, and not there: lost if the objective says so"),
        ("phantom", loss.phantom, "refused, and there all the same: an anomaly"),
        ("unexpected", loss.unexpected, "never sent, and there: an anomaly"),
        ("unread", loss.unread, "never successfully read back: unknown"),
        ("in flight at the impact", loss.in_flight_at_impact, "few of these make weak evidence of no loss"),
    ]
