"""When a run's manifest was there at the latest, by a server of time that others trust (RFC 3161).

In `timestamp/` lie the query, the server's reply, and who was asked. openssl alone checks them, too.
"""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import requests

from reports.manifest import MANIFEST, TIMESTAMP, Manifest, add_later, sha256_of

QUERY, REPLY, ASKED = (f"{TIMESTAMP}/{name}" for name in ("manifest.tsq", "manifest.tsr", "asked.json"))
# A reply is some kB, with all certificates.
LONGEST_REPLY = 256 * 1024
CONNECT_S, READ_S = 5.0, 15.0
_NEEDS = "The package `rfc3161-client` is missing, which timestamps need (the extra `timestamp`)."
# [RFC 3161, 3.4]
_SENT, _ANSWERED = "application/timestamp-query", "application/timestamp-reply"


class Untimed(Exception):
    """No timestamp came of it: why. The evidence is as it was."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who was asked, for the SHA-256 of which manifest, and with which nonce (in decimal: it is long)."""

    url: str
    sha256: str
    nonce: str


def stamp_run(run_folder: Path, url: str) -> str:
    """Have a closed run's manifest timestamped; the moment that it states, in UTC. Again, it replaces the one there.

    Raises Untimed, and nothing is written then, or OSError.
    """
    try:
        from reports.tsp import NotTimed, Query, time_in  # noqa: PLC0415  an extra: who times nothing need not have it
    except ImportError as error:
        raise Untimed(_NEEDS) from error
    if not is_server(url):
        raise Untimed(f'"{url}" is no URL of a server of timestamps: https://...')
    path = run_folder / MANIFEST
    if not path.exists():
        raise Untimed(f"{run_folder.name} has no {MANIFEST}: only a run that was closed can be timestamped.")
    content = path.read_bytes()
    query = Query(content)
    reply = _ask(url, query.der)
    try:
        moment = time_in(reply, hashlib.sha256(content).digest(), query.nonce)
    except NotTimed as error:
        raise Untimed(f"{_shown(url)}: {error}.") from error
    asked = Asked(url=_shown(url), sha256=hashlib.sha256(content).hexdigest(), nonce=str(query.nonce))
    made = {QUERY: query.der, REPLY: reply, ASKED: msgspec.json.format(msgspec.json.encode(asked), indent=1) + b"\n"}
    for name, part in made.items():
        add_later(run_folder, name, part)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def is_server(url: str) -> bool:
    """Whether that can be a server's address."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def openssl_line() -> str:
    """What checks a timestamp with openssl alone, in the run's folder; CA.pem are the authorities that are trusted."""
    return f"openssl ts -verify -data {MANIFEST} -in {REPLY} -CAfile CA.pem"


def check_timestamp(run_folder: Path, manifest: Manifest, ca: bytes | None) -> tuple[list[str], str]:
    """Check a timestamp: each problem in a line, and what it says if there is none.

    `ca` are certificates in PEM that are trusted. Where it is None, nothing proves whose timestamp it is.
    """
    try:
        from reports.tsp import NotTimed, check_chain, time_in  # noqa: PLC0415  as above
    except ImportError:
        return [f"{REPLY} cannot be checked. {_NEEDS}"], ""
    try:
        asked = msgspec.json.decode((run_folder / ASKED).read_bytes(), type=Asked)
        nonce = int(asked.nonce)
        reply = (run_folder / REPLY).read_bytes()
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        return [f"{TIMESTAMP}/ cannot be read: {error}"], ""
    digest = bytes.fromhex(sha256_of(run_folder / MANIFEST))
    try:
        moment = time_in(reply, digest, nonce).isoformat(timespec="seconds").replace("+00:00", "Z")
        by = check_chain(reply, digest, nonce, ca) if ca is not None else ""
    except NotTimed as error:
        return [f"{REPLY}: {error}."], ""
    closed = f"the run says that it was closed at {manifest.closed_utc}"
    if not by:
        return [], f"Timed {moment} by {asked.url}, as it says itself: --tsa-ca FILE proves it; {closed}."
    return [], f"Timed {moment} by {by}; {closed}."


def _ask(url: str, query: bytes) -> bytes:
    """The body of the reply. Raises Untimed."""
    try:
        with requests.post(
            url, data=query, headers={"Content-Type": _SENT, "Accept": _ANSWERED}, timeout=(CONNECT_S, READ_S),
            stream=True, allow_redirects=False,
        ) as answer:  # fmt: skip
            if answer.status_code != requests.codes.ok:
                raise Untimed(f"{_shown(url)} answered with status {answer.status_code}.")
            body: bytes = answer.raw.read(LONGEST_REPLY + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise Untimed(f"{_shown(url)} cannot be reached: {type(error).__name__}.") from error
    if len(body) > LONGEST_REPLY:
        raise Untimed(f"{_shown(url)} answered with more than {LONGEST_REPLY} bytes, which no timestamp has.")
    return body


def _shown(url: str) -> str:
    """Without a user's name, password and query, which may be secrets."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
