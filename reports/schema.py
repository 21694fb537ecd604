"""The JSON Schemas of what a drill leaves, as they stand in `docs/`: `verdict.json`, and a line of its history."""

import inspect
import json
from typing import Any

import msgspec

from probes.history import SCHEMA, ClockReading, End, Header, Mark, MarksHeader, Operation
from reports.model import Verdict

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
# A file of a history: its first line, the lines between, its last line. Marks: the first line, the others.
_LINES = (Header, Operation, ClockReading, End, MarksHeader, Mark)


def verdict_schema() -> str:
    """The schema of `verdict.json` as JSON text, the same from every version of Python."""
    return _text({"$schema": _DRAFT, **msgspec.json.schema(Verdict)})


def history_schema() -> str:
    """The schema of one line of `history-*.jsonl` or `marks.jsonl` as JSON text, by what kind of line it is."""
    schemas, components = msgspec.json.schema_components(_LINES, ref_template="#/$defs/{name}")
    made = {"$schema": _DRAFT, "title": SCHEMA, "anyOf": list(schemas), "$defs": components}
    return _text(made)


def _text(made: dict[str, Any]) -> str:
    return json.dumps(_dedented(made), indent=1, ensure_ascii=False) + "\n"


def _dedented(value: Any) -> Any:
    """Descriptions without the indentation of the source, which Python leaves in docstrings up to 3.12."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _dedented(item)
            for key, item in value.items()
        }
    return [_dedented(item) for item in value] if isinstance(value, list | tuple) else value
