"""The RDS Data API's reading of statements and parameters."""

from decimal import Decimal
from typing import Any

import pytest

from fixtures.lab.cloud.data_parameters import NotUnderstood, Parameter, bind, placeholders


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("SELECT :a, :b_1", "SELECT %(a)s, %(b_1)s"),
        ("SELECT :a::json, x::text, x :: int", "SELECT %(a)s::json, x::text, x :: int"),
        ("SELECT ':a', 'it''s :a', E'\\':a', :a", "SELECT ':a', 'it''s :a', E'\\':a', %(a)s"),
        ('SELECT ":a", "x"":a"', 'SELECT ":a", "x"":a"'),
        ("SELECT 1 -- :a\n, :a /* :a\n */", "SELECT 1 -- :a\n, %(a)s /* :a\n */"),
        ("SELECT $$:a$$, $t$ $$ :a $t$, :a", "SELECT $$:a$$, $t$ $$ :a $t$, %(a)s"),
        ("SELECT 10 % 3, '%s', :a", "SELECT 10 %% 3, '%%s', %(a)s"),
        ("SELECT x[1:2]", "SELECT x[1:2]"),
    ],
)
def test_a_name_after_a_colon_is_a_parameter(sql: str, sent: str) -> None:
    assert placeholders(sql, {"a": 1, "b_1": 2}) == sent


@pytest.mark.parametrize(("sql", "says"), [("SELECT :missing", "Cannot find parameter: missing"), (" ", "empty")])
def test_a_statement_that_cannot_be_sent(sql: str, says: str) -> None:
    with pytest.raises(NotUnderstood, match=says):
        placeholders(sql, {"a": 1})


@pytest.mark.parametrize(
    ("value", "hint", "read"),
    [
        ({"isNull": True}, "", None),
        ({"isNull": True}, "JSON", None),
        ({"booleanValue": False}, "", False),
        ({"longValue": 2**40}, "", 2**40),
        ({"doubleValue": 2}, "", 2.0),
        ({"stringValue": "tea"}, "", "tea"),
        ({"blobValue": "dGVh"}, "", b"tea"),
        ({"stringValue": "1.10"}, "DECIMAL", Decimal("1.10")),
    ],
)
def test_values(value: dict[str, Any], hint: str, read: object) -> None:
    assert bind([Parameter(name="a", value=value, type_hint=hint)]) == {"a": read}


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({}, ""),
        ({"longValue": 1, "stringValue": "1"}, ""),
        ({"longValue": "1"}, ""),
        ({"longValue": True}, ""),
        ({"stringValue": 1}, ""),
        ({"blobValue": "?"}, ""),
        ({"arrayValue": {"longValues": [1]}}, ""),
        ({"stringValue": "x"}, "UUID"),
        ({"stringValue": "x"}, "DATE"),
        ({"stringValue": "x"}, "DECIMAL"),
        ({"stringValue": "2026-11-24T02:00:00"}, "TIMESTAMP"),
        ({"stringValue": "x"}, "XML"),
        ({"longValue": 1}, "JSON"),
    ],
)
def test_values_that_are_refused(value: dict[str, Any], hint: str) -> None:
    with pytest.raises(NotUnderstood, match="Parameter a: "):
        bind([Parameter(name="a", value=value, type_hint=hint)])


def test_two_parameters_of_one_name() -> None:
    with pytest.raises(NotUnderstood, match="different names"):
        bind([Parameter(name="a", value={"longValue": 1}), Parameter(name="a", value={"longValue": 2})])
