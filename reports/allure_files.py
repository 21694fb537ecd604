"""The plain files in Allure's results folder that no running test writes. They need nothing of Allure itself."""

import os
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import msgspec

from reports.evidence import RunInfo, read_run

# In the order in which they are tried; the older viewer takes the first that matches. The messages are those that
# pytest gives an exception: its type, a colon, its text.
CATEGORIES = [
    {"name": "Undo dirty: something is not put back", "messageRegex": r"(?s).*\b(UndoDirty|undo DIRTY)\b.*"},
    {"name": "Objective missed", "matchedStatuses": ["failed"]},
    {"name": "No verdict: inconclusive", "messageRegex": r"(?s).*\bInconclusive\b.*", "matchedStatuses": ["broken"]},
    {"name": "No verdict: invalid drill", "messageRegex": r"(?s).*\bInvalidDrill\b.*", "matchedStatuses": ["broken"]},
    {"name": "Refused: nothing was touched", "messageRegex": r"(?s).*\b(Refused|NoTarget)\b.*",
     "matchedStatuses": ["broken"]},
    {"name": "Aborted or killed", "messageRegex": r"(?s).*\b(Aborted|KeyboardInterrupt|killed)\b.*",
     "matchedStatuses": ["broken"]},
    {"name": "Harness or lab broken", "matchedStatuses": ["broken"]},
    {"name": "Does not apply", "matchedStatuses": ["skipped"]},
]  # fmt: skip

_CI = {
    "github": ("GitHub Actions", "GITHUB_ACTIONS", "GITHUB_RUN_NUMBER"),
    "gitlab": ("GitLab CI", "GITLAB_CI", "CI_PIPELINE_IID"),
    "jenkins": ("Jenkins", "JENKINS_URL", "BUILD_NUMBER"),
}


def write_session_files(results: Path, run_folder: Path) -> None:
    """Write `environment.properties`, `executor.json` and `categories.json`. Raises `OSError`.

    Call it when the session finishes: `--clean-alluredir` deletes what was there when it began.
    """
    results.mkdir(parents=True, exist_ok=True)
    run = read_run(run_folder)
    if run is not None:
        properties = "".join(f"{_property(name)}={_property(value)}\n" for name, value in _environment(run).items())
        (results / "environment.properties").write_text(properties, encoding="ascii")
    (results / "executor.json").write_bytes(msgspec.json.encode(_executor(run_folder.name, os.environ)))
    (results / "categories.json").write_bytes(msgspec.json.encode(CATEGORIES))


def _environment(run: RunInfo) -> dict[str, str]:
    shown = {
        "Workload": run.workload,
        "Environment": run.environment,
        "Account": run.account,
        "Regions": ", ".join(run.regions),
        "Harness": run.harness,
        "Commit": run.commit,
        "Python": run.python,
        "Platform": run.platform,
        "Operator": run.operator,
    }
    return {name: value for name, value in shown.items() if value}


def _property(text: str) -> str:
    """One side of a line of Java properties: these are Latin-1, and `=`, `:`, a blank or a line's end would end it."""
    named = {
        "\\": "\\\\",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "=": "\\=",
        ":": "\\:",
        " ": "\\ ",
        "#": "\\#",
        "!": "\\!",
    }
    utf16 = [named.get(c) or (c if " " < c < "\x7f" else _escaped(c)) for c in text]
    return "".join(utf16)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", errors="replace")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _executor(run: str, environ: Mapping[str, str]) -> dict[str, str | int]:
    for kind, (name, sign, number) in _CI.items():
        if environ.get(sign):
            build = environ.get(number, "")
            order: dict[str, str | int] = {"buildOrder": int(build)} if build.isdecimal() else {}
            return {"name": name, "type": kind, "buildName": f"{run} #{build}", "reportName": run, **order}
    return {"name": "local", "type": "local", "buildName": run, "reportName": run}


def write_killed_result(
    results: Path,
    *,
    run: str,
    node_id: str,
    parameters: Mapping[str, str],
    started_ms: int,
    stopped_ms: int,
    says: str,
    labels: Mapping[str, str] | None = None,
) -> Path:
    """Write the result that a killed drill could not write itself, as `broken`. Raises `OSError`.

    `node_id` is pytest's (`drills/test_x.py::test_x[a]`), `parameters` the test's own by name; both give the identity
    by which Allure strings its runs together. Times are ms since 1970. Writing it again replaces the same file.
    """
    results.mkdir(parents=True, exist_ok=True)
    path, _, test = node_id.partition("::")
    full_name = f"{path.removesuffix('.py').replace('/', '.')}#{test.partition('[')[0]}"
    uuid = str(uuid5(NAMESPACE_URL, f"{run}/{node_id}"))
    values = [parameters[name] for name in sorted(parameters)]
    result = {
        "uuid": uuid,
        "name": test,
        "fullName": full_name,
        "testCaseId": _md5(full_name),
        "historyId": _md5(full_name, *values),
        "status": "broken",
        "statusDetails": {"message": f"Aborted: the drill was killed before its end. {says}"},
        "stage": "finished",
        "start": started_ms,
        "stop": stopped_ms,
        "parameters": [{"name": name, "value": repr(value)} for name, value in parameters.items()],
        "labels": [{"name": name, "value": value} for name, value in (labels or {}).items()],
    }
    file = results / f"{uuid}-result.json"
    file.write_bytes(msgspec.json.encode(result))
    return file


def _md5(*parts: str) -> str:
    # Allure's own way to name a test; nothing rests on it being hard to forge.
    digest = md5(usedforsecurity=False)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()
