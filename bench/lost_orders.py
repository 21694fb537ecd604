"""Drills of a lost site, each compared with what the lab's own disks say: `python -m bench.lost_orders --runs N`.

`--drill` says of which drill: of a site in a Region, of one that is lost while replication stands still, or of one of
no Region (`orders-hybrid`), whose database and its follower are none of AWS's.

The truth does not come from the probes: when the site has lost its power, the old primary's volume is copied, a server
is started on the copy alone, and its rows are read. What the promoted cluster does not have of them is lost, key by
key. A drill is right if

- the keys that it calls lost are exactly those of these that a client had been told to be done,
- and its interval of the data loss holds the true one: from when the oldest lost row was taken (a column that the
  database itself fills) to the loss of the site, or to the newest lost row where that was later.
"""

import argparse
import csv
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.drilled import TWO_REGIONS, WORKLOADS, Where, command_of, folder_of, in_a_row
from bench.figures import write
from bench.observer import POLL_S, Observer, observed
from bench.truth import NoTruth
from fixtures.lab import Lab
from fixtures.lab.disks import Taken, orders_in, orders_on_disk, truth_of
from reports.losses import GONE


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site that is lost: what the lab's log of the truth says of it, and its database and the one that takes over.

    `volume` is the old database's, `killed` and `promoted` are entries of the log (event, and its subject or "" for
    any), `takes_over` is what the name of the new one begins with, and `ends` the drill's exit code.
    """

    drill: str
    workload: Path
    lost: tuple[str, str]
    killed: tuple[str, str]
    volume: str
    promoted: tuple[str, str]
    takes_over: str
    ends: int = 0


IN_A_REGION = Site(
    drill="drills/test_site_lost.py",
    workload=TWO_REGIONS,
    lost=("site loses power", "eu-west-1"),
    killed=("database server killed", "orders-ws"),
    volume="orders-ws",
    promoted=("global database writer", ""),
    takes_over="orders-ws-replica.cluster-",
)
ON_PREMISES = Site(
    drill="drills/test_on_premises_lost.py",
    workload=WORKLOADS / "orders-hybrid.toml",
    lost=("site loses power", "on-premises"),
    killed=("database server killed", ""),
    volume="premises",
    promoted=("database promoted", ""),
    takes_over="db.eu-central-1.",
)
# Where replication stood still before, the RPO is missed.
STANDSTILL = msgspec.structs.replace(IN_A_REGION, drill="drills/test_replication_paused_then_failover.py", ends=10)
SITES = {site.drill: site for site in (IN_A_REGION, STANDSTILL, ON_PREMISES)}


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the lab's disks say: rows that the promoted cluster lacks, and when the site was lost (s since 1970)."""

    lost: Taken
    site_lost_s: float

    @property
    def loss_s(self) -> float:
        """The true data loss in s, by the formula of docs/measuring.md; 0 without any."""
        return max(self.site_lost_s, *self.lost.values()) - min(self.lost.values()) if self.lost else 0.0


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One drill beside the truth; `wrong` says in sentences what does not agree."""

    number: int
    exit: int
    lost: int
    true_lost: int
    unacknowledged: int
    loss_s: tuple[float, float]
    true_loss_s: float
    took_s: float
    wrong: tuple[str, ...]


class Looking(Observer[Truth]):
    """Reads the disks."""

    def __init__(self, pid: int, site: Site = IN_A_REGION) -> None:
        super().__init__(pid)
        self._site = site

    def look(self, lab: Lab) -> Truth:
        """Once the old database is dead, and again once the other one has been promoted. Raises NoTruth."""
        site = self._site
        lost = self._await(lab, *site.lost)
        self._await(lab, *site.killed)
        before = orders_on_disk(lab, site.volume)
        self._await(lab, *site.promoted)
        after = orders_in(lab, site.takes_over)
        gone = {key: taken for key, taken in before.items() if key not in after}
        return Truth(lost=gone, site_lost_s=lost["utc_ns"] / 1e9)

    def _await(self, lab: Lab, event: str, subject: str) -> dict[str, Any]:
        while not self.ended.is_set():
            found = (e for e in truth_of(lab) if e["event"] == event and subject in ("", e["subject"]))
            if (entry := next(found, None)) is not None:
                return entry
            time.sleep(POLL_S)
        raise NoTruth(f"the lab never said {event!r} {subject}".rstrip())


def compare(number: int, code: int, drill: Path, truth: Truth, took_s: float, *, ends: int = 0) -> Compared:
    """Hold a drill's evidence beside the truth; `ends` is the exit code that it should have. Raises OSError."""
    verdict = json.loads((drill / "verdict.json").read_text(encoding="utf-8"))
    with (drill / "losses.csv").open(encoding="utf-8", newline="") as rows:
        classes = {row["key"]: row["class"] for row in csv.DictReader(rows)}
    called = {key for key, found in classes.items() if found in GONE}
    done = _acknowledged(drill)
    wanted = truth.lost.keys() & done
    lower_s, upper_s = verdict["data_loss"]["lower_s"] or 0.0, verdict["data_loss"]["upper_s"] or 0.0
    wrong = [f"exit code {code}"] if code != ends else []
    wrong += [f"not called lost: {key}" for key in sorted(wanted - called)]
    wrong += [f"called lost, and is not: {key}" for key in sorted(called - wanted)]
    if not lower_s <= truth.loss_s <= upper_s:
        wrong.append(f"the true loss of {truth.loss_s:.3f} s is not in {lower_s:.3f}..{upper_s:.3f} s")
    if not truth.lost:
        wrong.append("nothing was lost, so nothing was shown")
    return Compared(
        number=number, exit=code, lost=len(called), true_lost=len(wanted),
        unacknowledged=len(truth.lost.keys() - done), loss_s=(lower_s, upper_s), true_loss_s=truth.loss_s,
        took_s=took_s, wrong=tuple(wrong),
    )  # fmt: skip


def _acknowledged(drill: Path) -> set[str]:
    """The keys whose write was answered well: what a client was told to be done."""
    found = set()
    for path in drill.glob("history-*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("kind") == "write" and entry.get("outcome") == "ok":
                found.add(entry["key"])
    return found


def run_one(number: int, folder: Path, site: Site = IN_A_REGION) -> Compared:
    """One drill with somebody who looks at the disks meanwhile."""
    where, began_s = Where(folder), time.monotonic()
    code, observer = observed(command_of(site.workload, site.drill), where, lambda pid: Looking(pid, site))
    took_s = time.monotonic() - began_s
    drills = [path.parent for path in where.runs.glob("*/*/verdict.json")]
    left = where.left()
    if observer.truth is None or len(drills) != 1:
        why = f"no truth: {observer.failure}" if observer.truth is None else "no verdict"
        wrong = (*left, f"exit code {code}", why)
        return Compared(
            number=number, exit=code, lost=0, true_lost=0, unacknowledged=0, loss_s=(0.0, 0.0), true_loss_s=0.0,
            took_s=took_s, wrong=wrong,
        )  # fmt: skip
    found = compare(number, code, drills[0], observer.truth, took_s, ends=site.ends)
    return msgspec.structs.replace(found, wrong=(*found.wrong, *left))


def told(found: Compared, runs: int) -> str:
    """One drill in a line, and what is wrong with it below."""
    lower_s, upper_s = found.loss_s
    line = (
        f"[{found.number}/{runs}] {'WRONG' if found.wrong else 'right'}  lost {found.lost} of {found.true_lost}, "
        f"{lower_s:.3f}..{upper_s:.3f} s (true {found.true_loss_s:.3f} s; {found.unacknowledged} more that nobody was "
        f"told of), {found.took_s:.0f} s"
    )
    return "\n".join([line, *(f"    - {says}" for says in found.wrong)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 if any drill was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.lost_orders", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="how many drills (default: 20)")
    parser.add_argument("--drill", default=IN_A_REGION.drill, choices=SITES, help="which drill (default: %(default)s)")
    options = parser.parse_args(arguments)
    runs: int = options.runs
    site = SITES[options.drill]
    folder = folder_of("lost_orders")

    def one(number: int, _: int) -> Compared:
        compared = run_one(number, folder / f"{number:03d}", site)
        shutil.rmtree(folder / f"{number:03d}" / "truth", ignore_errors=True)
        return compared

    found = in_a_row(range(runs), one, lambda compared: told(compared, runs))
    right = sum(not one.wrong for one in found)
    write("lost_orders", compared=found)
    print(f"\n{right} of {len(found)} drills found each lost order and the true loss: bench/out/lost_orders.json")
    return 0 if right == runs else 1


if __name__ == "__main__":
    sys.exit(main())
