"""`python -m reports verify RUN | verify --all [RUNS] | sign RUN --key KEY | timestamp RUN --url URL`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reports.attestation import openssl_line, sign_run
from reports.dsse import SigningFailed
from reports.manifest import MANIFEST
from reports.timestamp import Untimed, stamp_run
from reports.timestamp import openssl_line as openssl_ts_line
from reports.verify import Checked, is_open, run_folders, verify_all, verify_run

Command = Callable[[argparse.Namespace], int]
RUNS = Path(__file__).resolve().parent / "out"
_AWS_KEY = "arn:"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> dict[str, Command]:
    """Add these commands to those of `python -m reports`."""
    checking = commands.add_parser("verify", help="prove that a run's evidence is what it left")
    checking.add_argument("run", nargs="?", type=Path, help="the folder of a run; with --all, that of all runs")
    checking.add_argument("--all", action="store_true", help="the whole chain of runs, and each of them")
    checking.add_argument("--key", type=Path, help="the public key (PEM) that must have signed it")
    checking.add_argument("--signed", action="store_true", help="it must be signed, by whatever key lies beside it")
    checking.add_argument("--tsa-ca", type=Path, metavar="FILE", help="who must vouch for its timestamp: certificates")
    checking.add_argument("--timed", action="store_true", help="it must have a timestamp, whoever gave it")
    signing = commands.add_parser("sign", help="sign a run that is over")
    signing.add_argument("run", type=Path, help="the folder of a run")
    signing.add_argument("--key", required=True, help="a private key (PEM, ECDSA P-256)")
    timing = commands.add_parser("timestamp", help="have the manifest of a run that is over timestamped (RFC 3161)")
    timing.add_argument("run", type=Path, help="the folder of a run")
    timing.add_argument("--url", required=True, help="the server")
    return {
        "verify": verify,
        "sign": lambda given: sign(given.run, given.key),
        "timestamp": lambda given: timestamp(given.run, given.url),
    }


def verify(given: argparse.Namespace) -> int:
    """Check one run, or all of a folder. 0: all holds; 1: something does not; 2: it cannot be looked at."""
    run: Path | None = given.run
    runs, everything = run or RUNS, given.all
    if not everything and run is None:
        sys.stderr.write("Name the folder of a run, or --all for the whole chain.\n")
        return 2
    if not runs.is_dir():
        sys.stderr.write(f"{runs} is no folder.\n")
        return 2
    try:
        asked = {
            "key": given.key.read_bytes() if given.key is not None else None,
            "must_be_signed": given.signed,
            "authorities": given.tsa_ca.read_bytes() if given.tsa_ca is not None else None,
            "must_be_timed": given.timed,
        }
        if not everything:
            return _tell(runs.resolve(), verify_run(runs.resolve(), **asked))
        return _verify_all(runs.resolve(), asked)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def problems_of(runs: Path, *, numbers: bool = True) -> list[str]:
    """All problems of a folder of runs, each with the run in front. `numbers`: judge again. Raises OSError."""
    found = list(verify_all(runs).problems)
    for folder in run_folders(runs):
        found += [f"{folder.name}: {problem}" for problem in verify_run(folder, numbers=numbers).problems]
    return found


def _verify_all(runs: Path, asked: dict[str, Any]) -> int:
    codes = [_tell(runs, verify_all(runs), "the chain holds")]
    for folder in run_folders(runs):
        if is_open(folder) and not (folder / MANIFEST).exists():
            continue  # told already: it goes on, or nobody has closed it yet
        codes.append(_tell(folder, verify_run(folder, **asked)))
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


def timestamp(run: Path, url: str) -> int:
    """Have one run timestamped. 0: timed; 1: not."""
    try:
        moment = stamp_run(run, url)
    except (Untimed, OSError) as error:
        sys.stderr.write(f"not timed: {error}\n")
        return 1
    sys.stdout.write(f"timed {moment}\nto check it in {run}: {openssl_ts_line()}\n")
    return 0
