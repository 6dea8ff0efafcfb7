"""Seals and opens with key files and keys from the environment, and exchanges keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.secrets import sealing
from controller.secrets.sealing import Sealer
from controller.secrets.secret import Secret

NO_KEY = "sealed value: none of the sealing keys opens it; bring back the key that was in use when it was written"


def test_what_is_sealed_opens_again() -> None:
    sealer = Sealer([sealing.generate_key()])
    sealed = sealer.seal(b"hello")

    assert b"hello" not in sealed
    assert sealer.open(sealed) == b"hello"


def test_a_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    sealed = sealing.open_sealer(path).seal(b"hello")

    assert path.stat().st_mode & 0o777 == 0o600
    assert sealing.open_sealer(path).open(sealed) == b"hello"
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealing.open_sealer(path)
    path.chmod(0o640)
    with pytest.raises(ConflictError) as e:
        sealing.open_sealer(path)

    assert str(e.value) == f"sealing key: {path} can be read by others; run `chmod 600 {path}`"


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = sealing.open_sealer(path)
    sealed = before.seal(b"hello")
    sealing.add_key(path)
    after = sealing.open_sealer(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert after.open(sealed) == b"hello"
    with pytest.raises(ConflictError) as e:
        before.open(after.seal(b"hello"))
    assert str(e.value) == NO_KEY


def test_what_was_renewed_needs_the_old_key_no_longer() -> None:
    old, new = sealing.generate_key(), sealing.generate_key()
    sealed = Sealer([old]).seal(b"hello")
    renewed = Sealer([new, old]).renew(sealed)

    assert Sealer([new]).open(renewed) == b"hello"
    with pytest.raises(ConflictError) as e:
        Sealer([new]).renew(sealed)
    assert str(e.value) == NO_KEY


def test_what_was_altered_does_not_open() -> None:
    sealer = Sealer([sealing.generate_key()])
    sealed = bytearray(sealer.seal(b"hello"))
    sealed[20] ^= 1
    with pytest.raises(ConflictError) as e:
        sealer.open(bytes(sealed))

    assert str(e.value) == NO_KEY


def test_keys_come_from_the_environment_too() -> None:
    one, two = sealing.generate_key(), sealing.generate_key()
    text = f"{one.reveal()},{two.reveal()}"

    assert sealing.keys_of(text) == (one, two)
    assert sealing.keys_of(f"# newest\n{one.reveal()}\n\n{two.reveal()}\n") == (one, two)


def test_a_line_that_is_no_key_is_not_repeated() -> None:
    with pytest.raises(ConflictError) as e:
        Sealer([Secret("canary-in-key")])

    assert str(e.value) == (
        "sealing key: a line is no key (44 characters of url-safe base64); restore the file, or begin a new one"
    )
    with pytest.raises(ConflictError) as e:
        Sealer(sealing.keys_of("# nothing"))
    assert str(e.value) == "sealing key: there is none; give a key file or a key in the environment"
