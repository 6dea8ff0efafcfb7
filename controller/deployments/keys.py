"""Who can read a deployment's log and outputs, and which keys has an environment for itself?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from controller.deployments.doors import Doors
from controller.history import pins
from controller.secrets import age
from controller.secrets.secret import Secret

STATE = "state"  # encrypts state and plan, with OpenTofu
FINGERPRINT = "fingerprint"


@dataclass(frozen=True, slots=True)
class Readers:
    """Recipients of the log and of the outputs, each with its private half where the controller made it.

    The private half is an age message to those who may read; the controller itself forgets it.
    """

    log_recipient: str | None
    log_key: bytes | None
    outputs_recipient: str | None
    outputs_key: bytes | None


def made(recipients: Sequence[str], output_recipients: Sequence[str]) -> Readers:
    """New identities, encrypted to these recipients; without any, nothing is kept that nobody could read."""
    log, log_key = _made(recipients)
    outputs, outputs_key = _made(output_recipients)
    return Readers(log, log_key, outputs, outputs_key)


def given(log_recipient: str | None, outputs_recipient: str | None, recipients: Sequence[str]) -> Readers:
    """What a person handed in; who has made no key for the log gets one like deployments from Git."""
    for recipient in (log_recipient, outputs_recipient):
        if recipient is not None:
            age.check_recipient(recipient)
    if log_recipient is not None:
        return Readers(log_recipient, None, outputs_recipient, None)
    log, log_key = _made(recipients)
    return Readers(log, log_key, outputs_recipient, None)


def of_environment(doors: Doors, uuid: str, purpose: str) -> Secret:
    """A key of the environment, made at its first use; it leaves the database sealed only."""
    fresh = doors.sealer.seal(secrets.token_hex(32).encode())
    sealed = pins.environment_key(doors.store, uuid, purpose, fresh, doors.now())
    return Secret(doors.sealer.open(sealed).decode())


def _made(recipients: Sequence[str]) -> tuple[str | None, bytes | None]:
    if not recipients:
        return None, None
    identity = age.generate()
    return identity.recipient, age.encrypt(identity.secret.reveal().encode(), recipients)
