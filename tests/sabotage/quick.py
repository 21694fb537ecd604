"""Runs a drill as a user would, in a process of its own, against a quick lab; and knows what it may leave behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fixtures import lab
from fixtures.aws import Cloud
from fixtures.inventory import clusters, groups, machines
from fixtures.lab.handle import decode_order
from fixtures.workload import load

ROOT = Path(__file__).resolve().parents[2]
DRILLS = Path(__file__).parent / "drills"
DEFAULT = ROOT / "fixtures/workloads/orders-multi-az.toml"
# A drill in the quick lab takes some 20 s; this only ends one that hangs.
HANGS_S = 180.0

QUICK = {
    'steady = "5s"': 'steady = "3s"',
    'hold = "5s"': 'hold = "3s"',
    'health_check = "1s"': 'health_check = "500ms"',
    'dns_ttl = "5s"': 'dns_ttl = "1s"',
    'boot_delay = "1s"': 'boot_delay = "200ms"',
    'asg_check = "1s"': 'asg_check = "500ms"',
    'lb_interval = "500ms"': 'lb_interval = "200ms"',
    'lb_dns_ttl = "5s"': 'lb_dns_ttl = "1s"',
    'aurora_failover = "2s"': 'aurora_failover = "1s"',
}


def quick_workload(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """The reference workload with quick settings, and with further changes of its text."""
    text = DEFAULT.read_text(encoding="utf-8")
    for before, after in (QUICK | (changes or {})).items():
        assert f"\n{before}" in text, f"the reference workload has no line {before!r} any more"
        text = text.replace(f"\n{before}", f"\n{after}")
    text = text.replace('template = "orders-multi-az.template.json"', 'template = "template.json"')
    (folder / "template.json").write_bytes(DEFAULT.with_name("orders-multi-az.template.json").read_bytes())
    path = folder / "quick.toml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass
class Run:
    """One pytest run of one drill file, with its own state folder and its own folder of runs."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        """Where its journals are."""
        return self.folder / "state"

    @property
    def output(self) -> str:
        """What it printed."""
        return (self.folder / "output.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def drill_folder(self) -> Path:
        """The evidence of its only drill."""
        (found,) = (self.folder / "runs").glob("*/*/marks.jsonl")
        return found.parent

    @property
    def verdict(self) -> dict[str, Any]:
        """Its verdict."""
        verdict: dict[str, Any] = json.loads((self.drill_folder / "verdict.json").read_text(encoding="utf-8"))
        return verdict

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(HANGS_S)

    def await_mark(self, name: str) -> None:
        """Wait until the drill has written that mark."""
        wanted = f'"name":"{name}"'
        deadline = time.monotonic() + HANGS_S
        while time.monotonic() < deadline:
            if any(wanted in path.read_text(encoding="utf-8") for path in self.folder.glob("runs/*/*/marks.jsonl")):
                return
            assert self.process.poll() is None, f"ended before {name!r}:\n{self.output}"
            time.sleep(0.02)
        raise AssertionError(f"the mark {name!r} never came:\n{self.output}")

    def labs(self) -> list[lab.Lab]:
        """The labs that it started and that still run."""
        return [one for one in lab.running() if _owner(one) == self.process.pid]

    def journal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m fixtures.journal` as another process would."""
        return subprocess.run(
            [sys.executable, "-m", "fixtures.journal", *arguments],
            cwd=ROOT, env=self.environment(self.folder), capture_output=True, text=True, timeout=HANGS_S, check=False,
        )  # fmt: skip

    @staticmethod
    def environment(folder: Path, **more: str) -> dict[str, str]:
        """The environment of a user who keeps this run's files apart."""
        own = {
            "DR_DRILLS_STATE": str(folder / "state"), "DR_DRILLS_RUNS_DIR": str(folder / "runs"), "COLUMNS": "120",
            "PYTHONWARNINGS": "error::ResourceWarning",
        }  # fmt: skip
        return os.environ | own | more


def start(folder: Path, drill: str, *, changes: dict[str, str] | None = None, **environment: str) -> Run:
    """Start one drill file."""
    workload = quick_workload(folder, changes)
    command = [
        sys.executable, "-m", "pytest", str(DRILLS / f"drill_{drill}.py"), "--workload", str(workload),
        "-p", "no:cacheprovider",
    ]  # fmt: skip
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=Run.environment(folder, **environment), start_new_session=True,
        )  # fmt: skip
    return Run(folder, process)


@contextmanager
def running(folder: Path, drill: str, *, changes: dict[str, str] | None = None, **environment: str) -> Iterator[Run]:
    """Run one drill file; whatever became of it, nothing of it runs afterwards."""
    run = start(folder, drill, changes=changes, **environment)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGKILL)
        run.process.wait()
        for one in run.labs():
            lab.down(one)


def _owner(up: lab.Lab) -> int | None:
    return owner_of(up.directory)


def owner_of(directory: Path) -> int | None:
    """The id of the process that the lab in this directory was, or is being, brought up for."""
    owner = decode_order((directory / "order.json").read_bytes()).owner
    return None if owner is None else owner.pid


def state_of(up: lab.Lab, workload: Path) -> dict[str, Any]:
    """What a drill must put back, without what AWS assigns anew: zones of running instances, groups, writers."""
    selection = load(workload).selection()
    with Cloud.for_lab(up.endpoint_url) as cloud:
        scaling = groups(cloud, selection)
        return {
            "running": sorted(one.zone for one in machines(cloud, selection, scaling) if one.state == "running"),
            "groups": [(group.name, group.desired, sorted(subnet.id for subnet in group.subnets)) for group in scaling],
            "databases": [
                (cluster.id, cluster.status, sorted((member.id, member.writer) for member in cluster.members))
                for cluster in clusters(cloud, selection)
            ],
        }


def processes_of(up: lab.Lab | str) -> list[str]:
    """Every process of a lab, or of the one with that id, by its command line."""
    lab_id = up if isinstance(up, str) else up.id
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DR_DRILLS_LAB") == lab_id:
                found.append(" ".join(process.cmdline()))
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found
