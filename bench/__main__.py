"""How quick the harness is: `python -m bench`. Figures are ratios of one run, in `bench/out/*.json`."""

import os
import platform
import sys
from pathlib import Path

import msgspec

from bench import judging, pacing

OUT = Path(__file__).resolve().parent / "out"


def _write(name: str, **content: object) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    around = {"python": platform.python_version(), "cores": os.cpu_count(), "load_average": os.getloadavg()}
    (OUT / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(around | content), indent=1) + b"\n")


def main() -> int:
    """Measure both, print both, write both; 1 if a drill that is plainly good was not judged so."""
    paced = pacing.measure()
    print(pacing.shown(paced), flush=True)
    _write("pacing", rates=paced)
    judged = judging.measure()
    print(judging.shown(judged), flush=True)
    _write("judging", sizes=judged, growth=judging.growth(judged))
    wrong = [one for one in judged if one.verdict != "pass"]
    for one in wrong:
        print(f"a drill of {one.operations} operations that recovered was judged {one.verdict}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
