"""What is signed of a run: two in-toto Statements whose subjects are its files, one for policy tools, one with numbers.

`attestation.json` is the generic test result, `attestation-numbers.json` has the intervals and verdicts. In
`signature/` lie the same bytes for openssl, which needs nothing of ours.
Sources: in-toto Statement v1 and the predicate test-result v0.1 (https://github.com/in-toto/attestation, spec/).
"""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from reports.dsse import Envelope, Signer, SigningFailed, opened, pre_authentication, sealed
from reports.folder import VERDICT
from reports.manifest import ATTESTATION, MANIFEST, NUMBERS, SIGNATURE, Manifest, add_later, read_manifest, sha256_of
from reports.record import PLAN

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
NUMBERS_TYPE = "urn:dr-drills:numbers:v1"
KEY = f"{SIGNATURE}/key.pem"
# What a policy is written for: how the run was configured.
_CONFIGURATION = ("workload.json", PLAN)
_OF_VERDICT = (
    "drill", "parameters", "workload", "strategy", "disruption", "environment", "judged_by", "verdict", "undo",
    "recovery_time", "data_loss", "failback",
)  # fmt: skip
_NEEDS = "The package `cryptography` is missing, which signatures need (the extra `signing`)."


def statements(run_folder: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The statements of a run by the file that each goes into. Raises OSError, or `msgspec.DecodeError`."""
    hashes = {name: file.sha256 for name, file in manifest.files.items()} | {MANIFEST: sha256_of(run_folder / MANIFEST)}
    subjects = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(hashes.items())]
    drills = list(_drills(run_folder))
    predicates = {
        ATTESTATION: (TEST_RESULT, _test_result(manifest, drills)),
        NUMBERS: (NUMBERS_TYPE, _numbers(manifest, drills)),
    }
    return {
        file: {"_type": STATEMENT, "subject": subjects, "predicateType": kind, "predicate": predicate}
        for file, (kind, predicate) in predicates.items()
    }


def _drills(run_folder: Path) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Each drill's folder with what its verdict says, None where it has none."""
    for folder in sorted(path.parent for path in run_folder.glob(f"*/{PLAN}")):
        path = folder / VERDICT
        yield folder.name, msgspec.json.decode(path.read_bytes(), type=dict) if path.exists() else None


def _test_result(manifest: Manifest, drills: list[tuple[str, dict[str, Any] | None]]) -> dict[str, Any]:
    """Passed is only what passed and is put back; what has no verdict has failed. Nothing is "warned" here."""
    passed = [name for name, v in drills if v is not None and (v.get("verdict"), v.get("undo")) == ("pass", "clean")]
    failed = [name for name, _ in drills if name not in passed]
    return {
        "result": "PASSED" if passed and not failed and manifest.state == "ended" else "FAILED",
        "configuration": [
            {"name": name, "digest": {"sha256": file.sha256}}
            for name, file in sorted(manifest.files.items())
            if name.rpartition("/")[2] in _CONFIGURATION
        ],
        "passedTests": passed,
        "warnedTests": [],
        "failedTests": failed,
    }


def _numbers(manifest: Manifest, drills: list[tuple[str, dict[str, Any] | None]]) -> dict[str, Any]:
    return {
        "run": manifest.run,
        "number": manifest.number,
        "state": manifest.state,
        "closed": manifest.closed_utc,
        "previous": msgspec.to_builtins(manifest.previous),
        "drills": [
            {"folder": name, **({n: v[n] for n in _OF_VERDICT if n in v} if v else {"verdict": None})}
            for name, v in drills
        ],
    }


def sign_run(run_folder: Path, signer: Signer) -> list[Path]:
    """Sign a closed run; what was written. Again, it replaces the signature. Raises SigningFailed, or OSError."""
    from reports.keys import is_signed_by  # noqa: PLC0415  an extra: who signs nothing need not have it

    manifest = read_manifest(run_folder)
    if manifest is None:
        raise SigningFailed(f"{run_folder.name} has no {MANIFEST}: only a run that was closed can be signed.")
    made: dict[str, bytes] = {KEY: signer.public_pem}
    for file, statement in statements(run_folder, manifest).items():
        payload = msgspec.json.encode(statement)
        envelope = sealed(payload, signer)
        if not is_signed_by(signer.public_pem, b64decode(envelope.signatures[0].sig), pre_authentication(payload)):
            raise SigningFailed(f"What the key {signer.key_id} gave is not its signature of {file}. Nothing is signed.")
        made[file] = msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n"
        made[_beside(file, "pae")] = pre_authentication(payload)
        made[_beside(file, "sig")] = b64decode(envelope.signatures[0].sig)
    return [add_later(run_folder, name, content) for name, content in made.items()]


def openssl_line(file: str = ATTESTATION) -> str:
    """What checks a signature with openssl alone, in the run's folder."""
    return f"openssl dgst -sha256 -verify {KEY} -signature {_beside(file, 'sig')} {_beside(file, 'pae')}"


def _beside(file: str, suffix: str) -> str:
    return f"{SIGNATURE}/{file.removesuffix('.json')}.{suffix}"


def check_signature(run_folder: Path, manifest: Manifest, key: bytes | None) -> tuple[list[str], str]:
    """Check both envelopes: each problem in a line, and what the signature says if there is none.

    `key` is the public key in PEM that must have signed; where it is None, the one beside the signature is taken, which
    proves only that all was signed by the same key.
    """
    try:
        from reports import keys  # noqa: PLC0415  an extra: who signs nothing need not have it
    except ImportError:
        return [f"{ATTESTATION} cannot be checked. {_NEEDS}"], ""
    beside = run_folder / KEY
    own = beside.read_bytes() if beside.exists() else b""
    try:
        key_id = keys.key_id_of(key or own)
        foreign = key is not None and own != b"" and keys.key_id_of(own) != key_id
    except ValueError as error:
        return [f"{KEY} (or the key that was given) cannot be used: {error}"], ""
    problems = [f"{KEY} is not the key that was given: somebody else signed this."] if foreign else []
    try:
        expected = statements(run_folder, manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return [f"{ATTESTATION}: what was signed cannot be compared: a {VERDICT} cannot be read: {error}"], ""
    for file, statement in expected.items():
        problems += [f"{file}: {says}" for says in _envelope_problems(run_folder, file, statement, key or own)]
    whose = "the key that was given" if key is not None else "the key beside it: hold its id against the one you know"
    return problems, f"Signed by {key_id} ({whose})."


def _envelope_problems(run_folder: Path, file: str, expected: dict[str, Any], key: bytes) -> Iterator[str]:
    from reports.keys import is_signed_by  # noqa: PLC0415  as above

    path = run_folder / file
    if not path.exists():
        yield "it is missing."
        return
    try:
        payload, signatures = opened(path.read_bytes())
        statement = msgspec.json.decode(payload, type=dict)
    except (ValueError, msgspec.MsgspecError) as error:
        yield f"it cannot be read: {error}."
        return
    message = pre_authentication(payload)
    if not any(is_signed_by(key, signature, message) for signature in signatures):
        yield "its signature is not that of the key, or what was signed was changed."
    yield from _statement_problems(statement, expected)
    for suffix, content in (("pae", [message]), ("sig", signatures)):
        copy = run_folder / _beside(file, suffix)
        if not copy.exists() or copy.read_bytes() not in content:
            yield f"{copy.relative_to(run_folder).as_posix()} is not what stands in it."


def _statement_problems(statement: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    signed, there = _subjects(statement), _subjects(expected)
    for name in sorted(signed.keys() | there.keys()):
        if signed.get(name) != there.get(name):
            yield f"{name} is not the file that was signed." if name in signed else f"{name} was not signed."
    if any(statement.get(name) != expected[name] for name in ("_type", "predicateType")):
        yield "it states something else than it should."
    elif statement.get("predicate") != expected["predicate"]:
        yield "what was signed of the drills is not what their verdicts say."


def _subjects(statement: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["digest"]["sha256"] for one in statement.get("subject", ())}


__all__ = ["Envelope", "check_signature", "openssl_line", "sign_run", "statements"]
