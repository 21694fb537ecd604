"""Timestamps of RFC 3161: the query, and what a reply proves. The one module that needs the extra `timestamp`."""

from datetime import UTC, datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

# As [RFC 5754, 2.2] names it.
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class NotTimed(Exception):
    """There is no timestamp, or it is none of this: why."""


class Query:
    """What a server is asked: the SHA-256 of the content, a random nonce, and its certificates."""

    def __init__(self, content: bytes) -> None:
        made = TimestampRequestBuilder(data=content, hash_algorithm=HashAlgorithm.SHA256).build()
        self.der = made.as_bytes()
        self.nonce = made.nonce or 0


def time_in(reply: bytes, digest: bytes, nonce: int) -> datetime:
    """The moment that a reply states, if it is one to this query. Whose signature it has is not looked at.

    `digest` is the SHA-256 of the content. Raises NotTimed.
    """
    found = _granted(reply)
    if found.tst_info.message_imprint.hash_algorithm != _SHA256 or found.tst_info.message_imprint.message != digest:
        raise NotTimed("it is the timestamp of something else")
    if found.tst_info.nonce != nonce:
        raise NotTimed("it answers another query: its nonce is not the one that was sent")
    moment: datetime = found.tst_info.gen_time
    return moment.astimezone(UTC)


def check_chain(reply: bytes, digest: bytes, nonce: int, ca_pem: bytes) -> str:
    """Check that a certificate for timestamps signed it, which these authorities vouch for; whose it is.

    `ca_pem` has the certificates that are trusted. They need to be valid when it was signed, not now. Raises NotTimed.
    """
    try:
        roots = x509.load_pem_x509_certificates(ca_pem)
    except ValueError as error:
        raise NotTimed("the file of authorities holds no certificate in PEM") from error
    found = _granted(reply)
    try:
        VerifierBuilder(roots=roots, nonce=nonce).build().verify(found, digest)
    except VerificationError as error:
        raise NotTimed(f"the authorities that were given do not vouch for it: {error}") from error
    return _signed_by(_granted(reply))


def _granted(reply: bytes) -> TimeStampResponse:
    try:
        found = decode_timestamp_response(reply)
    except ValueError as error:
        raise NotTimed(f"it is no reply of RFC 3161: {error}") from error
    if found.status != PKIStatus.GRANTED:
        said = " ".join(found.status_string)
        name = PKIStatus(found.status).name if found.status in set(PKIStatus) else str(found.status)
        raise NotTimed(f"the server grants none: {name.lower()}{f' ({said})' if said else ''}")
    return found


def _signed_by(found: TimeStampResponse) -> str:
    """The subject of the certificate that signed, as it stands in the reply."""
    signer = next(iter(found.signed_data.signer_infos))
    certificates = (x509.load_der_x509_certificate(one) for one in found.signed_data.certificates)
    subjects = (
        one.subject.rfc4514_string()
        for one in certificates
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    )
    return next(subjects, signer.issuer.rfc4514_string())
