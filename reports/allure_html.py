"""Allure's HTML of a run, without what it loads from elsewhere. Allure itself is npm's, and needs Node 22."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RESULTS, SETTINGS = "allure-results", "allurerc.json"
# The major version that this was tried with; a later one may look otherwise.
PACKAGE = "allure@3"
INSTALL = (
    "Install Node 22 or newer (https://nodejs.org), which brings npx; or put `allure` on the PATH: npm i -g allure@3"
)

# Google's tag manager and what feeds it: each page that is opened would tell Google of it. Source: [allure3#476]
_TRACKERS = re.compile(
    r"\s*<script\b[^>]*>(?:(?!</script>).)*?\bgtag\((?:(?!</script>).)*</script>"
    r"|\s*<script\b[^>]*\bsrc=[\"']https?://www\.googletagmanager\.com/[^>]*>\s*</script>",
    re.DOTALL | re.IGNORECASE,
)
_FROM_ELSEWHERE = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']+", re.IGNORECASE
)

# Without it a phone draws a page as wide as a desk's, and so small that nobody can read it. Allure 3 says none.
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class NoAllure(Exception):
    """Allure's HTML cannot be made: what is missing, and what to install."""


def command(which: Callable[[str], str | None] = shutil.which) -> list[str]:
    """How Allure is started here. Raises NoAllure."""
    if which("allure"):
        return ["allure"]
    if which("npx"):
        return ["npx", "--yes", PACKAGE]
    raise NoAllure(f"Neither `allure` nor `npx` is on the PATH. {INSTALL}")


def generate(results: Path, out: Path, start: Sequence[str], run: Run | None = None) -> list[str]:
    """Make the HTML of `results` in `out`, without trackers; the files that were cleaned, by name.

    Raises NoAllure where it fails, or where a page would still load something from elsewhere.
    """
    if not any(results.glob("*-result.json")):
        raise NoAllure(f"{results}: no result of Allure's in it. Give a run's folder, or one of results.")
    # Categories, titles of figures and the history of runs: Allure 3 reads none of them from the results.
    settings = ["--config", str(results / SETTINGS)] if (results / SETTINGS).is_file() else []
    done = (run or _run)([*start, "generate", str(results), "--output", str(out), *settings])
    if done.returncode != 0 or not any(out.rglob("index.html")):
        said = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise NoAllure("\n".join([f"{' '.join(start)} failed with {done.returncode}: is it Allure 3?", *said, INSTALL]))
    return [page.name for page in sorted(out.rglob("*.html")) if clean(page)]


def clean(page: Path) -> bool:
    """Take the trackers out of a page; whether there were any. A page that no phone can show is mended, too.

    Raises NoAllure for anything else from elsewhere.
    """
    text = page.read_text(encoding="utf-8")
    cleaned = _TRACKERS.sub("", text)
    if left := _FROM_ELSEWHERE.findall(cleaned):
        raise NoAllure(
            f"{page}: it would still load {left[0]}. This Allure is a newer one than is known: see {PACKAGE}."
        )
    shown = cleaned if 'name="viewport"' in cleaned else cleaned.replace("<head>", f"<head>{_VIEWPORT}", 1)
    if shown != text:
        page.write_text(shown, encoding="utf-8")
    return cleaned != text


def statuses(out: Path) -> Mapping[str, int]:
    """How many tests of the made report have which status; `unknown` ones are what a reader cannot be told."""
    found: dict[str, int] = {}
    for path in out.glob("data/test-results/*.json"):
        status = re.search(r'"status"\s*:\s*"([a-z]+)"', path.read_text(encoding="utf-8"))
        name = status.group(1) if status else "unknown"
        found[name] = found.get(name, 0) + 1
    return found


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoAllure(f"{command[0]}: {error.strerror}. {INSTALL}") from error
