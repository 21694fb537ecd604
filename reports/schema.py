"""The JSON Schema of `verdict.json`, as it stands in `docs/verdict.schema.json`."""

import inspect
import json
from typing import Any

import msgspec

from reports.model import Verdict


def verdict_schema() -> str:
    """The schema as JSON text, the same from every version of Python."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Verdict)}
    return json.dumps(_dedented(made), indent=1, ensure_ascii=False) + "\n"


def _dedented(value: Any) -> Any:
    """Descriptions without the indentation of the source, which Python leaves in docstrings up to 3.12."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _dedented(item)
            for key, item in value.items()
        }
    return [_dedented(item) for item in value] if isinstance(value, list | tuple) else value
