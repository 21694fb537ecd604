"""The plain files in Allure's results folder that no running test writes. They need nothing of Allure itself."""

import os
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import msgspec

from reports.allure_content import Content
from reports.allure_killed import Killed, killed
from reports.allure_metrics import GROUPS, metrics, titles
from reports.evidence import RunInfo, read_run
from reports.model import Verdict
from reports.record import drill_folders, read_record

ALLURERC, HISTORY = "allurerc.json", "allure-history.jsonl"

# In the order in which they are tried; the older viewer takes the first that matches. The messages are those that
# pytest gives an exception: its type, a colon, its text. Allure 2 matches the whole message by Java's rules, Allure 3
# looks for it by JavaScript's, which know no (?s).
CATEGORIES: list[dict[str, str | list[str]]] = [
    {"name": "Undo dirty: something is not put back", "messageRegex": r"[\s\S]*\b(UndoDirty|undo DIRTY)\b[\s\S]*"},
    {"name": "Objective missed", "matchedStatuses": ["failed"]},
    {"name": "No verdict: inconclusive", "messageRegex": r"[\s\S]*\bInconclusive\b[\s\S]*",
     "matchedStatuses": ["broken"]},
    {"name": "No verdict: invalid drill", "messageRegex": r"[\s\S]*\bInvalidDrill\b[\s\S]*",
     "matchedStatuses": ["broken"]},
    {"name": "Refused: nothing was touched", "messageRegex": r"[\s\S]*\b(Refused|NoTarget)\b[\s\S]*",
     "matchedStatuses": ["broken"]},
    {"name": "Aborted or killed", "messageRegex": r"[\s\S]*\b(Aborted|KeyboardInterrupt|killed)\b[\s\S]*",
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
    """Write environment, executor, categories, the measured figures, and Allure 3's settings. Raises `OSError`.

    Call it when the session finishes: `--clean-alluredir` deletes what was there when it began. Allure 3 is told of
    its settings by `--config allurerc.json`; they string the runs beside this one together in one history.
    """
    results.mkdir(parents=True, exist_ok=True)
    run = read_run(run_folder)
    if run is not None:
        properties = "".join(f"{_property(name)}={_property(value)}\n" for name, value in _environment(run).items())
        (results / "environment.properties").write_text(properties, encoding="ascii")
    (results / "executor.json").write_bytes(msgspec.json.encode(_executor(run_folder.name, os.environ)))
    (results / "categories.json").write_bytes(msgspec.json.encode(CATEGORIES))
    records = (read_record(folder) for folder in drill_folders(run_folder))
    verdicts = [record.verdict for record in records if record.verdict is not None]
    (results / f"{run_folder.name}-perf.json").write_bytes(msgspec.json.encode(metrics(verdicts)))
    settings = msgspec.json.format(msgspec.json.encode(_settings(run_folder, verdicts)), indent=1)
    (results / ALLURERC).write_bytes(settings + b"\n")


def _settings(run_folder: Path, verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Allure 3's. It would take its first own category where none of these matched, and so hide what broke."""
    return {
        "name": run_folder.name,
        "historyPath": str(run_folder.parent / HISTORY),
        "categories": [{"id": f"dr-drills-{number}", **one} for number, one in enumerate(CATEGORIES, start=1)],
        "performance": {
            "groups": {key: {"title": title} for key, title in GROUPS.items()},
            "metrics": titles(verdicts),
        },
    }


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
    folder: Path | None = None,
) -> Path:
    """Write the result that a killed drill could not write itself, as `broken`. Raises `OSError`.

    What `folder`, the drill's own, still tells of it goes with it: labels, marks, the journal with its undo proof.

    `node_id` is pytest's (`drills/test_x.py::test_x[a]`), `parameters` the test's own by name; both give the identity
    by which Allure strings its runs together. Times are ms since 1970. Writing it again replaces the same file.
    """
    results.mkdir(parents=True, exist_ok=True)
    path, _, test = node_id.partition("::")
    full_name = f"{path.removesuffix('.py').replace('/', '.')}#{test.partition('[')[0]}"
    uuid = str(uuid5(NAMESPACE_URL, f"{run}/{node_id}"))
    values = [parameters[name] for name in sorted(parameters)]
    known = killed(folder) if folder is not None else Killed("", [], "", [])
    result = {
        "uuid": uuid,
        "name": test,
        "fullName": full_name,
        "testCaseId": _md5(full_name),
        "historyId": _md5(full_name, *values),
        "status": "broken",
        "statusDetails": {"message": f"Aborted: the drill was killed before its end. {says} {known.says}".rstrip()},
        "descriptionHtml": known.table,
        "stage": "finished",
        "start": started_ms,
        "stop": stopped_ms,
        "parameters": [{"name": name, "value": repr(value)} for name, value in parameters.items()],
        "labels": [{"name": name, "value": value} for name, value in known.labels],
        "attachments": [_attached(results, uuid, content) for content in known.files],
    }
    file = results / f"{uuid}-result.json"
    file.write_bytes(msgspec.json.encode(result))
    return file


def _attached(results: Path, uuid: str, content: Content) -> dict[str, str]:
    """Write an attachment beside the results, and say where; once more replaces the same file."""
    ending, media = {"json": ("json", "application/json")}.get(content.kind, ("txt", "text/plain"))
    source = f"{uuid5(NAMESPACE_URL, f'{uuid}/{content.name}')}-attachment.{ending}"
    (results / source).write_text(content.body, encoding="utf-8")
    return {"name": content.name, "source": source, "type": media}


def _md5(*parts: str) -> str:
    # Allure's own way to name a test; nothing rests on it being hard to forge.
    digest = md5(usedforsecurity=False)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()
