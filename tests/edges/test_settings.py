from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from controller.errors import ManifestError
from controller.settings import Connection, load


def written(folder: Path, text: str) -> Path:
    file = folder / "controller.yaml"
    file.write_text(text)
    return file


def test_a_file_names_what_it_changes_and_the_rest_has_defaults(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "connections: [{id: acme, url: /srv/acme.git, poll: 2m}]\nlisten: 0.0.0.0:80\n"))
    assert settings.connections == (Connection(id="acme", url="/srv/acme.git", poll=timedelta(minutes=2)),)
    assert settings.address == ("0.0.0.0", 80)
    assert settings.page == "http://0.0.0.0:80"
    assert settings.plan_timeout == timedelta(minutes=30)


def test_the_environment_is_stronger_than_the_file_and_the_command_line_than_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "plan_slots: 3\napply_slots: 3\nlisten: 127.0.0.1:1\n")
    monkeypatch.setenv("LOCKSTEP_APPLY_SLOTS", "4")
    monkeypatch.setenv("LOCKSTEP_LISTEN", "127.0.0.1:2")
    settings = load(file, {"listen": "127.0.0.1:3"})
    assert (settings.plan_slots, settings.apply_slots, settings.listen) == (3, 4, "127.0.0.1:3")


def test_without_a_file_the_defaults_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None).database == f"sqlite:///{tmp_path}/lockstep-data/lockstep.sqlite3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("lissten: a:1\n", "unknown setting `lissten`; did you mean `listen`?", id="near-name"),
        pytest.param(
            "connections: [{id: a1, url: x, pol: 3s}]\n",
            "unknown setting `connections.0.pol`; did you mean `poll`?",
            id="near-name-of-a-connection",
        ),
        pytest.param(
            "plan_timeout: soon\n",
            "setting `plan_timeout`: a duration is a whole number with s, m, h or d, such as 60s; "
            "correct it, or leave it out for the default",
            id="duration",
        ),
        pytest.param(
            "memory_per_run: 512 MB\n",
            "setting `memory_per_run`: a size is a whole number with KiB, MiB or GiB, such as 512MiB; 0 is no limit; "
            "correct it, or leave it out for the default",
            id="size",
        ),
        pytest.param(
            "retention: {log: 3d}\n",
            "unknown setting `retention.log`; did you mean `logs`?",
            id="near-name-of-what-is-kept",
        ),
        pytest.param(
            "retention: {logs: ever}\n",
            "setting `retention.logs`: a duration is a whole number with s, m, h or d, such as 60s; "
            "correct it, or leave it out for the default",
            id="age",
        ),
        pytest.param("- a\n", "is not a map of settings; write `key: value` lines", id="list"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ManifestError) as raised:
        load(file)
    assert str(raised.value) == f"{file}: {message}"


def test_a_file_that_is_no_yaml_names_line_and_column(tmp_path: Path) -> None:
    file = written(tmp_path, "listen: a:1\nconnections: [\n")
    with pytest.raises(ManifestError) as raised:
        load(file)
    assert str(raised.value) == f"{file}:3:1: is not YAML; correct the syntax here"


def test_ages_and_sizes_are_read(tmp_path: Path) -> None:
    found = load(written(tmp_path, "retention: {logs: forever, plans: 1d}\nmemory_per_run: 2GiB\n"))
    assert (found.retention.logs, found.retention.outputs, found.retention.plans) == (
        None,
        timedelta(days=90),
        timedelta(days=1),
    )
    assert found.memory_per_run == 2 * 2**30
    assert load(written(tmp_path, "memory_per_run: 0\n")).memory_per_run == 0
