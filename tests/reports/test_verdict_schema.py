import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import msgspec

from reports.model import Verdict
from tests.reports.synthetic import make

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"


def _schema() -> dict[str, Any]:
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Verdict)}
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]  # what JSON makes of it is Any


def test_the_schema_in_docs_is_the_models() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == _schema(), (
        "docs/verdict.schema.json is not what reports/model.py gives: write it again"
    )


def test_a_verdict_keeps_to_it() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    good = json.loads(msgspec.json.encode(make("fail", 400, lost=3).verdict))
    jsonschema.Draft202012Validator(schema).validate(good)
    bad = {**good, "verdict": "maybe"}
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
