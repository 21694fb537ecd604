import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from bench.sealed import make_key, seal_run
from reports.__main__ import main
from reports.attestation import KEY, NUMBERS_TYPE, TEST_RESULT, openssl_line, sign_run
from reports.dsse import SigningFailed, opened, pre_authentication
from reports.keys import PemKey
from reports.manifest import ATTESTATION, NUMBERS
from reports.verify import verify_run

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    return seal_run(tmp_path_factory.mktemp("runs"), "run-1", ("no-effect", "not-recovered"), key)


@pytest.fixture
def run(signed: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(signed.parent, tmp_path / "runs")
    return tmp_path / "runs" / signed.name


def _problems(run: Path, key: bytes | None = None) -> list[str]:
    return verify_run(run, key=key, numbers=False).problems


def test_the_pre_authentication_encoding_is_that_of_dsse() -> None:
    # The example of the protocol's own text.
    assert pre_authentication(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_the_statements_are_in_totos_with_every_file_as_a_subject(signed: Path) -> None:
    kinds = {ATTESTATION: TEST_RESULT, NUMBERS: NUMBERS_TYPE}
    for file, kind in kinds.items():
        payload, _ = opened((signed / file).read_bytes())
        statement = json.loads(payload)
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["predicateType"] == kind
        names = {one["name"] for one in statement["subject"]}
        there = {p.relative_to(signed).as_posix() for p in signed.rglob("*") if p.is_file()}
        assert names == {n for n in there if not n.startswith(("signature/", "attestation"))}
    payload, _ = opened((signed / ATTESTATION).read_bytes())
    result = json.loads(payload)["predicate"]
    assert (result["result"], result["passedTests"]) == ("FAILED", [])
    assert result["failedTests"] == ["no-effect", "not-recovered"]
    assert {one["name"] for one in result["configuration"]} == {"no-effect/plan.json", "not-recovered/plan.json"}
    payload, _ = opened((signed / NUMBERS).read_bytes())
    drills = json.loads(payload)["predicate"]["drills"]
    assert [drill["verdict"] for drill in drills] == ["invalid", "fail"]
    assert drills[1]["recovery_time"]["upper_s"] is None


def test_a_run_passed_only_if_every_drill_did(tmp_path: Path, key: Path) -> None:
    run = seal_run(tmp_path / "runs", "run-1", ("recovered-zone-a",), key)
    result = json.loads(opened((run / ATTESTATION).read_bytes())[0])["predicate"]
    assert (result["result"], result["passedTests"], result["failedTests"]) == ("PASSED", ["recovered-zone-a"], [])


@pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
@pytest.mark.parametrize("file", [ATTESTATION, NUMBERS])
def test_openssl_alone_checks_it(run: Path, file: str) -> None:
    command = openssl_line(file).split()
    done = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Verified OK"), done.stderr
    pae = run / command[-1]
    pae.write_bytes(pae.read_bytes().replace(b"FAILED", b"PASSED").replace(b"fail", b"pass"))
    assert subprocess.run(command, cwd=run, capture_output=True, check=False).returncode == 1


def test_a_signature_holds_and_says_by_whom(signed: Path, key: Path) -> None:
    found = verify_run(signed, numbers=False)
    assert found.problems == []
    assert f"Signed by {PemKey(key).key_id} (the key beside it: hold its id against the one you know)." in found.notes
    given = verify_run(signed, key=PemKey(key).public_pem, numbers=False)
    assert given.problems == []
    assert any("the key that was given" in note for note in given.notes)


def test_another_key_is_not_the_one_that_was_given(signed: Path, tmp_path: Path) -> None:
    problems = _problems(signed, PemKey(make_key(tmp_path / "other.pem")).public_pem)
    assert "signature/key.pem is not the key that was given: somebody else signed this." in problems
    assert "attestation.json: its signature is not that of the key, or what was signed was changed." in problems


def test_a_payload_that_was_changed_is_not_what_was_signed(run: Path) -> None:
    path = run / ATTESTATION
    envelope = json.loads(path.read_bytes())
    payload = b64decode(envelope["payload"]).replace(b'"FAILED"', b'"PASSED"')
    path.write_text(json.dumps({**envelope, "payload": b64encode(payload).decode()}), encoding="utf-8")
    problems = _problems(run)
    assert "attestation.json: its signature is not that of the key, or what was signed was changed." in problems
    assert "attestation.json: what was signed of the drills is not what their verdicts say." in problems


def test_a_signature_that_was_taken_away_is_missed(run: Path) -> None:
    (run / ATTESTATION).unlink()
    (run / NUMBERS).unlink()
    assert "attestation.json is missing: the run was to be signed. It is UNSIGNED." in _problems(run)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"\xff",
        b'{"payload":"!","payloadType":"application/vnd.in-toto+json","signatures":[]}',
        b'{"payload":"","payloadType":"text","signatures":[]}',
    ],
)
def test_what_is_no_envelope_cannot_be_read(run: Path, content: bytes) -> None:
    (run / ATTESTATION).write_bytes(content)
    assert any(problem.startswith("attestation.json: it cannot be read: ") for problem in _problems(run))


def test_a_key_that_is_none_is_said_to_be(run: Path) -> None:
    (run / KEY).write_bytes(b"no key")
    assert any("cannot be used" in problem for problem in _problems(run))


@pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
def test_a_key_that_openssl_made_signs_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(made)], check=True,
        capture_output=True,
    )  # fmt: skip
    run = seal_run(tmp_path / "runs", "run-1", ("no-effect",))
    assert main(["sign", str(run), "--key", str(made)]) == 0
    told = capsys.readouterr().out
    assert openssl_line() in told
    public = tmp_path / "public.pem"
    subprocess.run(["openssl", "ec", "-in", str(made), "-pubout", "-out", str(public)], check=True, capture_output=True)
    assert main(["verify", str(run), "--key", str(public), "--signed"]) == 0


def test_what_does_not_sign_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.pem").write_text("no key", encoding="utf-8")
    assert main(["sign", str(tmp_path), "--key", str(tmp_path / "no.pem")]) == 1
    assert "is no private key in PEM" in capsys.readouterr().err
    assert main(["sign", str(tmp_path), "--key", str(tmp_path / "nowhere.pem")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["sign", str(tmp_path), "--key", "arn:aws:kms:eu-west-1:1:key/x"]) == 1
    assert "python -m fixtures.signing" in capsys.readouterr().err
    with pytest.raises(SigningFailed, match="only a run that was closed"):
        sign_run(tmp_path, PemKey(make_key(tmp_path / "key.pem")))
