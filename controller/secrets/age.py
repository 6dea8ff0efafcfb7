"""How is something encrypted so that only its recipients read it? As age messages, which `age -d` opens too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyrage

from controller.errors import ConflictError
from controller.secrets.secret import Secret

_SECRET_KEY = "AGE-SECRET-KEY-"  # noqa: S105 - how a private key begins, not a key
_OPENSSH = "-----BEGIN"
_FORMS = "give `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; `lockstep key generate` makes a pair"


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and the recipient that it reads for."""

    secret: Secret
    recipient: str


def generate() -> Identity:
    """Make a new pair of X25519 keys."""
    return _identity(pyrage.x25519.Identity.generate())


def identity(text: str) -> Identity:
    """Read one X25519 private key, as `generate` made it or `age-keygen` wrote it."""
    keys = [key for key in _private_keys(text) if isinstance(key, pyrage.x25519.Identity)]
    if len(keys) != 1:
        raise ConflictError("private key: exactly one line `AGE-SECRET-KEY-1…` is needed; give the file of one key")
    return _identity(keys[0])


def check_recipient(text: str) -> None:
    """Raise unless `text` names somebody that age can encrypt to."""
    _recipient(text)


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt to every one of `recipients`; each alone can read it."""
    if not recipients:
        raise ConflictError("recipients: there is none, so nobody could read it; " + _FORMS)
    # An ssh recipient is written with its key's type and a comment: the same key twice would be two stanzas.
    keys = [_recipient(text) for text in sorted(set(recipients))]
    try:
        encrypted: bytes = pyrage.encrypt(data, keys)
    except pyrage.EncryptError as e:
        raise ConflictError(f"recipients: they cannot be used together ({e}); {_FORMS}") from e
    return encrypted


def decrypt(data: bytes, identity_text: str) -> bytes:
    """Open a message with a private key: `AGE-SECRET-KEY-1…`, a file of such lines, or an OpenSSH private key."""
    keys = _private_keys(identity_text)
    try:
        decrypted: bytes = pyrage.decrypt(data, keys)
    except pyrage.DecryptError as e:
        if "no matching keys" in str(e).lower():
            raise ConflictError(
                "private key: it does not fit this message; give the key of one of its recipients"
            ) from e
        raise ConflictError(f"message: it cannot be opened ({e}); fetch it again, it may be cut or altered") from e
    return decrypted


def _identity(key: Any) -> Identity:
    return Identity(Secret(str(key)), str(key.to_public()))


def _recipient(text: str) -> Any:
    text = text.strip()
    if text.upper().startswith(_SECRET_KEY) or text.startswith(_OPENSSH):
        # Never repeated in the message: it would end in a log.
        raise ConflictError(f"recipient: this is a private key; it should be kept secret, {_FORMS}")
    reader = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return reader.from_str(text)
    except pyrage.RecipientError as e:
        raise ConflictError(f"recipient `{text}`: age cannot encrypt to it; {_FORMS}") from e


def _private_keys(text: str) -> list[Any]:
    if text.lstrip().startswith(_OPENSSH):
        return [_ssh_key(text.lstrip())]
    lines = [line.strip() for line in text.splitlines()]
    keys = [_x25519_key(line) for line in lines if line and not line.startswith("#")]
    if not keys:
        raise ConflictError("private key: there is none; give a line `AGE-SECRET-KEY-1…` or an OpenSSH private key")
    return keys


def _x25519_key(line: str) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError as e:
        raise ConflictError(
            "private key: it cannot be read; give a line `AGE-SECRET-KEY-1…` or an OpenSSH private key"
        ) from e


def _ssh_key(text: str) -> Any:
    try:
        return pyrage.ssh.Identity.from_buffer(text.encode())
    except pyrage.IdentityError as e:
        raise ConflictError(
            "private key: this OpenSSH key cannot be read; give an ed25519 or RSA key without a passphrase"
        ) from e
