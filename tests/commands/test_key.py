"""Does `lockstep key generate` make a key that age reads?"""

from __future__ import annotations

from pathlib import Path

import cli
from controller.secrets import age


def test_a_key_is_printed_as_age_writes_it(capsys):
    assert cli.main(["key", "generate"]) == 0
    out, err = capsys.readouterr()
    comment, secret = out.splitlines()
    assert comment == f"# public key: {age.identity(secret).recipient}"
    assert err == ""


def test_a_key_file_is_for_its_owner_only(capsys, tmp_path: Path):
    file = tmp_path / "key.txt"
    assert cli.main(["key", "generate", "--out", str(file)]) == 0
    assert capsys.readouterr().out == f"public key: {age.identity(file.read_text()).recipient}\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(capsys, tmp_path: Path):
    file = tmp_path / "key.txt"
    file.write_text("precious")
    assert cli.main(["key", "generate", "--out", str(file)]) == 3
    assert capsys.readouterr() == ("", f"{file}: exists already; choose another name, a key is never overwritten\n")
    assert file.read_text() == "precious"
