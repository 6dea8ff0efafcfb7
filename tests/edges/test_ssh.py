"""Who gets our SSH key, and what is said when it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from controller.errors import NotAllowedError
from controller.git import transport
from controller.git.credentials import SshKey
from controller.git.mirror import Mirror
from tests.git_factories import commit, repository

asyncssh = pytest.importorskip("asyncssh", reason="the extra `test` brings asyncssh")

from tests.ssh_server import SshServer, private_key, ssh_server  # noqa: E402


@pytest.fixture
def served(tmp_path: Path) -> Path:
    commit(repository(tmp_path / "served" / "shop.git"), {"a": "1"})
    return tmp_path / "served"


@pytest.fixture
def ssh_remote(served: Path, tmp_path: Path) -> Iterator[SshServer]:
    homedir = pygit2.settings.homedir
    with ssh_server(served) as server:
        transport.use_known_hosts(tmp_path / "home", [server.known_hosts])
        yield server
    pygit2.settings.homedir = homedir


def test_an_ssh_key_opens_a_repository(ssh_remote: SshServer, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", ssh_remote.url("shop.git"), credentials=SshKey(lambda: ssh_remote.client_key))
    assert mirror.fetch() == {"refs/heads/main": mirror.heads()["refs/heads/main"]}


def test_a_repository_that_ssh_does_not_find_is_no_passing_fault(ssh_remote: SshServer, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", ssh_remote.url("nope.git"), credentials=SshKey(lambda: ssh_remote.client_key))
    with pytest.raises(NotAllowedError, match="there is no repository, or we may not know of it"):
        mirror.heads()


def test_a_key_that_is_none_is_refused(ssh_remote: SshServer, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", ssh_remote.url("shop.git"), credentials=SshKey(lambda: "not a key"))
    with pytest.raises(NotAllowedError, match="the server did not let us in") as e:
        mirror.heads()
    assert str(e.value).endswith("; check the key or token, and its rights")


def test_another_ssh_key_is_refused(ssh_remote: SshServer, tmp_path: Path) -> None:
    other = private_key()
    mirror = Mirror(tmp_path / "mirror", ssh_remote.url("shop.git"), credentials=SshKey(lambda: other))
    with pytest.raises(NotAllowedError) as e:
        mirror.heads()
    assert str(e.value) == (
        f"{ssh_remote.url('shop.git')}: the credentials were refused; "
        "check that the key is registered with the server and may read this repository"
    )


def test_a_server_that_takes_no_keys_says_so(served: Path, tmp_path: Path) -> None:
    homedir = pygit2.settings.homedir
    with ssh_server(served, takes_keys=False) as server:
        transport.use_known_hosts(tmp_path / "home", [server.known_hosts])
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=SshKey(lambda: server.client_key))
        with pytest.raises(NotAllowedError) as e:
            mirror.heads()
    pygit2.settings.homedir = homedir
    assert str(e.value) == (
        f"{server.url('shop.git')}: the server does not take an SSH key; let it, or give a url under which it does"
    )


@pytest.mark.parametrize(
    "known", ["", "[127.0.0.1]:{port} {other}", "[127.0.0.2]:{port} {own}"], ids=["none", "key", "host"]
)
def test_a_server_that_known_hosts_does_not_name_gets_no_key(ssh_remote: SshServer, tmp_path: Path, known: str) -> None:
    shown_keys = []
    other = asyncssh.import_private_key(private_key()).export_public_key().decode().strip()
    own = ssh_remote.key.export_public_key().decode().strip()
    transport.use_known_hosts(tmp_path / "home", [known.format(port=ssh_remote.port, other=other, own=own)])
    key = SshKey(lambda: shown_keys.append("shown") or ssh_remote.client_key)  # type: ignore[func-returns-value]
    with pytest.raises(NotAllowedError) as e:
        Mirror(tmp_path / "mirror", ssh_remote.url("shop.git"), credentials=key).heads()
    assert str(e.value) == (
        f"{ssh_remote.url('shop.git')}: the server cannot prove who it is (invalid or unknown remote ssh hostkey); "
        "add the server's key to the known hosts of the connection"
    )
    assert shown_keys == []
