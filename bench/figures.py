"""Figures of many measurements, and where they are written."""

import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec

OUT = Path(__file__).resolve().parent / "out"


def write(name: str, **content: object) -> Path:
    """Write `bench/out/<name>.json`, with what is worth knowing of the machine."""
    OUT.mkdir(parents=True, exist_ok=True)
    around = {"python": platform.python_version(), "cores": os.cpu_count(), "load_average": os.getloadavg()}
    path = OUT / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(around | content), indent=1) + b"\n")
    return path


class Spread(msgspec.Struct, frozen=True):
    """The median, the 99th percentile and the worst of `count` values."""

    p50: float
    p99: float
    worst: float
    count: int = 0


def spread(values: Sequence[float]) -> Spread:
    """Percentiles by the nearest rank. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1]

    return Spread(at(0.5), at(0.99), ordered[-1], len(ordered))


def ratio(measured: Spread, beside: Spread) -> Spread:
    """Each figure over the other's; infinite where that is 0."""

    def over(a: float, b: float) -> float:
        return a / b if b > 0 else math.inf

    return Spread(
        over(measured.p50, beside.p50), over(measured.p99, beside.p99), over(measured.worst, beside.worst)
    )  # fmt: skip


def exponent(small: tuple[int, float], large: tuple[int, float]) -> float:
    """The power of the size with which a cost grows, from (size, cost) of two sizes: 1 is in proportion."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])
