"""Chance that is the same each time."""

import hashlib


def chance(seed: int, name: str) -> float:
    """A number in [0, 1) that follows from the seed and the name, so that a key is always hit or never."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{name}".encode()).digest()[:6], "big") / 2**48
