"""Ed25519 keys and signatures for audit logs (RFC 8032), by the package cryptography."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.errors import BadValue, Unreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


def new_key(private: str | Path, public: str | Path) -> None:
    """Make a pair of keys and write them as PEM files; the private one is for its owner's eyes.

    Parameters
    ----------
    private, public : str or Path
        Where to write. A private key that is there already is not overwritten.

    Raises
    ------
    BadValue
        If there is a file at `private`.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    place = Path(private)
    if place.exists():
        raise BadValue(
            f"a new key must not replace another, but {place} exists; name another file."
        )
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    place.touch(mode=0o600)
    store.write_bytes(place, text)
    store.write_text(public, public_text(key))


def private_key(key: "Ed25519PrivateKey | str | Path") -> "Ed25519PrivateKey":
    """Return a private key, from a PEM file where a path is given."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if isinstance(key, Ed25519PrivateKey):
        return key
    try:
        found = load_pem_private_key(_content(key), password=None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        raise BadValue(
            f"a signing key must be an Ed25519 key as PEM without a password, but {key} is none; "
            "make one with signing.new_key."
        )
    return found


def _content(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(
            f"a key must be readable, but {path} is not ({error.strerror}); check the path."
        ) from None


def public_text(key: "Ed25519PrivateKey") -> str:
    """Return the public key that belongs to a private one, as PEM."""
    from cryptography.hazmat.primitives import serialization

    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode("ascii")
    )


def sign(key: "Ed25519PrivateKey", content: bytes) -> str:
    """Return a signature in hexadecimal."""
    return key.sign(content).hex()


def holds(end: Mapping[str, Any], content: bytes, public_key: str | Path | None) -> bool:
    """Tell whether a log's signature is that of a key: the one given, or else the one it names."""
    from cryptography.exceptions import InvalidSignature

    try:
        named = _public(str(end["public_key"]).encode())
        key = named if public_key is None else _public(_content(public_key))
        signature = bytes.fromhex(str(end["signature"]))
        key.verify(signature, content)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    # a signature in other letters is not what was written
    return signature.hex() == end["signature"] and key == named


def _public(text: bytes) -> "Ed25519PublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(text)
    except UnsupportedAlgorithm:
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise ValueError  # noqa: TRY004 - a text that holds another kind of key
    return found
