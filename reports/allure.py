"""Everything that goes to Allure; nothing else here imports it.

Only the main thread calls these: a step that another thread or process started would land under an arbitrary one.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import allure
import allure_commons

from probes.redaction import Redactor
from reports.allure_content import Content, attachments, description_html
from reports.allure_files import write_killed_result, write_session_files
from reports.model import Judgement, Verdict
from reports.record import read_record
from reports.words import loss_words, recovery_words

__all__ = [
    "attach_verdict",
    "label_drill",
    "step",
    "tidy_results",
    "write_killed_result",
    "write_session_files",
]

# Allure's own modules are not typed all the way down.
_allure: Any = allure
_commons: Any = allure_commons


class _NoVerdict(Exception):
    """An objective that could not be decided: Allure shows `broken`."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """A phase of the drill as a step of the test."""
    with _allure.step(name):
        yield


def label_drill(
    *,
    workload: str,
    disruption: str,
    drill: str,
    strategy: str,
    environment: str,
    owner: str = "",
    severity: str = "critical",
    links: Mapping[str, str] | None = None,
    run_specific: Mapping[str, str] | None = None,
) -> None:
    """Label the running test: epic = workload, feature = disruption, story = drill. Call it once, in the test's setup.

    `links` maps a name to a URL (plan, ticket). `run_specific` are parameters that differ from run to run: they are
    shown, but kept out of the identity by which Allure strings a test's runs together.
    """
    dynamic = _allure.dynamic
    dynamic.epic(workload)
    dynamic.feature(disruption)
    dynamic.story(drill)
    dynamic.severity(severity)
    dynamic.tag(f"strategy:{strategy}", f"environment:{environment}")
    if owner:
        dynamic.label("owner", owner)
    for name, url in (links or {}).items():
        dynamic.link(url, name=name)
    for name, value in (run_specific or {}).items():
        dynamic.parameter(name, value, excluded=True)


def attach_verdict(folder: Path, verdict: Verdict) -> None:
    """Put a judged drill into the running test: table and picture first, then its files, then each objective as a step.

    A step of a missed objective is red, one that could not be decided is broken; this raises nothing for them, so
    that every objective is shown. `folder` is the drill's folder, with its timeline and losses written. An undo that
    is dirty gets a label and an error of the whole launch: the test itself can only show its first failure.
    """
    record = read_record(folder)
    _allure.dynamic.description_html(description_html(verdict, record.svg or ""))
    _allure.dynamic.parameter("run", verdict.run_id, excluded=True)
    for content in attachments(folder, verdict, record):
        _attach(content)
    recovery, loss = verdict.recovery_time, verdict.data_loss
    _objective(f"recovery time {recovery_words(recovery)}", recovery.verdict, recovery.says)
    _objective(f"data loss {loss_words(loss)}", loss.verdict, loss.says)
    if verdict.failback is not None:
        home = verdict.failback
        says = f"{home.recovery_time.says} {home.data_loss.says}"
        _objective(f"failback {recovery_words(home.recovery_time)}", home.verdict, says)
    if verdict.convergence is not None:
        _objective("convergence of the sites", verdict.convergence.verdict, verdict.convergence.says)
    if verdict.undo == "dirty":
        _allure.dynamic.label("undo", "dirty")
        _allure.global_error(f"{folder.name}: undo is DIRTY: something is not proved to be put back")


def _attach(content: Content) -> None:
    kinds = _allure.attachment_type
    kind = {"svg": kinds.SVG, "json": kinds.JSON, "csv": kinds.CSV}.get(content.kind, kinds.TEXT)
    _allure.attach(content.body, name=content.name, attachment_type=kind)


def _objective(name: str, verdict: Judgement, says: str) -> None:
    with suppress(AssertionError, _NoVerdict), step(f"{name}: {verdict}"):
        if verdict == "fail":
            raise AssertionError(says or "The objective was missed.")
        if verdict != "pass":
            raise _NoVerdict(says or f"The objective is {verdict}.")


class _Tidy:
    """Mends what allure-pytest writes, just before it is written; what cannot be written is told, and ends nothing."""

    def __init__(self, lost: Callable[[str], None], redactor: Redactor) -> None:
        self._lost = lost
        self._redactor = redactor

    @_commons.hookimpl(wrapper=True)  # type: ignore[untyped-decorator]  # allure_commons is not typed
    def report_container(self, container: Any) -> Generator[None, object, object]:
        """Drop the teardowns that never were: pytest from 9.1 on registers unnamed ones (allure-python#918)."""
        container.afters = [one for one in container.afters if not str(one.name).endswith("::<lambda>")]
        return (yield from self._written())

    @_commons.hookimpl(wrapper=True)  # type: ignore[untyped-decorator]  # allure_commons is not typed
    def report_result(self, result: Any) -> Generator[None, object, object]:
        """A missed objective is `failed`, though its exception is no AssertionError; all else stays as it is."""
        details = result.statusDetails
        first = str(details.message if details else "").partition("\n")[0].partition(":")[0]
        if result.status == "broken" and first.rpartition(".")[2] == "ObjectiveMissed":
            result.status = "failed"
        self._redact(result)
        return (yield from self._written())

    def _redact(self, result: Any) -> None:
        """Take out of a result, and out of its steps, what must not be told."""
        text = self._redactor.text
        if (details := result.statusDetails) is not None:
            details.message, details.trace = (text(told) if told else told for told in (details.message, details.trace))
        for parameter in result.parameters:
            parameter.value = text(str(parameter.value))
        for step_of in result.steps:
            self._redact(step_of)

    def _written(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except OSError as error:
            self._lost(f"Allure's results cannot be written: {error}")
            return None


def tidy_results(lost: Callable[[str], None], redactor: Redactor | None = None) -> Callable[[], None]:
    """Mend results as they are written, until the function that this returns is called.

    `redactor` takes out of them what must not be told. `lost` is told when one cannot be written: left alone,
    allure-pytest would end the session with it, and with that the undo of what comes next.
    """
    tidy = _Tidy(lost, redactor or Redactor())
    _commons.plugin_manager.register(tidy)

    def stop() -> None:
        _commons.plugin_manager.unregister(tidy)

    return stop
