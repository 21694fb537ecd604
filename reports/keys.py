"""Keys of files: ECDSA P-256 in PEM. The one module that needs `cryptography` (the extra `signing`)."""

from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from reports.dsse import SigningFailed

_MAKE = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"


class PemKey:
    """A private key in a PEM file. Raises SigningFailed for what is none, is encrypted, or lies on another curve."""

    def __init__(self, path: Path) -> None:
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise SigningFailed(f"The key {path} cannot be read: {error.strerror}.") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningFailed(f"{path} is no private key in PEM without a password. Make one: {_MAKE}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise SigningFailed(f"{path} is no key of ECDSA P-256. Make one: {_MAKE}")
        self._key = key

    @cached_property
    def public_pem(self) -> bytes:
        """The public key, as PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def key_id(self) -> str:
        """The SHA-256 in hex of the public key's DER."""
        return key_id_of(self.public_pem)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, as DER."""
        return self._key.sign(message, ec.ECDSA(SHA256()))


def key_id_of(public_pem: bytes) -> str:
    """The SHA-256 in hex of a public key's DER. Raises ValueError for what is no key of ECDSA P-256."""
    return sha256(_public(public_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def pem_of(public_der: bytes) -> bytes:
    """A public key in DER (as KMS gives it) as PEM. Raises ValueError."""
    return load_der_public_key(public_der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def is_signed_by(public_pem: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the key made that signature of that message. Raises ValueError for what is no key of ECDSA P-256."""
    try:
        _public(public_pem).verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _public(public_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(public_pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("it is no public key of ECDSA P-256")  # noqa: TRY004  of a file's content, not of a type
    return key
