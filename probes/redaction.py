"""What must not be in the evidence: secrets, always; and what rules say, replaced by a name that stays the same.

The same thing has the same name all through a run, so that what belongs together stays together and is judged as
before; the salt of these names is written nowhere, so that nobody finds them by trying out.
"""

import json
import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from html import escape
from io import TextIOBase
from typing import Any, TextIO

import msgspec

from probes.environment import HIDDEN, SHORTEST_HIDDEN

# The values of these are hidden wherever they appear, as are those that a workload reads from the environment.
SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "GITHUB_TOKEN")
# What looks like a secret wherever it stands: group 1 is kept.
_SHAPES = re.compile(
    r"(\b(?:bearer|basic)\s+)(?!\[)[A-Za-z0-9._~+/=-]{8,}"
    r"|(://)[^/\s:@\"']+:[^/\s@\"']+@"
    r"|(\bX-Amz-(?:Signature|Security-Token|Credential)=)[^&\s\"']+"
    r"|(\b(?:password|passwd|pwd|secret|api_?key)=)(?!\*|\()[^&\s;,\"']+"
    r"|(-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)[A-Za-z0-9+/=\s\\]+",
    re.IGNORECASE,
)
# One of these is in every such text: a search for them is quicker by far.
_SIGNS = ("=", "@", "earer", "EARER", "asic", "ASIC", "PRIVATE KEY")
# Keys of records whose values are the format's own, and would be no record with another value.
_OWN = frozenset((
    "type", "schema", "kind", "outcome", "role", "connection", "key", "key_prefix", "checksum", "observed_checksum",
    "chain", "state",
))  # fmt: skip


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to take out: every match of `pattern` becomes `[<name> <8 hex digits>]`."""

    name: str
    pattern: str


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken out of a run. `variables` are those of the environment whose values are secrets.

    `salt` is the run's own, and secret itself.
    """

    rules: tuple[Rule, ...] = ()
    variables: tuple[str, ...] = ()
    salt: str = ""


class Redactor:
    """Takes it out, of texts and of values. Raises re.error for a pattern that is none."""

    def __init__(self, redaction: Redaction | None = None, environment: Mapping[str, str] | None = None) -> None:
        redaction, given = redaction or Redaction(), os.environ if environment is None else environment
        self._salt = redaction.salt.encode()
        self._rules = [(rule.name, re.compile(rule.pattern)) for rule in redaction.rules]
        values = {given.get(name, "") for name in (*SECRET_VARIABLES, *redaction.variables)}
        forms = {form for value in values if len(value) >= SHORTEST_HIDDEN for form in _forms(value)}
        # The longest first: one may begin with another.
        self._secrets = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets, and with names for what rules take out."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _SHAPES.sub(lambda found: f"{next(filter(None, found.groups()))}{HIDDEN}", text)
        for name, pattern in self._rules:
            text = pattern.sub(lambda found, name=name: self._named(name, found[0]), text)  # type: ignore[misc]
        return text

    def value(self, value: Any) -> Any:
        """The same of every text in a value of JSON, of its keys too; but not of the format's own words."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): item if k in _OWN else self.value(item) for k, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def line(self, line: bytes) -> bytes:
        """The same of one line of JSON."""
        if not self._rules and not self._may_be_in(line):
            return line
        return msgspec.json.encode(self.value(msgspec.json.decode(line)))

    def _may_be_in(self, line: bytes) -> bool:
        """Whether a secret can be in there at all: most lines have none, and there are a thousand a second."""
        text = line.decode()
        if any(secret in text for secret in self._secrets):
            return True
        return any(sign in text for sign in _SIGNS) and bool(_SHAPES.search(text))

    def _named(self, name: str, found: str) -> str:
        if not found:
            return found
        return f"[{name} {blake2b(found.encode(), key=self._salt, digest_size=4).hexdigest()}]"


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as it is, and as JSON, Python and a page write it down: errors quote what they were given."""
    as_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return secret, *as_json, repr(secret)[1:-1], escape(secret)


class RedactedText(TextIOBase):
    """A text file that is written through a redactor: a process's stderr, where errors tell what they were given."""

    def __init__(self, file: TextIO, redactor: Redactor) -> None:
        self._file, self._redactor = file, redactor

    def write(self, text: str) -> int:
        """Write it, redacted."""
        self._file.write(self._redactor.text(text))
        return len(text)

    def flush(self) -> None:
        """Hand it to the operating system."""
        self._file.flush()
