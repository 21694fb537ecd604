"""The tools themselves, got on demand: a virtual environment from a lock file, and a Debian package.

They are kept in the user's cache, outside the checkout. A tool that cannot be had is named with the reason, never
left out in silence.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import platformdirs

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
EXPORTER = "prometheus-blackbox-exporter"
_READY = ".made-from-lock"
# Downloads included.
_INSTALL_S = 300.0
_ASK_S = 30.0


class Tools(msgspec.Struct, frozen=True):
    """What can be run. `python`: of the environment with Chaos Toolkit and Locust. `missing`: why one cannot be had."""

    python: Path | None
    exporter: Path | None
    missing: dict[str, str]
    versions: dict[str, str]


class NotThere(Exception):
    """A tool cannot be had on this machine: why."""


def got(cache: Path | None = None) -> Tools:
    """Get them, or take what was got before."""
    cache = platformdirs.user_cache_path("dr-drills") / "others" if cache is None else cache
    cache.mkdir(parents=True, exist_ok=True)
    missing: dict[str, str] = {}
    python = exporter = None
    try:
        python = _environment(cache)
    except NotThere as error:
        missing |= {"Chaos Toolkit": str(error), "Locust": str(error)}
    try:
        exporter = _exporter(cache)
    except NotThere as error:
        missing["blackbox_exporter"] = str(error)
    return Tools(python, exporter, missing, _versions(python, exporter))


def _environment(cache: Path) -> Path:
    """The environment's Python. Its name holds the lock's hash, so that another lock is another environment."""
    name = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / f"venv-{name}"
    python = folder / "bin" / "python"
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], cache)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, "--no-deps", "-r", str(REQUIREMENTS)], cache)
        (folder / _READY).touch()
    return python


def _exporter(cache: Path) -> Path:
    """The exporter: of the machine, or unpacked from its Debian package, which needs no root and starts no service."""
    there = shutil.which(EXPORTER)
    if there is not None:
        return Path(there)
    unpacked = cache / EXPORTER
    binary = unpacked / "usr" / "bin" / EXPORTER
    if not binary.exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise NotThere(f"{EXPORTER} is not installed, and there is no apt-get to get it with")
        for old in cache.glob(f"{EXPORTER}_*.deb"):
            old.unlink()
        _run(["apt-get", "download", "--quiet", EXPORTER], cache)
        packages = sorted(cache.glob(f"{EXPORTER}_*.deb"))
        if not packages:
            raise NotThere(f"apt-get brought no {EXPORTER}")
        _run(["dpkg-deb", "--extract", str(packages[-1]), str(unpacked)], cache)
    return binary


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_INSTALL_S,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotThere(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}: {' / '.join(said[-3:])}")
    return done.stdout + done.stderr


def _versions(python: Path | None, exporter: Path | None) -> dict[str, str]:
    asked: dict[str, list[str]] = {}
    if python is not None:
        asked["Chaos Toolkit"] = [str(python.with_name("chaos")), "--version"]
        asked["Locust"] = [str(python.with_name("locust")), "--version"]
    if exporter is not None:
        asked["blackbox_exporter"] = [str(exporter), "--version"]
    return {name: version_in(_asked(command)) for name, command in asked.items()}


def _asked(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S, check=False)
    return done.stdout + done.stderr


def version_in(said: str) -> str:
    """The first version number in what a tool says of itself; empty where there is none."""
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return found[0] if found else ""
