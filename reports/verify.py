"""Whether the evidence of a run is what the run left: its files, its chains, its place among the runs, its numbers.

Each problem is one line: which file, and what is wrong with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probes.chained import broken_links, chain_of
from reports.attestation import check_signature
from reports.manifest import (
    ATTESTATION,
    LATER,
    MANIFEST,
    NUMBERS,
    SIGNED_LATER,
    TIMESTAMP,
    Manifest,
    hashes_of,
    read_manifest,
    sha256_of,
)
from reports.recompute import recompute
from reports.register import REGISTER, Register, read_register
from reports.timestamp import check_timestamp

UNSIGNED = "UNSIGNED: no key vouches for this run; whoever can write its folder can write all of it anew."


@dataclass
class Checked:
    """What came of it: problems, and notes that are none."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_run(
    run_folder: Path,
    *,
    key: bytes | None = None,
    must_be_signed: bool = False,
    authorities: bytes | None = None,
    must_be_timed: bool = False,
    numbers: bool = True,
) -> Checked:
    """Check all of one run. `key` is the public key (PEM) that must have signed it; else the one that lies with it.

    `authorities` are certificates (PEM) that must vouch for its timestamp, so that there must be one.
    `numbers`: judge its operations again, which takes as long as judging did. Raises OSError.
    """
    found = Checked()
    manifest = read_manifest(run_folder)
    if manifest is None:
        found.problems.append(f"{MANIFEST} is missing or cannot be read: nothing can be checked.")
        return found
    found.problems += file_problems(run_folder, manifest)
    found.problems += _chain_problems(run_folder, manifest)
    found.problems += place_problems(run_folder, manifest)
    if manifest.state == "killed":
        found.notes.append(f"The run was killed before its end; {manifest.closed_by or 'somebody'} closed it.")
    _check_signature(run_folder, manifest, found, key=key, must_be_signed=must_be_signed)
    _check_timestamp(run_folder, manifest, found, authorities=authorities, must=must_be_timed)
    if numbers:
        problems, notes = recompute(run_folder)
        found.problems += problems
        found.notes += notes
    return found


def file_problems(run_folder: Path, manifest: Manifest) -> list[str]:
    """Hash a run's files again, and compare with its manifest."""
    now = hashes_of(run_folder, manifest.left_out)
    problems = [f"{name} is missing." for name in sorted(manifest.files.keys() - now.keys())]
    problems += [
        f"{name} was added after the manifest was written." for name in sorted(now.keys() - manifest.files.keys())
    ]
    changed = [name for name, was in manifest.files.items() if name in now and now[name] != was]
    problems += [f"{name} was changed after the manifest was written." for name in sorted(changed)]
    links = [p.relative_to(run_folder).as_posix() for p in run_folder.rglob("*") if p.is_symlink()]
    return problems + [
        f"{name} is a symbolic link: what it shows is not held by the manifest." for name in sorted(links)
    ]


def _chain_problems(run_folder: Path, manifest: Manifest) -> list[str]:
    """The lines of marks and journals, one by one."""
    problems = []
    for name, was in sorted(manifest.chains.items()):
        path = run_folder / name
        if not path.exists():
            continue  # it is missing already
        content = path.read_bytes()
        problems += [
            f"{name}, line {number}: it does not follow the line before it: one was taken out, put in or changed."
            for number in broken_links(content)
        ]
        now = chain_of(content)
        if now is None or now.lines != was.lines:
            lines = 0 if now is None else now.lines
            problems.append(f"{name}: {was.lines} chained lines were written, and {lines} are there.")
        elif now.head != was.head:
            problems.append(f"{name}, line {now.lines}: the last line is not the one that was written.")
    return problems


def place_problems(run_folder: Path, manifest: Manifest) -> list[str]:
    """Whether the run before it is there as it was, and whether the register and the next run have this very manifest.

    What came after it was closed is held by the register.
    """
    runs, register = run_folder.parent, read_register(run_folder.parent)
    problems = _before_problems(runs, manifest)
    mine = sha256_of(run_folder / MANIFEST)
    for folder, other in _others(runs, run_folder):
        if other.previous is not None and other.previous.run == manifest.run and other.previous.sha256 != mine:
            problems.append(f"{MANIFEST} is not the one that the run after it, {folder.name}, follows.")
    if run_folder.name != manifest.run:
        problems.append(f"{MANIFEST} is that of the run {manifest.run}, not of {run_folder.name}.")
    closed = register.closed.get(manifest.run)
    if closed is not None and closed.manifest != mine:
        problems.append(f"{MANIFEST} is not the one that {REGISTER} has for this run.")
    elif closed is None and (manifest.closed_utc or register.entries):
        problems.append(f"{REGISTER} does not say that this run was closed: it was put here, or lines were taken out.")
    return problems + _later_problems(run_folder, register)


def _before_problems(runs: Path, manifest: Manifest) -> list[str]:
    previous = manifest.previous
    if previous is None:
        return []
    path = runs / previous.run / MANIFEST
    if not path.exists():
        return [f"The run before this one, {previous.run}, is missing."]
    if sha256_of(path) != previous.sha256:
        return [f"The manifest of the run before this one, {previous.run}, was changed."]
    return []


def _others(runs: Path, run_folder: Path) -> list[tuple[Path, Manifest]]:
    found = [(path.parent, read_manifest(path.parent)) for path in sorted(runs.glob(f"*/{MANIFEST}"))]
    return [(folder, manifest) for folder, manifest in found if manifest is not None and folder != run_folder]


def _later_problems(run_folder: Path, register: Register) -> list[str]:
    added, problems = register.added(run_folder.name), []
    for name, entry in sorted(added.items()):
        path = run_folder / name
        if not path.is_file():
            problems.append(f"{name} is missing; it was added later, as {REGISTER} says.")
        elif sha256_of(path) != entry.sha256:
            problems.append(f"{name} was changed after it was added.")
    there = [run_folder / name for name in (LATER, *SIGNED_LATER)]
    paths = [path for one in there for path in ([one] if one.is_file() else sorted(one.rglob("*")))]
    known = {run_folder / name for name in added}
    strange = [path.relative_to(run_folder).as_posix() for path in paths if path.is_file() and path not in known]
    return problems + [f"{name} is not in {REGISTER}: nobody knows whence it came." for name in strange]


def _check_signature(
    run_folder: Path, manifest: Manifest, found: Checked, *, key: bytes | None, must_be_signed: bool
) -> None:
    there = [name for name in (ATTESTATION, NUMBERS) if (run_folder / name).exists()]
    if not there:
        if manifest.signed:
            found.problems.append(f"{ATTESTATION} is missing: the run was to be signed. It is UNSIGNED.")
        elif must_be_signed or key is not None:
            found.problems.append(f"{ATTESTATION} is missing: the run is UNSIGNED.")
        else:
            found.notes.append(UNSIGNED)
        return
    problems, says = check_signature(run_folder, manifest, key)
    found.problems += problems
    if not problems:
        found.notes.append(says)


def _check_timestamp(
    run_folder: Path, manifest: Manifest, found: Checked, *, authorities: bytes | None, must: bool
) -> None:
    if not (run_folder / TIMESTAMP).exists():
        if manifest.timed or must or authorities is not None:
            found.problems.append(f"{TIMESTAMP}/ is missing: nobody says since when the run is there. It is UNTIMED.")
        return
    problems, says = check_timestamp(run_folder, manifest, authorities)
    found.problems += problems
    if not problems:
        found.notes.append(says)


def verify_all(runs: Path) -> Checked:
    """Check what no single run can show: the register itself, runs that are missing, and where the chain parts."""
    register, found = read_register(runs), Checked()
    strange = "it does not follow the line before it, or is none of ours."
    found.problems += [f"{REGISTER}, line {number}: {strange}" for number in register.broken]
    manifests = {manifest.run: manifest for _, manifest in _others(runs, runs)}
    if not register.entries and any(manifest.closed_utc for manifest in manifests.values()):
        found.problems.append(f"{REGISTER} is missing: nothing shows which runs there were.")
    numbers = [one.number for one in register.started.values()]
    first = min(numbers, default=1)
    for number in sorted(set(range(first, max(numbers, default=0) + 1)) - set(numbers)):
        found.problems.append(f"{REGISTER}: run {number} is missing in it.")
    for name, started in register.started.items():
        if not (runs / name).is_dir():
            found.problems.append(f"{name}: run {started.number} was started on {started.at_utc}, and is missing.")
        elif name not in register.closed:
            found.notes.append(f"{name}: run {started.number} is not closed: it goes on, or was killed; see below.")
    found.problems += _parted(list(manifests.values()))
    return found


def _parted(manifests: Sequence[Manifest]) -> list[str]:
    """Runs that follow the same one: only one of them was written when it says it was."""
    followed: dict[str, list[str]] = {}
    for manifest in manifests:
        if manifest.previous is not None:
            followed.setdefault(manifest.previous.run, []).append(manifest.run)
    return [
        f"{' and '.join(sorted(runs))} both follow {before}: the chain of {MANIFEST} parts there."
        for before, runs in sorted(followed.items())
        if len(runs) > 1
    ]


def run_folders(runs: Path) -> list[Path]:
    """The runs of a folder in the order of the register; then those that it does not have."""
    register = read_register(runs)
    known = [runs / name for name in register.started if (runs / name).is_dir()]
    others = sorted(
        path for path in runs.iterdir() if path.is_dir() and path not in known and not path.name.startswith(".")
    )
    return [*known, *others]


def is_open(run_folder: Path) -> bool:
    """Whether a run is in the register and not closed: it goes on, or it was killed and nobody came after it."""
    register = read_register(run_folder.parent)
    return run_folder.name in register.started and run_folder.name not in register.closed
