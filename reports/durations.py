"""Durations as people write them: `500ms`, `90s`, `15m`, `1h30m`."""

import re
from decimal import Decimal

_NUMBER = r"(\d+(?:\.\d+)?)"
# Largest unit first and each at most once, so that there is one way to read what stands there.
PATTERN = rf"^(?=\d)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?$"
_UNITS_S = (Decimal(86400), Decimal(3600), Decimal(60), Decimal(1), Decimal("0.001"))
ALLOWED = 'a duration in quotes: a number and ms, s, m, h or d, like "500ms", "90s", "15m", "1h30m"'


def parse_duration(text: object) -> float:
    """Seconds of a duration. Raises ValueError, saying what is allowed, for anything else."""
    found = re.fullmatch(PATTERN, text, re.ASCII) if isinstance(text, str) else None
    if found is None:
        raise ValueError(ALLOWED)
    return float(sum(Decimal(number or 0) * unit for number, unit in zip(found.groups(), _UNITS_S, strict=True)))
