"""`python -m bench.others [--per-family N] [--seed N] [--family NAME ...]`: print the table, write the figures."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.others.compared import LOSSES, PER_FAMILY, Report, measure
from bench.others.families import FAMILIES
from bench.others.table import shown

OUT = Path(__file__).resolve().parents[1] / "out" / "others.json"


def write(report: Report, path: Path = OUT) -> Path:
    """Write all of it as JSON. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 if something that we demand of ourselves did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.others", description=__doc__)
    parser.add_argument("--per-family", type=int, default=PER_FAMILY)
    parser.add_argument("--losses", type=int, default=LOSSES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    asked = parser.parse_args(arguments)
    report = measure(asked.per_family, asked.seed, asked.family or tuple(FAMILIES), asked.losses)
    print(shown(report))
    print(f"written: {write(report).name}, in bench/out")
    return 0 if all(demand.held for demand in report.demands) else 1


if __name__ == "__main__":
    sys.exit(main())
