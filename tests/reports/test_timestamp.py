"""A run's manifest timestamped by a server in this process, and what is no timestamp of it."""

import datetime as dt
import hashlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.sealed import seal_run
from reports import timestamp
from reports.__main__ import main
from reports.manifest import MANIFEST, read_manifest, write_manifest
from reports.register import read_register
from reports.timestamp import ASKED, QUERY, REPLY, Untimed, openssl_line, stamp_run
from reports.verify import Checked, verify_run
from tests.reports.tsa import Tsa, serving

pytest.importorskip("rfc3161_client", reason="the extra `timestamp` is not installed")
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with serving(Tsa(tmp_path_factory.mktemp("tsa"))) as found:
        yield found


@pytest.fixture(autouse=True)
def _as_it_was(tsa: Tsa) -> Iterator[None]:
    yield
    tsa.status, tsa.digests, tsa.change = 200, "sha256", lambda reply: reply


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_run(tmp_path_factory.mktemp("runs"), "run-1", ("no-effect",))


@pytest.fixture
def run(closed: Path, tmp_path: Path) -> Path:
    shutil.copytree(closed.parent, tmp_path / "runs")
    return tmp_path / "runs" / closed.name


def look(run: Path, ca: bytes | None = None, *, timed: bool = False) -> Checked:
    return verify_run(run, authorities=ca, must_be_timed=timed, numbers=False)


def test_a_timestamp_holds_and_says_when_and_by_whom(run: Path, tsa: Tsa) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    moment = stamp_run(run, tsa.url)
    assert before <= dt.datetime.fromisoformat(moment) <= dt.datetime.now(dt.UTC)
    found = look(run, tsa.ca_pem)
    assert found.problems == []
    manifest = read_manifest(run)
    assert manifest is not None
    said = f"Timed {moment} by CN=the clock; the run says that it was closed at {manifest.closed_utc}."
    assert said in found.notes
    kind, query = tsa.asked[-1]
    assert (kind, query) == ("application/timestamp-query", (run / QUERY).read_bytes())
    assert hashlib.sha256((run / MANIFEST).read_bytes()).digest() in query
    assert set(read_register(run.parent).added("run-1")) == {QUERY, REPLY, ASKED}


def test_without_authorities_it_proves_nothing_and_says_so(run: Path, tsa: Tsa) -> None:
    stamp_run(run, tsa.url)
    found = look(run)
    assert found.problems == []
    assert any(f"by {tsa.url}, as it says itself: --tsa-ca FILE proves it" in note for note in found.notes)


def test_openssl_alone_checks_it(run: Path, tsa: Tsa) -> None:
    stamp_run(run, tsa.url)
    (run / "CA.pem").write_bytes(tsa.ca_pem)
    done = subprocess.run(openssl_line().split(), cwd=run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Verification: OK"), done.stderr
    (run / MANIFEST).write_bytes((run / MANIFEST).read_bytes() + b"\n")
    assert subprocess.run(openssl_line().split(), cwd=run, capture_output=True, check=False).returncode == 1


def test_another_authority_does_not_vouch_for_it(run: Path, tsa: Tsa, tmp_path: Path) -> None:
    stamp_run(run, tsa.url)
    (problem,) = look(run, Tsa(tmp_path / "other").ca_pem).problems
    assert problem.startswith("timestamp/manifest.tsr: the authorities that were given do not vouch for it")
    (problem,) = look(run, b"no certificate").problems
    assert "holds no certificate in PEM" in problem


def test_a_signature_that_was_changed_does_not_hold(run: Path, tsa: Tsa) -> None:
    stamp_run(run, tsa.url)
    reply = (run / REPLY).read_bytes()
    (run / REPLY).write_bytes(reply[:-1] + bytes([reply[-1] ^ 1]))
    problems = look(run, tsa.ca_pem).problems
    assert any("do not vouch for it" in problem for problem in problems)
    assert f"{REPLY} was changed after it was added." in problems


def test_a_manifest_that_was_written_anew_is_not_what_was_timed(run: Path, tsa: Tsa) -> None:
    stamp_run(run, tsa.url)
    (run / "no-effect" / "losses.csv").write_text("made up\n", encoding="utf-8")
    write_manifest(run)
    assert f"{REPLY}: it is the timestamp of something else." in look(run).problems


def test_a_reply_to_another_query_is_none_of_this(run: Path, tsa: Tsa) -> None:
    stamp_run(run, tsa.url)
    asked = json.loads((run / ASKED).read_bytes())
    (run / ASKED).write_text(json.dumps(asked | {"nonce": "1"}), encoding="utf-8")
    assert f"{REPLY}: it answers another query: its nonce is not the one that was sent." in look(run).problems


def test_a_timestamp_that_is_wanted_is_missed(run: Path, tsa: Tsa) -> None:
    assert look(run).problems == []
    missing = "timestamp/ is missing: nobody says since when the run is there. It is UNTIMED."
    assert look(run, timed=True).problems == [missing]
    assert look(run, tsa.ca_pem).problems == [missing]
    write_manifest(run, timed=True)
    assert missing in look(run).problems
    stamp_run(run, tsa.url)
    assert missing not in look(run, timed=True).problems


@pytest.mark.parametrize("name", [ASKED, REPLY])
def test_a_part_that_is_missing_is_a_problem(run: Path, tsa: Tsa, name: str) -> None:
    stamp_run(run, tsa.url)
    (run / name).unlink()
    problems = look(run).problems
    assert any("timestamp/ cannot be read" in problem for problem in problems)
    assert f"{name} is missing; it was added later, as runs.jsonl says." in problems


def _untimed(run: Path, url: str) -> str:
    there = sorted(run.rglob("*"))
    with pytest.raises(Untimed) as error:
        stamp_run(run, url)
    assert sorted(run.rglob("*")) == there
    return str(error.value)


def test_a_server_that_cannot_be_reached_leaves_the_evidence_as_it_was(run: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://user:secret@127.0.0.1:{nobody.getsockname()[1]}/tsa?token=secret"
        says = _untimed(run, url)
    shown = url.replace("user:secret@", "").replace("?token=secret", "")
    assert says == f"{shown} cannot be reached: ConnectionError."


def test_a_server_that_says_nothing_is_not_waited_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamp, "READ_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        says = _untimed(run, f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert says.endswith("cannot be reached: ReadTimeout.")


def test_what_a_server_answers_must_be_a_timestamp_of_it(run: Path, tsa: Tsa) -> None:
    tsa.status = 503
    assert "answered with status 503" in _untimed(run, tsa.url)
    tsa.status, tsa.change = 200, lambda _reply: b"<html>"
    assert "it is no reply of RFC 3161" in _untimed(run, tsa.url)
    tsa.change = lambda _reply: b"0" * (timestamp.LONGEST_REPLY + 1)
    assert "which no timestamp has" in _untimed(run, tsa.url)
    old = tsa.reply(tsa.asked[-1][1])
    tsa.change = lambda _reply: old  # to another query of the same manifest
    assert "it answers another query" in _untimed(run, tsa.url)
    tsa.change, tsa.digests = (lambda reply: reply), "sha512"  # it takes no other
    assert "the server grants none: rejection" in _untimed(run, tsa.url)


def test_what_is_no_server_and_what_is_not_closed(run: Path, tsa: Tsa) -> None:
    assert "is no URL of a server" in _untimed(run, "ftp://example.com")
    (run / MANIFEST).unlink()
    assert "only a run that was closed can be timestamped" in _untimed(run, tsa.url)


def test_the_command_times_a_run_and_verify_takes_the_authority(
    run: Path, tsa: Tsa, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["timestamp", str(run), "--url", tsa.url]) == 0
    assert openssl_line() in capsys.readouterr().out
    ca = str(tsa.folder / "ca.pem")
    assert main(["verify", str(run), "--tsa-ca", ca, "--timed"]) == 0
    assert "by CN=the clock" in capsys.readouterr().out
    assert main(["verify", str(run), "--tsa-ca", str(run / REPLY)]) == 1
    assert main(["verify", str(run), "--tsa-ca", str(run / "none.pem")]) == 2
    assert main(["timestamp", str(run), "--url", "nowhere"]) == 1
    assert "not timed" in capsys.readouterr().err
