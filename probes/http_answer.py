"""Reads what a workload answered over HTTP: where in the JSON the values stand, and whether they are sound."""

from dataclasses import dataclass
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from probes.history import ServedBy
from probes.probe import Asked, Listed
from probes.spec import HttpAnswer
from probes.stored import Stored


class NotUnderstood(Exception):
    """The answer is not what the workload file says it is."""


@dataclass(frozen=True)
class Seen:
    """What an answer says of one key. `says` is empty unless something about it is wrong."""

    version: int
    checksum: str | None
    effects: int | None
    says: str


class AnswerReader:
    """Reads answers by the JMESPath expressions of `HttpAnswer`. Raises `ValueError` for one that is none."""

    def __init__(self, answer: HttpAnswer) -> None:
        self._paths: dict[str, Any] = {}
        for name, expression in msgspec.structs.asdict(answer).items():
            try:
                self._paths[name] = jmespath.compile(expression) if expression else None
            except JMESPathError as error:
                raise ValueError(f"answer.{name}: {expression!r} is no JMESPath expression: {error}") from None

    def served_by(self, content: bytes) -> ServedBy | None:
        """Who says that it answered; None where nobody does. Errors say it too, so any content is allowed."""
        wanted = [self._paths[name] for name in ("region", "zone", "instance")]
        if not content or not any(wanted):
            return None
        try:
            body = msgspec.json.decode(content)
        except msgspec.DecodeError:
            return None
        region, zone, instance = (_text(path.search(body)) if path else "" for path in wanted)
        return ServedBy(region=region, zone=zone, instance=instance) if region or zone or instance else None

    def read(self, content: bytes, asked: Asked) -> Seen:
        """The key that was asked for. Raises `NotUnderstood`."""
        body = _decode(content)
        version = self._number("version", body, asked.version)
        checksum = self._value("checksum", body)
        payload = self._value("payload", body)
        stored = Stored(
            key=asked.key,
            version=version,
            checksum=None if checksum is None else _text(checksum),
            payload=payload if isinstance(payload, str) else None,
        )
        return Seen(version, stored.observed_checksum(asked), self._effects(body), stored.differs(asked))

    def replaced(self, content: bytes) -> int | None:
        """The version whose place an update took; None where the answer does not say.

        An update that was answered well was done, whatever else the answer holds.
        """
        path = self._paths["replaced"]
        if path is None:
            return None
        try:
            value = path.search(msgspec.json.decode(content))
        except msgspec.DecodeError:
            return None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def page(self, content: bytes) -> tuple[tuple[Listed, ...], str]:
        """The entries of one page and the cursor of the next ("" after the last). Raises `NotUnderstood`."""
        body = _decode(content)
        found = self._value("items", body)
        if not isinstance(found, list):
            raise NotUnderstood("answer not understood: the page has no list of items")
        return tuple(self._listed(item) for item in found), _text(self._value("cursor", body))

    def _listed(self, item: Any) -> Listed:
        key = _text(self._value("key", item))
        if not key:
            raise NotUnderstood("answer not understood: an item of the page has no key")
        checksum = self._value("checksum", item)
        stored, effects = None if checksum is None else _text(checksum), self._effects(item)
        if self._paths["version"] is None:
            return Listed(key=key, version=None, checksum=stored, effects=effects)
        payload = self._value("payload", item)
        return Stored(
            key=key,
            version=self._number("version", item, 0),
            checksum=stored,
            payload=payload if isinstance(payload, str) else None,
            effects=effects,
        ).listed()

    def _value(self, name: str, body: Any) -> Any:
        path = self._paths[name]
        return path.search(body) if path else None

    def _number(self, name: str, body: Any, unsaid: int) -> int:
        """A whole number, or `unsaid` where the workload file says that answers do not tell."""
        if self._paths[name] is None:
            return unsaid
        value = self._value(name, body)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise NotUnderstood(f"answer not understood: {name} is {value!r}")

    def _effects(self, body: Any) -> int | None:
        return None if self._paths["effects"] is None else self._number("effects", body, 0)


def _decode(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"answer not understood: {error}") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
