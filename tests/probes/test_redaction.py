import io
import json

import pytest

from probes.redaction import RedactedText, Redaction, Redactor, Rule

ACCOUNT = Rule(name="account", pattern=r"\b\d{12}\b")


def test_the_same_thing_has_the_same_name_in_one_run_and_another_in_the_next() -> None:
    one, same, other = (Redactor(Redaction(rules=(ACCOUNT,), salt=salt)) for salt in ("a", "a", "b"))
    text = "from 210987654321 to 123456789012, and from 210987654321"
    first = one.text(text)
    assert first == same.text(text) != other.text(text)
    names = [part.partition("]")[0] for part in first.split("[account ")[1:]]
    assert names[0] == names[2] != names[1]
    assert one.text(first) == first


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc.def-12345", "Authorization: Bearer (hidden)"),
        ("postgresql://u:pw@db:5432/x", "postgresql://(hidden)db:5432/x"),
        ("https://x/?a=1&X-Amz-Signature=0123abcd&b=2", "https://x/?a=1&X-Amz-Signature=(hidden)&b=2"),
        ("password=hunter2 host=db", "password=(hidden) host=db"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----",
         "-----BEGIN EC PRIVATE KEY-----(hidden)-----END EC PRIVATE KEY-----"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden(text: str, clean: str) -> None:
    assert Redactor(environment={}).text(text) == clean
    assert Redactor(environment={}).text(clean) == clean


@pytest.mark.parametrize("text", ["http://orders.shop.internal/orders", "a basic drill", "10:02:03 UTC", "user@host"])
def test_what_does_not_is_kept(text: str) -> None:
    assert Redactor(environment={}).text(text) == text


def test_the_values_of_named_variables_are_hidden_also_where_json_escapes_them() -> None:
    secret = 'a"b\\c'  # noqa: S105  made up
    redactor = Redactor(Redaction(variables=("TOKEN", "SHORT", "UNSET")), {"TOKEN": secret, "SHORT": "a"})
    line = json.dumps({"error": f"no {secret} here", "n": 1}).encode()
    assert json.loads(redactor.line(line)) == {"error": "no (hidden) here", "n": 1}
    assert redactor.text("a short one stays") == "a short one stays"


def test_a_line_without_anything_stays_as_it_is() -> None:
    line = b'{"stream": "orders", "error": "refused"}'
    assert Redactor(environment={"AWS_SECRET_ACCESS_KEY": "abcdef"}).line(line) is line


def test_the_formats_own_words_are_kept() -> None:
    redactor = Redactor(Redaction(rules=(Rule(name="x", pattern="ok|abc"),)))
    value = {"outcome": "ok", "key": "abc-1", "checksum": "abc", "error": "ok", "list": [{"abc": True}]}
    clean = redactor.value(value)
    assert (clean["outcome"], clean["key"], clean["checksum"]) == ("ok", "abc-1", "abc")
    assert clean["error"].startswith("[x ")
    assert next(iter(clean["list"][0])).startswith("[x ")


def test_a_text_file_is_written_through_it() -> None:
    into = io.StringIO()
    file = RedactedText(into, Redactor(environment={}))
    assert file.write("password=hunter2\n") == 17
    file.flush()
    assert into.getvalue() == "password=(hidden)\n"
