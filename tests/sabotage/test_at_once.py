"""Two drills on one workload at once: exactly one runs. On one machine, and on two that share a table of leases."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from fixtures.aws import Cloud
from tests.fixtures.moto_server import served
from tests.sabotage.quick import HANGS_S, ROOT, Run, running

TABLE, REGION = "drills", "eu-north-1"
# Another machine: with a state folder of its own, and the same table. It holds the lease until its input ends.
TAKE = """
import sys
from pathlib import Path
from fixtures.aws import Cloud
from fixtures.errors import Refused
from fixtures.lease import Leases, Table
url, state, run = sys.argv[1:]
sys.stdin.readline()
with Cloud.for_lab(url) as cloud:
    try:
        held = Leases.take("orders", run, state=Path(state), cloud=cloud, table=Table("drills", "eu-north-1"))
    except Refused as refused:
        print(refused, flush=True)
    else:
        print("held", flush=True)
        sys.stdin.read()
        held.release()
"""


def first_to_end(one: Run, other: Run) -> tuple[Run, Run]:
    deadline = time.monotonic() + HANGS_S
    while time.monotonic() < deadline:
        for ended, left in ((one, other), (other, one)):
            if ended.process.poll() is not None:
                return ended, left
        time.sleep(0.02)
    raise AssertionError(f"neither ended:\n{one.output}\n{other.output}")


def test_of_two_processes_of_one_machine_exactly_one_runs(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    state = str(tmp_path / "state")
    with (
        running(folders[0], "power_loss", DR_DRILLS_STATE=state) as one,
        running(folders[1], "power_loss", DR_DRILLS_STATE=state) as other,
    ):
        refused, runs = first_to_end(one, other)
        assert refused.process.returncode == 12, refused.output
        assert "Nothing was touched" in refused.output or "Wait for it, or stop it" in refused.output
        assert not list(refused.folder.glob("runs/*/*/journal.jsonl")), "it has come as far as a journal"
        runs.await_mark("requested")
        runs.process.send_signal(signal.SIGINT)
        assert runs.wait() == 12, runs.output
        assert (runs.verdict["verdict"], runs.verdict["undo"]) == ("aborted", "clean")
    assert not list((tmp_path / "state").glob("*.jsonl"))


def test_of_two_machines_exactly_one_has_the_lease(tmp_path: Path) -> None:
    with served() as url, Cloud.for_lab(url) as cloud:
        cloud.client("dynamodb", REGION, "plan").create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "workload", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "workload", "AttributeType": "S"}],
        )  # fmt: skip
        machines = [
            subprocess.Popen(
                [sys.executable, "-c", TAKE, url, str(tmp_path / run), run], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for run in ("one", "other")
        ]  # fmt: skip
        try:
            for machine in machines:  # both are ready, or will be: now both may try
                assert machine.stdin is not None
                machine.stdin.write("go\n")
                machine.stdin.flush()
            said = [machine.stdout.readline() for machine in machines if machine.stdout is not None]
        finally:
            for machine in machines:
                machine.communicate(timeout=HANGS_S)
    assert said.count("held\n") == 1, said
    (refusal,) = (one for one in said if one != "held\n")
    assert "A drill of workload orders runs already" in refusal
    assert "has the lease in table drills" in refusal
