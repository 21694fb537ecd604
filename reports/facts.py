"""All that is known of one drill when its record is written: what the harness saw, and what people told it."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from reports.context import Context, read_context
from reports.evidence import RunInfo, read_run
from reports.kept import Kept, clock_offsets, read_kept
from reports.manifest import ATTESTATION, Previous, previous_run, read_manifest
from reports.record import DrillRecord


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of the whole run. `problems` says which of its files could not be read.

    `number` is the manifest's own, which counts the runs of a folder; None before there is one.
    """

    name: str
    run: RunInfo | None = None
    context: Context = field(default_factory=Context)
    has_context: bool = False
    previous: Previous | None = None
    number: int | None = None
    attested: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one drill of it. `clocks` is what its processes knew of their clocks' error."""

    of_run: RunFacts
    record: DrillRecord
    kept: Kept | None = None
    clocks: dict[str, str] = field(default_factory=dict)


def run_facts(run_folder: Path) -> RunFacts:
    """Read what belongs to the run. What cannot be read is not known, and is said."""
    problems: list[str] = []
    manifest = read_manifest(run_folder)
    try:
        context = read_context(run_folder)
    except msgspec.DecodeError as error:
        context = None
        problems.append(f"context.json cannot be read: {error}.")
    return RunFacts(
        name=run_folder.name,
        run=read_run(run_folder),
        context=context or Context(),
        has_context=context is not None,
        # Once there is a manifest it says so itself: by now there may be later runs beside this one.
        previous=manifest.previous if manifest else previous_run(run_folder),
        number=manifest.number if manifest else None,
        attested=(run_folder / ATTESTATION).exists(),
        problems=tuple(problems),
    )


def drill_facts(of_run: RunFacts, record: DrillRecord) -> Facts:
    """Put what is known of a drill beside it."""
    return Facts(of_run=of_run, record=record, kept=read_kept(record.folder), clocks=clock_offsets(record.folder))
