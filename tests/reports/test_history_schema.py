"""The history's schema is frozen: its version 1 is what stands in `docs/`, and what is written keeps to it."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import msgspec
import pytest

from probes.clock import start_clock
from probes.history import ClockReading, End, Header, Mark, MarksHeader, Operation, ServedBy, Stream
from reports.__main__ import main
from reports.schema import history_schema, verdict_schema

DOCS = Path(__file__).parents[2] / "docs"
BASE = start_clock()
STREAM = Stream(
    name="s", probe="p", role="workload", kind="write", connection="fresh", period_ns=1, timeout_ns=2
)  # fmt: skip
OPERATION = Operation(
    vantage="v", probe="p", stream="s", seq=0, kind="audit", due_ns=0, sent_ns=1, done_ns=2, outcome="ok",
    observed_version=None, served_by=ServedBy(zone="a"),
)  # fmt: skip
LINES = [
    Header(vantage="v", base=BASE, streams=(STREAM,), run="r", drill="d", key_prefix="k"),
    OPERATION,
    ClockReading(at_ns=1, utc_ns=2, asleep_ns=None),
    End(operations=1, unsent=0, base=BASE),
    MarksHeader(base=BASE, run="r", drill="d"),
    Mark(name="start", at_ns=0, source="runner", data={"planned": True}),
]


@pytest.mark.parametrize(("of", "made"), [("history", history_schema), ("verdict", verdict_schema)])
def test_the_schema_in_docs_is_the_one_of_the_code(
    of: str, made: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", of]) == 0
    printed = capsys.readouterr().out
    assert printed == made() == (DOCS / f"{of}.schema.json").read_text(encoding="utf-8"), (
        f"what is written changed: python -m reports schema {of} > docs/{of}.schema.json. Fields may be added to "
        f"version 1 if they have defaults; anything else is a new version, and tests/data must still be judged."
    )


@pytest.mark.parametrize("line", LINES, ids=lambda line: type(line).__name__)
def test_every_kind_of_line_keeps_to_it(line: msgspec.Struct) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(history_schema()))
    validator.validate(json.loads(msgspec.json.encode(line)))


@pytest.mark.parametrize("change", [{"outcome": "maybe"}, {"kind": "look"}, {"sent_ns": "soon"}, {"stream": None}])
def test_what_is_none_does_not(change: dict[str, object]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(history_schema()))
    line = {**json.loads(msgspec.json.encode(OPERATION)), **change}
    assert not validator.is_valid(line)


def test_version_1_has_the_fields_that_it_was_frozen_with() -> None:
    """A field that is renamed or lost would leave old histories unread, whatever `docs` says by then."""
    assert set(FROZEN) <= set(Operation.__struct_fields__)


FROZEN = (
    "vantage", "probe", "stream", "seq", "kind", "key", "version", "checksum", "due_ns", "sent_ns", "done_ns",
    "outcome", "error", "status", "observed_version", "observed_checksum", "effects", "served_by", "resolved_ip",
    "connection",
)  # fmt: skip
