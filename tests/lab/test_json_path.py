"""A state machine's JSONPath in the lab's interpreter: what selects one value gives that value, as on AWS."""

import importlib
from typing import Any

import pytest

from fixtures.lab.cloud import sdk_tasks

DATA: dict[str, Any] = {
    "Clusters": [{"Status": "available", "Members": [{"Arn": "a"}, {"Arn": "b"}]}],
    "a:b": [{"c": 1}],
}


@pytest.fixture(scope="module")
def extract() -> Any:
    """moto's way to follow a path, as the lab has it."""
    sdk_tasks.install(lambda **_: None)
    return importlib.import_module("moto.stepfunctions.parser.asl.utils.json_path").extract_json


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.Clusters[0].Status", "available"),
        ("$.Clusters[0]", DATA["Clusters"][0]),
        ("$.Clusters[0].Members[1].Arn", "b"),
        ("$['a:b'][0].c", 1),
        ("$.Clusters[*].Status", ["available"]),
        ("$.Clusters[0].Members[*].Arn", ["a", "b"]),
        ("$.Clusters[0:1].Status", ["available"]),
    ],
)
def test_a_path_that_selects_one_value_gives_it_and_any_other_gives_a_list(
    extract: Any, path: str, value: object
) -> None:
    assert extract(path, DATA) == value


def test_what_is_one_by_its_form() -> None:
    assert sdk_tasks.is_definite("$.a[0]['b.c:d*'].e")
    assert not any(map(sdk_tasks.is_definite, ("$.a[*]", "$.a[0:1]", "$.a[0,1]", "$..a", "$.a[?(@.b)]")))
