"""Settings that stand in a file as `env:NAME`: read from the environment of the vantage, and written down nowhere."""

import os
import re

_FROM_ENVIRONMENT = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
HIDDEN = "(hidden)"
# Anything shorter stands in ordinary words too, and hides nothing from anybody who guesses.
SHORTEST_HIDDEN = 4


def variable_of(value: str) -> str:
    """The variable that a setting is read from; empty where the setting stands as it is meant."""
    found = _FROM_ENVIRONMENT.fullmatch(value)
    return found[1] if found else ""


class Secrets:
    """What was read from the environment for one probe. Keeps the values out of whatever is recorded."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def read(self, where: str, value: str) -> str:
        """The setting itself, or the variable that it names. Raises `ValueError`, with `where`, for one not set."""
        name = variable_of(value)
        if not name:
            return value
        if name not in os.environ:
            raise ValueError(f"{where} is to be read from the environment variable {name}, which is not set")
        secret = os.environ[name]
        if len(secret) >= SHORTEST_HIDDEN:
            self._values.add(secret)
        return secret

    def hide(self, text: str) -> str:
        """The text without any of the values: a server or a library may say back what it was given."""
        for secret in self._values:
            text = text.replace(secret, HIDDEN)
        return text
