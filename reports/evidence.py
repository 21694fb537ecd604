"""What was run: who, what, when and where, in a run's `run.json`."""

import getpass
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from reports.manifest import replace

RUN_SCHEMA = "dr-drills/run/1"
RUN = "run.json"

_SECRET = re.compile(r"(secret|token|passw|credential|api[-_]?key|access[-_]?key|auth)", re.IGNORECASE)
_MASK = "***"


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
    `lab_beside_aws` the same for a reader. `standing` counts what of the workload ran at each site before the first
    drill, by the site's name and the kind; empty where that could not be read. `seeds` are those that random
    choices were made with, by name. `lock` is the SHA-256 of the harness's lock file.
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
    standing: dict[str, dict[str, int]] = {}
    lab: dict[str, float] = {}
    lab_beside_aws: tuple[LabSetting, ...] = ()
    seeds: dict[str, int] = {}
    command: tuple[str, ...] = ()
    packages: dict[str, str] = {}
    lock: str = ""
    schema: str = RUN_SCHEMA


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
    replace(path, msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    return path


def read_run(run_folder: Path) -> RunInfo | None:
    """The run's `run.json`, or None where there is none. Raises `msgspec.ValidationError` for one that is not ours."""
    path = run_folder / RUN
    return msgspec.json.decode(path.read_bytes(), type=RunInfo) if path.exists() else None
