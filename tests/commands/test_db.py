from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import main
from tests import databases
from tests.databases import only_postgresql


def test_upgrade_makes_the_tables_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "controller.yaml"
    config.write_text(f"data_dir: {tmp_path / 'data'}\n")
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert capsys.readouterr() == ("", "the database was upgraded\nthe database is up to date\n")


def test_a_settings_file_with_a_typo_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "controller.yaml"
    config.write_text("data_dirr: x\n")
    assert main(["db", "upgrade", "--config", str(config)]) == 1
    assert capsys.readouterr() == ("", f"{config}: unknown setting `data_dirr`; did you mean `data_dir`?\n")


def test_prune_says_what_there_is_to_remove_and_how_long_things_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "controller.yaml"
    config.write_text(f"data_dir: {tmp_path / 'data'}\nretention: {{logs: forever, outputs: 30d, plans: 12h}}\n")
    assert main(["db", "prune", "--config", str(config)]) == 3
    why = "the database has not this release's form; run `lockstep db upgrade` first\n"
    assert capsys.readouterr() == ("", why)
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    capsys.readouterr()
    assert main(["db", "prune", "--dry-run", "--config", str(config)]) == 0
    assert capsys.readouterr().out == (
        "WHAT     KEPT      TO BE REMOVED, DEPLOYMENTS\n"
        "logs     for ever  0\n"
        "outputs  30 days   0\n"
        "plans    0.5 days  0\n"
    )
    assert main(["db", "prune", "-o", "json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dry_run": False,
        "items": [
            {"what": "logs", "kept_days": None, "deployments": 0},
            {"what": "outputs", "kept_days": 30, "deployments": 0},
            {"what": "plans", "kept_days": 0.5, "deployments": 0},
        ],
    }


def test_backup_copies_what_a_data_directory_needs_but_for_its_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept"
    config = tmp_path / "controller.yaml"
    config.write_text(f"data_dir: {data}\n")
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    files = {
        "states/u1/terraform.tfstate": '{"serial": 1}',
        "states/u1/lockstep.json": "{}",
        "states/u1/.terraform.tfstate.lock.info": "{}",
        "states/u2/lockstep.json": "{}",
        "runs/d1/plan.bin": "in clear",
        "controller-id": "c1\n",
        "seal.key": "secret",
        "session.key": "secret",
    }
    for name, text in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    capsys.readouterr()
    assert main(["db", "backup", str(kept), "--config", str(config)]) == 0
    assert capsys.readouterr() == (
        "",
        f"{kept}: database and states of 1 environment\nnot in it, to be kept apart: seal.key, session.key\n",
    )
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()) == [
        "controller-id",
        "lockstep.sqlite3",
        "states/u1/lockstep.json",
        "states/u1/terraform.tfstate",
        "states/u2/lockstep.json",
    ]
    assert {path.stat().st_mode & 0o077 for path in [kept, *kept.rglob("*")]} == {0}
    assert main(["db", "backup", str(kept), "--config", str(config)]) == 3
    assert capsys.readouterr().err == f"{kept}: it is there already; name a folder that a backup can make\n"
    assert main(["db", "backup", "/proc/kept", "--config", str(config)]) == 6
    assert capsys.readouterr().err.endswith("; back up elsewhere\n")


def test_what_was_backed_up_is_a_database_that_can_be_served(tmp_path: Path) -> None:
    config, again = tmp_path / "controller.yaml", tmp_path / "again.yaml"
    config.write_text(f"data_dir: {tmp_path / 'data'}\n")
    again.write_text(f"data_dir: {tmp_path / 'kept'}\n")
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert main(["db", "backup", str(tmp_path / "kept"), "--config", str(config)]) == 0
    assert main(["db", "prune", "--config", str(again)]) == 0


@only_postgresql
def test_a_history_in_postgresql_is_copied_with_its_own_tools(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, kept = tmp_path / "controller.yaml", tmp_path / "kept"
    url = databases.new_address(tmp_path / "history")
    config.write_text(f"data_dir: {tmp_path / 'data'}\ndatabase_url: {url}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "seal.key").write_text("key")
    assert main(["db", "backup", str(kept), "--config", str(config)]) == 3
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert main(["db", "prune", "--config", str(config)]) == 0
    capsys.readouterr()
    assert main(["db", "backup", str(kept), "--config", str(config)]) == 0
    assert capsys.readouterr() == (
        "",
        "the database is PostgreSQL: copy it first, with `pg_dump`; only the rest is copied here\n"
        f"{kept}: states of 0 environments\nnot in it, to be kept apart: seal.key\n",
    )
    assert [path.name for path in kept.rglob("*") if path.is_file()] == []
