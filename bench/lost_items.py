"""Drills of a lost site of two that both serve, each compared with the lab's own log and tables, key by key.

`python -m bench.lost_items --runs N`. The truth does not come from the probes. At the loss the lab's log says which
writes had not left the site; at its return, of each of them, whether it arrived late or was dropped for a later one.
Then both replicas are asked for these keys, at the lab's API. A drill is right if

- the keys that it calls lost, late or rolled back, and those of its conflicts, are exactly those of the first list that
  a client had been told to be done,
- what it calls late arrived late by the log, and a conflict whose later version stands was dropped by it,
- both replicas hold the same of each of these keys, and it is the version that the drill says stands.
"""

import argparse
import csv
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from bench.drilled import WORKLOADS, Where, command_of, folder_of, in_a_row
from bench.figures import write
from bench.observer import POLL_S, Observer, observed
from bench.truth import NoTruth
from fixtures.lab import Lab
from fixtures.lab.disks import truth_of
from reports.losses import GONE

WORKLOAD = WORKLOADS / "orders-active-active.toml"
DRILL = "drills/test_site_lost.py"
LOST, OTHER, TABLE = "eu-central-1", "eu-west-1", "orders-aa"


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the lab says: by key, of writes that had not left the lost site, what became of the last of them.

    `arrived` is True where it arrived late, False where it was dropped. `versions` has each replica's version of the
    key after that, by Region; 0 for none.
    """

    arrived: dict[str, bool]
    versions: dict[str, dict[str, int]]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One drill beside the truth; `wrong` says in sentences what does not agree."""

    number: int
    exit: int
    called: int = 0
    conflicts: int = 0
    true: int = 0
    unacknowledged: int = 0
    took_s: float = 0.0
    wrong: tuple[str, ...] = ()


class Looking(Observer[Truth]):
    """Reads the log and the tables."""

    def look(self, lab: Lab) -> Truth:
        """Once the log says of each write what became of it. Raises NoTruth."""
        while not self.ended.wait(POLL_S):
            arrived = fates(truth_of(lab))
            if arrived and None not in arrived.values():
                known = {key: bool(late) for key, late in arrived.items()}
                return Truth(arrived=known, versions=versions_of(lab, known))
        raise NoTruth("the lab did not say of each write what became of it")


def fates(log: Sequence[Mapping[str, Any]]) -> dict[str, bool | None]:
    """Of the keys whose last write had not left the lost site: whether it arrived late (None: not known yet)."""
    found: dict[str, bool | None] = {}
    way = f"{LOST} -> {OTHER},"
    for entry in log:
        table, _, key = str(entry["subject"]).partition(" ")
        if table != TABLE or not str(entry["detail"]).startswith(way):
            continue
        if entry["event"] == "write not replicated":
            found[key] = None
        elif key in found and entry["event"] in ("late write replicated", "late write discarded"):
            found[key] = entry["event"] == "late write replicated"
    return found


def versions_of(lab: Lab, keys: Mapping[str, bool]) -> dict[str, dict[str, int]]:
    """What each replica holds of these keys now, asked of the lab's API and not by way of its network."""
    found: dict[str, dict[str, int]] = {key: {} for key in keys}
    for region in (LOST, OTHER):
        session: Any = boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", region_name=region)  # noqa: S106 - no secret: the lab takes any
        client = session.client("dynamodb", endpoint_url=lab.endpoint_url, config=Config(proxies={}))
        for key in keys:
            item = client.get_item(TableName=TABLE, Key={"key": {"S": key}}, ConsistentRead=True).get("Item")
            found[key][region] = int(item["version"]["N"]) if item else 0
    return found


def compare(found: Compared, drill: Path, truth: Truth) -> Compared:
    """Hold a drill's evidence beside the truth. Raises OSError where there is none."""
    verdict = json.loads((drill / "verdict.json").read_text(encoding="utf-8"))
    with (drill / "losses.csv").open(encoding="utf-8", newline="") as rows:
        called = {row["key"]: row["class"] for row in csv.DictReader(rows) if row["class"] in GONE}
    clashes = {row["key"]: row for row in verdict["conflicts"] if row["earlier_region"] == LOST}
    wanted = truth.arrived.keys() & _acknowledged(drill)
    said = called.keys() | clashes.keys()
    wrong = [f"exit code {found.exit}"] if found.exit else []
    wrong += [f"not called gone, and in no conflict: {key}" for key in sorted(wanted - said)]
    wrong += [f"called {called.get(key, 'a conflict')}, and is not: {key}" for key in sorted(said - wanted)]
    wrong += [
        f"called {called[key]}, and the log says otherwise: {key}"
        for key in sorted((called.keys() & wanted) - clashes.keys())
        if (called[key] == "late") is not truth.arrived[key]
    ]
    wrong += [says for key in sorted(clashes.keys() & wanted) if (says := _wrong_conflict(clashes[key], truth))]
    wrong += [
        f"the replicas differ at {key}: {held}"
        for key, held in sorted(truth.versions.items())
        if len(set(held.values())) > 1
    ]
    if not truth.arrived:
        wrong.append("nothing was on its way, so nothing was shown")
    return msgspec.structs.replace(
        found, called=len(called), conflicts=len(clashes), true=len(wanted),
        unacknowledged=len(truth.arrived) - len(wanted), wrong=(*found.wrong, *wrong),
    )  # fmt: skip


def _wrong_conflict(row: Mapping[str, Any], truth: Truth) -> str:
    """A later version that stands has been kept for the earlier one, which was dropped when it arrived."""
    key, stands = row["key"], row["stands"]
    if stands is None:
        return f"which version stands is not said: {key}"
    dropped = not truth.arrived[key]
    return "" if dropped is (stands == row["later"]) else f"version {stands} is said to stand, and does not: {key}"


def _acknowledged(drill: Path) -> set[str]:
    """The keys of which a client was told that its last change in the lost site's Region was done."""
    found: dict[str, bool] = {}
    for path in drill.glob("history-*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("kind") in ("write", "update") and _served_by(entry) == LOST:
                found[entry["key"]] = entry.get("outcome") == "ok"
    return {key for key, done in found.items() if done}


def _served_by(entry: Mapping[str, Any]) -> str:
    """Where it was done; nobody says of one that got no answer, which was not acknowledged either."""
    return str((entry.get("served_by") or {}).get("region", ""))


def run_one(number: int, folder: Path) -> Compared:
    """One drill with somebody who looks at the log and the tables meanwhile."""
    where, began_s = Where(folder), time.monotonic()
    code, observer = observed(command_of(WORKLOAD, DRILL, "-k", LOST), where, Looking)
    left = tuple(where.left())
    found = Compared(number=number, exit=code, took_s=time.monotonic() - began_s, wrong=left)
    drills = [path.parent for path in where.runs.glob("*/*/verdict.json")]
    if observer.truth is None or len(drills) != 1:
        why = f"no truth: {observer.failure}" if observer.truth is None else "no verdict"
        return msgspec.structs.replace(found, wrong=(*left, f"exit code {code}", why))
    return compare(found, drills[0], observer.truth)


def told(found: Compared, runs: int) -> str:
    """One drill in a line, and what is wrong with it below."""
    line = (
        f"[{found.number}/{runs}] {'WRONG' if found.wrong else 'right'}  {found.called} called gone and "
        f"{found.conflicts} in conflict of {found.true} ({found.unacknowledged} more that nobody was told of), "
        f"{found.took_s:.0f} s"
    )
    return "\n".join([line, *(f"    - {says}" for says in found.wrong)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 if any drill was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.lost_items", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="how many drills (default: 10)")
    runs: int = parser.parse_args(arguments).runs
    folder = folder_of("lost_items")

    def one(number: int, _: int) -> Compared:
        compared = run_one(number, folder / f"{number:03d}")
        shutil.rmtree(folder / f"{number:03d}" / "truth", ignore_errors=True)
        return compared

    found = in_a_row(range(runs), one, lambda compared: told(compared, runs))
    right = sum(not one.wrong for one in found)
    write("lost_items", compared=found)
    print(f"\n{right} of {len(found)} drills named each item that had not left: bench/out/lost_items.json")
    return 0 if right == runs else 1


if __name__ == "__main__":
    sys.exit(main())
