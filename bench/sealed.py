"""Closed runs without a lab: drills that were recorded before (`tests/data`), put into a run's folder and sealed."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.freeze import DATA, thaw
from probes.chained import chain_up
from reports import folder as evidence
from reports.attestation import sign_run
from reports.evidence import RunInfo, write_run
from reports.folder import judge, write_verdict
from reports.keys import PemKey
from reports.losses import write_losses
from reports.manifest import CHAINED, open_run, write_manifest
from reports.page import write_page
from reports.record import LOSSES, TIMELINE
from reports.timeline import timeline_svg


def seal_run(runs: Path, name: str, drills: Sequence[str], key: Path | None = None) -> Path:
    """Close a run of these old drills as a session does, and sign it where there is a key; its folder."""
    run = runs / name
    run.mkdir(parents=True)
    held = open_run(run)
    write_run(
        run,
        RunInfo(
            run=name, harness="0.1.0", commit="", environment="lab", workload="orders",
            started_utc="2026-01-01T00:00:00Z", ended_utc="2026-01-01T00:10:00Z", operator="bench",
        ),
    )  # fmt: skip
    for drill in drills:
        _drill(drill, run / drill)
    _results(run)
    write_page(run, signed=key is not None)
    write_manifest(run, signed=key is not None)
    if key is not None:
        sign_run(run, PemKey(key))
    held.release()
    return run


def _drill(name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dr-drills-seal-") as made:
        shutil.copytree(thaw(DATA / name, Path(made)), folder)
    for path in (folder / one for one in CHAINED):
        *lines, torn = path.read_bytes().split(b"\n")
        path.write_bytes(b"".join(line + b"\n" for line in chain_up(lines)) + torn)
    found = evidence.load(folder)
    verdict = judge(found)
    write_verdict(folder, verdict)
    losses = evidence.losses(found)
    write_losses(folder / LOSSES, losses)
    (folder / TIMELINE).write_text(timeline_svg(found.history, verdict, found.declared, losses), encoding="utf-8")


def _results(run: Path) -> None:
    """What Allure keeps of a drill: a result, and copies of its files as attachments."""
    results = run / "allure-results"
    results.mkdir()
    for folder in sorted(path.parent for path in run.glob("*/plan.json")):
        for name in ("verdict.json", "timeline.svg", "losses.csv"):
            shutil.copyfile(folder / name, results / f"{folder.name}-attachment-{name}")
        content = {"uuid": folder.name, "status": "passed", "attachments": []}
        (results / f"{folder.name}-result.json").write_bytes(msgspec.json.encode(content))


def make_key(path: Path) -> Path:
    """A new private key of ECDSA P-256 in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
