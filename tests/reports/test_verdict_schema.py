import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import msgspec

from reports.schema import verdict_schema
from tests.reports.synthetic import make

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"


def test_the_schema_in_docs_is_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == verdict_schema(), (
        "not what reports/model.py gives: python -m reports schema > docs/verdict.schema.json"
    )


def test_a_verdict_keeps_to_it() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    good = json.loads(msgspec.json.encode(make("fail", 400, lost=3).verdict))
    jsonschema.Draft202012Validator(schema).validate(good)
    bad = {**good, "verdict": "maybe"}
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
