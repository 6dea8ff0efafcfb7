from __future__ import annotations

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
