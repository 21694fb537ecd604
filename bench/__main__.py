"""All measurements of the harness itself, one after the other: `python -m bench [NAME ...]`.

Each is a module of its own that prints a table, writes `bench/out/<name>.json` and ends with 1 if a demand does not
hold: `python -m bench.<name> --help`. Figures are ratios of one run: what is compared was measured side by side.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The quick ones first. Not those that drive real drills, for minutes: `soak`, which has a target of its own in the
# Makefile, `lost_orders`, `lost_items`, `sabotage` and `kills`; nor `ends`, which takes Node and Java.
BENCHES = ("pacing", "judging", "rigged", "simulated_outages", "simulated_losses", "matrix", "others", "mutation")


def main(names: Sequence[str]) -> int:
    """Run them; 1 if any did not hold, 2 for a name that is none."""
    if strangers := [name for name in names if name not in BENCHES]:
        print(f"no bench: {', '.join(strangers)}. There are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or BENCHES:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=ROOT, check=False).returncode:
            failed.append(name)
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\nnot held: {', '.join(failed)}" if failed else "\nall held", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
