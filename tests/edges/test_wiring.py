"""Which doors do settings open, and what does the first start leave behind?"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from controller import data_directory, wiring
from controller.deployments.doors import Doors
from controller.errors import ConflictError, LockstepError, ManifestError
from controller.history import access
from controller.model.deployment import Role
from controller.secrets import age
from controller.settings import Settings, load
from controller.wiring import FirstStart
from tests import git_factories
from tests.git_server import git_server, without_proxy
from tests.tls_factories import self_signed, trusted


def settings(folder: Path, **given: object) -> Settings:
    """Settings from a file, with their data in `folder`/data."""
    file = folder / "controller.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(folder / "data")} | given))
    return load(file)


class Told:
    """Notes what first starts tell."""

    def __init__(self) -> None:
        self.all: list[FirstStart] = []

    def __call__(self, made: FirstStart) -> None:
        self.all.append(made)


@contextmanager
def started(folder: Path, told: Told | None = None, **given: object) -> Iterator[Doors]:
    with wiring.open_doors(settings(folder, **given), told or Told()) as doors:
        yield doors


def problem(folder: Path, **given: object) -> str:
    """Why the doors do not open."""
    with pytest.raises(LockstepError) as e, started(folder, **given):
        pass
    return str(e.value)


def test_a_first_start_tells_a_token_and_a_key_and_the_second_nothing(tmp_path: Path) -> None:
    told = Told()
    with started(tmp_path, told) as first:
        pass
    with started(tmp_path, told) as second:
        (made,) = told.all
        assert made.admin_token is not None
        secret_hash = hashlib.sha256(made.admin_token.reveal().encode()).hexdigest()
        token = access.token(second.store, secret_hash)
        assert token is not None
        assert (token.name, token.role, token.projects) == ("admin", Role.ADMIN, None)
    assert made.log_key is not None
    message = age.encrypt(b"a log key", second.recipients)
    assert age.decrypt(message, made.log_key.reveal()) == b"a log key"
    assert (first.recipients, first.controller) == (second.recipients, second.controller)


def test_whoever_names_recipients_gets_no_key(tmp_path: Path) -> None:
    told, mine = Told(), age.generate()
    with started(tmp_path, told, recipients=[mine.recipient]) as doors:
        assert list(doors.recipients) == [mine.recipient]
    assert [made.log_key for made in told.all] == [None]


def test_recipients_that_are_taken_out_of_the_settings_are_followed_by_one_that_is_told(tmp_path: Path) -> None:
    told, mine = Told(), age.generate()
    with started(tmp_path, told, recipients=[mine.recipient]):
        pass
    with started(tmp_path, told) as doors:
        assert list(doors.recipients) != [mine.recipient]
    assert [(made.admin_token is None, made.log_key is None) for made in told.all] == [(False, True), (True, False)]


def test_what_could_not_be_told_is_not_in_use(tmp_path: Path) -> None:
    """The administrator's token was made, could not be written down, and was gone for ever."""

    def fails(_made: FirstStart) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"), wiring.open_doors(settings(tmp_path), fails):
        pass
    told = Told()
    with started(tmp_path, told) as doors:
        (made,) = told.all
        assert made.admin_token is not None
        assert made.log_key is not None
        assert age.decrypt(age.encrypt(b"x", doors.recipients), made.log_key.reveal()) == b"x"


def test_a_first_start_that_ends_halfway_is_told_anew_in_full(tmp_path: Path) -> None:
    """The file of the first start was overwritten by a second one that told the token alone."""
    told = Told()
    with started(tmp_path, told):
        pass
    (tmp_path / "data" / "lockstep.sqlite3").unlink()  # killed before the token was kept, which comes last
    with started(tmp_path, told):
        pass
    assert [(made.admin_token is None, made.log_key is None) for made in told.all] == [(False, False)] * 2


def test_what_is_secret_is_for_the_owner_alone(tmp_path: Path) -> None:
    with started(tmp_path) as doors:
        key = wiring.session_key(doors)
        assert wiring.session_key(doors) == key
        assert len(key) == 32
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert {name: modes[name] for name in ("runner-env", "seal.key", "session.key", "controller-id")} == {
        "runner-env": 0o700,
        "seal.key": 0o600,
        "session.key": 0o600,
        "controller-id": 0o600,
    }


def test_settings_reach_the_doors(tmp_path: Path) -> None:
    given = {"plan_slots": 3, "apply_slots": 5, "plan_timeout": "5m", "apply_timeout": "1h", "listen": "127.0.0.1:81"}
    connection = {"id": "acme", "url": "https://git.example.com/a.git", "branch": "trunk", "poll": "2m"}
    with started(tmp_path, connections=[connection], runner_env_dir=str(tmp_path / "env"), **given) as doors:
        assert doors.page == "http://127.0.0.1:81"
        limits = doors.limits
        found = (limits.plans, limits.applies, limits.plan_deadline.seconds, limits.apply_deadline.seconds)
        assert found == (3, 5, 300, 3600)
        acme = doors.connections["acme"]
        assert (acme.url, acme.branch, acme.poll.seconds) == ("https://git.example.com/a.git", "trunk", 120)
        assert doors.runner_env_dir == tmp_path / "env"


def test_a_connection_that_leads_elsewhere_begins_with_an_empty_mirror(tmp_path: Path) -> None:
    for url in ("/srv/one.git", "/srv/two.git", "/srv/one.git"):
        with started(tmp_path, connections=[{"id": "acme", "url": url}]):
            pass
    assert len(list((tmp_path / "data" / "mirrors").iterdir())) == 2


def test_modules_of_the_same_server_are_asked_for_as_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_proxy(monkeypatch)
    git_factories.commit(git_factories.repository(tmp_path / "served" / "modules.git"), {"main.tf": ""})
    token = tmp_path / "token"
    token.write_text("secret\n")
    who, tls = ("x-access-token", "secret"), self_signed(tmp_path)
    with trusted(tmp_path), git_server(tmp_path / "served", user=who, tls=tls) as server:
        shop = {"id": "shop", "url": server.url("shop.git"), "token_file": str(token)}
        with started(tmp_path, connections=[shop]) as doors:
            url = server.url("modules.git")
            found = doors.remotes.heads("shop", [url], timedelta(seconds=10))[url]
    assert not isinstance(found, Exception), found
    assert list(found) == ["HEAD", "refs/heads/main"]


def test_two_connections_of_one_name_are_refused(tmp_path: Path) -> None:
    """The second took the place of the first without a word."""
    twice = [{"id": "acme", "url": "/srv/one.git"}, {"id": "acme", "url": "/srv/two.git"}]
    assert problem(tmp_path, connections=twice) == (
        "connections: connection `acme` is there 2 times; give each an id of its own"
    )


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        pytest.param(
            {"token_env": "NO_SUCH_TOKEN"},
            "connection `acme`: the environment variable NO_SUCH_TOKEN is not set; "
            "set it, or name another in the settings",
            id="variable",
        ),
        pytest.param(
            {"known_hosts_file": "/no/such/hosts"},
            "connection `acme`: /no/such/hosts cannot be read (No such file or directory); "
            "check the path and its permissions",
            id="known-hosts",
        ),
    ],
)
def test_a_secret_that_is_not_where_the_settings_say_is_named(
    tmp_path: Path, connection: dict[str, str], message: str
) -> None:
    url = "ssh://git@git.example.com/a.git" if "known_hosts_file" in connection else "https://git.example.com/a.git"
    assert problem(tmp_path, connections=[{"id": "acme", "url": url} | connection]) == message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b" \n", "is empty, and nothing can be signed with that; write the secret there"),
        (b"\xff\xfe\0", "holds no text; write the secret there as text, in UTF-8"),
    ],
    ids=["empty", "no-text"],
)
def test_a_secret_of_a_webhook_that_is_none_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "hook"
    file.write_bytes(content)
    connection = {"id": "acme", "url": "https://git.example.com/a.git", "forge": "github"}
    said = problem(tmp_path, connections=[connection | {"webhook_secret_file": str(file)}])
    assert said == f"connection `acme`: {file} {what}"


def test_a_start_that_fails_lets_go_of_the_data_directory(tmp_path: Path) -> None:
    for _ in range(2):
        assert "NO_SUCH_TOKEN is not set" in problem(
            tmp_path, connections=[{"id": "acme", "url": "https://git.example.com/a.git", "token_env": "NO_SUCH_TOKEN"}]
        )
    assert not data_directory.is_held(tmp_path / "data")


def test_a_data_directory_belongs_to_one_controller_at_a_time(tmp_path: Path) -> None:
    assert not data_directory.is_held(tmp_path / "data")
    with started(tmp_path):
        assert data_directory.is_held(tmp_path / "data")
        with pytest.raises(ConflictError) as e, started(tmp_path):
            pass
        assert str(e.value) == (
            f"{tmp_path / 'data'}: another controller (process {os.getpid()}) is at work in this data directory; "
            "end that one, or choose another with --data-dir"
        )
    assert not data_directory.is_held(tmp_path / "data")
    with started(tmp_path):
        pass


def test_what_a_killed_controller_was_starting_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    """A controller that was started anew at once was told that another one is at work."""
    (tmp_path / "data").mkdir()
    with open(tmp_path / "data" / data_directory.LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = subprocess.Popen(("sleep", "0.2"), pass_fds=(lock.fileno(),))
    with data_directory.held(tmp_path / "data"):
        assert left.wait() == 0


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("exists", [False, True], ids=["its-parent", "itself"])
def test_a_data_directory_that_is_not_ours_is_named(tmp_path: Path, exists: bool) -> None:
    given = settings(tmp_path)
    if exists:
        (tmp_path / "data" / "runner-env").mkdir(parents=True)
        (tmp_path / "data").chmod(0o500)
    tmp_path.chmod(0o500)
    with as_nobody(), pytest.raises(ManifestError) as e, wiring.open_doors(given, Told()):
        pass
    assert str(e.value) == (
        f"{tmp_path / 'data'}: cannot be used as the data directory (permission denied); "
        "give it to the user who runs the controller, or choose another with --data-dir"
    )


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    message = problem(tmp_path, database_url="postgresql://nobody@127.0.0.1:1/lockstep")
    assert message.startswith("the database does not answer: ")
    assert "\n" not in message


def test_a_database_that_there_is_no_driver_for_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path, database_url="postgres+nonsense://nobody@127.0.0.1:1/lockstep") == (
        "no database of kind `postgres+nonsense` is known; write `sqlite:///file` or `postgresql://user@host/name`"
    )
