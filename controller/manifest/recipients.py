"""Is a text a public key that logs can be encrypted to? Judged by its spelling alone; no cipher is needed for that."""

from __future__ import annotations

import base64
import binascii
import re

from pydantic_core import PydanticCustomError

from controller.manifest import schema
from controller.manifest.phrases import shown

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# What JSON Schema can say of it: the checksum is beyond a pattern.
PATTERN = rf"^\s*(?:age1[{_BECH32}]{{58}}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/]+=*(?: .*)?)\s*$"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_REMEDY = "write a public key: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`"


def checked(text: str) -> str:
    """A validator of pydantic: the recipient, or what is wrong with it."""
    error = _error(text.strip())
    if error is not None:
        raise error
    return text.strip()


def _error(text: str) -> PydanticCustomError | None:
    if text.upper().startswith("AGE-SECRET-KEY-") or "PRIVATE KEY" in text:
        # Never repeated: what is said here is shown to everyone.
        return schema.refused("this is a private key", "take it out of Git, replace it, and write its public half here")
    kind, _, rest = text.partition(" ")
    if kind in {"ssh-ed25519", "ssh-rsa"}:
        return None if _is_ssh(kind, rest.partition(" ")[0]) else _broken("an SSH public key")
    if text.startswith("age1"):
        return None if _is_age(text) else _broken("an age recipient")
    return schema.refused(f"`{shown(text[:20])}` is no recipient", _REMEDY)


def _broken(what: str) -> PydanticCustomError:
    return schema.refused(f"this is not {what}: characters are missing or mistyped", "copy it again")


def _is_age(text: str) -> bool:
    """Bech32 of BIP 173 over the 32 bytes of an X25519 key."""
    if not re.fullmatch(f"age1[{_BECH32}]{{58}}", text):
        return False
    values = [3, 3, 3, 0, 1, 7, 5]  # the letters of "age", as the checksum takes them
    checksum = 1
    for value in values + [_BECH32.index(letter) for letter in text[4:]]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1


def _is_ssh(kind: str, encoded: str) -> bool:
    """The key's own bytes begin with its kind, and an Ed25519 key has 32 of them."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    head = len(kind).to_bytes(4, "big") + kind.encode()
    return content.startswith(head) and (kind == "ssh-rsa" or len(content) == len(head) + 4 + 32)
