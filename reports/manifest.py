"""A run's `manifest.json`: the hash of every file, how its chains end, and the hash of the manifest before it.

Runs are numbered when they start, and their manifests are chained in the order in which they are written: a run that
is deleted leaves a gap in both. A run that was killed is closed by the next one, and its manifest says so.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from probes.chained import Chain, chain_of
from reports.file_lock import AlreadyHeld, lock, unlock
from reports.register import Added, Closed, Register, Started, State, append, held, now_utc, read_register

MANIFEST_SCHEMA = "dr-drills/manifest/1"
MANIFEST = "manifest.json"
# The signature: made of the manifest, so not in it.
ATTESTATION, NUMBERS, SIGNATURE = "attestation.json", "attestation-numbers.json", "signature"
# What a server of time says of the manifest.
TIMESTAMP = "timestamp"
SIGNED_LATER = (ATTESTATION, NUMBERS, SIGNATURE, TIMESTAMP)
# What a run that goes on by itself prints, and how it ended: written to its very end.
DETACHED = "detached"
# What came after the run was closed: the register has its hashes.
LATER = "later"
# Allure's report is made of its results, which are in the manifest, whenever somebody wants to look at it.
LEFT_OUT = ("allure-report", DETACHED, LATER)
CHAINED = ("marks.jsonl", "journal.jsonl")

_BLOCK = 1024 * 1024


class FileHash(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was when the manifest was written."""

    sha256: str
    size: int


class Previous(msgspec.Struct, frozen=True, kw_only=True):
    """The run that was closed before this one: its folder and the hash of its manifest, so that a gap shows."""

    run: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The hashes of a run's files by path, relative to the run's folder.

    `number` counts the runs of a folder as they start. `state`: `ended`, or `killed` where the run's process died
    without closing it; `closed_by` is then the run that did. `chains` are the chained files of its drills, by path.
    """

    run: str
    number: int
    previous: Previous | None
    files: dict[str, FileHash]
    left_out: tuple[str, ...] = LEFT_OUT
    signed: bool = False
    timed: bool = False
    state: State = "ended"
    closed_by: str = ""
    closed_utc: str = ""
    chains: dict[str, Chain] = {}
    schema: str = MANIFEST_SCHEMA


class RunLock(msgspec.Struct, frozen=True):
    """What a run holds while it lives: let go of by the operating system however it ends."""

    path: Path
    fd: int

    def release(self) -> None:
        """Let go of it, once the run is closed."""
        unlock(self.path, self.fd, remove=True)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hashes_of(run_folder: Path, left_out: Iterable[str] = LEFT_OUT) -> dict[str, FileHash]:
    """The hash of every file of a run by its relative path, but of the manifest itself and its signature."""
    files = {path.relative_to(run_folder).as_posix(): path for path in _files(run_folder, left_out)}
    return {name: FileHash(sha256=sha256_of(path), size=path.stat().st_size) for name, path in sorted(files.items())}


def _files(run_folder: Path, left_out: Iterable[str]) -> Iterator[Path]:
    skipped = {run_folder / name for name in (*left_out, MANIFEST, *SIGNED_LATER)}
    for path in run_folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and not skipped.intersection((path, *path.parents)):
            yield path


def open_run(run_folder: Path) -> RunLock:
    """Enter a run that starts in the register beside it, and hold it until it is closed. Raises OSError."""
    runs = run_folder.parent
    path = _lock_path(run_folder)
    try:
        fd = lock(path)
    except AlreadyHeld as error:
        raise OSError(f"The run {run_folder.name} is held by {error}.") from error
    try:
        with held(runs):
            append(runs, Started(number=_next_number(runs), run=run_folder.name, at_utc=now_utc()))
    except BaseException:
        unlock(path, fd, remove=True)
        raise
    return RunLock(path, fd)


def write_manifest(
    run_folder: Path, *, state: State = "ended", closed_by: str = "", signed: bool = False, timed: bool = False
) -> Path:
    """Hash every file of a run that is over into `manifest.json`, chained to the run that was closed before it.

    `signed` and `timed` say that a signature, or a timestamp, must follow: it is missed where there is none. Raises
    `OSError`.
    """
    runs, name, path = run_folder.parent, run_folder.name, run_folder / MANIFEST
    files, chains = hashes_of(run_folder), chains_of(run_folder)
    with held(runs):
        register = read_register(runs)
        if name not in register.started:  # a folder that was not opened as a run: it is entered now
            append(runs, Started(number=_next_number(runs), run=name, at_utc=now_utc()))
            register = read_register(runs)
        manifest = Manifest(
            run=name,
            number=register.started[name].number,
            previous=_previous(runs, register, name),
            files=files,
            signed=signed,
            timed=timed,
            state=state,
            closed_by=closed_by,
            closed_utc=now_utc(),
            chains=chains,
        )
        replace(path, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        done = Closed(
            number=manifest.number, run=name, state=state, manifest=sha256_of(path), at_utc=manifest.closed_utc
        )
        append(runs, done)
    return path


def close_killed(
    runs: Path, *, closed_by: str, still_open: Collection[str] = (), before: Callable[[Path], object] | None = None
) -> list[Path]:
    """Close each run whose process has died without doing so; their folders.

    `still_open` are runs to which something is going to be added, which are left for later: what they changed is not
    put back yet. `before` is called with the folder before its files are hashed. Raises OSError.
    """
    register = read_register(runs)
    names = [run for run in register.started if run not in register.closed and run not in still_open]
    return [runs / run for run in names if (runs / run).is_dir() and _close_dead(runs / run, closed_by, before)]


def _close_dead(run_folder: Path, closed_by: str, before: Callable[[Path], object] | None) -> bool:
    path = _lock_path(run_folder)
    try:
        fd = lock(path)
    except AlreadyHeld:
        return False
    try:
        if run_folder.name in read_register(run_folder.parent).closed:  # by another session, since we looked
            return False
        if before is not None:
            before(run_folder)
        write_manifest(run_folder, state="killed", closed_by=closed_by)
    finally:
        unlock(path, fd, remove=True)
    return True


def add_later(run_folder: Path, name: str, content: bytes) -> Path:
    """Write a file that comes after a run was closed; the register holds it. Raises OSError."""
    path, runs = run_folder / name, run_folder.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(runs):
        replace(path, content)
        append(runs, Added(run=run_folder.name, file=name, sha256=sha256_of(path), at_utc=now_utc()))
    return path


def read_manifest(run_folder: Path) -> Manifest | None:
    """A run's manifest; None where there is none that can be read."""
    try:
        return msgspec.json.decode((run_folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def chains_of(run_folder: Path) -> dict[str, Chain]:
    """How far the chained files of a run's drills go, by their paths."""
    found: dict[str, Chain] = {}
    for name in CHAINED:
        for path in sorted(run_folder.glob(f"*/{name}")):
            chain = chain_of(path.read_bytes())
            if chain is not None:
                found[path.relative_to(run_folder).as_posix()] = chain
    return found


def _lock_path(run_folder: Path) -> Path:
    return run_folder.with_name(f".{run_folder.name}.lock")


def _next_number(runs: Path) -> int:
    """One more than any run has, those of versions without a register included."""
    numbers = [one.number for one in read_register(runs).started.values()]
    return max([*numbers, *(manifest.number for _, manifest in _manifests(runs))], default=0) + 1


def previous_run(run_folder: Path) -> Previous | None:
    """The run that would be named as the one before it, if it were closed now; None for the first of a folder."""
    return _previous(run_folder.parent, read_register(run_folder.parent), run_folder.name)


def _previous(runs: Path, register: Register, name: str) -> Previous | None:
    """The run that was closed last; of versions without a register, the one with the highest number."""
    closed = [one for one in register.closed.values() if one.run != name]
    if closed:
        last = closed[-1]
        return Previous(run=last.run, sha256=last.manifest)
    known = [(folder, manifest) for folder, manifest in _manifests(runs) if folder.name != name]
    if not known:
        return None
    folder, _ = max(known, key=lambda run: (run[1].number, run[0].name))
    return Previous(run=folder.name, sha256=sha256_of(folder / MANIFEST))


def _manifests(runs: Path) -> Iterator[tuple[Path, Manifest]]:
    for path in runs.glob(f"*/{MANIFEST}"):
        manifest = read_manifest(path.parent)
        if manifest is not None:
            yield path.parent, manifest


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
