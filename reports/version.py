"""Which version of the harness this is: named in every verdict, so that it can be judged again by the same one."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parent.parent


@cache
def harness_version() -> str:
    """The version in `pyproject.toml`, and after a `+` what git says of the checkout, where there is git."""
    with (_ROOT / "pyproject.toml").open("rb") as file:
        version = str(tomllib.load(file)["project"]["version"])
    described = _described()
    return f"{version}+{described}" if described else version


def _described() -> str:
    if not (_ROOT / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
