"""The seven ways in which a drill ends, played from drills that were recorded before: `python -m bench.ends` runs it.

Everything that a session does with a drill is the harness's own (its folder, its verdict, the error that it raises,
what Allure is given), and so is what a killed one leaves; there is only no lab, and nothing is measured.
"""

import os
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench.freeze import DATA, thaw
from fixtures import plugin
from fixtures.change import Change
from fixtures.drill_order import DrillOrder
from fixtures.errors import Aborted
from fixtures.exits import Ended
from fixtures.journal import Journal, JournalHeader
from fixtures.outcome import raise_for
from fixtures.publish import label, publish
from fixtures.session import Session
from probes.chained import chain_up
from reports.folder import JOURNAL, PLAN, judge, write_verdict
from tests.reports.synthetic import CHANGE

ZONE = "recovered-zone-a"
# Which recorded drill each is played from.
RECORDED = {
    "pass": ZONE,
    "fail": "not-recovered",
    "inconclusive": "close-to-the-objective",
    "invalid": "no-effect",
    "aborted": ZONE,
    "undo dirty": ZONE,
}
TOLD = "SIGINT received"
LEFT = b'{"type":"state","id":"stop-zone/eu-west-1a/1","state":"left","at_utc":"2026-11-23T22:01:12.000Z",'
LEFT += b'"says":"somebody else changed it meanwhile: it is left as it is"}\n'


def _folder(request: pytest.FixtureRequest, recorded: str, parameters: dict[str, str]) -> tuple[Session, Path]:
    """The drill's folder in this run, with what was recorded in it, and Allure's labels."""
    session: Session = request.config.stash[plugin.SESSION]
    order = DrillOrder(
        test=request.node.nodeid, name="az_power_loss", says="If a zone loses power, orders are taken within the RTO.",
        disruption="az", expects="impact", parameters=parameters,
    )  # fmt: skip
    label(session, order)
    folder, ours = session._drill_folder(order), session._declared(order)
    with tempfile.TemporaryDirectory(prefix="dr-drills-ends-") as made:
        for path in thaw(DATA / recorded, Path(made)).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    declared = msgspec.json.decode((folder / PLAN).read_bytes())
    ours_told = msgspec.to_builtins(ours)
    named = {
        name: ours_told[name] for name in ("run", "drill", "says", "parameters", "workload", "environment", "test")
    }
    (folder / PLAN).write_bytes(msgspec.json.encode(declared | named))
    return session, folder


@pytest.mark.drill(disruption="az", expects="impact")
@pytest.mark.parametrize("end", RECORDED)
def test_power_loss(end: str, request: pytest.FixtureRequest) -> None:
    """One that came to its end, or was ended in order."""
    session, folder = _folder(request, RECORDED[end], {"end": end.replace(" ", "-")})
    (folder / "verdict.json").unlink()
    if end == "aborted":
        _interrupt(folder / "marks.jsonl")
    if end == "undo dirty":
        with (folder / JOURNAL).open("ab") as file:
            file.write(LEFT)
    verdict = judge(folder)
    write_verdict(folder, verdict)
    judged: Any = SimpleNamespace(verdict=verdict, around=SimpleNamespace(folder=folder))
    publish(judged)
    session.note(Ended(drill=request.node.nodeid, verdict=verdict.verdict, undo=verdict.undo))
    if end == "aborted":
        raise Aborted(f"{TOLD}: the drill ends here, and whatever it broke is put back.")
    raise_for(verdict)


def _interrupt(path: Path) -> None:
    """A person ends it after the impact: what came of the recovery is not marked any more."""
    header, *lines = (msgspec.json.decode(line) for line in path.read_bytes().splitlines())
    base = next(mark["at_ns"] for mark in lines if mark["name"] == "undo")
    gone = ("stable", "confirmed", "first success", "audit", "audited", "converged")
    told = {"name": "interrupted", "at_ns": base - 1, "source": "person", "says": TOLD}
    marks = sorted([*(mark for mark in lines if mark["name"] not in gone), told], key=lambda mark: mark["at_ns"])
    chained = chain_up(msgspec.json.encode(one) for one in (header, *marks))
    path.write_bytes(b"".join(line + b"\n" for line in chained))


@pytest.mark.drill(disruption="az", expects="impact")
def test_killed(request: pytest.FixtureRequest) -> None:
    """One whose process is killed: nobody writes its result but whoever puts it back, from its journal."""
    session, folder = _folder(request, "killed", {})
    (folder / "verdict.json").unlink()
    header = JournalHeader(
        run=session.run, drill="az_power_loss", workload=session.workload.name, environment="lab",
        endpoint_url="http://127.0.0.1:9", lab="ended",
        run_folder=str(session.folder), folder=str(folder), results=str(session.results), node_id=request.node.nodeid,
    )  # fmt: skip
    change = msgspec.convert(CHANGE | {"says": "instance i-1 of eu-west-1a is stopped"}, Change)
    with Journal.open(None, header) as journal:
        journal.intent(change)
        journal.sent(change.id)
        journal.returned(change.id, {})
        os.kill(os.getpid(), signal.SIGKILL)
