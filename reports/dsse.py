"""Envelopes of DSSE v1: what is signed is the pre-authentication encoding of a payload, so that its type is signed too.

Source: https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md).
"""

from base64 import b64decode, b64encode
from typing import Protocol

import msgspec

IN_TOTO = "application/vnd.in-toto+json"


class Signer(Protocol):
    """A key that signs: ECDSA over P-256 with SHA-256, signatures as DER."""

    @property
    def public_pem(self) -> bytes:
        """The public key, as PEM (SubjectPublicKeyInfo)."""
        ...

    @property
    def key_id(self) -> str:
        """The SHA-256 in hex of the public key's DER."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of a message. Raises SigningFailed."""
        ...


class SigningFailed(Exception):
    """A key cannot be read, or does not sign: which, why, and what to do. The evidence stays UNSIGNED."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature, base64 of DER."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A payload (base64), its type, and who signed it."""

    payload: str
    payloadType: str  # noqa: N815  named by DSSE
    signatures: tuple[Signature, ...]


def pre_authentication(payload: bytes, kind: str = IN_TOTO) -> bytes:
    """The bytes that are signed: `DSSEv1 <length> <type> <length> <payload>`."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def sealed(payload: bytes, signer: Signer) -> Envelope:
    """A payload in an envelope that the key has signed. Raises SigningFailed."""
    made = signer.sign(pre_authentication(payload))
    signature = Signature(keyid=signer.key_id, sig=b64encode(made).decode())
    return Envelope(payload=b64encode(payload).decode(), payloadType=IN_TOTO, signatures=(signature,))


def opened(content: bytes) -> tuple[bytes, list[bytes]]:
    """The payload of an envelope in JSON, and its signatures, unchecked. Raises ValueError for what is none."""
    try:
        envelope = msgspec.json.decode(content, type=Envelope)
    except msgspec.DecodeError as error:
        raise ValueError(f"it is no DSSE envelope: {error}") from error
    if envelope.payloadType != IN_TOTO:
        raise ValueError(f"its payload is {envelope.payloadType}, not {IN_TOTO}")
    return b64decode(envelope.payload, validate=True), [b64decode(s.sig, validate=True) for s in envelope.signatures]
