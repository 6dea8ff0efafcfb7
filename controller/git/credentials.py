"""Who are we to a remote, and to which servers do we say so?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import pygit2
from pygit2.enums import CredentialType

from controller.errors import NotAllowedError
from controller.git.address import Address, Transport

Reveal: TypeAlias = Callable[[], str]  # of a secret: asked for at the moment it is needed, never kept


@dataclass(frozen=True, slots=True)
class Token:
    """A token or password for https. GitHub, GitLab and Gitea take any name beside a token; Bitbucket does not."""

    reveal: Reveal = field(repr=False)
    username: str = "x-access-token"
    refused: Callable[[], None] | None = field(default=None, repr=False)  # told when the server did not take it


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key in OpenSSH's format. Which servers it is shown to is decided by known_hosts (see `transport`)."""

    reveal: Reveal = field(repr=False)
    passphrase: Reveal | None = field(default=None, repr=False)
    username: str = "git"


Credentials: TypeAlias = Token | SshKey
Answer: TypeAlias = pygit2.Username | pygit2.UserPass | pygit2.Keypair


def check(address: Address, credentials: Credentials | None) -> None:
    """Refuse credentials that do not fit the URL, or would travel where everybody can read them."""
    if isinstance(credentials, SshKey) and address.transport is not Transport.SSH:
        raise NotAllowedError(
            f"{address.shown}: an SSH key opens ssh only; give a token, or a url that begins with ssh://"
        )
    if isinstance(credentials, Token) and address.transport is Transport.SSH:
        raise NotAllowedError(
            f"{address.shown}: a token opens https only; give an SSH key, or a url that begins with https://"
        )
    if isinstance(credentials, Token) and address.transport is Transport.HTTP and not address.is_this_machine:
        raise NotAllowedError(f"{address.shown}: the token would travel unencrypted; write https://")


class Asked:
    """Answers the questions of one operation for credentials: one answer, and only to the server of the URL.

    libgit2 follows a redirect of the first request and then asks in the name of the new server; and it asks again for
    as long as the answer is refused.
    """

    def __init__(self, address: Address, credentials: Credentials | None) -> None:
        self._address = address
        self._credentials = credentials
        self._answered = False

    def answer(self, url: str, username: str | None, allowed: CredentialType) -> Answer:
        """Give what the server may have, or raise NotAllowedError, which passes through libgit2 unchanged."""
        if not self._address.is_server_of(url):
            raise NotAllowedError(
                f"{self._address.shown}: the server leads to another one, which asks for credentials and gets none; "
                f"set the url of the connection to where the repository is now"
            )
        if self._answered:
            if isinstance(self._credentials, Token) and self._credentials.refused is not None:
                self._credentials.refused()
            raise NotAllowedError(
                f"{self._address.shown}: the credentials were refused; {_RENEW[type(self._credentials)]}"
            )
        if CredentialType.USERNAME in allowed:
            return pygit2.Username(_name(self._credentials, username))
        self._answered = True
        answer = _reveal(self._address, self._credentials, username)
        if not allowed & answer.credential_type:
            raise NotAllowedError(
                f"{self._address.shown}: the server does not take {_WAYS[type(self._credentials)]}; "
                f"let it, or give a url under which it does"
            )
        return answer


_RENEW = {
    Token: "check that the token is valid, has not expired and may read this repository",
    SshKey: "check that the key is registered with the server and may read this repository",
    type(None): "name an SSH key for the connection, or load one into the agent",
}

_WAYS = {
    Token: "a name and a token (basic authentication)",
    SshKey: "an SSH key",
    type(None): "an SSH key",
}


def _name(credentials: Credentials | None, username: str | None) -> str:
    if username:
        return username
    return credentials.username if credentials is not None else "git"


def _reveal(address: Address, credentials: Credentials | None, username: str | None) -> Answer:
    match credentials:
        case Token():
            return pygit2.UserPass(address.username or credentials.username, credentials.reveal())
        case SshKey():
            passphrase = credentials.passphrase() if credentials.passphrase is not None else ""
            return pygit2.KeypairFromMemory(_name(credentials, username), None, credentials.reveal(), passphrase)
        case None if address.transport is Transport.SSH:
            return pygit2.KeypairFromAgent(_name(None, username))
        case None:
            raise NotAllowedError(
                f"{address.shown}: the server asks for credentials and none are set; "
                f"name a token with `token_env` or `token_file`"
            )
