"""`python -m reports verify RUN | verify --all [RUNS] | sign RUN --key KEY`."""

import sys
from pathlib import Path

from reports.attestation import openssl_line, sign_run
from reports.dsse import SigningFailed
from reports.manifest import MANIFEST
from reports.verify import Checked, is_open, run_folders, verify_all, verify_run

RUNS = Path(__file__).resolve().parent / "out"
_AWS_KEY = "arn:"


def verify(run: Path | None, *, everything: bool, key: Path | None, signed: bool) -> int:
    """Check one run, or all of a folder. 0: all holds; 1: something does not; 2: it cannot be looked at."""
    runs = run or RUNS
    if not everything and run is None:
        sys.stderr.write("Name the folder of a run, or --all for the whole chain.\n")
        return 2
    if not runs.is_dir():
        sys.stderr.write(f"{runs} is no folder.\n")
        return 2
    try:
        public = key.read_bytes() if key is not None else None
        if not everything:
            return _tell(runs.resolve(), verify_run(runs.resolve(), key=public, must_be_signed=signed))
        return _verify_all(runs.resolve(), public, signed=signed)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def problems_of(runs: Path, *, numbers: bool = True) -> list[str]:
    """All problems of a folder of runs, each with the run in front. `numbers`: judge again. Raises OSError."""
    found = list(verify_all(runs).problems)
    for folder in run_folders(runs):
        found += [f"{folder.name}: {problem}" for problem in verify_run(folder, numbers=numbers).problems]
    return found


def _verify_all(runs: Path, key: bytes | None, *, signed: bool) -> int:
    codes = [_tell(runs, verify_all(runs), "the chain holds")]
    for folder in run_folders(runs):
        if is_open(folder) and not (folder / MANIFEST).exists():
            continue  # told already: it goes on, or nobody has closed it yet
        codes.append(_tell(folder, verify_run(folder, key=key, must_be_signed=signed)))
    return max(codes)


def _tell(folder: Path, found: Checked, holds: str = "all holds: files, chains, numbers") -> int:
    sys.stdout.write(f"{folder.name}: {f'{len(found.problems)} problems' if found.problems else holds}\n")
    sys.stdout.writelines(f"  WRONG {problem}\n" for problem in found.problems)
    sys.stdout.writelines(f"  note  {note}\n" for note in found.notes)
    return 1 if found.problems else 0


def sign(run: Path, key: str) -> int:
    """Sign one run with a key of a file. 0: signed; 1: not."""
    if key.startswith(_AWS_KEY):
        sys.stderr.write(f"A key of KMS needs AWS: python -m fixtures.signing {run} --key {key}\n")
        return 1
    try:
        from reports.keys import PemKey  # noqa: PLC0415  an extra: who signs nothing need not have it

        signer = PemKey(Path(key))
        sign_run(run, signer)
    except ImportError:
        sys.stderr.write("Signing needs the package `cryptography` (the extra `signing`).\n")
        return 1
    except (SigningFailed, OSError) as error:
        sys.stderr.write(f"not signed: {error}\n")
        return 1
    sys.stdout.write(f"signed by {signer.key_id}\nto check it in {run}: {openssl_line()}\n")
    return 0
