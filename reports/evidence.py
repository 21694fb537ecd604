"""A run's evidence: what was run (`run.json`), and every file's hash, chained to the run before (`manifest.json`).

`python -m reports.evidence RUN` checks them again.
"""

import getpass
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

RUN_SCHEMA = "dr-drills/run/1"
MANIFEST_SCHEMA = "dr-drills/manifest/1"
RUN, MANIFEST, ATTESTATION = "run.json", "manifest.json", "attestation.json"

# What a run that goes on by itself prints, and how it ended: written to its very end.
DETACHED = "detached"
# Allure goes on writing while a session ends, and what it writes is made from files that are in the manifest.
LEFT_OUT = ("allure-results", "allure-report", DETACHED)

_SECRET = re.compile(r"(secret|token|passw|credential|api[-_]?key|access[-_]?key|auth)", re.IGNORECASE)
_MASK = "***"
_BLOCK = 1024 * 1024


class LabSetting(msgspec.Struct, frozen=True):
    """One setting of the lab for a reader: what it is, its value here, AWS's own figure, and where that was read."""

    says: str
    here: str
    aws: str
    source: str


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who ran what, when and where. Times are UTC; `ended_utc` is empty while the run goes on.

    `commit` is the harness's git commit, with `+changes` where the checkout had uncommitted ones. `approval` says who
    allowed the run and when, empty where nobody had to. `zones` are the ids of the Availability Zones by the names
    that this account has for them, which differ between accounts. `lab` holds the lab's settings by name,
    `lab_beside_aws` the same for a reader. `seeds` are those that random choices were made with, by name. `lock` is the
    SHA-256 of the harness's lock file.
    """

    run: str
    harness: str
    commit: str
    environment: str
    workload: str
    started_utc: str
    ended_utc: str = ""
    account: str = ""
    regions: tuple[str, ...] = ()
    zones: dict[str, str] = {}
    operator: str = ""
    approval: str = ""
    python: str = ""
    platform: str = ""
    clock: str = ""
    lock: str = ""
    lab: dict[str, float] = {}
    lab_beside_aws: tuple[LabSetting, ...] = ()
    seeds: dict[str, int] = {}
    command: tuple[str, ...] = ()
    packages: dict[str, str] = {}
    schema: str = RUN_SCHEMA


class FileHash(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was when the manifest was written."""

    sha256: str
    size: int


class Previous(msgspec.Struct, frozen=True, kw_only=True):
    """The run before this one: its folder and the hash of its manifest, so that a deleted run leaves a gap."""

    run: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The hashes of a run's files by path, relative to the run's folder. `number` counts the runs of a folder."""

    run: str
    number: int
    previous: Previous | None
    files: dict[str, FileHash]
    left_out: tuple[str, ...] = LEFT_OUT
    signed: bool = False
    schema: str = MANIFEST_SCHEMA


def operator() -> str:
    """Who runs this: `DR_DRILLS_OPERATOR`, or the name that the operating system has for the user."""
    named = os.environ.get("DR_DRILLS_OPERATOR", "")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a user id that has no name.
        return f"uid {os.getuid()}"


def python_version() -> str:
    """The running Python: `CPython 3.11.2`."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def platform_name() -> str:
    """The operating system and machine, without the host's name."""
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def safe_command(arguments: Sequence[str] | None = None) -> tuple[str, ...]:
    """A command line (this process's own by default) without secrets.

    The value of an option that is named like a secret is masked, and so are user and password of a URL.
    """
    safe: list[str] = []
    masked_next = False
    for argument in sys.argv if arguments is None else arguments:
        name, equals, value = argument.partition("=")
        is_secret = bool(_SECRET.search(name)) and (name.startswith("-") or bool(equals))
        if masked_next and not argument.startswith("-"):
            safe.append(_MASK)
        elif is_secret and equals:
            safe.append(f"{name}={_MASK}")
        else:
            safe.append(f"{name}={_safe_url(value)}" if equals else _safe_url(argument))
        masked_next = is_secret and not equals
    return tuple(safe)


def _safe_url(text: str) -> str:
    if "://" not in text or "@" not in text:
        return text
    address = urlsplit(text).netloc
    return text.replace(address, f"{_MASK}@{address.rpartition('@')[2]}", 1) if "@" in address else text


def write_run(run_folder: Path, info: RunInfo) -> Path:
    """Write `run.json`. Called at the start, and once more at the end with `ended_utc`."""
    path = run_folder / RUN
    _replace(path, msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    return path


def read_run(run_folder: Path) -> RunInfo | None:
    """The run's `run.json`, or None where there is none. Raises `msgspec.ValidationError` for one that is not ours."""
    path = run_folder / RUN
    return msgspec.json.decode(path.read_bytes(), type=RunInfo) if path.exists() else None


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
    skipped = {run_folder / name for name in (*left_out, MANIFEST, ATTESTATION)}
    for path in run_folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and not skipped.intersection((path, *path.parents)):
            yield path


def write_manifest(run_folder: Path) -> Path:
    """Hash every file of a finished run into `manifest.json`, chained to the last run beside it. Raises `OSError`."""
    before = _last_run(run_folder)
    manifest = Manifest(
        run=run_folder.name,
        number=1 if before is None else before[1].number + 1,
        previous=None if before is None else Previous(run=before[0].name, sha256=sha256_of(before[0] / MANIFEST)),
        files=hashes_of(run_folder),
    )
    path = run_folder / MANIFEST
    _replace(path, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return path


def previous_run(run_folder: Path) -> Previous | None:
    """The run that this one's manifest names, or will name, as the one before it; None for the first of a folder."""
    before = _last_run(run_folder)
    return None if before is None else Previous(run=before[0].name, sha256=sha256_of(before[0] / MANIFEST))


def _last_run(run_folder: Path) -> tuple[Path, Manifest] | None:
    """The run with the highest number in the folder above. Two runs that end at once may both follow the same one."""
    found = [
        (path.parent, _read(path)) for path in run_folder.parent.glob(f"*/{MANIFEST}") if path.parent != run_folder
    ]
    known = [(folder, manifest) for folder, manifest in found if manifest is not None]
    return max(known, key=lambda run: (run[1].number, run[0].name), default=None)


def _read(path: Path) -> Manifest | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def verify_manifest(run_folder: Path) -> list[str]:
    """Hash a run's files again. Returns each problem in one sentence; an empty list means that all is as it was."""
    manifest = _read(run_folder / MANIFEST)
    if manifest is None:
        return [f"{MANIFEST} is missing or cannot be read: nothing can be checked."]
    now = hashes_of(run_folder, manifest.left_out)
    problems = [f"{name} is missing." for name in sorted(manifest.files.keys() - now.keys())]
    problems += [
        f"{name} was added after the manifest was written." for name in sorted(now.keys() - manifest.files.keys())
    ]
    changed = [name for name, was in manifest.files.items() if name in now and now[name] != was]
    problems += [f"{name} was changed after the manifest was written." for name in sorted(changed)]
    links = [p.relative_to(run_folder).as_posix() for p in run_folder.rglob("*") if p.is_symlink()]
    problems += [f"{name} is a symbolic link: what it shows is not held by the manifest." for name in sorted(links)]
    return problems + _chain_problems(run_folder, manifest)


def _chain_problems(run_folder: Path, manifest: Manifest) -> list[str]:
    previous = manifest.previous
    if previous is None:
        return []
    path = run_folder.parent / previous.run / MANIFEST
    if not path.exists():
        return [f"The run before this one, {previous.run}, is missing."]
    if sha256_of(path) != previous.sha256:
        return [f"The manifest of the run before this one, {previous.run}, was changed."]
    return []


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def main(arguments: Sequence[str]) -> int:
    """Check a run's folder and say what is wrong with it. 0: nothing; 1: something; 2: not one folder was given."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m reports.evidence RUN   (the folder of a run)\n")
        return 2
    problems = verify_manifest(Path(arguments[0]))
    sys.stdout.writelines(f"{problem}\n" for problem in problems or ["Every file is as it was when the run ended."])
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
