"""Judging by the rules of another version of this harness: those of the commit that a verdict names (`judged_by`)."""

import re
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
# Longer than judging a million operations takes.
JUDGING_S = 600.0
_COMMIT = re.compile(r"\+(?:.*-g)?([0-9a-f]{7,40})$")
_JUDGE = (
    "import sys, msgspec; from pathlib import Path; from reports.folder import judge; "
    "sys.stdout.buffer.write(msgspec.json.encode(judge(Path(sys.argv[1]))))"
)


class NotAtHand(Exception):
    """That version is not here: what is known of it, and what to do."""


def judge_by(version: str, folder: Path) -> dict[str, Any]:
    """The verdict of a drill's folder by the rules of that version, taken from this checkout's git. Raises NotAtHand.

    It runs that version's code with the libraries of today.
    """
    archived = _archive(version)
    with tempfile.TemporaryDirectory(prefix="dr-drills-rules-") as into:
        with tarfile.open(fileobj=BytesIO(archived)) as tree:
            if hasattr(tarfile, "data_filter"):
                tree.extractall(into, filter="data")
            else:  # before Python 3.11.4; it is what git has of this checkout
                tree.extractall(into)  # noqa: S202
        done = subprocess.run(
            [sys.executable, "-c", _JUDGE, str(folder.resolve())],
            cwd=into, capture_output=True, timeout=JUDGING_S, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NotAtHand(f"the rules of {version} do not run here: {' '.join(last)}")
    return msgspec.json.decode(done.stdout, type=dict[str, Any])


def _archive(version: str) -> bytes:
    advice = f"check out {version or 'the version that judged it'} and verify there"
    if version.endswith("-dirty"):
        raise NotAtHand(f"{version} judged it, with changes that are in no commit: its rules cannot be had again")
    found = _COMMIT.search(version)
    if found is None or not (ROOT / ".git").exists():
        raise NotAtHand(f"{version or 'an unnamed version'} judged it, whose rules are not at hand: {advice}")
    done = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", found[1], "probes", "reports", "pyproject.toml"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise NotAtHand(f"{version} judged it, and its commit is not in this checkout: {advice}")
    return done.stdout
