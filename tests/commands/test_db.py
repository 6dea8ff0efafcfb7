from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import main


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
    config.write_text(f"data_dir: {tmp_path / 'data'}\nretention: {{logs: forever, outputs: 30d}}\n")
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
        "plans    7 days    0\n"
    )
    assert main(["db", "prune", "-o", "json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dry_run": False,
        "items": [
            {"what": "logs", "kept_days": None, "deployments": 0},
            {"what": "outputs", "kept_days": 30, "deployments": 0},
            {"what": "plans", "kept_days": 7, "deployments": 0},
        ],
    }
