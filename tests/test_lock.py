"""The lock file: it holds what pyproject.toml asks for, proves each file by its hash, and names no machine."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def _pins() -> dict[str, set[str]]:
    """The versions of each package; more than one where Python versions differ."""
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", LOCK, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def _wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = ("postgresql", "signing", "timestamp", "lab", "dev")
    return [Requirement(text) for text in [*project["dependencies"], *(one for name in named for one in extras[name])]]


def test_it_holds_what_the_project_asks_for() -> None:
    pins = _pins()
    wrong = [
        str(want)
        for want in _wanted()
        if not any(want.specifier.contains(version) for version in pins.get(canonicalize_name(want.name), ()))
    ]
    assert wrong == [], "run `make lock`"


def test_every_file_is_proved_by_its_hash() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(_pins()) > 50
    without = [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)]
    assert without == []


def test_it_names_no_machine_and_no_registry() -> None:
    assert re.findall(r"\S*(?:://|--index|--find-links|--trusted|/home/|/tmp/|/opt/|/Users/)\S*", LOCK) == []
