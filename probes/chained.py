"""Lines of JSON that are chained: each but the first names the SHA-256 of the line before it, in its last key `chain`.

A line that is taken out, put in, moved or changed breaks the link of the line after it. The chain needs no key, so
whoever writes all that follows anew can close it again: it shows a slip, and a forger who did not know of it. What
holds the last line is the manifest, and what holds that is the next run, or a signature.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

FIELD = "chain"


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """How far a chained file goes: its whole lines, and the SHA-256 of the last one in hex."""

    lines: int
    head: str


def line_hash(line: bytes) -> str:
    """The SHA-256 in hex of a line without its line feed."""
    return sha256(line).hexdigest()


def linked(line: bytes, before: bytes) -> bytes:
    """The line (a JSON object, without a line feed) with the hash of the line before it."""
    return line[:-1] + (b"," if len(line) > len(b"{}") else b"") + f'"{FIELD}":"{line_hash(before)}"}}'.encode()


def chain_up(lines: Iterable[bytes]) -> list[bytes]:
    """The lines (JSON objects, in no chain or in another one) as a chain of their own."""
    made: list[bytes] = []
    for line in lines:
        content = json.loads(line)
        bare = line if FIELD not in content else msgspec.json.encode({k: v for k, v in content.items() if k != FIELD})
        made.append(linked(bare, made[-1]) if made else bare)
    return made


def chain_of(content: bytes) -> Chain | None:
    """How far the chain of a file goes; None where it has no whole line, or its lines are in no chain."""
    lines = _whole(content)
    if not lines or (len(lines) > 1 and _link(lines[1]) is None):
        return None
    return Chain(lines=len(lines), head=line_hash(lines[-1]))


def broken_links(content: bytes) -> list[int]:
    """The numbers (from 1) of the lines that do not name the line before them. A torn last line is no line.

    A first line that names one has lost it.
    """
    lines = _whole(content)
    lost = [1] if lines and _link(lines[0]) is not None else []
    return lost + [n + 1 for n in range(1, len(lines)) if _link(lines[n]) != line_hash(lines[n - 1])]


def _whole(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]


def _link(line: bytes) -> str | None:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    link = found.get(FIELD) if isinstance(found, dict) else None
    return link if isinstance(link, str) else None
